"""Exercise 08.1: ``tower``."""

from functools import partial

import keras
import numpy as np
from keras import layers, ops

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_tower(answer: Answer, case: Case) -> Plain:
    """What it is, its layers, and what it gives with these weights."""
    shape, widths, drawn, x = case.args
    inputs = keras.Input(shape)
    outputs = answer(inputs, list(widths))
    if not isinstance(outputs, keras.KerasTensor):
        return {"returns": f"a {type(outputs).__name__}", "built": None}
    built = _probe_built(keras.Model(inputs, outputs), drawn, x)
    return {"returns": "a KerasTensor", "built": built}


def _probe_built(model: keras.Model, drawn: list, x: np.ndarray) -> Plain:
    """Its layers, and what it gives with these weights if the layers are right."""
    # Weights come in the order of the graph, so a block's first layer stands before its
    # second one; that a projection has no bias tells it from both.
    groups: list[list] = []
    for weight in model.weights:
        if len(weight.shape) == 2 or not groups:
            groups.append([])
        groups[-1].append(weight)
    biased = [group for group in groups if len(group) > 1]
    plain = [group for group in groups if len(group) == 1]
    report = {"layers with a bias": _probe_sizes(biased)}
    report |= {"layers without": _probe_sizes(plain)}
    report |= {"output": str(tuple(model.output.shape[1:]))}
    if _probe_sizes(biased + plain) != _probe_sizes(drawn):
        return report | {"values": None}
    for group, values in zip(biased + plain, drawn, strict=True):
        for weight, value in zip(group, values, strict=True):
            weight.assign(value)
    return report | {"values": to_plain(model(x))}


def _probe_sizes(groups: list) -> list[str]:
    """What goes in and out of layers, by their weights."""
    return [
        f"{group[0].shape[0]} to {group[0].shape[-1]}" + " and more" * (len(group) > 2)
        for group in groups
    ]


def _tower_inputs(rng: np.random.Generator) -> list[Case]:
    def numbers(*shape: int) -> np.ndarray:
        """No number is near 0, so none hides what a layer does."""
        signs = rng.choice([-1, 1], shape)
        return (signs * rng.uniform(0.3, 1.2, shape)).astype("float32")

    def case(group: str, shape: tuple[int, ...], widths: list[int]) -> Case:
        biased, plain, width = [], [], shape[-1]
        for new in widths:
            biased += [[numbers(n, new), numbers(new)] for n in (width, new)]
            plain += [[numbers(width, new)]] if new != width else []
            width = new
        args = (shape, widths, biased + plain, numbers(4, *shape))
        return Case(group, args, f"tower(keras.Input({shape}), {widths})")

    a, b, c = (int(n) for n in rng.permutation([3, 4, 5, 6])[:3])
    return [
        case("one width", (a,), [a, a]),
        case("one width", (b,), []),
        case("another width", (a,), [b, b, c]),
        case("a width of 1", (a,), [1, c]),
        case("more axes", (a, b), [b, c]),
    ]


def _tower_expected(case: Case) -> Plain:
    shape, widths, drawn, x = case.args
    biased, plain = drawn[: 2 * len(widths)], drawn[2 * len(widths) :]
    built = {"layers with a bias": [f"{len(k)} to {len(b)}" for k, b in biased]}
    built |= {"layers without": [f"{len(k)} to {len(k[0])}" for (k,) in plain]}
    x, left = x.astype(float), list(plain)
    for one, two in zip(biased[::2], biased[1::2], strict=True):
        inner = np.maximum(x @ one[0] + one[1], 0) @ two[0] + two[1]
        x = inner + (x if x.shape[-1] == inner.shape[-1] else x @ left.pop(0)[0])
    built |= {"output": str(x.shape[1:]), "values": x.astype("float32")}
    return {"returns": "a KerasTensor", "built": built}


def _plain_block(x, start, width, old, **how):
    """A right block in parts that the mistakes replace."""
    h = layers.Dense(width, activation=how.get("first", "relu"))(x)
    h = layers.Dense(width, activation=how.get("second"))(h)
    if how.get("projects", old != width):
        options = how.get("projection", {"use_bias": False})
        x = layers.Dense(width, **options)(x)
    return how.get("merge", layers.add)([x, h])


