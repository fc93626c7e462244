"""Exercise 09.3: ``Pinball``."""

import json
import re

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

ops = keras.ops


def _probe_graph(loss: Answer, y: tf.Tensor, p: tf.Tensor) -> tf.Tensor:
    """The loss from a graph in which the number of samples is not known."""

    def run(y: tf.Tensor, p: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("loss"):  # a graph takes no name that begins with _
            return loss(y, p)

    specs = [
        tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in (y, p)
    ]
    return tf.function(run, autograph=False).get_concrete_function(*specs)(y, p)


def _probe_losses(answer: Answer, case: Case) -> Plain:
    quantiles, options, y, p, weights, how = case.args
    loss = answer(quantiles, **options)
    if how == "config":  # as JSON, as a file keeps it
        loss = answer.from_config(json.loads(json.dumps(loss.get_config())))
    y, p = tf.constant(y), tf.constant(p)
    if how == "call":
        return {"loss": to_plain(loss.call(y, p))}
    if how == "graph":
        return {"loss": to_plain(_probe_graph(loss, y, p))}
    if how == "slope":
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = loss(y, p, sample_weight=weights)
        return {"loss": to_plain(value), "slope": to_plain(tape.gradient(value, p))}
    found = {"loss": to_plain(loss(y, p, sample_weight=weights))}
    if how == "config":
        kept = loss.name == options["name"]  # Keras numbers the names that it makes up
        found["name"] = loss.name if kept else "another"
    return found


def _probe_pinball(answer: Answer, case: Case) -> Plain:
    try:
        return _probe_losses(answer, case)
    except (TypeError, ValueError) as error:  # a parent's method has the parent's name
        pattern = r"\w+\.(__init__|call)\(\)"
        error.args = (re.sub(pattern, r"Pinball.\1()", str(error)),)
        raise


def _pinball_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, n: int, k: int, how: str = "", **own) -> Case:
        """Truths n, k guesses each; no guess is as good as right."""
        quantiles = sorted(
            (rng.choice(np.arange(1, 20), k, replace=False) / 20).tolist()
        )
        if k == 1 and quantiles == [0.5]:
            quantiles = [0.9]
        y = rng.integers(-9, 10, n).astype("float32")
        off = rng.choice([-1, 1], (n, k)) * rng.integers(1, 17, (n, k)) / 4
        off[:2, 0] = (abs(off[0, 0]), -abs(off[-1, 0]))[:n]  # one above and one below
        p = (y[:, None] + off).astype("float32")
        y = y[:, None] if own.get("column") else y
        y = y.astype("int64") if own.get("whole") else y
        weights = own.get("weights")
        if weights is True:
            weights = (rng.permutation(n) / 2).astype("float32")
        options = own.get("options", {})
        told = "".join(f", {key}={value!r}" for key, value in options.items())
        way = ".call" if how == "call" else ""
        call = f"Pinball({quantiles}{told}){way} of y {y.shape}, p {p.shape}"
        if weights is not None:
            call += f", sample_weight={weights.tolist()}"
        extra = {"graph": "in a tf.function", "config": "made again from its config"}
        call += f"; {extra[how]}" if how in extra else ""
        return Case(group, (quantiles, options, y, p, weights, how), call)

    each = {"reduction": None}
    named = {"name": "tail"} | each
    return [
        case("a loss for each sample", 4, 1, "call"),
        case("a loss for each sample", 5, 3, "call"),
        case("a loss for each sample", 3, 4, "call", column=True),
        case("means and weights", 4, 3, "slope"),
        case("means and weights", 5, 2, "slope", weights=True),
        case("means and weights", 3, 3, column=True, weights=True, options=each),
        case("means and weights", 4, 2, options={"reduction": "sum"}, whole=True),
        case("graphs and configs", 4, 3, "graph"),
        case("graphs and configs", 1, 2, "config", column=True, options=named),
    ]


def _pinball_expected(case: Case) -> Plain:
    quantiles, options, y, p, weights, how = case.args
    n, k = p.shape
    y, weight = y.reshape(n), np.ones(n) if weights is None else weights
    losses, slopes = np.zeros(n), np.zeros((n, k))
    for i in range(n):
        for j, q in enumerate(quantiles):
            miss = float(y[i]) - float(p[i, j])
            losses[i] += weight[i] * (q * miss if miss > 0 else (q - 1) * miss) / k
            slopes[i, j] = weight[i] * (-q if miss > 0 else 1 - q) / k / n
    match None if how == "call" else options.get("reduction", "mean"):
        case "mean":
            losses = losses.mean()
        case "sum":
            losses = losses.sum()
    found = {"loss": np.asarray(losses, "float32")}
    if how == "slope":
        found["slope"] = slopes.astype("float32")
    return found | ({"name": options["name"]} if how == "config" else {})


