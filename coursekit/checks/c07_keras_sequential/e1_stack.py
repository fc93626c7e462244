"""Exercise 07.1: ``stack``."""

import re

import keras
import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_PROBE_LINE = (-2.0, -0.5, 0.0, 0.5, 2.0, 7.0)


def _probe_activation(function: Answer) -> str:
    """The name of an activation, by what it does."""
    x = np.array([_PROBE_LINE], "float32")
    y = np.asarray(function(x))
    known = {
        "linear": x,
        "relu": np.maximum(x, 0),
        "softmax": np.exp(x) / np.exp(x).sum(),
        "sigmoid": 1 / (1 + np.exp(-x)),
    }
    for name, values in known.items():
        if y.shape == x.shape and np.allclose(y, values, atol=1e-4):
            return name
    return "another activation"


def _probe_layers(model: keras.Sequential) -> list[str]:
    """What happens in a model, step by step, however many layers it takes."""
    steps = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            n_in, n_out = layer.kernel.shape
            name = re.sub(r"^dense(_\d+)?$", "a name by Keras", layer.name)
            odd = "" if layer.use_bias else ", no bias"
            odd += "" if layer.trainable else ", frozen"
            steps.append(f"{name}: {n_in} to {n_out}{odd}")
            if (activation := _probe_activation(layer.activation)) != "linear":
                steps.append(activation)
        elif isinstance(layer, keras.layers.Dropout):
            steps += [f"dropout {layer.rate:.3g}"] * (layer.rate > 0)
        elif isinstance(layer, keras.layers.Activation | keras.layers.ReLU):
            steps.append(_probe_activation(layer))
        else:
            steps.append(type(layer).__name__)
    return steps


def _probe_stack(answer: Answer, case: Case) -> Plain:
    n_in, widths, n_out, dropout, weights, x = case.args
    model = answer(n_in, [*widths], n_out, dropout)
    parts = "has weights", "input shape", "layers", "kernels", "logits"
    found = {"returned": "a Sequential model", **dict.fromkeys(parts)}
    if not isinstance(model, keras.Sequential):
        return found | {"returned": f"no Sequential model: {type(model).__name__}"}
    found["has weights"] = bool(model.built and model.weights)
    if not found["has weights"]:
        return found
    found["input shape"] = model.input_shape
    found["layers"] = _probe_layers(model)
    # what is drawn is never constant, and differs where shapes are equal
    kernels = [w.numpy().tolist() for w in model.weights if len(w.shape) == 2]
    alike = any(k in kernels[:i] for i, k in enumerate(kernels))
    same = any(np.ptp(kernel) == 0 for kernel in kernels)
    found["kernels"] = "alike" if alike else "constant" if same else "each drawn anew"
    if [w.shape for w in model.weights] == [w.shape for w in weights]:
        model.set_weights(weights)
        found["logits"] = to_plain(model(x))
    return found


def _sizes(n_in: int, widths: list[int], n_out: int) -> list[tuple[int, int]]:
    return list(zip([n_in, *widths], [*widths, n_out], strict=True))


def _stack_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, n_in: int, widths: list[int], n_out: int, rate: float) -> Case:
        weights = []
        for size in _sizes(n_in, widths, n_out):
            weights += [rng.normal(size=size), rng.normal(size=size[1])]
        weights = [w.astype("float32") for w in weights]
        x = rng.normal(size=(3, n_in)).astype("float32")
        call = f"stack({n_in}, {widths}, {n_out}, dropout={rate})"
        return Case(group, (n_in, widths, n_out, rate, weights, x), call)

    a, b, c, d, e, *_ = (rng.permutation(8) + 2).tolist()
    rate, other = (rng.permutation([1, 2, 3, 4])[:2] / 10).tolist()
    return [
        case("hidden layers", a, [b, c], d, 0.0),
        case("dropout", b, [d, a], c, rate),
        case("dropout", c, [c, c], e, other),
        case("no hidden layer", d, [], e, rate),
    ]


