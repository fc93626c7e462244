"""Exercise 07.6: ``transplant``."""

import os
import tempfile
import warnings

import keras
import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_model(n_in: int, layers: list) -> keras.Model:
    """A model of rows of five: kind, name, units, whether it has a bias, weights."""
    stack = [keras.Input((n_in,))]
    for kind, name, units, bias, _ in layers:
        if kind == "Dense":
            stack.append(
                keras.layers.Dense(
                    units, use_bias=bias, name=name, kernel_initializer="zeros"
                )
            )
        elif kind == "Dropout":
            stack.append(keras.layers.Dropout(0.5, name=name))
        else:
            stack.append(keras.layers.BatchNormalization(name=name))
    model = keras.Sequential(stack)
    model.set_weights([weight for row in layers for weight in row[4]])
    return model


def _probe_loss(truth: Answer, said: Answer) -> Answer:
    """A loss that nobody has registered."""
    return (truth - said) ** 2


def _probe_file(path: str, n_in: int, layers: list, strange: bool) -> None:
    """Write the model; what has been saved once is kept, since it takes its time."""
    known = vars(_probe_file).setdefault("known", {})
    key = repr(
        (n_in, strange, [[*map(np.ndarray.tolist, r[4]), r[:4]] for r in layers])
    )
    if key not in known:
        if len(known) > 20:
            known.clear()
        model = _probe_model(n_in, layers)
        if strange:
            model.compile("sgd", _probe_loss)
        model.save(path)
        with open(path, "rb") as file:
            known[key] = file.read()
    with open(path, "wb") as file:
        file.write(known[key])


def _probe_transplant(answer: Answer, case: Case) -> Plain:
    """What was returned, and the weights of the target afterwards."""
    n_in, source, strange, target = case.args
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what fits in part; the names say it
        path = os.path.join(folder, "source.keras")
        _probe_file(path, n_in, source, strange)
        model = _probe_model(n_in, target)
        try:
            names = to_plain(answer(path, model))
        except (ValueError, TypeError) as error:  # the folder differs each time
            text = str(error).replace(folder, "")
            raise type(error)(text).with_traceback(error.__traceback__) from None
    after = {layer.name: to_plain(layer.get_weights()) for layer in model.layers}
    return {"names": names, "target": {n: w for n, w in after.items() if w}}


def _transplant_inputs(rng: np.random.Generator) -> list[Case]:
    def model(n_in: int, *layers: str) -> list:
        """Rows of words such as "hidden 5": a name and units, or a name alone."""
        rows, width = [], n_in
        for text in layers:
            name, units, *bare = text.split()
            if units == "dropout":
                rows.append(("Dropout", name, 0, False, []))
            elif units == "norm":
                values = rng.normal(size=(4, width)).astype("float32")
                values[3] = abs(values[3]) + 0.5  # a variance
                rows.append(("BatchNormalization", name, 0, False, [*values]))
            else:
                shapes = [(width, int(units))] + [(int(units),)] * (not bare)
                weights = [rng.normal(size=s).astype("float32") for s in shapes]
                rows.append(("Dense", name, int(units), not bare, weights))
                width = int(units)
        return rows

    def case(group: str, n_in: int, a: str, b: str, strange: bool = False) -> Case:
        source, target = model(n_in, *a.split(", ")), model(n_in, *b.split(", "))
        compiled = ", with a loss of its own" if strange else ""
        call = (
            f"transplant(path, target), {n_in} inputs; file: {a}{compiled}; target: {b}"
        )
        return Case(group, (n_in, source, strange, target), call)

    n, k, m, w = (rng.permutation([3, 4, 5, 6])).tolist()
    one, two, three, four = rng.permutation(["conv", "body", "stem", "neck"]).tolist()
    return [
        case(
            "names in another order",
            n,
            f"{one} {n}, {two} {n}, {three} {n}, out {k}",
            f"{three} {n}, new {n}, {one} {n}, {two} {n}, out {k}",
        ),
        case(
            "shapes that differ",
            n,
            f"{one} {m}, {two} {w}, {three} {w} bare, {four} {k}, out {m}",
            f"{one} {m}, {two} {w} bare, {three} {w}, {four} {k}, out {n}",
        ),
        case(  # as many numbers in the last layer, 24, and other shapes
            "shapes that differ",
            n,
            f"{one} {n}, {two} 5, {three} 4",
            f"{one} {n}, {two} 3, {three} 6",
        ),
        case(
            "weights that are not trained, and none at all",
            m,
            f"norm norm, drop dropout, {one} {w}, scale norm, late dropout, out {n}",
            f"norm norm, drop dropout, new {w}, scale norm, late {w}, out {n}",
        ),
        case(
            "a loss that nobody knows",
            n,
            f"{one} {k}, {two} {m}",
            f"{one} {k}, {two} {w}, {three} {m}",
            strange=True,
        ),
        case("nothing fits", k, f"{one} {m}, {two} {w}", f"{one} {w}, {three} {m}"),
    ]