class _Pinball(keras.losses.Loss):
    """A right answer in parts that the mistakes replace."""

    def __init__(self, quantiles, **kwargs):
        super().__init__(**kwargs)
        self.quantiles = quantiles

    def truth(self, y_true):
        return ops.reshape(y_true, (-1, 1))

    def each(self, miss):
        q = np.float32(self.quantiles)
        return ops.maximum(q * miss, (q - 1) * miss)

    def sample(self, each):
        return ops.mean(each, axis=-1)

    def call(self, y_true, y_pred):
        return self.sample(self.each(self.truth(y_true) - y_pred))

    def get_config(self):
        return super().get_config() | {"quantiles": self.quantiles}


class _PinballScalar(_Pinball):
    def sample(self, each):
        return ops.mean(each)


class _PinballSum(_Pinball):
    def sample(self, each):
        return ops.sum(each, axis=-1)


class _PinballMatrix(_Pinball):
    def sample(self, each):
        return each


class _PinballOverSamples(_Pinball):
    def sample(self, each):
        return ops.mean(each, axis=0)


class _PinballFlipped(_Pinball):
    def each(self, miss):
        return super().each(-miss)


class _PinballNegative(_Pinball):
    def each(self, miss):
        q = np.float32(self.quantiles)
        return ops.minimum(q * miss, (q - 1) * miss)


class _PinballSwapped(_Pinball):
    def each(self, miss):
        q = np.float32(self.quantiles)
        return ops.where(miss > 0, q * miss, (q - 1) * ops.abs(miss))


class _PinballAbsolute(_Pinball):
    def each(self, miss):
        return ops.abs(miss)


class _PinballOneRate(_Pinball):
    def each(self, miss):
        return np.float32(self.quantiles) * ops.abs(miss)


class _PinballFirst(_Pinball):
    def each(self, miss):
        q = self.quantiles[0]
        return ops.maximum(q * miss, (q - 1) * miss)


class _PinballAddsAxis(_Pinball):
    def truth(self, y_true):
        return y_true[:, None]


class _PinballNoAxis(_Pinball):
    def truth(self, y_true):
        return y_true


class _PinballReduces(_Pinball):
    def __init__(self, quantiles, name=None, reduction=None):
        super().__init__(quantiles, name=name)


class _PinballDrops(_Pinball):
    def __init__(self, quantiles, **kwargs):
        super().__init__(quantiles)


class _PinballNoKeywords(_Pinball):
    def __init__(self, quantiles):
        super().__init__(quantiles)


class _PinballNoConfig(_Pinball):
    get_config = keras.losses.Loss.get_config


class _PinballOnlyOwn(_Pinball):
    def get_config(self):
        return {"quantiles": self.quantiles}


class _PinballArray(_Pinball):
    def __init__(self, quantiles, **kwargs):
        super().__init__(np.float32(quantiles), **kwargs)


class _PinballNumpy(_Pinball):
    def call(self, y_true, y_pred):
        return super().call(y_true.numpy(), y_pred.numpy())


class _PinballLoops(_Pinball):
    """A Python loop over the samples; in a graph their number is not known."""

    def call(self, y_true, y_pred):
        pairs = zip(self.truth(y_true), y_pred, strict=True)
        return ops.stack([self.sample(self.each(y - p)) for y, p in pairs])


class _PinballVariantLoop(keras.losses.Loss):
    """A quantile at a time, each a vector of the batch."""

    def __init__(self, quantiles, name="pinball", **kwargs):
        super().__init__(name=name, **kwargs)
        self.quantiles = list(quantiles)

    def call(self, y_true, y_pred):
        y, total = tf.reshape(tf.cast(y_true, y_pred.dtype), [-1]), 0.0
        for column, q in enumerate(self.quantiles):
            miss = y - y_pred[:, column]
            total += tf.where(miss >= 0, q * miss, (q - 1) * miss)
        return total / len(self.quantiles)

    def get_config(self):
        return {**super().get_config(), "quantiles": self.quantiles}


class _PinballVariantHalf(keras.losses.Loss):
    """Half the absolute error, tilted."""

    def __init__(self, quantiles, reduction="sum_over_batch_size", name=None):
        super().__init__(reduction=reduction, name=name)
        self.quantiles = quantiles
        self.tilt = tf.constant(quantiles) - 0.5

    def call(self, y_true, y_pred):
        y = y_true if len(y_true.shape) == 2 else tf.expand_dims(y_true, -1)
        miss = y - y_pred
        return tf.reduce_mean(tf.abs(miss) / 2 + self.tilt * miss, axis=1)

    def get_config(self):
        same = {"name": self.name, "reduction": self.reduction}
        return {"quantiles": self.quantiles, **same}