def _stack_expected(case: Case) -> Plain:
    n_in, widths, n_out, dropout, weights, x = case.args
    steps, a = [], x.astype(float)
    for k, (size, shape) in enumerate(zip(widths, weights[::2], strict=False), 1):
        steps += [f"hidden_{k}: {len(shape)} to {size}", "relu"]
        steps += [f"dropout {dropout:.3g}"] * (dropout > 0)
        a = np.maximum(a @ weights[2 * k - 2] + weights[2 * k - 1], 0)
    steps.append(f"logits: {len(weights[-2])} to {n_out}")
    return {
        "returned": "a Sequential model",
        "has weights": True,
        "input shape": (None, n_in),
        "layers": steps,
        "kernels": "each drawn anew",
        "logits": (a @ weights[-2] + weights[-1]).astype("float32"),
    }


def _stack(n_in, widths, n_out, dropout, **how):
    """A right answer in parts that the mistakes replace.

    Args:
        how: shape of the input; activations of the hidden layers and of the output;
            which places get dropout; whether layers are named, and from which number
            on; the hidden layers' more.
    """
    shape = how.get("shape", (n_in,))
    places = how.get("places", {"behind hidden"})
    named = how.get("named", True)
    layers = [keras.Input(shape)] if shape else []

    def drop(place):
        layers.extend(
            [keras.layers.Dropout(dropout)] * (place in places and dropout > 0)
        )

    for k, width in enumerate(widths, 1):
        name = f"hidden_{k - 1 + how.get('first', 1)}" if named else None
        drop("before hidden")
        more = how.get("more", {})
        hidden = how.get("hidden", "relu")
        layers.append(keras.layers.Dense(width, hidden, name=name, **more))
        drop("behind hidden")
        drop("behind the last" if k == len(widths) else "between")
    name = "logits" if named else None
    layers.append(keras.layers.Dense(n_out, how.get("output"), name=name))
    drop("behind output")
    return keras.Sequential(layers)


def _stack_unbuilt(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, shape=None)


def _stack_batch_axis(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, shape=(None, n_in))


def _stack_softmax(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, output="softmax")


def _stack_no_activation(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, hidden=None)


def _stack_drops_logits(n_in, widths, n_out, dropout):
    places = {"behind hidden", "behind output"}
    return _stack(n_in, widths, n_out, dropout, places=places)


def _stack_drops_inputs(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, places={"before hidden"})


def _stack_no_dropout(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, 0)


def _stack_keeps(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, 1 - dropout)


def _stack_drops_once(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, places={"behind the last"})


def _stack_drops_between(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, places={"between"})


def _stack_relu_logits(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, output="relu")


def _stack_from_zero(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, first=0)


def _stack_reversed(n_in, widths, n_out, dropout):
    return _stack(n_in, widths[::-1], n_out, dropout)


def _stack_unnamed(n_in, widths, n_out, dropout):
    return _stack(n_in, widths, n_out, dropout, named=False)


def _stack_one_initialiser(n_in, widths, n_out, dropout):
    more = {"kernel_initializer": keras.initializers.HeNormal()}
    return _stack(n_in, widths, n_out, dropout, more=more)


def _stack_needs_hidden(n_in, widths, n_out, dropout):
    assert keras.layers.Dense(widths[0], "relu")
    return _stack(n_in, widths, n_out, dropout)


def _stack_variant_list(n_in, widths, n_out, dropout):
    layers = [keras.Input((n_in,))]
    for k, width in enumerate(widths, 1):
        dense = keras.layers.Dense(width, keras.ops.relu, name=f"hidden_{k}")
        layers += [dense, keras.layers.Dropout(dropout)]
    return keras.Sequential([*layers, keras.layers.Dense(n_out, name="logits")])


def _stack_variant_parts(n_in, widths, n_out, dropout):
    model = keras.Sequential()
    for k, width in enumerate(widths):
        model.add(keras.layers.Dense(width, name=f"hidden_{k + 1}"))
        model.add(keras.layers.ReLU())
        if dropout > 0:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(n_out, name="logits"))
    model.build((None, n_in))
    return model