def _tower(x, widths, block=_plain_block, **how):
    start = x
    for width in widths:
        x = block(x, start, width, x.shape[-1], **how)
    return x


_tower_projects = partial(_tower, projects=True)
_tower_never = partial(_tower, projects=False)
_tower_relu_after = partial(_tower, merge=lambda two: ops.relu(layers.add(two)))
_tower_relu_before = partial(_tower, second="relu")
_tower_linear = partial(_tower, first=None)
_tower_bias = partial(_tower, projection={})
_tower_relu_shortcut = partial(
    _tower, projection={"use_bias": False, "activation": "relu"}
)
_tower_concat = partial(_tower, merge=lambda two: layers.concatenate(two))
_tower_no_skip = partial(_tower, merge=lambda two: two[1])


def _tower_second_axis(x, widths):
    def block(x, start, width, old):
        return _plain_block(x, start, width, x.shape[1])

    return _tower(x, widths, block)


def _tower_from_start(x, widths):
    def block(x, start, width, old):
        h = layers.Dense(width, activation="relu")(x)
        h = layers.Dense(width)(h)
        if start.shape[-1] != width:
            start = layers.Dense(width, use_bias=False)(start)
        return layers.add([start, h])

    return _tower(x, widths, block)


def _tower_first_projects(x, widths):
    """The branch reads the projection, not the input of the block."""
    for width in widths:
        if x.shape[-1] != width:
            x = layers.Dense(width, use_bias=False)(x)
        x = _plain_block(x, x, width, width)
    return x


def _tower_of_widths(x, widths):
    """Compares a width with the one before it in the list."""
    for before, width in zip([*widths[:1], *widths], widths, strict=False):
        x = _plain_block(x, x, width, before)
    return x


def _tower_shares(x, widths):
    made = {}
    for width in widths:
        if (x.shape[-1], width) not in made:
            two = layers.Dense(width, activation="relu"), layers.Dense(width)
            made[x.shape[-1], width] = two
        one, two = made[x.shape[-1], width]
        h = two(one(x))
        if x.shape[-1] != width:
            x = layers.Dense(width, use_bias=False)(x)
        x = layers.add([x, h])
    return x


def _tower_one_block(x, widths):
    return _tower(x, widths[:1])


def _tower_model(x, widths):
    return keras.Model(x, _tower(x, widths))


def _tower_variant_nested(x, widths):
    """Branches as little models, plain operators, the projection made first."""
    for width in widths:
        shortcut = x
        if width != x.shape[-1]:
            shortcut = layers.Dense(width, use_bias=False, name=f"p{id(x)}")(x)
        inner = [layers.Dense(width), layers.ReLU(), layers.Dense(width)]
        x = keras.Sequential(inner)(x) + shortcut
    return x


def _tower_variant_recursive(x, widths):
    if not widths:
        return x
    width, *others = widths
    h = ops.relu(layers.Dense(width)(x))
    same = int(x.shape[-1]) == width
    shortcut = x if same else layers.Dense(width, use_bias=False)(x)
    return _tower_variant_recursive(
        ops.add(layers.Dense(width)(h), shortcut), list(others)
    )


