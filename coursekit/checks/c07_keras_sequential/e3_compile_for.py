"""Exercise 07.3: ``compile_for``."""

import keras
import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_compile_for(answer: Answer, case: Case) -> Plain:
    """Compile a model of one layer, and see what it makes of a batch."""
    task, kernel, bias, activation, x, y = case.args
    layer = keras.layers.Dense(
        len(bias), activation or None, kernel_initializer="zeros"
    )
    model = keras.Sequential([keras.Input((len(kernel),)), layer])
    layer.set_weights([kernel, bias])
    answer(model, task, y.copy())
    found = {"compiled": model.compiled, "outputs": None, "loss": None, "metrics": None}
    if not model.compiled:
        return found
    # Arrays, as `predict` returns them: of a tensor that comes out of a sigmoid Keras
    # knows the logits, and a loss that asks for some would take those, with a warning.
    found["outputs"] = outputs = to_plain(model(x))
    found["loss"] = float(model.compute_loss(x, y, outputs, None))
    metrics = model.compute_metrics(x, y, outputs, None)
    found["metrics"] = {n: float(v) for n, v in metrics.items() if n != "loss"}
    return found


def _compile_for_inputs(rng: np.random.Generator) -> list[Case]:
    def case(
        group: str, labels: str, k: int, activation: str = "", batch: str = ""
    ) -> Case:
        """A batch; a square one has k rows, and a poor one the ids 0 and 1 only."""
        rows, n_in = k if batch == "square" else int(rng.integers(11, 15)), 3
        while True:
            x = rng.normal(size=(rows, n_in)).astype("float32")
            kernel = rng.normal(size=(n_in, k)).astype("float32")
            bias = (rng.normal(size=k) / 4 + 0.2).astype("float32")
            logits = x @ kernel + bias
            if group != one_of_k:
                truth = (rng.random((rows, k)) < 0.55).astype("int64")
                if _told_apart(logits, truth):
                    break
                continue
            truth = rng.integers(0, 2 if batch == "poor" else k, rows)
            lead = np.diff(np.sort(logits, axis=1)[:, -2:])
            right = (logits.argmax(axis=1) == truth).sum()
            if batch != "poor" and truth.max() < 2:
                continue
            if lead.min() > 0.01 and 2 * (rows > k) < right < rows:
                break
        if labels == "(n,)":
            y = truth.reshape(rows)
        elif labels == "one-hot":
            y = np.eye(k, dtype="int64")[truth]
        else:
            y = truth.reshape(rows, -1)
        shown = "ids" if group == one_of_k and labels != "one-hot" else labels
        call = (
            f"compile_for(model, {group!r}, y), {k} outputs "
            f"({activation or 'no activation'}), y: {y.dtype} of shape {y.shape}"
            + f", {shown}"
            * (group == one_of_k)
        )
        return Case(group, (group, kernel, bias, activation, x, y), call)

    k, m = (rng.permutation([3, 4, 5])[:2]).tolist()
    one_of_k = "one of k"
    return [
        case(one_of_k, "(n,)", k, batch="poor"),
        case(one_of_k, "one-hot", m, "softmax"),
        case(one_of_k, "(n, 1)", m),
        case(one_of_k, "(n,)", k, batch="square"),
        case("one of two", "(n,)", 1, "sigmoid"),
        case("one of two", "(n, 1)", 1),
        case("any of k", "(n, k)", k),
        case("any of k", "(n, k)", m, "sigmoid"),
    ]


def _told_apart(logits: np.ndarray, truth: np.ndarray) -> bool:
    """Whether all ways to judge logits give different shares of right ones."""
    lowest = np.minimum(abs(logits), abs(logits - 0.5)).min()
    shares = [((logits > bar) == truth).mean() for bar in (0, 0.5, -99)]
    if logits.shape[1] > 1:
        shares.append((logits.argmax(axis=1) == truth.argmax(axis=1)).mean())
    gaps = np.diff(np.sort(shares))
    return bool(lowest > 0.01 and gaps.min() > 0.01 and min(shares) > 0)


