"""Exercise 09.2: ``fake_quant``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import (
    Answer,
    Case,
    Exercise,
    Mistake,
    Plain,
    tensors_to_plain,
    to_plain,
)


def _probe_fake_quant(answer: Answer, case: Case) -> Plain:
    """What it returns, and what it lets through of the slope above it."""
    x, bits, upstream, graph = case.args
    x, upstream = tf.constant(x), tf.constant(upstream)

    def both(x: tf.Tensor, upstream: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = answer(x, bits)
        if not tf.is_tensor(y):
            return y, None
        return y, tape.gradient(y, x, output_gradients=upstream)

    if graph:
        spec = tf.TensorSpec([None], x.dtype)
        both = tf.function(both, autograph=False).get_concrete_function(spec, spec)
    y, slope = both(x, upstream)
    return {"values": tensors_to_plain(y), "slope": to_plain(slope)}


def _quant_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, x: np.ndarray, bits: int, dtype="float32", graph=False):
        x = np.asarray(x, dtype)
        upstream = rng.choice([-1, 1], x.shape) * rng.integers(2, 9, x.shape) / 4
        shown = np.array2string(x, precision=4, separator=", ")
        call = f"fake_quant({' '.join(shown.split())}, {bits})"
        call += ", in a tf.function" if graph else f", {dtype}"
        return Case(group, (x, bits, np.asarray(upstream, dtype), graph), call)

    def inside(bits: int, *shape: int) -> np.ndarray:
        """Values clear of the borders between two points of the grid."""
        n = 2 ** (bits - 1) - 1
        off = rng.uniform(0.1, 0.4, shape) * rng.choice([-1, 1], shape)
        return (rng.integers(-n + 1, n, shape) + off) / n

    def outside(*shape: int) -> np.ndarray:
        return rng.choice([-1, 1], shape) * rng.uniform(1.2, 9, shape)

    def beyond(bits: int) -> np.ndarray:
        """Outside by less than half a step: the nearest point is an end."""
        n = 2 ** (bits - 1) - 1
        return np.asarray([1, -1]) * (1 + rng.uniform(0.1, 0.4, 2) / n)

    def mixed(bits: int) -> np.ndarray:
        return rng.permutation([*inside(bits, 3), *outside(2), 1e6, -1e6])

    return [
        case("inside", inside(3, 2, 3), 3),
        case("inside", inside(5, 5), 5),
        case("outside", rng.permutation([*inside(4, 2), *outside(2), *beyond(4)]), 4),
        case("ends", rng.permutation([-1, 0, 1]), 3),
        case("ends", mixed(2), 2),
        case("other tensors", inside(4, 2, 1, 3), 4, "float64"),
        case("other tensors", inside(3), 3),
        case("other tensors", mixed(6), 6, graph=True),
    ]


def _quant_expected(case: Case) -> Plain:
    """By search: the nearest of all points of the grid."""
    x, bits, upstream, _ = case.args
    n = 2 ** (bits - 1) - 1
    grid = np.arange(-n, n + 1) / n
    nearest = np.abs(x[..., None].astype(float) - grid).argmin(axis=-1)
    slope = np.where(np.abs(x) > 1, 0, upstream)
    return {"values": grid[nearest].astype(x.dtype), "slope": slope.astype(x.dtype)}


def _on_grid(x, bits, levels=lambda bits: 2 ** (bits - 1) - 1, to=tf.round):
    """Clip to [-1, 1], then to the nearest point of the grid."""
    n = levels(bits)
    return to(tf.clip_by_value(x, -1, 1) * n) / n


def _through(x, values, slope):
    """Those values, and that slope, a function of x and the slope above."""

    @tf.custom_gradient
    def run(x):
        return values, lambda upstream: slope(x, upstream)

    return run(x)


def _inside_only(x, upstream):
    return tf.where(tf.abs(x) <= 1, upstream, tf.zeros_like(upstream))


def _quant(x, bits, slope=_inside_only, **how):
    return _through(x, _on_grid(x, bits, **how), slope)


def _quant_no_slope(x, bits):
    return _on_grid(x, bits)


def _quant_everywhere(x, bits):
    return _quant(x, bits, lambda x, upstream: upstream)


def _quant_ones(x, bits):
    return _quant(x, bits, lambda x, upstream: _inside_only(x, tf.ones_like(x)))


def _quant_ones_everywhere(x, bits):
    return _quant(x, bits, lambda x, upstream: tf.ones_like(x))


def _quant_open_ends(x, bits):
    def slope(x, upstream):
        return tf.where(tf.abs(x) < 1, upstream, tf.zeros_like(upstream))

    return _quant(x, bits, slope)


def _quant_by_place(x, bits):
    """Asks whether the rounded value is inside."""

    def slope(x, upstream):
        n = 2 ** (bits - 1) - 1
        return _inside_only(tf.round(x * n) / n, upstream)

    return _quant(x, bits, slope)


def _quant_scaled(x, bits):
    n = 2 ** (bits - 1) - 1
    return _quant(x, bits, lambda x, upstream: n * _inside_only(x, upstream))


def _quant_by_value(x, bits):
    """Multiplies by the rounded values, as if they were the slope."""
    y = _on_grid(x, bits)
    return _quant(x, bits, lambda x, upstream: _inside_only(x, upstream) * y)


def _quant_half_grid(x, bits):
    return _quant(x, bits, levels=lambda bits: 2 ** (bits - 1))


def _quant_unsigned(x, bits):
    return _quant(x, bits, levels=lambda bits: 2**bits - 1)


def _quant_linear(x, bits):
    return _quant(x, bits, levels=lambda bits: bits)


def _quant_floor(x, bits):
    return _quant(x, bits, to=tf.floor)


def _quant_truncates(x, bits):
    return _quant(x, bits, to=lambda v: tf.sign(v) * tf.floor(tf.abs(v)))


def _quant_unclipped(x, bits):
    n = 2 ** (bits - 1) - 1
    return _through(x, tf.round(x * n) / n, _inside_only)


def _quant_integers(x, bits):
    n = 2 ** (bits - 1) - 1
    return _through(x, _on_grid(x, bits) * n, _inside_only)


def _quant_float32(x, bits):
    def slope(x, upstream):
        return tf.cast(_inside_only(x, upstream), tf.float32)

    return _quant(tf.cast(x, tf.float32), bits, slope)


def _quant_numpy(x, bits):
    n = 2 ** (bits - 1) - 1
    values = tf.constant(np.round(np.clip(x.numpy(), -1, 1) * n) / n, x.dtype)
    return _through(x, values, _inside_only)


def _quant_variant_stop(x, bits):
    """Clipping has the slope that is wanted; rounding adds what has none."""
    n = 2.0 ** (bits - 1) - 1
    near = tf.maximum(tf.minimum(x, 1), -1)
    return near + tf.stop_gradient(tf.round(near * n) / n - near)


def _quant_variant_round(x, bits):
    """A round that passes the slope on, and a mask by multiplication."""

    @tf.custom_gradient
    def clip(x):
        keep = tf.cast((x >= -1) & (x <= 1), x.dtype)
        return tf.minimum(tf.maximum(x, -1), 1), lambda upstream: upstream * keep

    @tf.custom_gradient
    def ste_round(x):
        return tf.floor(x + 0.5), tf.identity

    n = tf.cast(2 ** (bits - 1) - 1, x.dtype)
    return ste_round(clip(x) * n) / n


EXERCISE = Exercise(
    id="09.2",
    name="fake_quant",
    points=4,
    minutes=12,
    difficulty="core",
    inputs=_quant_inputs,
    probe=_probe_fake_quant,
    expected=_quant_expected,
    mistakes=(
        Mistake(
            "leaves the slope of rounding",
            "Your values are right, but nothing can learn through them: `tf.round` is "
            "flat, so its slope is 0 or None. Say the slope yourself, with "
            "`tf.custom_gradient`.",
            _quant_no_slope,
        ),
        Mistake(
            "passes the slope outside as well",
            "A value beyond the ends of the grid stays at the end, however it moves, "
            "so its slope is 0. You pass it on everywhere.",
            _quant_everywhere,
        ),
        Mistake(
            "drops the slope from above",
            "Your gradient function returns 1 for what lies inside. By the chain rule "
            "it has to hand on what it is given, `upstream`, times 1.",
            _quant_ones,
        ),
        Mistake(
            "returns 1 as the slope, everywhere",
            "Your gradient function returns ones, whatever it is given and wherever x "
            "lies. Hand on `upstream`, and 0 where x is outside.",
            _quant_ones_everywhere,
        ),
        Mistake(
            "stops the slope at the ends",
            "At x = 1 and x = -1 your slope is 0. The ends belong to the grid, and a "
            "weight there must be able to come back: `<=`, not `<`.",
            _quant_open_ends,
        ),
        Mistake(
            "asks the rounded value",
            "You ask whether the *rounded* value is inside. A number a little beyond "
            "an end is rounded to the end, and yet its slope is 0: ask x.",
            _quant_by_place,
        ),
        Mistake(
            "scales the slope",
            "Your slope is too large by the number of steps: you multiply x by it, and "
            "the division afterwards is not in your gradient. Straight through means "
            "times 1.",
            _quant_scaled,
        ),
        Mistake(
            "multiplies the slope by the values",
            "Your gradient function multiplies by what the function returns. It wants "
            "its derivative, and inside that is taken to be 1.",
            _quant_by_value,
        ),
        Mistake(
            "has a step too many",
            "You divide by 2^(bits - 1). One of the signed numbers is spent on 0, so "
            "there are n = 2^(bits - 1) - 1 steps on either side.",
            _quant_half_grid,
        ),
        Mistake(
            "spends no bit on the sign",
            "You have 2^bits - 1 steps on either side. The grid reaches from -1 to 1, "
            "so one bit is the sign: n = 2^(bits - 1) - 1.",
            _quant_unsigned,
        ),
        Mistake(
            "takes the bits for the number of steps",
            "With 5 bits you have 5 steps on either side. Each bit doubles them: "
            "n = 2^(bits - 1) - 1.",
            _quant_linear,
        ),
        Mistake(
            "rounds down",
            "You always take the point below. The nearest one is wanted: `tf.round`.",
            _quant_floor,
        ),
        Mistake(
            "cuts off toward 0",
            "You take the next point toward 0, as a cast to an integer does. The "
            "nearest one is wanted: `tf.round`.",
            _quant_truncates,
        ),
        Mistake(
            "does not clip the values",
            "The grid ends at -1 and 1, and you return values beyond. Clip before you "
            "round: `tf.clip_by_value(x, -1, 1)`.",
            _quant_unclipped,
        ),
        Mistake(
            "returns numbers of steps",
            "You return how many steps away from 0 a value lies. Divide by n again, so "
            "that the result is in the unit of x.",
            _quant_integers,
        ),
        Mistake(
            "makes everything float32",
            "The dtype of x should come out again; you return float32 for float64.",
            _quant_float32,
        ),
        Mistake(
            "goes through NumPy",
            "`.numpy()` works as long as x has a value. In a `tf.function`, and so in "
            "`fit`, it has none: use TensorFlow's own functions.",
            _quant_numpy,
        ),
    ),
    variants=(_quant_variant_stop, _quant_variant_round),
    hints=(
        "The values: clip to [-1, 1], times n, round, divided by n. Put that into an "
        "inner function of x alone, with `@tf.custom_gradient` above it.",
        "The inner function returns two things: the values, and a function `grad` that "
        "takes the slope above, `upstream`, and returns it where x lies inside, and 0 "
        "elsewhere.",
        "`def grad(upstream): return tf.where(tf.abs(x) <= 1, upstream, "
        "tf.zeros_like(upstream))`, then `return tf.round(tf.clip_by_value(x, -1, 1) * "
        "n) / n, grad`.",
    ),
    explain="The true slope of a staircase is 0, and useless. The straight-through "
    "estimator (Bengio, Léonard and Courville, 2013) tells the layers below a small "
    "lie: that the staircase is the ramp it follows. Outside the grid the ramp is "
    "flat, and there the truth is told. Training with numbers of few bits works this "
    "way.",
)
