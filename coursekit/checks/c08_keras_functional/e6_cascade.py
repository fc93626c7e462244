"""Exercise 08.6: ``Cascade``."""

import os
import re
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_ROUNDING = 1e-12  # a share this close to 1 is 1 in float32


def _probe_cascade(answer: Answer, case: Case) -> Plain:
    """The layers of a model, and one thing that it does with these weights."""
    what, sizes, options, drawn, x = case.args
    model = answer(*sizes, **options)
    if not isinstance(model, keras.Model):
        return {"is": f"a {type(model).__name__}", "layers": None, what: None}
    x = tf.constant(x)
    model(x[:1])
    made = {name: _probe_layer(model, name) for name in drawn}
    report = {"is": "a keras.Model", "layers": made}
    if made != {name: "{} to {}".format(*k.shape) for name, (k, _) in drawn.items()}:
        return report | {what: None}
    for name, values in drawn.items():
        getattr(model, name).set_weights(values)
    if what == "training":
        return report | {what: to_plain(model(x, training=True))}
    if what == "in a graph":
        spec = tf.TensorSpec([None, x.shape[1]], tf.float32)
        call = tf.function(lambda rows: model(rows), autograph=False)
        graph = call.get_concrete_function(spec)
        return report | {what: [to_plain(graph(x)), to_plain(graph(x[:2]))]}
    if what == "reloaded":
        return report | {what: _probe_reloaded(model, x)}
    return report | {what: to_plain(model(x))}


def _probe_layer(model: keras.Model, name: str) -> str:
    layer = getattr(model, name, None)
    if not isinstance(layer, keras.layers.Dense):
        return "not there" if layer is None else f"a {type(layer).__name__}"
    return "{} to {}".format(*layer.kernel.shape) if layer.built else "never called"


def _probe_reloaded(model: keras.Model, x: tf.Tensor) -> Plain:
    """What comes back from a file, as in a program that knows registered classes."""
    kind = type(model)
    name = keras.saving.get_registered_name(kind)
    registered = keras.saving.get_registered_object(name) is not None
    found: dict[str, Plain] = {
        "the class is": "registered" if registered else "unknown"
    }
    if not registered:
        return found | {"results": None}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cascade.keras")
        step = "save"
        try:
            model.save(path)
            step = "load"
            # Another class of this name may have been registered since.
            with keras.saving.custom_object_scope({name: kind}):
                again = keras.saving.load_model(path, compile=False)
        except Exception as error:
            why = re.search(r"missing|unexpected", str(error))
            why = f", {why[0]} arguments" if why and step == "load" else ""
            return found | {"results": f"{step}: {type(error).__name__}{why}"}
    return found | {"results": to_plain(again(x))}


def _cascade_inputs(rng: np.random.Generator) -> list[Case]:
    def case(what: str, rows: int, threshold: float | None = None) -> Case:
        # At a threshold of 1, which a float32 reaches, ">=" and ">" differ.
        steep = 30 if threshold == 1 else 1
        d, units = int(rng.integers(4, 7)), int(rng.integers(7, 9))
        n = int(rng.integers(3, 6))
        sides = {"quick": (d, n), "hidden": (d, units), "deep": (units, n)}
        limit = 0.9 if threshold is None else threshold
        # Until some rows are sure, some would not be at 0.9, and none is near.
        while True:
            drawn = {
                name: [rng.normal(size=s).astype("float32") for s in (side, side[1])]
                for name, side in sides.items()
            }
            x = rng.normal(size=(rows, d)).astype("float32")
            x[::2] *= steep
            quick, _ = _cascade_both(drawn, x)
            best = _cascade_shares(quick).max(axis=-1)
            sure = best > limit - _ROUNDING
            other = (quick.max(axis=-1) > limit) != sure
            near = (np.abs(best - limit) < 0.01) & (best < 1 - _ROUNDING)
            default = threshold not in (None, 1) and not (sure & (best < 0.89)).any()
            mixed = sure.any() != sure.all()
            if mixed and not near.any() and not default and other.any():
                break
        options = {} if threshold is None else {"threshold": threshold}
        shown = f", threshold={threshold}" if options else ""
        call = f"Cascade({units}, {n}{shown}), {what}: {rows} rows"
        return Case(what, (what, (units, n), options, drawn, x), call)

    def limit() -> float:
        return int(rng.integers(12, 17)) / 20

    return [
        case("results", 6, limit()),
        case("results", 4, 1.0),
        case("training", 4, limit()),
        case("in a graph", 6),
        case("reloaded", 6, limit()),
    ]