def _transplant_expected(case: Case) -> Plain:
    _, source, _, target = case.args
    given = {name: weights for _, name, _, _, weights in source}
    names, after = [], {}
    for _, name, _, _, weights in target:
        if not weights:
            continue
        shapes = [w.shape for w in weights]
        if [w.shape for w in given.get(name, [])] == shapes:
            names.append(name)
            weights = given[name]
        after[name] = weights
    return {"names": names, "target": after}


def _shapes(layer):
    return [w.shape for w in layer.weights]


def _fits(old, new):
    return bool(new.weights) and _shapes(old) == _shapes(new)


def _move(old, new):
    new.set_weights(old.get_weights())


def _transplant(path, target, fits=_fits, move=_move, **how):
    """A right answer in parts that the mistakes replace."""
    source = keras.saving.load_model(path, compile=how.get("compile", False))
    known = {layer.name: layer for layer in source.layers}
    names = []
    for layer in target.layers:
        if layer.name in known and fits(known[layer.name], layer):
            move(known[layer.name], layer)
            names.append(layer.name)
        elif how.get("stops"):
            break
    return names


def _transplant_by_position(path, target):
    source = keras.saving.load_model(path, compile=False)
    names = []
    for old, new in zip(source.layers, target.layers, strict=False):
        if _fits(old, new):
            _move(old, new)
            names.append(new.name)
    return names


def _transplant_skip_mismatch(path, target):
    target.load_weights(path, skip_mismatch=True)
    return [layer.name for layer in target.layers if layer.weights]


def _transplant_name_only(path, target):
    return _transplant(path, target, lambda old, new: bool(new.weights))


def _transplant_kernel_only(path, target):
    def fits(old, new):
        return (
            bool(old.weights and new.weights) and _shapes(old)[:1] == _shapes(new)[:1]
        )

    return _transplant(path, target, fits)


def _transplant_by_count(path, target):
    def fits(old, new):
        return bool(new.weights) and old.count_params() == new.count_params()

    def move(old, new):
        pairs = zip(old.get_weights(), new.get_weights(), strict=True)
        new.set_weights([np.resize(a, b.shape) for a, b in pairs])

    return _transplant(path, target, fits, move)


def _transplant_trainable(path, target):
    def move(old, new):
        pairs = zip(new.trainable_weights, old.trainable_weights, strict=True)
        for variable, value in pairs:
            variable.assign(value)

    return _transplant(path, target, move=move)


def _transplant_rebinds(path, target):
    return _transplant(path, target, move=lambda old, new: old)


def _transplant_empty_too(path, target):
    return _transplant(path, target, lambda old, new: _shapes(old) == _shapes(new))


def _transplant_source_order(path, target):
    source = keras.saving.load_model(path, compile=False)
    done = _transplant(path, target)
    return [layer.name for layer in source.layers if layer.name in done]


def _transplant_stops(path, target):
    return _transplant(path, target, stops=True)


def _transplant_compiles(path, target):
    return _transplant(path, target, compile=True)


