"""Exercise 03.6: ``attach_head``."""

import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_RATE, _PACE = 0.2, 0.25


def _probe_encoder(kernel: np.ndarray, mean: np.ndarray) -> tf.train.Checkpoint:
    """A reusable SavedModel to be, which normalises as batch normalisation does."""
    kept, learnt = tf.Variable(mean, trainable=False), tf.Variable(kernel)
    rows = tf.TensorSpec([None, len(kernel)], tf.float32)

    def serve(x):
        return tf.tanh((x - kept) @ learnt)

    def train(x):
        center = tf.reduce_mean(x, axis=0)
        kept.assign_add(_PACE * (center - kept))
        return tf.tanh((x - center) @ learnt)

    def either(x, training=False):
        return train(x) if training else serve(x)

    encoder = tf.train.Checkpoint(kernel=learnt, mean=kept)
    encoder.variables, encoder.trainable_variables = [learnt, kept], [learnt]
    encoder.serve = tf.function(serve, [rows], autograph=False)
    encoder.train = tf.function(train, [rows], autograph=False)
    encoder.__call__ = tf.function(either, autograph=False)
    for training in (False, True):
        encoder.__call__.get_concrete_function(rows, training)
    return encoder


def _probe_publish(folder: str, kernel: np.ndarray, mean: np.ndarray) -> None:
    """Write the SavedModel of an encoder into the folder."""
    # Saving is the slowest part of a check, so it keeps what it has saved before.
    known = vars(_probe_publish).setdefault("known", {})
    key = repr((kernel.tolist(), mean.tolist()))
    if key not in known:
        if len(known) > 20:
            known.clear()
        tf.saved_model.save(_probe_encoder(kernel, mean), folder)
        files = {}
        for place, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    files[os.path.relpath(path, folder)] = file.read()
        known[key] = files
        return
    for name, content in known[key].items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def _probe_head(answer: Answer, case: Case) -> Plain:
    """Build on a published encoder, train a little, see what has moved."""
    trainable, kernel, mean, head, x, y, steps = case.args
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # saving tells where it has saved
    try:
        with tempfile.TemporaryDirectory() as folder:
            _probe_publish(folder, kernel, mean)
            try:
                model = answer(folder, head.shape[1], trainable)
            except ValueError as error:  # the folder has another name each time
                text = str(error).replace(folder, "path")
                raise ValueError(text).with_traceback(error.__traceback__) from None
            return _probe_model(model, head, tf.constant(x), y, steps)
    finally:
        logger.setLevel(level)


def _probe_model(
    model: Answer, head: np.ndarray, x: tf.Tensor, y: np.ndarray, steps: int
) -> Plain:
    """Logits of the model with these weights of its head, and after some training."""
    if not isinstance(model, keras.Model):
        return {"a": "no Keras model", "then": None}
    model(x[:1])  # builds it
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        return {"a": "Keras model whose last layer is no Dense", "then": None}
    if last.bias is None:
        return {"a": "Keras model whose head has no bias", "then": None}
    if last.kernel.shape != head.shape:
        shapes = f"{tuple(last.kernel.shape)}, not {head.shape}"
        return {"a": f"Keras model with a head of {shapes}", "then": None}
    last.set_weights([head, np.zeros(head.shape[1], "float32")])
    then = {"logits at first": to_plain(model(x))}
    if not steps:
        return {"a": "Keras model", "then": then}
    then["trainable variables"] = len(model.trainable_variables)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            if gradient is not None:
                variable.assign(variable - _RATE * gradient)
    then["logits after training"] = to_plain(model(x))
    return {"a": "Keras model", "then": then}


def _head_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, trainable: bool, n_in: int, width: int, steps: int) -> Case:
        n_out = int(rng.integers(2, 7))

        def numbers(*shape: int, scale: float = 1.0) -> np.ndarray:
            return (rng.normal(size=shape) * scale).astype("float32")

        args = (
            numbers(n_in, width, scale=0.6),
            numbers(n_in),
            numbers(width, n_out),
            numbers(6, n_in) + 1.5,
            numbers(6, n_out),
        )
        later = f", and after {steps} steps of training" if steps else ""
        call = f"attach_head(path, {n_out}, trainable={trainable}): logits{later}"
        return Case(group, (trainable, *args, steps), call)

    return [
        case("logits of a new model", bool(rng.integers(2)), 5, 2, 0),
        case("a frozen encoder", False, 3, 4, 2),
        case("an encoder that learns", True, 2, 3, 2),
    ]