def _compile_for_expected(case: Case) -> Plain:
    task, kernel, bias, activation, x, y = case.args
    logits = x.astype(float) @ kernel + bias
    outputs = logits
    if activation == "sigmoid":
        outputs = 1 / (1 + np.exp(-logits))
    elif activation == "softmax":
        outputs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if task == "one of k":
        ids = y.argmax(axis=1) if y.shape[1:] == bias.shape else y.reshape(-1)
        total = np.log(np.exp(logits).sum(axis=1))
        loss = (total - logits[np.arange(len(y)), ids]).mean()
        right = (logits.argmax(axis=1) == ids).mean()
    else:
        truth = y.reshape(len(y), -1)
        loss = (np.log1p(np.exp(logits)) - truth * logits).mean()
        right = ((logits > 0) == truth).mean()
    return {
        "compiled": True,
        "outputs": outputs.astype("float32"),
        "loss": float(loss),
        "metrics": {"accuracy": float(right)},
    }


def _has_logits(model):
    return model.layers[-1].activation is keras.activations.linear


def _one_hot(model, y):
    return y.ndim == 2 and y.shape[1] > 1


def _compile_for(model, task, y, logits=_has_logits, one_hot=_one_hot, **how):
    """A right answer in parts that the mistakes replace."""
    raw = logits(model)
    if task == "one of k":
        kind = "Categorical" if one_hot(model, y) else "SparseCategorical"
        right = getattr(keras.metrics, f"{kind}Accuracy")(name="accuracy")
    else:
        kind = how.get(task, "Binary")
        bar = how.get("bar", lambda raw: 0.0 if raw else 0.5)(raw)
        right = keras.metrics.BinaryAccuracy(name="accuracy", threshold=bar)
    loss = getattr(keras.losses, f"{kind}Crossentropy")(from_logits=raw)
    model.compile("adam", how.get("loss", loss), metrics=how.get("metrics", [right]))


def _compile_for_words(model, task, y):
    _compile_for(model, task, y, lambda model: False, metrics=["accuracy"])


def _compile_for_loss_only(model, task, y):
    bar = 0.0 if _has_logits(model) else 0.5
    _compile_for(model, task, y, lambda model: False, bar=lambda raw: bar)


def _compile_for_always_logits(model, task, y):
    bar = 0.0 if _has_logits(model) else 0.5
    _compile_for(model, task, y, lambda model: True, bar=lambda raw: bar)


def _compile_for_defaults(model, task, y):
    _compile_for(model, task, y, lambda model: False)


def _compile_for_all_logits(model, task, y):
    _compile_for(model, task, y, lambda model: True)


def _compile_for_binary(model, task, y):
    if task == "one of k" and _one_hot(model, y):
        loss = keras.losses.BinaryCrossentropy(from_logits=_has_logits(model))
        _compile_for(model, task, y, loss=loss)
    else:
        _compile_for(model, task, y)


def _compile_for_by_rows(model, task, y):
    units = model.layers[-1].units
    _compile_for(model, task, y, one_hot=lambda model, y: y.shape[-1] == units)


def _compile_for_by_values(model, task, y):
    _compile_for(model, task, y, one_hot=lambda model, y: y.max() <= 1)


def _compile_for_word(model, task, y):
    _compile_for(model, task, y, metrics=["accuracy"])


def _compile_for_half(model, task, y):
    _compile_for(model, task, y, bar=lambda raw: 0.5)


def _compile_for_zero(model, task, y):
    _compile_for(model, task, y, bar=lambda raw: 0.0)


def _compile_for_one_winner(model, task, y):
    if task == "any of k":
        right = [keras.metrics.CategoricalAccuracy(name="accuracy")]
        _compile_for(model, task, y, metrics=right, **{task: "Categorical"})
    else:
        _compile_for(model, task, y)


def _compile_for_sparse(model, task, y):
    _compile_for(model, task, y, one_hot=lambda model, y: False)


def _compile_for_categorical(model, task, y):
    _compile_for(model, task, y, one_hot=lambda model, y: True)


