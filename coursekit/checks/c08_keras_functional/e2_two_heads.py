"""Exercise 08.2: ``two_heads``."""

from functools import partial

import keras
import numpy as np
from keras import layers

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_WIDTH, _RATE, _SHARE, _STEPS = 16, 0.1, 0.25, 2


def _probe_two_heads(answer: Answer, case: Case) -> Plain:
    """What kind of model it is, and one thing that it does with these weights."""
    what, sizes, drawn, x, y = case.args
    model = answer(*sizes)
    if not isinstance(model, keras.Model):
        return {"returns": f"a {type(model).__name__}", "built": None, what: None}
    said = model(x)
    if not isinstance(said, dict):
        kind = f"a model that gives a {type(said).__name__}"
        return {"returns": kind, "built": None, what: None}
    pairs = list(zip(model.weights[::2], model.weights[1::2], strict=False))
    kernels = sorted(str(tuple(kernel.shape)) for kernel, _ in pairs)
    shapes = {name: str(tuple(value.shape)) for name, value in said.items()}
    built = {"results": shapes, "kernels": kernels, "weights": len(model.weights)}
    report = {"returns": "a model that gives a dict", "built": built}
    given = {str(kernel.shape): (kernel, bias) for kernel, bias in drawn}
    if kernels != sorted(given) or len(model.weights) != 2 * len(pairs):
        return report | {what: None}
    for pair in pairs:
        for weight, value in zip(pair, given[str(pair[0].shape)], strict=True):
            weight.assign(value)
    return report | {what: _probe_does(model, what, x, y)}


def _probe_does(model: keras.Model, what: str, x: dict, y: dict) -> Plain:
    """Its results, or what one step of training says or changes."""
    if what == "results":
        return {name: to_plain(value) for name, value in model(x).items()}
    if not model.compiled:
        return "the model has not been compiled"
    if what == "loss":
        return float(model.compute_loss(x=x, y=y, y_pred=model(x)))
    model.run_eagerly = True  # tracing would take most of the time
    logs = model.train_on_batch(x, y, return_dict=True)
    if what == "metrics":
        logs = {k: float(v) for k, v in logs.items() if not k.endswith("loss")}
        return {name.partition("_")[0]: round(v, 3) for name, v in logs.items()}
    for _ in range(_STEPS - 1):  # momentum shows in the second step
        model.train_on_batch(x, y)
    kernels = [weight for weight in model.weights if len(weight.shape) == 2]
    return {str(tuple(kernel.shape)): to_plain(kernel) for kernel in kernels}


def _two_heads_inputs(rng: np.random.Generator) -> list[Case]:
    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype("float32")

    def case(group: str, what: str, rows: int, call: str) -> Case:
        n, k = int(rng.integers(5, 9)), int(rng.integers(3, 7))
        m = int(rng.integers(2, 5))
        x = {"facts": numbers(rows, m), "pixels": numbers(rows, n)}
        digits = rng.permutation(np.arange(rows) % k).astype("int32")
        y = {"postage": numbers(rows, 1), "digit": digits}
        sides = [(n, _WIDTH), (_WIDTH + m, k), (_WIDTH + m, 1)]
        drawn = [[numbers(*side) * 0.7, numbers(side[1])] for side in sides]
        # The postage is above 0 for one half of the rows, and below for the other.
        drawn[2][1] -= np.median(_two_heads_forward(drawn, x)[2]).astype("float32")
        made = f"two_heads({n}, {m}, {k})"
        return Case(group, (what, (n, m, k), drawn, x, y), f"{made}; {call}")

    return [
        case("results", "results", 5, "its results for 5 rows"),
        case("loss", "loss", 8, "its loss for 8 rows"),
        case("metrics", "metrics", 8, "what it measures for 8 rows, by result"),
        case("steps", "kernels", 8, "kernels after two steps with 8 rows"),
    ]