EXERCISE = Exercise(
    id="09.3",
    name="Pinball",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_pinball_inputs,
    probe=_probe_pinball,
    expected=_pinball_expected,
    mistakes=(
        Mistake(
            "returns one number",
            "Your `call` returns one number for the batch, so no weight and no "
            "reduction can reach a single sample. Take the mean over the quantiles "
            "only, `axis=-1`; Keras takes the one over the samples.",
            _PinballScalar,
        ),
        Mistake(
            "adds the quantiles up",
            "A sample's loss is the mean over its k quantiles; yours is their sum, k "
            "times as much.",
            _PinballSum,
        ),
        Mistake(
            "returns a number for each quantile",
            "`call` should return one number for each sample, shape (N,). Take the "
            "mean over the quantiles, `axis=-1`.",
            _PinballMatrix,
        ),
        Mistake(
            "averages over the samples",
            "You take the mean over axis 0, the samples, and a number for each "
            "quantile is left. It should be one for each sample: `axis=-1`.",
            _PinballOverSamples,
        ),
        Mistake(
            "has the sign flipped",
            "You take p - y for y - p, so what should punish guesses that are too low "
            "punishes those that are too high. The 0.9 quantile becomes the 0.1 one.",
            _PinballFlipped,
        ),
        Mistake(
            "takes the smaller",
            "Of q·miss and (q - 1)·miss the larger counts: it is the one that is "
            "positive. Yours is the smaller, and the better the worse the guess.",
            _PinballNegative,
        ),
        Mistake(
            "rewards guesses that are too high",
            "Where p is above y, you multiply q - 1, which is negative, by the "
            "absolute error: a loss below 0. Multiply it by y - p, which is negative "
            "too.",
            _PinballSwapped,
        ),
        Mistake(
            "has no quantiles",
            "Yours is the absolute error, whichever the quantile. Too low costs q for "
            "each unit, too high 1 - q.",
            _PinballAbsolute,
        ),
        Mistake(
            "charges both sides alike",
            "You multiply the distance by q on both sides. Too low costs q for each "
            "unit, too high 1 - q.",
            _PinballOneRate,
        ),
        Mistake(
            "uses the first quantile for all columns",
            "Each column of the guesses has its own quantile. You use the first one "
            "for all of them.",
            _PinballFirst,
        ),
        Mistake(
            "always adds an axis",
            "You add an axis to the truths. Those that are a column already, (N, 1), "
            "become (N, 1, 1), and broadcasting does the rest. `reshape` to (-1, 1) is "
            "right for both.",
            _PinballAddsAxis,
        ),
        Mistake(
            "compares each with each",
            "Shapes are matched from the right: truths of shape (N,) against guesses "
            "of shape (N, 1) make a table of all pairs, and against (N, k) they do not "
            "fit. Make the truths a column first: `keras.ops.reshape(y_true, (-1, "
            "1))`.",
            _PinballNoAxis,
        ),
        Mistake(
            "swallows the reduction",
            "You accept `reduction` and do not hand it on, so the base class uses its "
            "default. Hand all keywords to `super().__init__(**kwargs)`.",
            _PinballReduces,
        ),
        Mistake(
            "drops the keywords",
            "You take `**kwargs` and keep them to yourself: the loss has neither the "
            "name nor the reduction that it was given. Hand them on, "
            "`super().__init__(**kwargs)`.",
            _PinballDrops,
        ),
        Mistake(
            "takes no keywords",
            "Every loss of Keras takes `name` and `reduction`, and yours does not. "
            "Take `**kwargs`, and hand them to `super().__init__(**kwargs)`.",
            _PinballNoKeywords,
        ),
        Mistake(
            "a config without the quantiles",
            "The config of a loss has its name and its reduction, and nothing of "
            "yours: nobody can make the loss again. Add the quantiles in `get_config`.",
            _PinballNoConfig,
        ),
        Mistake(
            "a config with the quantiles alone",
            "Your config has lost the name and the reduction. Begin with "
            "`super().get_config()`, and add the quantiles.",
            _PinballOnlyOwn,
        ),
        Mistake(
            "puts an array into the config",
            "A config goes into a file as JSON, and an array is no JSON. Keep the "
            "quantiles as the list that they were, and make the array in `call`.",
            _PinballArray,
        ),
        Mistake(
            "goes through NumPy",
            "With `.numpy()` the tape loses sight of the guesses, and in a graph they "
            "have no value yet. Use `keras.ops` or TensorFlow's own functions.",
            _PinballNumpy,
        ),
        Mistake(
            "loops over the samples",
            "You loop over the batch. In a graph its size is not known, and "
            "`call` is not converted by AutoGraph. Work on the whole batch at once.",
            _PinballLoops,
        ),
    ),
    variants=(_PinballVariantLoop, _PinballVariantHalf),
    hints=(
        "Make the truths a column first, whatever shape they come in: "
        "`keras.ops.reshape(y_true, (-1, 1))`. Then truths minus guesses is a table "
        "(N, k).",
        "For each number of that table the larger of `q * miss` and `(q - 1) * miss` "
        "counts, with the k quantiles along the last axis: `keras.ops.maximum`.",
        "`call` ends with `return keras.ops.mean(each, axis=-1)`, and no other mean. "
        "`__init__` hands `**kwargs` to `super().__init__`; `get_config` returns "
        '`super().get_config() | {"quantiles": self.quantiles}`.',
    ),
    explain="A loss that returns a number for each sample leaves the rest to Keras: "
    "weights, masks, and every kind of reduction. One that returns a single number "
    "takes all of that away, without an error. The quantile loss (Koenker and Bassett, "
    "1978) is least, over many samples, where a share q of the truths lies below the "
    "guess.",
)