def _compile_for_two_axes(model, task, y):
    _compile_for(model, task, y, one_hot=lambda model, y: y.ndim == 2)


def _compile_for_own_name(model, task, y):
    bar = 0.0 if _has_logits(model) else 0.5
    if task != "one of k":
        right = keras.metrics.BinaryAccuracy(threshold=bar)
    elif _one_hot(model, y):
        right = keras.metrics.CategoricalAccuracy()
    else:
        right = keras.metrics.SparseCategoricalAccuracy()
    _compile_for(model, task, y, metrics=[right])


def _compile_for_new_end(model, task, y):
    if _has_logits(model):
        end = keras.activations.softmax if task == "one of k" else "sigmoid"
        model.layers[-1].activation = keras.activations.get(end)
    _compile_for(model, task, y)


def _compile_for_variant_probabilities(model, task, y):
    """The choice of metrics left to Keras where it chooses well."""
    last = model.layers[-1]
    raw = last.get_config()["activation"] == "linear"
    if task == "one of k":
        hot = y.shape[1:] == (last.units,)
        loss = "CategoricalCrossentropy" if hot else "SparseCategoricalCrossentropy"
        metric = "accuracy"
    else:
        loss = "BinaryCrossentropy"
        metric = keras.metrics.BinaryAccuracy("accuracy", threshold=0 if raw else 0.5)
    loss = getattr(keras.losses, loss)(from_logits=raw)
    model.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=[metric])


def _compile_for_variant_functions(model, task, y):
    end = model.layers[-1].activation
    raw = end not in (keras.activations.sigmoid, keras.activations.softmax)

    def loss(truth, said):
        if task != "one of k":
            return keras.losses.binary_crossentropy(truth, said, from_logits=raw)
        if truth.shape[1:] != said.shape[1:]:
            truth = keras.ops.one_hot(keras.ops.reshape(truth, [-1]), said.shape[1])
        return keras.losses.categorical_crossentropy(truth, said, from_logits=raw)

    def accuracy(truth, said):
        if task != "one of k":
            truth = keras.ops.reshape(truth, keras.ops.shape(said))
            bar = 0.0 if raw else 0.5
            return keras.metrics.binary_accuracy(truth, said, threshold=bar)
        if truth.shape[1:] == said.shape[1:]:
            return keras.metrics.categorical_accuracy(truth, said)
        return keras.metrics.sparse_categorical_accuracy(truth, said)

    model.compile("sgd", loss, metrics=[accuracy])