def _two_heads_forward(drawn: list, x: dict) -> tuple[np.ndarray, ...]:
    (w, b), (v, c), (u, d) = [[a.astype(float) for a in pair] for pair in drawn]
    hidden = np.maximum(x["pixels"] @ w + b, 0)
    features = np.concatenate([hidden, x["facts"]], axis=1)
    return features, features @ v + c, features @ u + d


def _two_heads_expected(case: Case) -> Plain:
    what, _, drawn, x, y = case.args
    _, logits, postage = _two_heads_forward(drawn, x)
    rows, truth = len(logits), y["digit"]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = postage - y["postage"]
    shapes = {"digit": str(logits.shape), "postage": str(postage.shape)}
    kernels = sorted(str(kernel.shape) for kernel, _ in drawn)
    report = {"returns": "a model that gives a dict"}
    report |= {"built": {"results": shapes, "kernels": kernels, "weights": 6}}
    if what == "results":
        found = {"digit": logits, "postage": postage}
        return report | {what: {k: a.astype("float32") for k, a in found.items()}}
    if what == "loss":
        surprise = -np.log(shares[np.arange(rows), truth]).mean()
        return report | {what: float(surprise + _SHARE * (error**2).mean())}
    if what == "metrics":
        right = (logits.argmax(axis=1) == truth).mean()
        return report | {what: {"digit": round(float(right), 3)}}
    for _ in range(_STEPS):
        drawn = _two_heads_step(drawn, x, y)
    after = {str(k.shape): k.astype("float32") for k, _ in drawn}
    return report | {what: after}


def _two_heads_step(drawn: list, x: dict, y: dict) -> list:
    """One step of gradient descent, by hand."""
    (_, _), (v, _), (u, _) = drawn
    features, logits, postage = _two_heads_forward(drawn, x)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    one = (shares - np.eye(shares.shape[1])[y["digit"]]) / len(shares)
    two = 2 * _SHARE * (postage - y["postage"]) / len(shares)
    back = ((one @ v.T + two @ u.T) * (features > 0))[:, :_WIDTH]
    ways = [(x["pixels"], back), (features, one), (features, two)]
    slopes = [[below.T @ slope, slope.sum(axis=0)] for below, slope in ways]
    return [
        [
            value.astype(float) - _RATE * slope
            for value, slope in zip(*both, strict=True)
        ]
        for both in zip(drawn, slopes, strict=True)
    ]


def _two_heads(n_pixels, n_facts, n_classes, **how):
    """A right answer in parts that the mistakes replace."""
    pixels = keras.Input((n_pixels,), name=how.get("first", "pixels"))
    facts = keras.Input((n_facts,), name=how.get("second", "facts"))

    def trunk(x):
        return layers.Dense(_WIDTH, activation=how.get("trunk", "relu"))(x)

    def features():
        return layers.concatenate([trunk(pixels), facts])

    both = how.get("join", features)
    both = features() if both is features else both(pixels, facts, trunk)
    digit, postage = both if isinstance(both, tuple) else (both, both)
    if how.get("apart"):
        postage = features()
    digit = layers.Dense(n_classes, activation=how.get("digit"))(digit)
    postage = layers.Dense(1, activation=how.get("postage"))(postage)
    results = {"digit": digit, "postage": postage}
    given = {"pixels": pixels, "facts": facts}
    ends = how.get("ends", lambda given, results: (given, results))
    model = keras.Model(*ends(given, results))
    entropy = keras.losses.SparseCategoricalCrossentropy(how.get("logits", True))
    losses = {"digit": entropy, "postage": "mse"}
    shares = how.get("shares", {"digit": 1.0, "postage": _SHARE})
    metrics = how.get("metrics", {"digit": ["accuracy"]})
    optimizer = how.get("optimizer", "SGD")
    if optimizer == "SGD":
        optimizer = keras.optimizers.SGD(_RATE)
    if how.get("compiled", True):
        model.compile(optimizer, losses, shares, metrics)
    return model