def _head_expected(case: Case) -> Plain:
    trainable, kernel, mean, head, x, y, steps = case.args
    kernel, mean, head, x, y = (a.astype(float) for a in (kernel, mean, head, x, y))
    bias = np.zeros(head.shape[1])

    def logits() -> np.ndarray:
        return (np.tanh((x - mean) @ kernel) @ head + bias).astype("float32")

    first = logits()
    for _ in range(steps):
        center = x.mean(axis=0) if trainable else mean
        features = np.tanh((x - center) @ kernel)
        slope = 2 * (features @ head + bias - y) / y.size
        inner = (slope @ head.T) * (1 - features**2)
        head = head - _RATE * features.T @ slope
        bias = bias - _RATE * slope.sum(axis=0)
        if trainable:
            kernel = kernel - _RATE * (x - center).T @ inner
            mean = mean + _PACE * (center - mean)
    then = {"logits at first": first}
    if steps:
        then["trainable variables"] = 3 if trainable else 2
        then["logits after training"] = logits()
    return {"a": "Keras model", "then": then}


def _stack(path, head, **options):
    encoder = keras.layers.TFSMLayer(path, call_endpoint="serve", **options)
    return keras.Sequential([encoder, head])


def _head_right(path, n_classes, trainable):
    endpoint = "train" if trainable else None
    head = keras.layers.Dense(n_classes)
    options = {"call_training_endpoint": endpoint, "trainable": trainable}
    return _stack(path, head, **options)


def _head_default(path, n_classes, trainable):
    head = keras.layers.Dense(n_classes)
    return _stack(path, head, call_training_endpoint="train")


def _head_drifts(path, n_classes, trainable):
    head = keras.layers.Dense(n_classes)
    return _stack(path, head, call_training_endpoint="train", trainable=trainable)


def _head_inference_only(path, n_classes, trainable):
    return _stack(path, keras.layers.Dense(n_classes), trainable=trainable)


def _head_ignores(path, n_classes, trainable):
    return _stack(path, keras.layers.Dense(n_classes))


def _head_frozen(path, n_classes, trainable):
    return _stack(path, keras.layers.Dense(n_classes), trainable=False)


def _head_softmax(path, n_classes, trainable):
    model = _head_right(path, n_classes, trainable)
    model.layers[-1].activation = keras.activations.softmax
    return model


def _head_all_frozen(path, n_classes, trainable):
    model = _head_right(path, n_classes, trainable)
    model.trainable = trainable
    return model


def _head_missing(path, n_classes, trainable):
    endpoint = "train" if trainable else None
    options = {"call_training_endpoint": endpoint, "trainable": trainable}
    return keras.layers.TFSMLayer(path, call_endpoint="serve", **options)


def _head_always_trains(path, n_classes, trainable):
    encoder = keras.layers.TFSMLayer(path, call_endpoint="train", trainable=trainable)
    return keras.Sequential([encoder, keras.layers.Dense(n_classes)])


def _head_loaded_object(path, n_classes, trainable):
    encoder = tf.saved_model.load(path)
    return keras.Sequential([encoder, keras.layers.Dense(n_classes)])


def _head_keras_file(path, n_classes, trainable):
    encoder = keras.models.load_model(path)
    encoder.trainable = trainable
    return keras.Sequential([encoder, keras.layers.Dense(n_classes)])


class _LoadedEncoder(keras.layers.Layer):
    """A layer of one's own around the loaded object, which takes up its kernel."""

    def __init__(self, path, trainable):
        super().__init__(trainable=trainable)
        self.loaded = tf.saved_model.load(path)
        if trainable:
            self.kernel = keras.Variable(self.loaded.kernel)
            self.kernel._value = self.loaded.kernel

    def call(self, x, training=False):
        learns = training and self.trainable
        return self.loaded.train(x) if learns else self.loaded.serve(x)


def _head_variant_layer(path, n_classes, trainable):
    encoder = _LoadedEncoder(path, trainable)
    return keras.Sequential([encoder, keras.layers.Dense(n_classes)])


def _head_variant_functional(path, n_classes, trainable):
    options = {"call_training_endpoint": "train"} if trainable else {}
    encoder = keras.layers.TFSMLayer(path, call_endpoint="serve", **options)
    encoder.trainable = trainable
    width = tf.saved_model.load(path).kernel.shape[0]
    inputs = keras.Input([width])
    head = keras.layers.Dense(n_classes, activation="linear", name="head")
    return keras.Model(inputs, head(encoder(inputs)))