EXERCISE = Exercise(
    id="07.3",
    name="compile_for",
    points=4,
    minutes=18,
    difficulty="core",
    inputs=_compile_for_inputs,
    probe=_probe_compile_for,
    expected=_compile_for_expected,
    rtol=1e-4,
    atol=1e-5,
    mistakes=(
        Mistake(
            "compiles by words alone",
            'Words such as `"binary_crossentropy"` and `"accuracy"` stand for objects '
            "that take every output for a probability, and for accuracy Keras goes by "
            "shapes. Make the objects yourself: `from_logits=`, `threshold=`.",
            _compile_for_words,
        ),
        Mistake(
            "never tells the loss of logits",
            "Your loss takes every output for a probability and clips what is not from "
            "0 to 1. Without an activation at the end it needs `from_logits=True`.",
            _compile_for_loss_only,
        ),
        Mistake(
            "takes probabilities for logits",
            "`from_logits=True` makes the loss apply the sigmoid or softmax itself. "
            "Where the last layer has done it, that is once too often.",
            _compile_for_always_logits,
        ),
        Mistake(
            "takes every output for a probability",
            "Your loss and your threshold are those of probabilities. Without an "
            "activation at the end the model returns logits: then `from_logits=True`, "
            "and the threshold of a yes is 0.",
            _compile_for_defaults,
        ),
        Mistake(
            "takes every output for a logit",
            "Your loss and your threshold are those of logits. Behind a `sigmoid` or "
            "`softmax` it is `from_logits=False`, and the threshold of a yes is 0.5: "
            "look at the last layer's activation.",
            _compile_for_all_logits,
        ),
        Mistake(
            "asks k questions instead of one",
            'In "one of k" exactly one class is true, also if y is one-hot. The binary '
            "loss asks for a yes or no of each class: take `CategoricalCrossentropy`.",
            _compile_for_binary,
        ),
        Mistake(
            "takes k rows for k columns",
            "You compare the last axis of y with k, and ids of shape (n,) can happen "
            "to be k. One-hot labels have two axes: ask for `y.ndim` as well.",
            _compile_for_by_rows,
        ),
        Mistake(
            "tells one-hot by the values",
            "You take labels for one-hot if they are 0 and 1. The ids of a batch may "
            "be 0 and 1 as well: look at the shape of y.",
            _compile_for_by_values,
        ),
        Mistake(
            "leaves accuracy to the word",
            'For the word `"accuracy"` Keras goes by shapes alone: it asks a logit '
            "whether it is above 0.5, and of several labels it compares only the "
            "largest. Give it `BinaryAccuracy` with a threshold in both cases.",
            _compile_for_word,
        ),
        Mistake(
            "asks a logit whether it is above 0.5",
            "`BinaryAccuracy` has a threshold of 0.5. The logit of 0.5 is 0: between "
            "the two a model says yes, and is taken for saying no.",
            _compile_for_half,
        ),
        Mistake(
            "asks a probability whether it is above 0",
            "With a threshold of 0 every probability is a yes. It is right for logits; "
            "behind a sigmoid it is 0.5.",
            _compile_for_zero,
        ),
        Mistake(
            "lets only one label win",
            'In "any of k" several labels can be true at once, or none, and you '
            "compile as if exactly one were. Each output is a yes or no of its own: "
            "binary.",
            _compile_for_one_winner,
        ),
        Mistake(
            "takes one-hot rows for ids",
            "The sparse loss wants one id for each row, and y may be one-hot. Look at "
            "its shape: with k columns it is `CategoricalCrossentropy`.",
            _compile_for_sparse,
        ),
        Mistake(
            "takes ids for one-hot rows",
            "`CategoricalCrossentropy` wants one-hot rows, and y may hold ids. If it "
            "has not k columns, take the sparse loss.",
            _compile_for_categorical,
        ),
        Mistake(
            "takes a column of ids for one-hot",
            "You take every y with two axes for one-hot. Ids may come as a column, "
            "(n, 1): one-hot is what has k columns.",
            _compile_for_two_axes,
        ),
        Mistake(
            "leaves the metric its own name",
            "Your metrics are right, but each has its own name, such as "
            '`binary_accuracy`. Whoever reads the result asks for `"accuracy"`: '
            '`name="accuracy"`.',
            _compile_for_own_name,
        ),
        Mistake(
            "changes what the model says",
            "You put an activation onto the last layer, and the model returns "
            "something else than before. Whoever uses its logits gets wrong ones: let "
            "the loss apply it, `from_logits=True`.",
            _compile_for_new_end,
        ),
    ),
    variants=(_compile_for_variant_probabilities, _compile_for_variant_functions),
    hints=(
        "Three questions, one after the other: are the outputs logits? Is y one-hot? "
        "Is each output a yes or no of its own? The first goes to `from_logits`, the "
        "other two choose the loss.",
        "`model.layers[-1].activation is keras.activations.linear` tells that there is "
        "none. One-hot labels have two axes, and more than one column.",
        '`BinaryCrossentropy` with `BinaryAccuracy(name="accuracy", threshold=0.0)`, '
        "or 0.5 for probabilities; `CategoricalCrossentropy` or "
        "`SparseCategoricalCrossentropy` with the accuracy of the same beginning, and "
        "the same name.",
    ),
    explain="A loss that does not fit the outputs seldom raises: it trains towards "
    "something else, and the curve falls all the same. A metric that does not fit is "
    "worse, since it is what people look at. So settle once how labels and outputs "
    "look, and test the pair on a batch that you can count by hand.",
)