EXERCISE = Exercise(
    id="08.1",
    name="tower",
    points=4,
    minutes=15,
    difficulty="core",
    rtol=1e-4,
    atol=1e-4,
    inputs=_tower_inputs,
    probe=_probe_tower,
    expected=_tower_expected,
    mistakes=(
        Mistake(
            "projects every shortcut",
            "Your shortcut has a layer of its own even where the width stays. It costs "
            "weights, and the input no longer passes untouched. Project only if "
            "`x.shape[-1] != width`.",
            _tower_projects,
        ),
        Mistake(
            "never projects",
            "You add two tensors of different widths. Most widths raise an error; a "
            "width of 1 is broadcast without a word, which is worse. Where the width "
            "changes, put a `Dense` without bias on the shortcut.",
            _tower_never,
        ),
        Mistake(
            "puts a ReLU behind the sum",
            "A ReLU behind the sum cuts off what is negative on the shortcut too, so "
            "the way through the tower is no longer clear: with all weights 0 a block "
            "should return its input. Leave the sum as it is.",
            _tower_relu_after,
        ),
        Mistake(
            "puts a ReLU on the second layer",
            "Your second layer ends in a ReLU, so a block can add to its input but "
            "never take away. Only the first layer has a ReLU.",
            _tower_relu_before,
        ),
        Mistake(
            "has no ReLU in the branch",
            "Two layers without anything between them are one: your branch is linear. "
            'The first layer needs `activation="relu"`.',
            _tower_linear,
        ),
        Mistake(
            "gives the projection a bias",
            "Your projection has a bias, which the second layer of the block has "
            "already: a sum of two biases says no more than one. `use_bias=False`.",
            _tower_bias,
        ),
        Mistake(
            "puts a ReLU on the projection",
            "Your projection ends in a ReLU, and half of what comes in is lost on the "
            "shortcut. It only changes the width: no activation.",
            _tower_relu_shortcut,
        ),
        Mistake(
            "concatenates instead of adding",
            "You put branch and shortcut side by side, and the result is twice as "
            "wide. A residual block adds them: `layers.add([shortcut, h])`.",
            _tower_concat,
        ),
        Mistake(
            "leaves out the shortcut",
            "Your blocks return their branch alone, so this is a plain stack. Add the "
            "block's input, or its projection, to the branch.",
            _tower_no_skip,
        ),
        Mistake(
            "takes the second axis for the width",
            "You read the width at `x.shape[1]`. With more than two axes that is "
            "another length; features stand on the last axis, `x.shape[-1]`.",
            _tower_second_axis,
        ),
        Mistake(
            "takes every shortcut from the start",
            "Each of your shortcuts begins at the input of the tower. A block's "
            "shortcut begins where the block begins: set `x` to the sum, and go on "
            "from there.",
            _tower_from_start,
        ),
        Mistake(
            "lets the branch read the projection",
            "You project first, and then both ways begin at the projection. The branch "
            "reads the block's own input; make it before you replace `x`.",
            _tower_first_projects,
        ),
        Mistake(
            "forgets the width of the input",
            "You compare each width with the one before it in the list, so the first "
            "block never projects. What counts is the tensor that comes in: "
            "`x.shape[-1]`.",
            _tower_of_widths,
        ),
        Mistake(
            "shares layers between blocks",
            "Two of your blocks call the same layers, so they have one set of weights. "
            "Make new layers in each turn of the loop.",
            _tower_shares,
        ),
        Mistake(
            "stops after one block",
            "Your tower has one block, however many widths there are. A `return` "
            "inside the loop ends it in its first turn: return behind the loop.",
            _tower_one_block,
        ),
        Mistake(
            "returns a model",
            "You return a whole model. The tower is a part of a graph: return the "
            "tensor with which somebody else goes on.",
            _tower_model,
        ),
    ),
    variants=(_tower_variant_nested, _tower_variant_recursive),
    hints=(
        "A loop over the widths, in which `x` is first the input of a block and then "
        "its result. A `KerasTensor` has no values yet, but it knows its shape: "
        "`x.shape[-1]` is a Python int.",
        'The branch is `h = layers.Dense(width, activation="relu")(x)` and then '
        "`h = layers.Dense(width)(h)`. The shortcut is `x` itself, unless its width "
        "differs.",
        "`if x.shape[-1] != width: x = layers.Dense(width, use_bias=False)(x)`, after "
        "the branch has been made, and then `x = layers.add([x, h])`.",
    ),
    explain="A block that adds to its input starts as almost nothing and learns a "
    "change. The sums make a straight way from the last layer to the first, along "
    "which a gradient arrives undivided, and that is why a tower of fifty such blocks "
    "can be trained. Whatever stands on this way, a ReLU, a projection that is not "
    "needed, is paid for in every block.",
)