_two_heads_list = partial(
    _two_heads, ends=lambda given, results: (given, list(results.values()))
)
_two_heads_unnamed = partial(
    _two_heads,
    first=None,
    second=None,
    ends=lambda given, results: (list(given.values()), results),
)
_two_heads_not_compiled = partial(_two_heads, compiled=False)
_two_heads_softmax = partial(_two_heads, digit="softmax", logits=False)
_two_heads_not_logits = partial(_two_heads, logits=False)
_two_heads_equal = partial(_two_heads, shares=None)
_two_heads_swapped = partial(_two_heads, shares={"digit": _SHARE, "postage": 1.0})
_two_heads_both_metrics = partial(
    _two_heads, metrics={"digit": ["accuracy"], "postage": ["accuracy"]}
)
_two_heads_metric_list = partial(_two_heads, metrics=["accuracy"])
_two_heads_apart = partial(_two_heads, apart=True)
_two_heads_early = partial(
    _two_heads, join=lambda p, f, trunk: trunk(layers.concatenate([p, f]))
)

_two_heads_facts_first = partial(
    _two_heads, join=lambda p, f, trunk: layers.concatenate([f, trunk(p)])
)


def _one_sided(pixels, facts, trunk):
    hidden = trunk(pixels)
    return hidden, layers.concatenate([hidden, facts])


_two_heads_one_sided = partial(_two_heads, join=_one_sided)
_two_heads_linear = partial(_two_heads, trunk=None)
_two_heads_positive = partial(_two_heads, postage="relu")
_two_heads_default_rate = partial(_two_heads, optimizer="sgd")


def _two_heads_variant_objects(n_pixels, n_facts, n_classes):
    """Objects instead of names, inputs in a list, heads as little models."""
    facts = keras.Input([n_facts], name="facts")
    pixels = keras.Input([n_pixels], name="pixels")
    hidden = keras.layers.ReLU()(layers.Dense(16)(pixels))
    features = layers.Concatenate(axis=-1)([hidden, facts])
    price = keras.Sequential([layers.Dense(1)])(features)
    scores = layers.Dense(n_classes, name="digit")(features)
    model = keras.Model([facts, pixels], dict(postage=price, digit=scores))
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate=0.1),
        loss={
            "postage": keras.losses.MeanSquaredError(),
            "digit": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"postage": 0.25, "digit": 1},
        metrics={"digit": keras.metrics.SparseCategoricalAccuracy()},
    )
    return model


def _two_heads_variant_function(n_pixels, n_facts, n_classes):
    """Losses as functions; the share of the postage is part of its loss."""

    def price(truth, said):
        return _SHARE * keras.ops.mean((truth - said) ** 2, axis=-1)

    def surprise(truth, said):
        return keras.losses.sparse_categorical_crossentropy(
            truth, said, from_logits=True
        )

    model = _two_heads(n_pixels, n_facts, n_classes)
    metrics = {"digit": "accuracy", "postage": []}
    optimizer = keras.optimizers.SGD(_RATE)
    model.compile(optimizer, {"digit": surprise, "postage": price}, metrics=metrics)
    return model


