"""Exercise 08.3: ``siamese``."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_siamese(answer: Answer, case: Case) -> Plain:
    """Distances of pairs, and the slopes of their sum by the weights of the base."""
    what, shape, (kernel, second), a, b = case.args
    hidden = keras.layers.Dense(kernel.shape[1], activation="tanh", use_bias=False)
    last = keras.layers.Dense(second.shape[1], use_bias=False)
    inputs = keras.Input(shape)
    flat = keras.layers.Flatten()(inputs) if len(shape) > 1 else inputs
    base = keras.Model(inputs, last(hidden(flat)))
    base.set_weights([kernel, second])
    model = answer(base)
    if not isinstance(model, keras.Model):
        return {"returns": f"a {type(model).__name__}", what: None}
    a, b = tf.constant(a), tf.constant(b)
    report: dict[str, Plain] = {"returns": "a keras.Model"}
    if what == "weights":
        count = sum(int(np.prod(w.shape)) for w in model.weights)
        trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        hidden.kernel.assign(kernel / 2)
        found = {"numbers": count, "trainable": trained}
        return report | {what: found | {"base changed": to_plain(model([a, b]))}}
    if what == "distances":
        found = {"a to b": to_plain(model([a, b])), "b to a": to_plain(model([b, a]))}
        return report | {what: found}
    with tf.GradientTape() as tape:
        distances = model([a, b])
        total = tf.reduce_sum(distances)
    slopes = tape.gradient(total, [hidden.kernel, last.kernel])
    found = ["none" if s is None else to_plain(s) for s in slopes]
    return report | {what: {"distances": to_plain(distances), "slopes": found}}


def _siamese_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, shape: tuple, rows: int, equal: int = 0) -> Case:
        n, h, d = int(np.prod(shape)), int(rng.integers(5, 8)), int(rng.integers(2, 5))
        weights = [rng.normal(size=s).astype("float32") for s in [(n, h), (h, d)]]
        a, b = (rng.normal(size=(rows, *shape)).astype("float32") for _ in "ab")
        b[:equal] = a[:equal]
        pairs = f"{rows} pairs of inputs of shape {shape}"
        pairs += f", {equal} of them equal" * (equal > 0)
        call = f"siamese(base), {what}: {pairs}"
        return Case(group, (what, shape, weights, a, b), call)

    n = int(rng.integers(3, 6))
    return [
        case("distances", "distances", (n,), 4),
        case("inputs with two axes", "distances", (n, 2), 3),
        case("one set of weights", "weights", (n,), 3),
        case("slopes", "slopes", (n,), 3),
        case("equal inputs", "slopes", (n,), 4, 3),
    ]


def _siamese_distances(weights: list, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    one, two = (np.tanh(_rows(x) @ weights[0]) @ weights[1] for x in (a, b))
    return np.sqrt(((one - two) ** 2).sum(axis=1, keepdims=True))


def _rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).astype(float)


def _siamese_expected(case: Case) -> Plain:
    what, _, (kernel, second), a, b = case.args
    kernel, second = kernel.astype(float), second.astype(float)
    distances = _siamese_distances([kernel, second], a, b)
    report = {"returns": "a keras.Model"}
    if what == "weights":
        count = kernel.size + second.size
        changed = _siamese_distances([kernel / 2, second], a, b).astype("float32")
        found = {"numbers": count, "trainable": count, "base changed": changed}
        return report | {what: found}
    if what == "distances":
        found = dict.fromkeys(["a to b", "b to a"], distances.astype("float32"))
        return report | {what: found}
    slopes = [np.zeros_like(kernel), np.zeros_like(second)]
    for one, two, distance in zip(_rows(a), _rows(b), distances[:, 0], strict=True):
        if not distance:
            continue  # the smallest value there is: its slope is 0
        h, g = np.tanh(one @ kernel), np.tanh(two @ kernel)
        way = (h - g) @ second / distance
        slopes[1] += np.outer(h - g, way)
        back = second @ way
        slopes[0] += np.outer(one, back * (1 - h**2)) - np.outer(two, back * (1 - g**2))
    found = {"distances": distances.astype("float32")}
    found |= {"slopes": [slope.astype("float32") for slope in slopes]}
    return report | {what: found}


def _root(squares):
    return ops.sqrt(ops.maximum(squares, 1e-12))


def _euclid(one, two):
    return _root(ops.sum((one - two) ** 2, axis=-1, keepdims=True))


def _siamese(base, other=None, distance=_euclid, ends=lambda a, b: [a, b]):
    """A right answer in parts that the mistakes replace."""
    a, b = keras.Input(base.input.shape[1:]), keras.Input(base.input.shape[1:])
    one, two = base(a), (other or base)(b)
    return keras.Model(ends(a, b), distance(one, two))


def _with_distance(rule):
    return partial(_siamese, distance=rule)


def _siamese_cloned(base):
    return _siamese(base, keras.models.clone_model(base))


def _siamese_copied(base):
    copy = keras.Model.from_config(base.get_config() | {"name": "twin"})
    copy.set_weights(base.get_weights())
    return _siamese(base, copy)


def _siamese_frozen(base):
    base.trainable = False
    return _siamese(base)


def _siamese_first_only(base):
    a, b = keras.Input(base.input.shape[1:]), keras.Input(base.input.shape[1:])
    return keras.Model([a, b], _euclid(base(a), base(a)) + 0 * ops.sum(b))


def _siamese_last_axis(base):
    a, b = (keras.Input((base.input.shape[-1],)) for _ in "ab")
    return keras.Model([a, b], _euclid(base(a), base(b)))


def _siamese_head(base):
    head = layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
    return _siamese(base, distance=lambda one, two: head(ops.abs(one - two)))


_siamese_plain_root = _with_distance(
    lambda one, two: ops.sqrt(ops.sum((one - two) ** 2, axis=-1, keepdims=True))
)
_siamese_squared = _with_distance(
    lambda one, two: ops.sum((one - two) ** 2, axis=-1, keepdims=True)
)
_siamese_absolute = _with_distance(
    lambda one, two: ops.sum(ops.abs(one - two), axis=-1, keepdims=True)
)
_siamese_mean = _with_distance(
    lambda one, two: _root(ops.mean((one - two) ** 2, axis=-1, keepdims=True))
)
_siamese_signed = _with_distance(
    lambda one, two: ops.sum(one - two, axis=-1, keepdims=True)
)
_siamese_cosine = _with_distance(
    lambda one, two: layers.Dot(axes=1, normalize=True)([one, two])
)
_siamese_flat = _with_distance(
    lambda one, two: _root(ops.sum((one - two) ** 2, axis=-1))
)
_siamese_whole_batch = _with_distance(lambda one, two: _root(ops.sum((one - two) ** 2)))


def _siamese_variant_where(base):
    """The first input is the base's own; a root is only taken where it is safe."""
    other = keras.Input(base.input.shape[1:], name="other")
    gap = layers.subtract([base.output, base(other)])
    squares = layers.Dot(axes=1)([gap, gap])
    safe = ops.where(squares > 0, squares, 1.0)
    far = ops.where(squares > 0, ops.sqrt(safe), 0.0)
    return keras.Model([base.input, other], far)


