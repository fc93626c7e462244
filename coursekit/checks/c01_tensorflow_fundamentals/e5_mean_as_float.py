"""Exercise 01.5: ``mean_as_float``."""

from fractions import Fraction

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Opaque, Plain, to_plain
from coursekit.engine.plain import brief


def _probe_mean_as_float(answer: Answer, case: Case) -> Plain:
    values, dtype = case.args
    mean = answer(tf.constant(values, dtype))
    if isinstance(mean, np.ndarray | np.generic):  # looks like a tensor, is none
        kind = "array" if mean.ndim else "number"
        return Opaque(f"NumPy {kind}", np.array2string(np.asarray(mean), precision=4))
    return to_plain(mean)


def _float_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, values: Plain, dtype: str) -> Case:
        values = values.tolist() if isinstance(values, np.ndarray) else values
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
    odd = 2 * int(rng.integers(2**23, 2**24)) + 1  # float32 has even numbers up there
    vast = uneven(2**41, 2**42, 2, 2) * 2**20  # float64 is exact here
    halves = uneven(1700, 2047, 3, 7) * 2.0  # exact in float16, the sum is not
    brains = uneven(128, 256, rows, 3) * 16.0  # exact in bfloat16
    singles = rng.integers(-99, 100, (rows, 2)) / 4
    huge = rng.integers(250, 330, 3) * 1e36  # float32 ends at 340e36
    big = 64.0 * int(rng.integers(2**23, 2**24))  # float32 is 64 apart up there
    rest = [int(n) + 0.5 for n in rng.integers(1, 20, 2)]
    return [
        case("integers", uneven(150, 256, 2, rows), "uint8"),
        case("integers", uneven(-20, 10, rows + 2), small),
        case("bool", truth.reshape(rows, 3), "bool"),
        case("large integers", uneven(2 * 10**9, 2**31, 3), "int32"),
        case("large integers", [odd, 1 - odd], "int32"),
        case("large integers", uneven(2**40, 2**41, 2, rows), "int64"),
        case("large integers", vast, "int64"),
        case("half precision", halves, "float16"),
        case("half precision", brains, "bfloat16"),
        case("float32", singles, "float32"),
        case("float32", huge, "float32"),
        case("float32", [big, rest[0], -big], "float32"),
        case("float64", [big + rest[0], -big, rest[1]], "float64"),
        case("any shape", int(rng.integers(1, 100)), small),
        case("any shape", uneven(0, 100, 2, rows, 2), "uint8"),
        case("any shape", rng.integers(-99, 100, (2, 1, rows, 2)) / 4, "float64"),
    ]


def _float_expected(case: Case) -> Plain:
    values, dtype = case.args
    flat = [Fraction(value) for value in np.ravel(values).tolist()]
    kind = "float64" if dtype == "float64" else "float32"
    return np.array(float(sum(flat) / len(flat)), kind)


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


def _float_halves_late(x):
    mean = tf.reduce_mean(x if x.dtype.is_floating else tf.cast(x, tf.float64))
    return mean if x.dtype == tf.float64 else tf.cast(mean, tf.float32)


def _float_averages_32(x):
    return tf.reduce_mean(x if x.dtype == tf.float64 else tf.cast(x, tf.float32))


def _float_all_32(x):
    return tf.reduce_mean(tf.cast(x, tf.float32))


def _float_narrows_64(x):
    return tf.cast(tf.reduce_mean(tf.cast(x, tf.float64)), tf.float32)


def _float_all_64(x):
    return tf.reduce_mean(tf.cast(x, tf.float64))


def _float_64_through_32(x):
    mean = tf.reduce_mean(tf.cast(x, tf.float32))
    return tf.cast(mean, tf.float64) if x.dtype == tf.float64 else mean


def _float_python(x):
    return float(_float_variant_divide(x))


def _float_numpy(x):
    return _float_variant_divide(x).numpy()


def _float_columns(x):
    values = tf.cast(x, tf.float64)
    mean = tf.reduce_mean(values, axis=0) if x.shape.rank else values
    return tf.cast(mean, tf.float64 if x.dtype == tf.float64 else tf.float32)


def _float_by_rows(x):
    mean = tf.reduce_sum(tf.cast(x, tf.float64)) / len(x)
    return tf.cast(mean, tf.float64 if x.dtype == tf.float64 else tf.float32)


def _float_variant_divide(x):
    values = tf.reshape(tf.cast(x, tf.float64), [-1])
    mean = tf.reduce_sum(values / len(values))
    return tf.cast(mean, tf.float64 if x.dtype == tf.float64 else tf.float32)


