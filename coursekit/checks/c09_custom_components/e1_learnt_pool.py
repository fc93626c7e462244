"""Exercise 09.1: ``LearntPool``."""

import os
import re
import tempfile
import warnings

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

ops = keras.ops

_ALWAYS = "pooled", "weights afterwards"
_FOUND = {
    "call": _ALWAYS,
    "graph": _ALWAYS,
    "file": ("weights after loading", *_ALWAYS),
    "masking": ("mask behind the pool", "Keras warns of the mask", *_ALWAYS),
    "slope": ("slope of the weights",),
}
"""What is told of a pool besides its weights, for each way to use it."""


def _probe_weights(pool: Answer, w: np.ndarray | None) -> list[str]:
    """Give a pool its weights, if it has them as asked for; say which it has."""
    found = [f"{tuple(v.shape)}, trainable: {v.trainable}" for v in pool.weights]
    if w is not None and found == [f"{w.shape}, trainable: True"]:
        pool.set_weights([w])
    return found


def _probe_reloaded(answer: Answer, pool: Answer, shape: tuple) -> Answer:
    """The pool as a file keeps it, out of a model that was saved and loaded."""
    model = keras.Sequential([keras.Input(shape), pool])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = os.path.join(folder, "pool.keras")
        model.save(path)
        known = {answer.__name__: answer}
        return keras.models.load_model(path, custom_objects=known).layers[-1]