def _cascade_both(drawn: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (a, b), (c, d), (e, f) = (drawn[name] for name in ("quick", "hidden", "deep"))
    x = x.astype(float)
    return x @ a + b, np.maximum(x @ c + d, 0) @ e + f


def _cascade_shares(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _cascade_expected(case: Case) -> Plain:
    what, _, options, drawn, x = case.args
    quick, deep = _cascade_both(drawn, x)
    limit = options.get("threshold", 0.9)
    made = {name: "{} to {}".format(*k.shape) for name, (k, _) in drawn.items()}
    report = {"is": "a keras.Model", "layers": made}
    if what == "training":
        return report | {what: ((quick + deep) / 2).astype("float32")}
    pairs = zip(_cascade_shares(quick), quick, deep, strict=True)
    rows = [q if shares.max() > limit - _ROUNDING else d for shares, q, d in pairs]
    results = np.array(rows, "float32")
    if what == "in a graph":
        return report | {what: [results, results[:2]]}
    if what == "reloaded":
        return report | {what: {"the class is": "registered", "results": results}}
    return report | {what: results}


_registered = keras.saving.register_keras_serializable("c08")


@_registered
class CascadeRight(keras.Model):
    """A right answer in parts that the mistakes replace."""

    def __init__(self, units, n_classes, threshold=0.9, **kwargs):
        super().__init__(**kwargs)
        self.quick = layers.Dense(n_classes)
        self.hidden = layers.Dense(units, activation="relu")
        self.deep = layers.Dense(n_classes)
        self.units, self.n_classes, self.threshold = units, n_classes, threshold

    def call(self, x, training=False):
        quick, deep = self.quick(x), self.deep(self.hidden(x))
        if training:
            return (quick + deep) / 2
        return self.choose(quick, deep)

    def share(self, quick):
        return ops.max(ops.softmax(quick), axis=-1, keepdims=True)

    def choose(self, quick, deep):
        return ops.where(self.share(quick) >= self.threshold, quick, deep)

    def get_config(self):
        mine = {"units": self.units, "n_classes": self.n_classes}
        return super().get_config() | mine | {"threshold": self.threshold}


@_registered
class CascadePythonIf(CascadeRight):
    def choose(self, quick, deep):
        return quick if ops.min(self.share(quick)) >= self.threshold else deep


@_registered
class CascadePythonLoop(CascadeRight):
    def choose(self, quick, deep):
        sure = self.share(quick)[:, 0] >= self.threshold
        pairs = zip(sure, quick, deep, strict=True)
        return ops.stack([q if yes else d for yes, q, d in pairs])


@_registered
class CascadeNumpy(CascadeRight):
    def choose(self, quick, deep):
        sure = self.share(quick).numpy() >= self.threshold
        return ops.convert_to_tensor(np.where(sure, quick.numpy(), deep.numpy()))


@_registered
class CascadeOneForAll(CascadeRight):
    def choose(self, quick, deep):
        sure = ops.all(self.share(quick) >= self.threshold)
        return ops.cond(sure, lambda: quick, lambda: deep)


@_registered
class CascadeNoTraining(CascadeRight):
    def call(self, x, training=False):
        return super().call(x)


@_registered
class CascadeAlwaysTrains(CascadeRight):
    def call(self, x, training=True):
        return super().call(x, training=training)


@_registered
class CascadeLogits(CascadeRight):
    def share(self, quick):
        return ops.max(quick, axis=-1, keepdims=True)


@_registered
class CascadeStrict(CascadeRight):
    def choose(self, quick, deep):
        return ops.where(self.share(quick) > self.threshold, quick, deep)


@_registered
class CascadeSwapped(CascadeRight):
    def choose(self, quick, deep):
        return super().choose(quick, deep) * 0 + ops.where(
            self.share(quick) >= self.threshold, deep, quick
        )


@_registered
class CascadeEachNumber(CascadeRight):
    def share(self, quick):
        return ops.softmax(quick)


@_registered
class CascadeNoConfig(CascadeRight):
    get_config = keras.Model.get_config


@_registered
class CascadeForgetsThreshold(CascadeRight):
    def get_config(self):
        config = super().get_config()
        config.pop("threshold")
        return config


@_registered
class CascadeForgetsSizes(CascadeRight):
    def get_config(self):
        return keras.Model.get_config(self) | {"threshold": self.threshold}


@_registered
class CascadeNoBase(CascadeRight):
    def __init__(self, units, n_classes, threshold=0.9):
        super().__init__(units, n_classes, threshold)


class CascadeUnknown(CascadeRight):
    pass


@_registered
class CascadeLayersInCall(keras.Model):
    def __init__(self, units, n_classes, threshold=0.9, **kwargs):
        super().__init__(**kwargs)
        self.units, self.n_classes, self.threshold = units, n_classes, threshold

    def call(self, x, training=False):
        hidden = layers.Dense(self.units, activation="relu")(x)
        return layers.Dense(self.n_classes)(hidden)


@_registered
class CascadeVariantFactors(keras.Model):
    """Factors of 0 and 1; layers are built early; the config is all its own."""

    def __init__(self, units, n_classes, threshold=0.9, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.sizes = {"units": units, "n_classes": n_classes}
        self.limit = float(threshold)
        self.deep = layers.Dense(n_classes, name="deep")
        self.hidden = layers.Dense(units, "relu", name="hidden")
        self.quick = layers.Dense(n_classes, name="quick")

    def build(self, shape):
        self.quick.build(shape)
        self.hidden.build(shape)
        self.deep.build((None, self.sizes["units"]))

    def call(self, x, training=None):
        one, two = self.quick(x), self.deep(self.hidden(x))
        best = ops.amax(keras.activations.softmax(one), -1)
        share = 0.5 if training else ops.cast(best >= self.limit, one.dtype)[:, None]
        return share * one + (1 - share) * two

    def get_config(self):
        return {"name": self.name, "threshold": self.limit} | dict(self.sizes)


@_registered
class CascadeVariantFunction(CascadeRight):
    """AutoGraph can be asked for: then an ``if`` on a tensor is converted."""

    def choose(self, quick, deep):
        return tf.map_fn(self.row, (quick, deep), fn_output_signature=tf.float32)

    @tf.function
    def row(self, pair):
        quick, deep = pair
        if tf.reduce_max(tf.nn.softmax(quick)) >= self.threshold:
            return quick
        else:
            return deep


EXERCISE = Exercise(
    id="08.6",
    name="Cascade",
    points=5,
    minutes=20,
    difficulty="core",
    rtol=1e-4,
    atol=1e-4,
    inputs=_cascade_inputs,
    probe=_probe_cascade,
    expected=_cascade_expected,
    mistakes=(
        Mistake(
            "asks a whole batch with if",
            "Your `if` has one answer for all rows, and inside a graph it has none at "
            "all: Keras does not convert `call` as `tf.function` converts a function. "
            "Choose row by row with `ops.where`.",
            CascadePythonIf,
        ),
        Mistake(
            "goes through the rows in Python",
            "Eagerly this is right. In a graph, and so in `fit` and `predict`, the "
            "rows are not there yet, and Python can neither count nor ask them. "
            "`ops.where` chooses for all rows at once.",
            CascadePythonLoop,
        ),
        Mistake(
            "leaves TensorFlow",
            "`.numpy()` and functions of NumPy need values, and a graph has none while "
            "it is made. Use `keras.ops`: `ops.max`, `ops.where`.",
            CascadeNumpy,
        ),
        Mistake(
            "decides once for the batch",
            "`ops.cond` takes one branch for all rows, so what a row gets depends on "
            "the rows beside it. `ops.where` chooses for each row.",
            CascadeOneForAll,
        ),
        Mistake(
            "ignores training",
            "With `training=True` your model chooses as well, and the branch that was "
            "not taken learns nothing. Return the mean of both. `training` is a Python "
            "bool, so here an `if` is right.",
            CascadeNoTraining,
        ),
        Mistake(
            "takes training for the normal case",
            "Your model returns the mean unless told otherwise. The default is "
            "inference: `training=False`; `fit` says `True` by itself.",
            CascadeAlwaysTrains,
        ),
        Mistake(
            "compares logits with the threshold",
            "You compare the largest logit with a probability. A logit of 2 may be "
            "sure or not, that depends on the others: `ops.softmax` first.",
            CascadeLogits,
        ),
        Mistake(
            "wants more than the threshold",
            "A row whose largest share is exactly the threshold gets the deep answer "
            "in your model. *At least* is `>=`.",
            CascadeStrict,
        ),
        Mistake(
            "chooses number by number",
            "You compare each share with the threshold, so a row is put together from "
            "both answers. A row is sure or not as a whole: its largest share counts.",
            CascadeEachNumber,
        ),
        Mistake(
            "swaps the branches",
            "Rows that are sure get the deep answer in your model. They keep the quick "
            "one: `ops.where(sure, quick, deep)`.",
            CascadeSwapped,
        ),
        Mistake(
            "has no config",
            "Without `get_config` the file cannot say how the model is made, and "
            "`save` refuses. Return a dict with what `__init__` takes.",
            CascadeNoConfig,
        ),
        Mistake(
            "forgets the threshold in its config",
            "The model comes back with the threshold 0.9, the default, without a word. "
            "Every argument of `__init__` belongs into `get_config`.",
            CascadeForgetsThreshold,
        ),
        Mistake(
            "forgets the sizes in its config",
            "Your config lacks `units` or `n_classes`, so `__init__` cannot be called "
            "when the model is loaded. Every argument belongs into `get_config`.",
            CascadeForgetsSizes,
        ),
        Mistake(
            "refuses what the base class wants",
            "The config of the base class holds `name`, `trainable` and `dtype`, which "
            "come back as arguments: take `**kwargs`, and hand them on, "
            "`super().__init__(**kwargs)`.",
            CascadeNoBase,
        ),
        Mistake(
            "does not register the class",
            "The file holds the name of a class, and in another program nobody knows "
            "it. `@keras.saving.register_keras_serializable()` above the class.",
            CascadeUnknown,
        ),
        Mistake(
            "makes its layers in call",
            "Layers made in `call` are new at every call, with new random weights, and "
            "the model knows none of them. Make them in `__init__`: `self.quick = …`.",
            CascadeLayersInCall,
        ),
    ),
    variants=(CascadeVariantFactors, CascadeVariantFunction),
    hints=(
        "Compute both answers for all rows. How sure a row is: "
        "`ops.max(ops.softmax(quick), axis=-1, keepdims=True)`, shape (rows, 1).",
        "`ops.where(sure >= self.threshold, quick, deep)` chooses for each row, "
        "eagerly and in a graph. Before it, `if training: return (quick + deep) / 2`.",
        "Keep `units`, `n_classes` and `threshold` as attributes, and define "
        '`get_config(self)`: `return super().get_config() | {"units": self.units, …}` '
        "with all three.",
    ),
    explain="A subclass may do in `call` whatever it likes, and Keras sees nothing of "
    "it: no graph to draw, no config to save. What the functional model gives for "
    "nothing you write by hand: a config with every argument, a registered name, and "
    "code that chooses with numbers, since Keras does not convert the `if` of a "
    "tensor. Ask each such model the same three things: is it the same eagerly, in a "
    "graph, and from its file?",
)