def _transplant_variant_try(path, target):
    source = keras.models.load_model(path, compile=False)
    names = []
    for layer in target.layers:
        try:
            values = source.get_layer(layer.name).get_weights()
            layer.set_weights(values)
        except ValueError:  # no such layer, or another shape
            continue
        if values:
            names.append(layer.name)
    return names


def _transplant_variant_assign(path, target):
    source = keras.models.load_model(path, compile=False)
    given = {layer.name: layer.variables for layer in source.layers}
    names = []
    for layer in filter(lambda layer: layer.weights, target.layers):
        values = given.get(layer.name, [])
        if [v.shape for v in values] == [v.shape for v in layer.variables]:
            for variable, value in zip(layer.variables, values, strict=True):
                variable.assign(value)
            names += [layer.name]
    return names


EXERCISE = Exercise(
    id="07.6",
    name="transplant",
    points=5,
    minutes=20,
    difficulty="stretch",
    inputs=_transplant_inputs,
    probe=_probe_transplant,
    expected=_transplant_expected,
    mistakes=(
        Mistake(
            "loads how it was compiled",
            "The file says with which loss the model was compiled, and this program "
            "does not have that function. You need the weights only: "
            "`load_model(path, compile=False)`.",
            _transplant_compiles,
        ),
        Mistake(
            "goes by position",
            "You pair layers by their place. A layer that was put in between shifts "
            "all that follow, and equal shapes hide it: pair them by name.",
            _transplant_by_position,
        ),
        Mistake(
            "leaves it to load_weights",
            "`load_weights(skip_mismatch=True)` pairs layers by their kind and place, "
            "not by the names that you gave them, and does not say what it has copied. "
            "Load the model, and go layer by layer.",
            _transplant_skip_mismatch,
        ),
        Mistake(
            "goes by the name alone",
            "Layers of one name may have other shapes, and then `set_weights` raises. "
            "Compare the shapes of all weights first.",
            _transplant_name_only,
        ),
        Mistake(
            "compares the kernels only",
            "Two layers with equal kernels may differ in the bias: one has it, the "
            "other does not. Compare the list of all shapes.",
            _transplant_kernel_only,
        ),
        Mistake(
            "compares how many numbers",
            "Two layers may hold equally many numbers in other shapes, and those of "
            "the one mean nothing in the other. Compare the shapes.",
            _transplant_by_count,
        ),
        Mistake(
            "copies what is trained only",
            "The moving mean and variance of `BatchNormalization` stay behind, since "
            "they are not trainable. They belong to the layer: copy all its weights.",
            _transplant_trainable,
        ),
        Mistake(
            "copies nothing",
            "The names are right, but the target is as it was: to put another layer in "
            "a variable, or in the list `target.layers`, changes no model. Use "
            "`set_weights`.",
            _transplant_rebinds,
        ),
        Mistake(
            "names layers without weights",
            "A `Dropout` has no weights, so nothing of it was copied. Its list of "
            "shapes is empty, and equal to any other empty one: ask for weights first.",
            _transplant_empty_too,
        ),
        Mistake(
            "returns the order of the file",
            "Your names come in the order of the saved model. Asked for is that of the "
            "target: let the loop go over `target.layers`.",
            _transplant_source_order,
        ),
        Mistake(
            "stops at what does not fit",
            "The first layer that does not fit ends your loop, or one `try` stands "
            "around all of it. Go on with the next layer.",
            _transplant_stops,
        ),
    ),
    variants=(_transplant_variant_try, _transplant_variant_assign),
    hints=(
        "`keras.saving.load_model(path, compile=False)` gives the saved model. Make a "
        "dict of its layers by name, then go over `target.layers`.",
        "What fits: `[w.shape for w in layer.weights]` is the same list for both, and "
        "it is not empty.",
        "`layer.set_weights(known[layer.name].get_weights())` copies all weights of a "
        "layer, also those that are not trained. Append its name to the list.",
    ),
    explain="Names are what ties a file to a program that has moved on; places change "
    "with every layer that is put in between. And a list of what was copied is not a "
    "nicety: a transplant that copied nothing looks like one that worked, until "
    "somebody wonders why training starts so high.",
)