EXERCISE = Exercise(
    id="07.1",
    name="stack",
    points=3,
    minutes=12,
    difficulty="warm-up",
    inputs=_stack_inputs,
    probe=_probe_stack,
    expected=_stack_expected,
    rtol=1e-4,
    atol=1e-4,
    mistakes=(
        Mistake(
            "leaves the model unbuilt",
            "Your model has no weights yet: without an input shape its layers wait for "
            "the first batch. Begin with `keras.Input((n_in,))`.",
            _stack_unbuilt,
        ),
        Mistake(
            "counts the batch as an axis",
            "Your input has an axis too many. The shape of `keras.Input` is that of "
            "one row, `(n_in,)`; Keras puts the axis of the rows in front.",
            _stack_batch_axis,
        ),
        Mistake(
            "ends with a softmax",
            "Your last layer returns probabilities. Asked for are logits, so that the "
            "loss can be told `from_logits=True`: no activation at the end.",
            _stack_softmax,
        ),
        Mistake(
            "stacks without an activation",
            "Your hidden layers have no activation. Two linear layers in a row are one "
            "linear layer; give each hidden `Dense` its `relu`.",
            _stack_no_activation,
        ),
        Mistake(
            "drops logits",
            "There is dropout behind your output too: in training some classes get the "
            "logit 0 by chance. It belongs behind hidden layers only.",
            _stack_drops_logits,
        ),
        Mistake(
            "drops inputs",
            "Your dropout stands in front of each hidden layer, so it deletes inputs, "
            "and the last hidden layer has none. Put it behind the `Dense`.",
            _stack_drops_inputs,
        ),
        Mistake(
            "forgets the dropout",
            "`dropout` has no effect in your model. Behind each hidden layer comes "
            "`Dropout(dropout)`.",
            _stack_no_dropout,
        ),
        Mistake(
            "keeps what should go",
            "`Dropout` takes the share that goes, and you give it the share that "
            "stays. It was the other way round in TensorFlow 1.",
            _stack_keeps,
        ),
        Mistake(
            "drops once, at the end",
            "Only the last hidden layer of yours has a `Dropout`. Each of them gets "
            "one: `model.add(Dropout(dropout))` belongs into the loop.",
            _stack_drops_once,
        ),
        Mistake(
            "drops between hidden layers only",
            "Behind your last hidden layer there is no `Dropout`. It is a hidden layer "
            "like the others.",
            _stack_drops_between,
        ),
        Mistake(
            "bends the logits",
            "Your last layer has a `relu`, so that no logit is ever below 0. A logit "
            "is any number: no activation at the end.",
            _stack_relu_logits,
        ),
        Mistake(
            "counts the names from 0",
            "Your first hidden layer is `hidden_0`. They are counted from 1: "
            "`enumerate(widths, 1)`.",
            _stack_from_zero,
        ),
        Mistake(
            "builds from the end",
            "Your widths come in reverse. `widths[0]` is the layer next to the input.",
            _stack_reversed,
        ),
        Mistake(
            "leaves the names to Keras",
            "Your layers have the names that Keras makes up, and these depend on how "
            "many layers the program has made before. Give `name=` to each `Dense`.",
            _stack_unnamed,
        ),
        Mistake(
            "uses one initialiser for all",
            "Layers of equal shape begin with equal kernels in your model: one "
            "initialiser object draws the same numbers each time. Make a new one for "
            'each layer, or pass its name, such as `"he_normal"`.',
            _stack_one_initialiser,
        ),
        Mistake(
            "cannot do without a hidden layer",
            "With `widths=[]` your code looks for a first width. The model is then one "
            "layer, `logits`; a loop over nothing does the right thing.",
            _stack_needs_hidden,
        ),
    ),
    variants=(_stack_variant_list, _stack_variant_parts),
    hints=(
        "A Sequential model can begin with its input alone: "
        "`model = keras.Sequential([keras.Input((n_in,))])`. Then `model.add(…)` layer "
        "by layer, in a loop over `widths`.",
        "In the loop come two layers, `Dense(width, "
        '"relu", name=…)` and, if `dropout` is not 0, `Dropout(dropout)`. '
        "`enumerate(widths, 1)` counts from 1.",
        "Behind the loop, and so also if it never ran, comes "
        '`keras.layers.Dense(n_out, name="logits")`, with no activation and no '
        "dropout.",
    ),
    explain="A model that knows its input is built when it is made: its weights can be "
    "counted, loaded and looked at before the first batch. The names are worth the "
    "trouble, too: a message, a summary and a file speak of layers by name, and what "
    "Keras makes up changes with every model that was built before.",
)