def _float_variant_numpy(x):
    numbers = x.numpy().astype(np.float64)
    return tf.constant(numbers.mean(), "float64" if x.dtype == "float64" else "float32")


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
            "You cast the result, but by then the harm is done: a mean in the dtype "
            "of `x` has already lost what that dtype cannot hold, the fraction of "
            "integers or the digits and the range of halves. Cast `x` first, and take "
            "the mean of that.",
            _float_cast_after,
        ),
        Mistake(
            "adds up in the input's dtype",
            "The division is in float, but the sum before it still has the dtype of "
            "`x`. There `uint8` starts again at 0 after 255, `int32` and `int64` run "
            "over into negative numbers, and `float16` ends at 65504. Cast `x` itself "
            "before you add.",
            _float_sum_first,
        ),
        Mistake(
            "keeps half precision",
            "`float16` and `bfloat16` are floats, so they pass your test and the mean "
            "stays in half precision: two or three digits, and `float16` is infinite "
            "beyond 65504. Let only `float64` stay as it is.",
            _float_keeps_halves,
        ),
        Mistake(
            "averages every float in its own dtype",
            "Integers come out right, but floats are averaged in the dtype they "
            "have, and cast too late. `float16` overflows in the sum, `bfloat16` "
            "rounds after two digits, and `float32` has such limits further up. Cast "
            "all of them to `float64` before the mean.",
            _float_halves_late,
        ),
        Mistake(
            "averages in float32",
            "`float32` keeps about 6 digits and ends at 3.4e38. That is enough for "
            "the result, not for the way to it: 16777217 is already rounded, and a "
            "sum can be infinite where the mean is not. Take the mean in `float64`, "
            "and cast the one number that comes out to `float32`.",
            _float_averages_32,
        ),
        Mistake(
            "makes everything float32",
            "You cast everything to `float32` before the mean, `float64` too. About 6 "
            "digits are left of its 15, and large numbers suffer in every dtype. "
            "Average in `float64`; only the result becomes `float32`, unless `x` is "
            "`float64`.",
            _float_all_32,
        ),
        Mistake(
            "narrows float64 results",
            "The mean is computed well, but the result is always `float32`. The task "
            "asks for `float64` where `x` is `float64`: whoever sent that wants its "
            "digits back. Cast the mean only if `x.dtype != tf.float64`.",
            _float_narrows_64,
        ),
        Mistake(
            "makes everything float64",
            "`float64` is right for the way but not for the result, which the task "
            "wants as `float32` unless the input is `float64`. It matters: TensorFlow "
            "does not mix the two, so a stray `float64` makes the next addition raise.",
            _float_all_64,
        ),
        Mistake(
            "sends float64 through float32",
            "The result has the right dtype, but on its way it was `float32`, where "
            "about 6 digits fit, and the cast back cannot restore the others. Take "
            "the mean in `float64`, and cast afterwards.",
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
            "returns a NumPy number",
            "The number is right, but it is NumPy's. It prints like a tensor, yet "
            "inside a graph there is no `.numpy()` to get it from. Stay with "
            "`tf.cast` and `tf.reduce_mean`, whose result is a tensor.",
            _float_numpy,
        ),
        Mistake(
            "takes one mean per column",
            "With `axis=0` you get one mean for each column. The task asks for a "
            "single mean over all elements, whatever the shape: leave `axis` out.",
            _float_columns,
        ),
        Mistake(
            "divides by the number of rows",
            "`len(x)` is the length of the first axis: right for a vector, too few "
            "for a table, and an error for a scalar, which has no axis. "
            "`tf.reduce_mean` counts all elements by itself.",
            _float_by_rows,
        ),
    ),
    variants=(_float_variant_divide, _float_variant_numpy),
    hints=(
        "Look at what `tf.reduce_mean(tf.constant([1, 2]))` gives, and ask what dtype "
        "the numbers should have at the moment they are averaged.",
        "The dtype to average in and the dtype of the result are two questions. "
        "`float64` is wide enough to average anything in; afterwards you can test "
        "`x.dtype == tf.float64`.",
        "`mean = tf.reduce_mean(tf.cast(x, tf.float64))`. Return it as it is if `x` "
        "is `float64`, and otherwise `tf.cast(mean, tf.float32)`.",
    ),
    explain="TensorFlow computes in the dtype that it is given and never changes it "
    "behind your back, so widen before the arithmetic and narrow after it. Small "
    "integers wrap around, half precision overflows early, even a `float32` sum drops "
    "digits, and no cast afterwards brings back what was lost.",
)