EXERCISE = Exercise(
    id="08.2",
    name="two_heads",
    points=4,
    minutes=20,
    difficulty="core",
    rtol=1e-4,
    atol=1e-4,
    inputs=_two_heads_inputs,
    probe=_probe_two_heads,
    expected=_two_heads_expected,
    mistakes=(
        Mistake(
            "returns the results as a list",
            "Your model gives a list, so its user must know which result comes first. "
            'Give `keras.Model` a dict: `{"digit": …, "postage": …}`.',
            _two_heads_list,
        ),
        Mistake(
            "leaves the inputs without names",
            "Data arrives as a dict, and your inputs are called `input_layer` or the "
            'like, so nothing finds its place. `keras.Input(…, name="pixels")`.',
            _two_heads_unnamed,
        ),
        Mistake(
            "does not compile the model",
            "The graph is there, but no optimizer and no losses: call "
            "`model.compile(…)` before you return the model.",
            _two_heads_not_compiled,
        ),
        Mistake(
            "gives probabilities",
            "Your head ends in a softmax; the task asks for logits. Leave the "
            "activation out, and tell the loss: `from_logits=True`.",
            _two_heads_softmax,
        ),
        Mistake(
            "takes logits for probabilities",
            "Your head gives logits, and the loss, `from_logits=False` or the text "
            '`"sparse_categorical_crossentropy"`, takes them for probabilities: '
            "negative ones are clipped and get no gradient. `from_logits=True`.",
            _two_heads_not_logits,
        ),
        Mistake(
            "weighs both losses alike",
            "Without `loss_weights` both losses count fully, and the larger numbers "
            'win. `loss_weights={"digit": 1.0, "postage": 0.25}`.',
            _two_heads_equal,
        ),
        Mistake(
            "swaps the weights",
            "It is the loss of the digit that counts 0.25 in your model. Weights by "
            "name, in a dict, cannot be swapped.",
            _two_heads_swapped,
        ),
        Mistake(
            "asks for the accuracy of an amount",
            "The accuracy of `postage` counts how often an amount is hit exactly, and "
            'that is never. Name the result that it is for: `metrics={"digit": '
            '["accuracy"]}`.',
            _two_heads_both_metrics,
        ),
        Mistake(
            "lists a metric for several results",
            "With a dict of results a bare list of metrics raises an error, as Keras "
            'cannot know for which they are: `metrics={"digit": ["accuracy"]}`.',
            _two_heads_metric_list,
        ),
        Mistake(
            "builds a trunk for each head",
            "Each of your heads has layers for the pixels of its own, so neither "
            "learns from the other. Compute the features once, and hand the same "
            "tensor to both heads.",
            _two_heads_apart,
        ),
        Mistake(
            "joins before the first layer",
            "You put the facts beside the pixels at the very beginning. Here the "
            "pixels go through their layer first, and the facts join behind it.",
            _two_heads_early,
        ),
        Mistake(
            "puts the facts first",
            "You concatenate the facts and then the 16 numbers. Both orders can be "
            "learnt, but whoever loads or reads the weights counts on the one that "
            "was agreed: the 16 numbers first.",
            _two_heads_facts_first,
        ),
        Mistake(
            "shows the facts to one head only",
            "Your digit head sees the pixels alone. Both heads read the joined "
            "features.",
            _two_heads_one_sided,
        ),
        Mistake(
            "forgets the ReLU of the trunk",
            "Between pixels and heads all is linear, so the layer in between could as "
            'well not be there: `activation="relu"`.',
            _two_heads_linear,
        ),
        Mistake(
            "cuts the postage off at 0",
            "Your postage head ends in a ReLU. Where it says less than 0 it has no "
            "gradient, and stays there. An amount needs no activation.",
            _two_heads_positive,
        ),
        Mistake(
            "leaves the learning rate at its default",
            'The text `"sgd"` stands for a rate of 0.01. Make the optimizer yourself: '
            "`keras.optimizers.SGD(0.1)`.",
            _two_heads_default_rate,
        ),
    ),
    variants=(_two_heads_variant_objects, _two_heads_variant_function),
    hints=(
        'Two inputs with names, `keras.Input((n_pixels,), name="pixels")`; a `Dense` '
        "on the pixels; `layers.concatenate([hidden, facts])`; two `Dense` that both "
        "read the result.",
        '`keras.Model({"pixels": pixels, "facts": facts}, {"digit": digit, "postage": '
        "postage})`. In `compile`, losses, weights and metrics are dicts, by the names "
        "of the results.",
        "`model.compile(keras.optimizers.SGD(0.1), loss={…}, loss_weights={…}, "
        'metrics={"digit": ["accuracy"]})`; the loss of the digit is '
        "`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`.",
    ),
    explain="One loss drives the whole graph: the weighted sum of all losses. A weight "
    "is a price, set by what a mistake costs and by the unit of the loss, since a "
    "squared amount in cents would drown everything else. The trunk gets the sum of "
    "both gradients, and that is what the heads teach each other. Names, not "
    "positions, tie data, results, losses and metrics together.",
)