def _siamese_variant_together(base):
    """One call of the base for both inputs, one above the other."""
    a, b = keras.Input(base.input.shape[1:]), keras.Input(base.input.shape[1:])
    both = base(ops.concatenate([a, b], axis=0))
    pair = ops.reshape(both, (2, -1, both.shape[-1]))
    squares = ops.square(pair[0] - pair[1])
    far = ops.sqrt(ops.sum(squares, axis=1, keepdims=True) + keras.config.epsilon())
    return keras.Model((a, b), far)


EXERCISE = Exercise(
    id="08.3",
    name="siamese",
    points=5,
    minutes=20,
    difficulty="core",
    rtol=1e-3,
    atol=2e-3,  # a root of 1e-6 is right as well
    inputs=_siamese_inputs,
    probe=_probe_siamese,
    expected=_siamese_expected,
    mistakes=(
        Mistake(
            "gives the second input a base of its own",
            "`clone_model` makes a second model of the same name, and Keras refuses "
            "two of one name in a graph. That is as well: it would have weights of its "
            "own, and measure with another ruler. Call the base twice: `base(a)` and "
            "`base(b)`.",
            _siamese_cloned,
        ),
        Mistake(
            "copies the weights",
            "Both halves begin alike, but they are two sets of weights, and the first "
            "step of training parts them. Call the same base twice.",
            _siamese_copied,
        ),
        Mistake(
            "takes the root of 0",
            "The slope of a root at 0 is infinite, and infinity times 0 is NaN: one "
            "pair of equal inputs, and every weight is NaN after the step. Keep the "
            "root away from 0: `ops.sqrt(ops.maximum(squares, 1e-12))`.",
            _siamese_plain_root,
        ),
        Mistake(
            "leaves out the root",
            "You return squared distances. Ask for the root of the sum, and take care "
            "of its slope at 0.",
            _siamese_squared,
        ),
        Mistake(
            "adds absolute differences",
            "You sum `|one - two|`, which is the way along the streets. The Euclidean "
            "distance is the root of the sum of squares.",
            _siamese_absolute,
        ),
        Mistake(
            "takes the mean of the squares",
            "You take the mean of the squared differences where their sum is asked "
            "for, so the distance shrinks as the embedding grows: `ops.sum`.",
            _siamese_mean,
        ),
        Mistake(
            "lets differences cancel",
            "You add up differences with their signs: they cancel, and swapping the "
            "inputs turns the sign. Square them first.",
            _siamese_signed,
        ),
        Mistake(
            "returns a similarity",
            "`Dot(normalize=True)` is the cosine: 1 for equal inputs. A distance is 0 "
            "there, and grows as they differ.",
            _siamese_cosine,
        ),
        Mistake(
            "loses the last axis",
            "Your distances have the shape (rows,). The task wants (rows, 1), as a "
            "`Dense(1)` would give: `keepdims=True`.",
            _siamese_flat,
        ),
        Mistake(
            "sums over the whole batch",
            "You add up the squares of all pairs and get one number. Each pair has a "
            "distance of its own: `axis=-1`.",
            _siamese_whole_batch,
        ),
        Mistake(
            "embeds the first input twice",
            "Both halves see the first input, so every distance is 0. The second call "
            "is `base(b)`.",
            _siamese_first_only,
        ),
        Mistake(
            "freezes the base",
            "`trainable = False` takes the base's weights out of training, and there "
            "are no others. The base should learn.",
            _siamese_frozen,
        ),
        Mistake(
            "puts a layer behind the difference",
            "Your model has weights beside those of the base, and its result is no "
            "distance: nothing makes it 0 for equal inputs. Compute the distance.",
            _siamese_head,
        ),
        Mistake(
            "takes inputs for flat",
            "You make inputs of one axis. The base knows what it takes: "
            "`keras.Input(base.input.shape[1:])`.",
            _siamese_last_axis,
        ),
    ),
    variants=(_siamese_variant_where, _siamese_variant_together),
    hints=(
        "A model can be called like a layer, on two inputs one after the other, and "
        "it still has one set of weights. `base.input.shape[1:]` is the shape of one "
        "input.",
        "`squares = ops.sum((base(a) - base(b)) ** 2, axis=-1, keepdims=True)`. How "
        "steep is the root where `squares` is 0?",
        "`keras.Model([a, b], ops.sqrt(ops.maximum(squares, 1e-12)))`: where both "
        "inputs are equal, `maximum` takes the constant, and the slope is 0.",
    ),
    explain="Weights belong to layers, not to arrows: a base that is called twice "
    "measures both inputs with one ruler, so the distance is symmetric and 0 for equal "
    "inputs before any training, and its slopes are the sum over both calls. A root is "
    "the place where such models break: its slope at 0 is infinite, and one duplicate "
    "in the data turns every weight into NaN.",
)
