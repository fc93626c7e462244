"""Exercise 01.5: ``mean_as_float``."""

import math

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain
from coursekit.engine.plain import brief


def _probe_mean_as_float(answer: Answer, case: Case) -> Plain:
    values, dtype = case.args
    return to_plain(answer(tf.constant(values, dtype)))


def _float_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, values: list, dtype: str) -> Case:
        shown = f"mean_as_float(tf.constant({brief(values)}, tf.{dtype}))"
        return Case(group, (values, dtype), shown)

    def uneven(low: int, high: int, *shape: int) -> np.ndarray:
        """Whole numbers in [low, high) whose mean is not whole."""
        values = rng.integers(low, high, shape)
        if values.sum() % values.size == 0:
            at = (0,) * len(shape)
            values[at] += 1 if values[at] + 1 < high else -1
        return values

    rows = int(rng.integers(3, 6))
    truth = rng.permutation([True] * (rows + 1) + [False] * (2 * rows - 1))
    small = str(rng.choice(["int8", "int16", "int64"]))
    halves = uneven(1700, 2047, 3, 7) * 2.0  # exact in float16, the sum is not
    brains = uneven(128, 256, rows, 3) * 16.0  # exact in bfloat16
    singles = rng.integers(-99, 100, (rows, 2)) / 4
    big = 64.0 * int(rng.integers(2**23, 2**24))  # float32 is 64 apart up there
    rest = [int(n) + 0.5 for n in rng.integers(1, 20, 2)]
    doubles = [big + rest[0], -big, rest[1]]
    return [
        case("integers", uneven(150, 256, 2, rows).tolist(), "uint8"),
        case("integers", uneven(-20, 10, rows + 2).tolist(), small),
        case("integers", uneven(2 * 10**9, 2**31, 3).tolist(), "int32"),
        case("bool", truth.reshape(rows, 3).tolist(), "bool"),
        case("half precision", halves.tolist(), "float16"),
        case("half precision", brains.tolist(), "bfloat16"),
        case("float32 and float64", singles.tolist(), "float32"),
        case("float32 and float64", doubles, "float64"),
    ]


def _float_expected(case: Case) -> Plain:
    values, dtype = case.args
    flat = [float(v) for v in np.ravel(values)]
    return np.array(
        math.fsum(flat) / len(flat), "float64" if dtype == "float64" else "float32"
    )


def _float_no_cast(x):
    return tf.reduce_mean(x)


def _float_cast_after(x):
    mean = tf.reduce_mean(x)
    return mean if x.dtype == tf.float64 else tf.cast(mean, tf.float32)


def _float_sum_first(x):
    dtype = tf.float64 if x.dtype == tf.float64 else tf.float32
    return tf.cast(tf.reduce_sum(x), dtype) / tf.cast(tf.size(x), dtype)


def _float_keeps_halves(x):
    return tf.reduce_mean(x if x.dtype.is_floating else tf.cast(x, tf.float32))


def _float_all_32(x):
    return tf.reduce_mean(tf.cast(x, tf.float32))


def _float_all_64(x):
    return tf.reduce_mean(tf.cast(x, tf.float64))


def _float_64_through_32(x):
    mean = tf.reduce_mean(tf.cast(x, tf.float32))
    return tf.cast(mean, tf.float64) if x.dtype == tf.float64 else mean


def _float_python(x):
    return float(_float_variant_double(x))


def _float_columns(x):
    return tf.reduce_mean(
        x if x.dtype == tf.float64 else tf.cast(x, tf.float32), axis=0
    )


def _float_variant_double(x):
    mean = tf.reduce_mean(tf.cast(x, tf.float64))
    return tf.cast(mean, tf.float64 if x.dtype == tf.float64 else tf.float32)


def _float_variant_sum(x):
    values = tf.reshape(x, [-1])
    if values.dtype not in (tf.float32, tf.float64):
        values = tf.cast(values, tf.float32)
    return tf.reduce_sum(values / len(values))


EXERCISE = Exercise(
    id="01.5",
    name="mean_as_float",
    points=3,
    minutes=10,
    difficulty="core",
    inputs=_float_inputs,
    probe=_probe_mean_as_float,
    expected=_float_expected,
    mistakes=(
        Mistake(
            "lets the mean keep the input's dtype",
            "`tf.reduce_mean` answers in the dtype that it is given: the mean of "
            "integers is cut to an integer, half precision overflows, and bool is "
            "refused. Cast the values to float before you take the mean.",
            _float_no_cast,
        ),
        Mistake(
            "casts after the mean",
            "You cast the result, but by then the harm is done: the integer mean has "
            "already lost its fraction. A cast cannot bring back digits, so cast `x` "
            "first and take the mean of that.",
            _float_cast_after,
        ),
        Mistake(
            "adds up in the input's dtype",
            "The division is in float, but the sum before it still has the dtype of "
            "`x`. There `uint8` starts again at 0 after 255, `int32` runs over into "
            "negative numbers, and `float16` ends at 65504. Cast `x` itself before "
            "you add.",
            _float_sum_first,
        ),
        Mistake(
            "keeps half precision",
            "`float16` and `bfloat16` are floats, so they pass your test and the mean "
            "stays in half precision: two or three digits, and `float16` is infinite "
            "beyond 65504. Only `float64` may stay as it is; cast everything else to "
            "`float32`.",
            _float_keeps_halves,
        ),
        Mistake(
            "makes everything float32",
            "Casting everything to `float32` is right for all inputs but one: "
            "`float64` has 16 digits, and `float32` keeps only 7 of them. Leave "
            "`float64` input in `float64`.",
            _float_all_32,
        ),
        Mistake(
            "makes everything float64",
            "`float64` is precise, but the task asks for `float32` unless the input is "
            "`float64`. It matters: TensorFlow does not mix the two, so a stray "
            "`float64` makes the next addition raise.",
            _float_all_64,
        ),
        Mistake(
            "sends float64 through float32",
            "The result has the right dtype, but on its way it was `float32`, where "
            "only 7 digits fit, and the cast back cannot restore the others. For "
            "`float64` input, do not cast at all.",
            _float_64_through_32,
        ),
        Mistake(
            "returns a Python number",
            "You return a Python number, which has left TensorFlow: it has no dtype, "
            "and inside a graph it would not exist at all. Return the scalar tensor "
            "that `tf.reduce_mean` gives.",
            _float_python,
        ),
        Mistake(
            "takes one mean per column",
            "With `axis=0` you get one mean for each column. The task asks for a "
            "single mean over all elements, whatever the shape: leave `axis` out.",
            _float_columns,
        ),
    ),
    variants=(_float_variant_double, _float_variant_sum),
    hints=(
        "Look at what `tf.reduce_mean(tf.constant([1, 2]))` gives, and ask what dtype "
        "the numbers should have at the moment they are averaged.",
        "There are only two cases: `float64` stays as it is, everything else (halves "
        "and bool too) becomes `float32`. You can test `x.dtype == tf.float64`.",
        "`if x.dtype != tf.float64: x = tf.cast(x, tf.float32)`, and then return "
        "`tf.reduce_mean(x)`.",
    ),
    explain="TensorFlow computes in the dtype that it is given and never changes it "
    "behind your back, so a cast belongs before the arithmetic that needs it. Small "
    "integers wrap around, half precision overflows early, and a cast afterwards "
    "cannot bring back what was lost.",
)
