"""Exercise 02.1: ``he_normal``."""

import math
import random

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain


def _probe_he_normal(answer: Answer, case: Case) -> Plain:
    """Draw, and tell what can be known of a draw without knowing its numbers."""
    what, shape, seeds = case.args

    def draw(seed: int) -> tuple[str, np.ndarray]:
        drawn = answer(shape, seed)
        kind = "tensor" if tf.is_tensor(drawn) else type(drawn).__name__
        if not isinstance(drawn, np.ndarray) and kind != "tensor":
            return kind, np.zeros(1)
        if isinstance(drawn, tf.Variable):  # which passes for a tensor elsewhere
            kind = "variable"
        values = np.asarray(drawn)
        return f"{values.dtype} {kind} of shape {values.shape}", values

    kind, values = draw(seeds[0])
    std = float(values.std()) or 1e-30
    if what == "spread":
        centred = abs(float(values.mean())) < 0.07 * std
        return {
            "result": kind,
            "mean": "about 0" if centred else "not 0",
            "std": float(f"{std:.4g}"),
        }
    if what == "normal":
        far = np.abs(values - values.mean()) / std
        inner, top = float(np.mean(far < 1)), float(np.max(far))
        share = "more than " if inner > 0.72 else "fewer than " if inner < 0.64 else ""
        differ = np.unique(values).size > 0.9 * values.size
        return {
            "within 1 std of the mean": f"{share}about two thirds",
            "farthest from the mean": "more than 3 std"
            if top > 3
            else f"{top:.1f} std",
            "values": "all but a few differ" if differ else "many are repeated",
        }
    if what == "seeds":
        first = []
        for seed in seeds:
            tf.random.set_seed(1)  # whoever draws globally gets the same each time
            first.append(draw(seed)[1].tobytes())
        again = [draw(seed)[1].tobytes() for seed in seeds]
        return {
            "same seed once more": "the same" if first == again else "other numbers",
            f"different draws from {len(seeds)} seeds": len(set(first)),
        }
    others = {
        "TensorFlow's": (tf.random.set_seed, lambda: tf.random.normal([3]).numpy()),
        "NumPy's": (np.random.seed, lambda: np.random.normal(size=3)),
        "Python's": (random.seed, lambda: np.array(random.random())),
    }
    state = {}
    for name, (start, following) in others.items():
        start(seeds[0])
        undisturbed = following()
        start(seeds[0])
        answer(shape, seeds[1])
        same = np.array_equal(undisturbed, following())
        state[name] = "as it would be" if same else "disturbed"
    return state