EXERCISE = Exercise(
    id="03.6",
    name="attach_head",
    points=4,
    minutes=20,
    difficulty="core",
    rtol=1e-4,
    atol=1e-5,
    inputs=_head_inputs,
    probe=_probe_head,
    expected=_head_expected,
    mistakes=(
        Mistake(
            "trains every encoder",
            "Your encoder learns although `trainable` is `False`: a `TFSMLayer` is "
            "trainable unless told. Hand the argument on, `trainable=trainable`, and "
            "use the endpoint `train` only if it is `True`.",
            _head_default,
        ),
        Mistake(
            "lets a frozen encoder drift",
            "No gradient reaches the frozen encoder, and still its results change: "
            "with `training=True` its endpoint `train` runs, which moves the running "
            "mean. Frozen means `serve` always: "
            '`call_training_endpoint="train" if trainable else None`.',
            _head_drifts,
        ),
        Mistake(
            "fine-tunes in inference mode",
            "The encoder learns, but on `serve`, with the running mean of its "
            "publisher. While it trains, it should run `train`, which normalises by "
            "the batch: `call_training_endpoint`, if `trainable`.",
            _head_inference_only,
        ),
        Mistake(
            "takes the layer as it comes",
            "Your model does not depend on `trainable`: the encoder always learns, "
            "since that is the default of `TFSMLayer`, and it always runs `serve`. "
            "Set `trainable` and `call_training_endpoint`.",
            _head_ignores,
        ),
        Mistake(
            "freezes every encoder",
            "The encoder never learns, even with `trainable=True`. Hand the argument "
            "on to the layer; what you only call through the loaded object is not "
            "among the model's variables.",
            _head_frozen,
        ),
        Mistake(
            "freezes the head as well",
            "`model.trainable = False` freezes every layer, the new head included, and "
            "nothing is left to train. Freeze the encoder's layer alone.",
            _head_all_frozen,
        ),
        Mistake(
            "always runs the training endpoint",
            "The encoder normalises by the batch at hand even in inference, so what "
            "it says of a row depends on the rows beside it, and each call moves its "
            "running mean. Inference is `serve`.",
            _head_always_trains,
        ),
        Mistake(
            "returns probabilities",
            "Your head ends in a softmax; logits are asked for. Leave the activation "
            "of the last `Dense` out.",
            _head_softmax,
        ),
        Mistake(
            "leaves out the head",
            "You return the encoder without a head, or as no Keras model. Put both "
            "into one: `keras.Sequential([encoder, keras.layers.Dense(n_classes)])`.",
            _head_missing,
        ),
        Mistake(
            "puts a foreign object into Sequential",
            "A model of Keras 3 takes layers of Keras 3. What `hub.load` or "
            "`tf.saved_model.load` returns is none, nor is `hub.KerasLayer`. "
            "`keras.layers.TFSMLayer(path, …)` is.",
            _head_loaded_object,
        ),
        Mistake(
            "loads it as a Keras file",
            "`keras.models.load_model` reads `.keras` files. A SavedModel is a folder "
            "with functions and variables, and comes in as a layer: "
            "`keras.layers.TFSMLayer(path, …)`.",
            _head_keras_file,
        ),
    ),
    variants=(_head_variant_layer, _head_variant_functional),
    hints=(
        "`keras.layers.TFSMLayer(path, call_endpoint=…)` makes a layer of a "
        "SavedModel. `call_training_endpoint` names a second one for training, and "
        "`trainable` is `True` unless you say otherwise.",
        "There are two ways to change an encoder: gradients, which `trainable=False` "
        "stops, and the endpoint `train`, which moves the running mean whatever "
        "`trainable` says.",
        '`encoder = keras.layers.TFSMLayer(path, call_endpoint="serve", '
        'call_training_endpoint="train" if trainable else None, trainable=trainable)`, '
        "then a `keras.Sequential` of it and `keras.layers.Dense(n_classes)`.",
    ),
    explain="Freezing has two halves: no gradient, and inference mode. Statistics that "
    "move by themselves, as in batch normalisation, ignore the first, so a frozen "
    "encoder must run its inference function even while the head trains. Fine-tuning "
    "turns both around.",
)