def _probe_graph(pool: Answer, x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The result from a graph in which the numbers of rows and steps are not known."""

    def run(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("pool"):  # a graph takes no name that begins with _
            return pool(x, mask=mask)

    free = (None, None)
    specs = tf.TensorSpec((*free, x.shape[2])), tf.TensorSpec(free, tf.bool)
    return tf.function(run, autograph=False).get_concrete_function(*specs)(x, mask)


def _probe_uses(answer: Answer, case: Case) -> Plain:
    how, temperature, w, x, mask, upstream = case.args
    pool = answer(temperature) if temperature else answer()
    x = tf.constant(x)
    given = {} if mask is None else {"mask": tf.constant(mask)}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        pooled = pool(x, **given)  # builds it, as a model would
        weights = _probe_weights(pool, w)
        found = {"weights": weights} | dict.fromkeys(_FOUND[how])
        if weights != [f"({x.shape[2]},), trainable: True"]:
            return found
        if how == "slope":
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(pool(x, **given) * upstream)
            slopes = tape.gradient(loss, pool.trainable_weights)
            return found | {"slope of the weights": to_plain(slopes)}
        if how == "file":
            pool = _probe_reloaded(answer, pool, x.shape[1:])
            found["weights after loading"] = _probe_weights(pool, None)
        if how == "graph":
            pooled = _probe_graph(pool, x, **given)
        elif how == "masking":
            pooled = pool(keras.layers.Masking(mask_value=9.0)(x))
            behind = getattr(pooled, "_keras_mask", None)
            shape = None if behind is None else tuple(behind.shape)
            found["mask behind the pool"] = shape
        else:
            pooled = pool(x, **given)
    if how == "masking":
        told = any("mask" in str(w.message) for w in heard)
        found["Keras warns of the mask"] = told
    found["pooled"] = to_plain(pooled)
    return found | {"weights afterwards": _probe_weights(pool, None)}


def _probe_pool(answer: Answer, case: Case) -> Plain:
    try:
        return _probe_uses(answer, case)
    except (TypeError, ValueError) as error:  # a parent's method has the parent's name
        pattern = r"\w+\.(__init__|call)\(\)"
        error.args = (re.sub(pattern, r"LearntPool.\1()", str(error)),)
        raise


def _pool_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, how: str, mask: str = "", **own) -> Case:
        b, t, d = own.get("shape", (3, 4, 2))
        x = rng.normal(size=(b, t, d)) + rng.normal(size=d) * 2
        x *= own.get("size", 1)
        keep = rng.random((b, t)) < 0.6
        keep[:, 0], keep[:, -1] = True, False  # nowhere all, nowhere none
        keep = rng.permuted(keep, axis=1)
        if "empty" in mask:
            keep[1] = False
        if how == "masking":
            x[~keep] = 9.0
        elif mask:
            x[~keep] = rng.choice([-1, 1], d) * 500  # nobody may look at these
        w = rng.choice([-1, 1], d) * rng.uniform(0.5, 1.5, d)
        temperature = own.get("temperature", round(float(rng.uniform(0.3, 0.7)), 2))
        upstream = rng.normal(size=(b, d)).astype("float32")
        w = None if own.get("fresh") else w.astype("float32")
        args = how, temperature, w, x.astype("float32"), keep if mask else None
        made = f"LearntPool({temperature or ''})"
        state = "new" if w is None else f"with w = {w.round(2).tolist()}"
        given = f"x of shape {(b, t, d)}" + ", mask" * (mask != "") + f"; {state}"
        ways = {
            "call": f"{made} on {given}",
            "slope": f"the slope of w in {made} on {given}",
            "graph": f"{made} in a tf.function, on {given}",
            "masking": f"{made} behind a Masking layer, on {given}",
            "file": f"{made} saved in a model and loaded, on {given}",
        }
        return Case(group, (*args, upstream), ways[how])

    return [
        case("a new pool", "call", "mask", shape=(2, 5, 3), fresh=True),
        case("shares by weight", "call", temperature=None),
        case("shares by weight", "call", size=200, shape=(4, 3, 2)),
        case("masked steps", "call", "empty", shape=(3, 4, 3)),
        case("masked steps", "masking", "mask", shape=(2, 6, 3)),
        case("learning", "slope", "empty", shape=(3, 5, 2)),
        case("graphs and files", "graph", "empty", shape=(3, 4, 3)),
        case("graphs and files", "file", "mask", shape=(2, 4, 3)),
    ]


def _pool_expected(case: Case) -> Plain:
    how, temperature, w, x, mask, upstream = case.args
    b, t, d = x.shape
    v = np.zeros(d) if w is None else w.astype(float)
    pooled, slope = np.zeros((b, d)), np.zeros(d)
    for row in range(b):
        steps = [
            x[row, k].astype(float) for k in range(t) if mask is None or mask[row, k]
        ]
        if not steps:
            continue
        scores = np.array([step @ v for step in steps]) / (temperature or 1.0)
        parts = np.exp(scores - max(scores))
        parts /= sum(parts)
        pooled[row] = sum(p * step for p, step in zip(parts, steps, strict=True))
        for part, step in zip(parts, steps, strict=True):
            gain = (step - pooled[row]) @ upstream[row]
            slope += part * gain * step / (temperature or 1.0)
    weights = [f"({d},), trainable: True"]
    if how == "slope":
        slopes = [slope.astype("float32")]
        return {"weights": weights, "slope of the weights": slopes}
    found = {"weights": weights}
    found |= {"weights after loading": weights} if how == "file" else {}
    if how == "masking":
        found |= {"mask behind the pool": None, "Keras warns of the mask": False}
    pooled = pooled.astype("float32")
    return found | {"pooled": pooled, "weights afterwards": weights}


class _Pool(keras.layers.Layer):
    """A right answer in parts that the mistakes replace."""

    start, axis = "zeros", 1

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1],), initializer=self.start, name="w"
        )

    def compute_mask(self, inputs, previous_mask):
        return None

    def scores(self, x):
        return ops.sum(x * self.w, axis=-1) / self.temperature

    def shares(self, scores, mask):
        scores = ops.where(mask, scores, -1e9)
        return ops.softmax(scores, axis=self.axis) * ops.cast(mask, scores.dtype)

    def call(self, x, mask=None):
        scores = self.scores(x)
        if mask is None:
            mask = ops.ones_like(scores, dtype="bool")
        return ops.einsum("bt,btd->bd", self.shares(scores, mask), x)


class _PoolPlainVariable(_Pool):
    def build(self, input_shape):
        self.w = tf.Variable(tf.zeros(input_shape[-1]))


class _PoolInCall(_Pool):
    def build(self, input_shape):
        pass

    def call(self, x, mask=None):
        self.w = self.add_weight(shape=(x.shape[-1],), initializer="zeros")
        return super().call(x, mask)


class _PoolRandom(_Pool):
    start = "glorot_uniform"


class _PoolNoMask(_Pool):
    def shares(self, scores, mask):
        return ops.softmax(scores, axis=1)


class _PoolNoArgument(_Pool):
    def call(self, x):
        return super().call(x)


class _PoolZeroScores(_Pool):
    """Multiplies the scores by the mask, so padding still has a share."""

    def shares(self, scores, mask):
        mask = ops.cast(mask, scores.dtype)
        return ops.softmax(scores * mask, axis=1) * mask


class _PoolMaskLate(_Pool):
    """Shares over all steps; those of the padding are struck out, and missing."""

    def shares(self, scores, mask):
        return ops.softmax(scores, axis=1) * ops.cast(mask, scores.dtype)


class _PoolEmptyMean(_Pool):
    def shares(self, scores, mask):
        return ops.softmax(ops.where(mask, scores, -1e9), axis=1)


class _PoolEmptyNaN(_Pool):
    def shares(self, scores, mask):
        return ops.softmax(ops.where(mask, scores, -np.inf), axis=1)


class _PoolNaNSlope(_Pool):
    """Replaces the NaN after it has been made; its slope stays."""

    def shares(self, scores, mask):
        keep = ops.cast(mask, scores.dtype)
        low = scores - 1e9 * (1 - keep)
        parts = ops.exp(low - ops.max(low, axis=1, keepdims=True)) * keep
        total = ops.sum(parts, axis=1, keepdims=True)
        return ops.where(total > 0, parts / total, 0.0)


class _PoolOverflow(_Pool):
    def shares(self, scores, mask):
        parts = ops.where(mask, ops.exp(scores), 0.0)
        return ops.divide_no_nan(parts, ops.sum(parts, axis=1, keepdims=True))


class _PoolRows(_Pool):
    axis = 0


class _PoolTimes(_Pool):
    def scores(self, x):
        return ops.sum(x * self.w, axis=-1) * self.temperature


class _PoolForgets(_Pool):
    def get_config(self):
        return super().get_config()


class _PoolNoKwargs(_Pool):
    def __init__(self, temperature=1.0):
        super().__init__()
        self.temperature = temperature

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


class _PoolKeepsMask(_Pool):
    def compute_mask(self, inputs, previous_mask):
        return previous_mask


class _PoolWarned(_Pool):
    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(temperature, **kwargs)
        self.supports_masking = False


class _PoolAsks(_Pool):
    """Asks the mask with ``if``, which a graph cannot."""

    def call(self, x, mask=None):
        if mask is None or ops.all(mask):
            mask = ops.ones(ops.shape(x)[:2], dtype="bool")
        return super().call(x, mask)


class _PoolVariantExp(keras.layers.Layer):
    """Shares by hand: exponentials below the largest score that counts."""

    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.temperature, self.supports_masking = temperature, True

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=input_shape[-1:],
            initializer=keras.initializers.Zeros(),
        )

    def compute_mask(self, *_):
        return None

    def call(self, x, mask=None):
        scores = tf.linalg.matvec(x, self.kernel) / self.temperature
        mask = tf.ones_like(scores, tf.bool) if mask is None else mask
        low = tf.where(mask, scores, -1e30)
        low -= tf.stop_gradient(tf.reduce_max(low, axis=1, keepdims=True))
        parts = tf.where(mask, tf.exp(low), 0.0)
        total = tf.reduce_sum(parts, axis=1, keepdims=True)
        return tf.einsum("bt,btd->bd", tf.math.divide_no_nan(parts, total), x)


class _PoolVariantConfig(keras.layers.Layer):
    def __init__(self, temperature=1.0, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.temperature = temperature
        self.softmax = keras.layers.Softmax(axis=-1)

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

    def call(self, x, mask=None):
        scores = ops.matmul(x, self.w[:, None])[..., 0] / self.temperature
        shares = self.softmax(scores, mask=mask)
        if mask is not None:
            shares = shares * ops.cast(mask, "float32")
        return ops.matmul(shares[:, None, :], x)[:, 0]

    def compute_mask(self, inputs, mask=None):
        return None

    def get_config(self):
        return super().get_config() | {"temperature": self.temperature}


EXERCISE = Exercise(
    id="09.1",
    name="LearntPool",
    points=5,
    minutes=20,
    difficulty="core",
    inputs=_pool_inputs,
    probe=_probe_pool,
    expected=_pool_expected,
    rtol=1e-4,
    atol=1e-4,
    mistakes=(
        Mistake(
            "keeps the weights in a tf.Variable",
            "A `tf.Variable` on a Keras layer is in none of its lists: nothing trains "
            "it and no file keeps it. Make it with `self.add_weight(…)` in `build`.",
            _PoolPlainVariable,
        ),
        Mistake(
            "makes weights in call",
            "`call` runs for every batch, and each time you make new weights. Make "
            "them once, in `build(self, input_shape)`.",
            _PoolInCall,
        ),
        Mistake(
            "starts with random weights",
            "A new pool should be the plain mean of the steps, so its weights start at "
            'zero: `initializer="zeros"`. The default draws them at random.',
            _PoolRandom,
        ),
        Mistake(
            "ignores the mask",
            "Steps that the mask rules out have a share in your sums. Give them none, "
            "before the softmax divides.",
            _PoolNoMask,
        ),
        Mistake(
            "takes no mask",
            "Your `call` has no parameter `mask`, so nobody can tell it which steps "
            "count: `def call(self, x, mask=None)`. Keras fills it in by that name.",
            _PoolNoArgument,
        ),
        Mistake(
            "masks the scores with 0",
            "A score of 0 is not no share: its exponential is 1. What is masked needs "
            "a very low score, such as -1e9, before the softmax.",
            _PoolZeroScores,
        ),
        Mistake(
            "masks after the softmax",
            "You strike masked steps out after the softmax has given them their part, "
            "so the other shares no longer add up to 1. Lower their scores before it.",
            _PoolMaskLate,
        ),
        Mistake(
            "averages padding in an empty row",
            "In a row without a step all scores are equally low, and the softmax makes "
            "equal shares of them: you return the mean of the padding. Multiply the "
            "shares by the mask as well.",
            _PoolEmptyMean,
        ),
        Mistake(
            "NaN for an empty row",
            "A row without a step gives NaN: minus infinity everywhere leaves nothing "
            "to divide by. Take a finite low score, and multiply the shares by the "
            "mask.",
            _PoolEmptyNaN,
        ),
        Mistake(
            "NaN in the slope of an empty row",
            "What you return is right, but on its way there is a NaN that `where` has "
            "hidden; its slope is NaN all the same. Do not make one: a finite low "
            "score, or `divide_no_nan`.",
            _PoolNaNSlope,
        ),
        Mistake(
            "overflows",
            "The exponential of a large score is infinite, and infinite over infinite "
            "is NaN. Use `keras.ops.softmax`, or subtract the largest score first.",
            _PoolOverflow,
        ),
        Mistake(
            "shares among the rows",
            "Your softmax divides among the rows of a batch, so a text depends on its "
            "neighbours. Divide among the steps, axis 1 of the scores.",
            _PoolRows,
        ),
        Mistake(
            "multiplies by the temperature",
            "A high temperature should make the shares more alike: divide the scores "
            "by it.",
            _PoolTimes,
        ),
        Mistake(
            "a config without the temperature",
            "Your `get_config` leaves out `temperature`, so a loaded pool has the "
            "default again, without a word. Add it to what `super().get_config()` "
            "says.",
            _PoolForgets,
        ),
        Mistake(
            "takes no keywords",
            "Loading hands over what the config says, `name`, `trainable` and `dtype` "
            "among it. Take `**kwargs` and hand them to `super().__init__`.",
            _PoolNoKwargs,
        ),
        Mistake(
            "hands the mask on",
            "Behind the pool there are no steps, and yet its result carries their "
            "mask. Let `compute_mask` return None.",
            _PoolKeepsMask,
        ),
        Mistake(
            "does not say what becomes of the mask",
            "Keras warns that your layer does not support masking. Define "
            "`compute_mask(self, inputs, previous_mask)`, and let it return None.",
            _PoolWarned,
        ),
        Mistake(
            "asks a tensor with if",
            "`call` is not converted by AutoGraph: in a graph an `if` cannot ask what "
            "is in a tensor. Ask `if mask is None` only, and let `where` do the rest.",
            _PoolAsks,
        ),
    ),
    variants=(_PoolVariantExp, _PoolVariantConfig),
    hints=(
        "Four short methods: `__init__` keeps the temperature, `build` makes `w` with "
        "`self.add_weight`, `compute_mask` returns None, and `call` has the formula. "
        "Without a mask, make one that is true everywhere.",
        "The scores have shape (b, t): `keras.ops.sum(x * self.w, axis=-1)`, divided "
        "by the temperature. `keras.ops.where(mask, scores, -1e9)` before the softmax "
        "leaves masked steps no share.",
        "In an empty row the softmax makes equal shares of equally low scores, so "
        "multiply them by `keras.ops.cast(mask, x.dtype)`. Then the result is "
        '`keras.ops.einsum("bt,btd->bd", shares, x)`.',
    ),
    explain="What `add_weight` makes is found by the tape, the optimizer and the file; "
    "that is the whole difference to a variable of your own. The temperature is no "
    "weight: it travels in the config, which Keras writes itself as long as the "
    "arguments are plain and you do not override it. And a NaN that `where` hides in "
    "the result can come back in the slope.",
)