def _he_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, *shape: int, seeds: int | tuple = 0) -> Case:
        if isinstance(seeds, int):
            seeds = (int(rng.integers(1, 10_000)),)
        shown = {
            "spread": f"he_normal({shape}, {seeds[0]})",
            "normal": f"he_normal({shape}, {seeds[0]}): how its values are spread",
            "seeds": f"he_normal({shape}, seed) for the seeds {seeds}, each twice",
            "global": f"he_normal({shape}, {seeds[-1]}), and what others draw next",
        }
        return Case(group, (what, shape, seeds), shown[what])

    def size(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    dense, kernels = "dense kernels", "convolution kernels"
    low = size(10, 5_000)
    seeds = (low, low + 1, low + 1_000, low + 2**16, 2**31 - 1, 0)
    before = size(1, 10_000)
    return [
        case(dense, "spread", size(300, 400), size(60, 80)),
        case(dense, "spread", size(60, 80), size(300, 400)),
        case(dense, "spread", 1, 20_000),
        case(kernels, "spread", 3, 5, size(20, 25), size(60, 80)),
        case(kernels, "spread", 2, 3, size(70, 80), size(50, 60)),
        case(kernels, "spread", 7, size(40, 50), size(70, 80)),
        case("a normal distribution", "normal", size(100, 120), size(180, 200)),
        case("one seed, one draw", "seeds", size(20, 30), 7, seeds=seeds),
        case("no side effects", "global", size(20, 30), 7, seeds=(before, before + 1)),
    ]


def _he_expected(case: Case) -> Plain:
    what, shape, seeds = case.args
    match what:
        case "spread":
            fan_in = math.prod(shape) / shape[-1]
            std = float(f"{(2 / fan_in) ** 0.5:.4g}")
            kind = f"float32 tensor of shape {shape}"
            return {"result": kind, "mean": "about 0", "std": std}
        case "normal":
            return {
                "within 1 std of the mean": "about two thirds",
                "farthest from the mean": "more than 3 std",
                "values": "all but a few differ",
            }
        case "seeds":
            count = f"different draws from {len(seeds)} seeds"
            return {"same seed once more": "the same", count: len(seeds)}
    names = ("TensorFlow's", "NumPy's", "Python's")
    return dict.fromkeys(names, "as it would be")


def _he_draw(shape, seed, scale):
    return tf.random.stateless_normal(shape, seed=[seed, 0]) * scale


def _he_scale(shape):
    return math.sqrt(2 / math.prod(shape[:-1]))


def _he_fan_out(shape, seed):
    return _he_draw(shape, seed, math.sqrt(2 / shape[-1]))


def _he_fan_out_window(shape, seed):
    return _he_draw(shape, seed, math.sqrt(2 * shape[-2] / math.prod(shape)))


def _he_first_axis(shape, seed):
    return _he_draw(shape, seed, math.sqrt(2 / shape[0]))


def _he_last_but_one(shape, seed):
    return _he_draw(shape, seed, math.sqrt(2 / shape[-2]))


def _he_all_elements(shape, seed):
    return _he_draw(shape, seed, math.sqrt(2 / math.prod(shape)))


def _he_glorot(shape, seed):
    area = math.prod(shape[:-2])
    fans = area * shape[-2] + area * shape[-1]
    return _he_draw(shape, seed, math.sqrt(2 / fans))


def _he_lecun(shape, seed):
    return _he_draw(shape, seed, math.sqrt(1 / math.prod(shape[:-1])))


def _he_variance(shape, seed):
    return _he_draw(shape, seed, 2 / math.prod(shape[:-1]))


def _he_unscaled(shape, seed):
    return _he_draw(shape, seed, 1.0)


def _he_single_seed(shape, seed):
    return tf.random.stateless_normal(shape, seed=seed) * _he_scale(shape)


def _he_unseeded(shape, seed):
    return tf.random.normal(shape) * _he_scale(shape)


def _he_op_seed(shape, seed):
    return tf.random.normal(shape, stddev=_he_scale(shape), seed=seed)


def _he_sets_seed(shape, seed):
    tf.random.set_seed(seed)
    return tf.random.normal(shape, stddev=_he_scale(shape))


def _he_sets_numpy_seed(shape, seed):
    np.random.seed(seed)
    return tf.constant(np.random.normal(0, _he_scale(shape), shape), tf.float32)


def _he_ignores_seed(shape, seed):
    return _he_draw(shape, 0, _he_scale(shape))


def _he_truncated(shape, seed):
    draw = tf.random.stateless_truncated_normal(shape, seed=[seed, 0])
    return draw * _he_scale(shape)


def _he_keras(shape, seed):
    return _he_truncated(shape, seed) / 0.87962566


def _he_uniform(shape, seed):
    limit = _he_scale(shape) * math.sqrt(3)
    return tf.random.stateless_uniform(shape, [seed, 0], -limit, limit)


def _he_float64(shape, seed):
    values = np.random.default_rng(seed).normal(0, _he_scale(shape), shape)
    return tf.constant(values)


def _he_numpy(shape, seed):
    return _he_draw(shape, seed, _he_scale(shape)).numpy()


def _he_variable(shape, seed):
    return tf.Variable(_he_draw(shape, seed, _he_scale(shape)))


def _he_variant_generator(shape, seed):
    generator = tf.random.Generator.from_seed(seed)
    return generator.normal(shape, stddev=(2 * shape[-1] / math.prod(shape)) ** 0.5)


def _he_variant_numpy(shape, seed):
    fan_in = 1
    for size in shape[:-1]:
        fan_in *= size
    values = np.random.default_rng(seed).standard_normal(shape)
    return tf.constant(values / np.sqrt(fan_in / 2), tf.float32)


def _he_variant_box_muller(shape, seed):
    u, v = tf.unstack(tf.random.stateless_uniform([2, *shape], [7, seed], minval=1e-7))
    fan_in = math.prod(shape[:-1])
    return tf.sqrt(-4.0 * tf.math.log(u) / fan_in) * tf.cos(2 * math.pi * v)


EXERCISE = Exercise(
    id="02.1",
    name="he_normal",
    points=3,
    minutes=12,
    difficulty="core",
    inputs=_he_inputs,
    probe=_probe_he_normal,
    expected=_he_expected,
    mistakes=(
        Mistake(
            "takes fan_out",
            "Your spread depends on the last axis, the number of outputs. What an "
            "output sums up are its inputs, and each adds to the variance, so `fan_in` "
            "is what counts: the product of all axes but the last.",
            _he_fan_out,
        ),
        Mistake(
            "takes fan_out with its window",
            "Your spread depends on the outputs and the window, which is `fan_out`. "
            "What an output sums up are its inputs: leave out the last axis, and "
            "multiply all the others.",
            _he_fan_out_window,
        ),
        Mistake(
            "takes the first axis for fan_in",
            "`shape[0]` is `fan_in` for a dense kernel only. In a convolution's "
            "kernel it is the height of the window; multiply all axes but the last, "
            "`math.prod(shape[:-1])`.",
            _he_first_axis,
        ),
        Mistake(
            "forgets the window",
            "You count the input channels, `shape[-2]`, but each output of a "
            "convolution reads them at every place of its window: `fan_in` is "
            "h · w · in.",
            _he_last_but_one,
        ),
        Mistake(
            "counts all elements",
            "You divide by the number of all weights. One output is fed by `fan_in` "
            "of them only; the last axis counts the outputs, so leave it out.",
            _he_all_elements,
        ),
        Mistake(
            "averages the two fans",
            "2 / (fan_in + fan_out) is the variance of Glorot and Bengio, made for "
            "units that do not cut off half of their input. He's has `fan_in` alone.",
            _he_glorot,
        ),
        Mistake(
            "takes 1 / fan_in",
            "Your std is too small by a factor of √2. ReLU sets half of its inputs to "
            "0, and the 2 in 2 / fan_in makes up for that.",
            _he_lecun,
        ),
        Mistake(
            "forgets the root",
            "2 / fan_in is the variance. What you multiply a standard normal draw by, "
            "or hand over as `stddev`, is the root of it.",
            _he_variance,
        ),
        Mistake(
            "does not scale",
            "Your draw has std 1 whatever the shape. Multiply it by "
            "`math.sqrt(2 / fan_in)`, or hand that over as `stddev`.",
            _he_unscaled,
        ),
        Mistake(
            "gives a single number as seed",
            "A stateless operation wants a seed of two integers, as its message says: "
            "shape [2], not []. Make a pair of yours, such as `seed=[seed, 0]`.",
            _he_single_seed,
        ),
        Mistake(
            "never uses the seed",
            "`tf.random.normal` without a seed draws from TensorFlow's global "
            "generator: the next call gives other numbers, your seed changes nothing, "
            "and whoever draws after you gets others, too. Use "
            "`tf.random.stateless_normal`, with your seed in a pair.",
            _he_unseeded,
        ),
        Mistake(
            "seeds the operation only",
            "Your seed starts a sequence, as in `tf.random.normal(..., seed=seed)`, "
            "and each call goes one step further in it, so the second call gives "
            "other numbers. `tf.random.stateless_normal` has no sequence: one seed, "
            "one draw.",
            _he_op_seed,
        ),
        Mistake(
            "sets the global seed",
            "Your numbers are repeatable, but at a price: `tf.random.set_seed` starts "
            "the global generator anew for the whole program, so shuffling, dropout "
            "and whatever else draws from it repeats itself after each of your calls. "
            "A stateless operation keeps its seed to itself.",
            _he_sets_seed,
        ),
        Mistake(
            "sets NumPy's global seed",
            "Your numbers are repeatable, but at a price: `np.random.seed` starts "
            "NumPy's global generator anew for the whole program. "
            "`np.random.default_rng(seed)` is a generator of your own, and "
            "`tf.random.stateless_normal` needs none.",
            _he_sets_numpy_seed,
        ),
        Mistake(
            "ignores the seed",
            "Every seed gives the same numbers. `seed` has to reach the draw: "
            "`seed=[seed, 0]`, not a fixed pair.",
            _he_ignores_seed,
        ),
        Mistake(
            "truncates the draw",
            "A truncated normal draw leaves out whatever lies more than two std away, "
            "which also lowers the std to 0.88 of what you asked for. The task wants "
            "an ordinary normal draw.",
            _he_truncated,
        ),
        Mistake(
            "draws as Keras does",
            "Your std is right, but no value is farther out than 2.3 std. That is how "
            "Keras's own `HeNormal` draws: truncated, and then scaled up. The task "
            "wants an ordinary normal draw, with its rare large values.",
            _he_keras,
        ),
        Mistake(
            "draws uniformly",
            "Mean and std are right, but your values spread evenly between two limits "
            "(that is He's uniform variant). The task wants a normal draw.",
            _he_uniform,
        ),
        Mistake(
            "hands over float64",
            "Your weights are `float64`, as NumPy draws them and `tf.constant` keeps "
            "them. The task wants `float32`, and TensorFlow does not mix the two: say "
            "`tf.constant(values, tf.float32)`.",
            _he_float64,
        ),
        Mistake(
            "hands over a NumPy array",
            "The numbers are right, but they come as a NumPy array. Return a tensor: "
            "leave out `.numpy()`, or make one with `tf.constant`.",
            _he_numpy,
        ),
        Mistake(
            "hands over a variable",
            "The numbers are right, but they come in a `tf.Variable`. An initialiser "
            "returns the tensor; whoever builds the layer puts it into a variable, "
            "once.",
            _he_variable,
        ),
    ),
    variants=(_he_variant_generator, _he_variant_numpy, _he_variant_box_muller),
    hints=(
        "Three things in turn: `fan_in` from the shape, the std from `fan_in`, and a "
        "draw that depends on nothing but your seed.",
        "`math.prod(shape[:-1])` multiplies all axes but the last. The draw that keeps "
        "its hands off every global generator is `tf.random.stateless_normal`, and "
        "its seed is a pair of integers.",
        "`tf.random.stateless_normal(shape, seed=[seed, 0])` times "
        "`math.sqrt(2 / math.prod(shape[:-1]))`.",
    ),
    explain="A unit adds up `fan_in` products, so without the scaling the variance of "
    "a layer's output grows by that factor, layer after layer; 2 / fan_in keeps it "
    "level behind ReLU (He et al., 2015). And a stateless draw is a function of its "
    "seed: nobody before it can change it, and it changes nothing for those after it. "
    "Give each layer a seed of its own, or all of them start with the same numbers.",
    rtol=0.06,
    atol=0.0,
)
