"""Exercise 02.3: ``split_heads``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import (
    Answer,
    Case,
    Exercise,
    Mistake,
    Plain,
    Raised,
    tensors_to_plain,
)

_FAULTS = ("TypeError", "ValueError", "AttributeError")
_FAULTS += ("OperatorNotAllowedInGraphError",)


def _probe_split_heads(answer: Answer, case: Case) -> Plain:
    """Call with a tensor, or trace for unknown b and t first and call the graph."""
    x, heads, traced = case.args
    x = tf.constant(x)
    if not traced:
        try:
            return tensors_to_plain(answer(x, heads))
        except ValueError:
            if x.shape[-1] % heads == 0:
                raise
            return Raised("ValueError", "")  # in whatever words
    unknown = tf.TensorSpec([None, None, x.shape[-1]], x.dtype)
    try:
        graph = tf.function(answer).get_concrete_function(unknown, heads)
    except Exception as error:
        kind = type(error).__name__
        if kind not in _FAULTS:
            raise
        # The same fault is worded in many ways: one of them, so that it can be named.
        head, user_code, last = str(error).rpartition(f"{kind}: ")
        why = "While it was being traced for unknown b and t, your code failed"
        raise type(error)(f"{head}{user_code}{why}: {last}") from error
    return tensors_to_plain(graph(x))


def _split_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, *shape: int, heads: int, dtype: str = "float32", traced=False):
        size = int(np.prod(shape))
        values = rng.permutation(size).reshape(shape)  # each value at one place only
        x = values % 3 == 0 if dtype == "bool" else values.astype(dtype)
        shown = f"split_heads(x, {heads}) for x of shape {shape}, {dtype}"
        if traced:
            shown += ", in a tf.function traced for shape (None, None, d)"
        return Case(group, (x, heads, traced), shown)

    usual, few = "features go to their head", "few of everything"
    graph, fit = "inside a graph", "heads that do not fit"
    b, t = (int(n) for n in rng.permutation([4, 5, 6])[:2])
    heads, width = (int(n) for n in rng.permutation([2, 3, 7])[:2])
    d = heads * width
    return [
        case(usual, b, t, d, heads=heads),
        case(usual, t, 2, 12, heads=3, dtype="int32"),
        case(usual, 3, b, 10, heads=5, dtype="float64"),
        case(usual, 3, 3, 9, heads=3, dtype="bool"),
        case(few, b, t, 5, heads=1),
        case(few, b, t, 6, heads=6),
        case(few, 1, 1, d, heads=heads, dtype="float16"),
        case(few, 0, t, d, heads=heads),
        case(graph, t, b, 12, heads=4, traced=True),
        case(graph, 1, t, d, heads=heads, traced=True),
        case(fit, b, t, d + 1, heads=heads),
        case(fit, 2, b, t, heads=t + 1),
    ]


def _split_expected(case: Case) -> Plain:
    x, heads, _ = case.args
    if x.shape[-1] % heads:
        return Raised("ValueError", "")
    return np.stack(np.split(x, heads, axis=-1), axis=1)


def _split_sizes(x, heads):
    """b, t and the width of a head; refuses heads that do not fit."""
    d = x.shape[-1]
    if d % heads:
        raise ValueError(f"{heads} heads cannot share {d} features")
    return tf.shape(x)[0], tf.shape(x)[1], d // heads


def _split_reshapes_only(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.reshape(x, [b, heads, t, width])


def _split_interleaves(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.transpose(tf.reshape(x, [b, t, width, heads]), [0, 3, 1, 2])


def _split_no_transpose(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.reshape(x, [b, t, heads, width])


def _split_features_first(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.transpose(tf.reshape(x, [b, t, heads, width]), [0, 2, 3, 1])


def _split_heads_first(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.transpose(tf.reshape(x, [b, t, heads, width]), [2, 0, 1, 3])


def _split_reverses_axes(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.transpose(tf.reshape(x, [b, t, heads, width]))


def _split_transposes_first(x, heads):
    b, t, width = _split_sizes(x, heads)
    return tf.reshape(tf.transpose(x, [0, 2, 1]), [b, heads, t, width])


def _split_list(x, heads):
    _split_sizes(x, heads)
    return tf.split(x, heads, axis=-1)


def _split_known_sizes(x, heads):
    b, t, d = x.shape
    if d % heads:
        raise ValueError(f"{heads} heads cannot share {d} features")
    return tf.transpose(tf.reshape(x, [b, t, heads, d // heads]), [0, 2, 1, 3])


def _split_unpacks(x, heads):
    b, t, d = tf.shape(x)
    if d % heads:
        raise ValueError(f"{heads} heads cannot share {d} features")
    return tf.transpose(tf.reshape(x, [b, t, heads, d // heads]), [0, 2, 1, 3])


def _split_tests_tensor(x, heads):
    shape = tf.shape(x)
    if shape[2] % heads != 0:
        raise ValueError(f"{heads} heads cannot share {x.shape[2]} features")
    sizes = [shape[0], shape[1], heads, shape[2] // heads]
    return tf.transpose(tf.reshape(x, sizes), [0, 2, 1, 3])


def _split_leaves_graph(x, heads):
    _split_sizes(x, heads)
    return tf.constant(np.stack(np.split(x.numpy(), heads, axis=-1), axis=1))


def _split_unchecked(x, heads):
    b, t, width = tf.shape(x)[0], tf.shape(x)[1], x.shape[-1] // heads
    return tf.transpose(tf.reshape(x, [b, t, heads, width]), [0, 2, 1, 3])


def _split_unchecked_split(x, heads):
    return tf.stack(tf.split(x, heads, axis=-1), axis=1)


def _split_drops_rest(x, heads):
    width = x.shape[-1] // heads
    return tf.stack(
        [x[:, :, k * width : (k + 1) * width] for k in range(heads)], axis=1
    )


def _split_variant_stack(x, heads):
    if x.shape[-1] % heads:
        raise ValueError("no such split")
    return tf.stack(tf.split(x, heads, axis=2), axis=1)


def _split_variant_slices(x, heads):
    width, rest = divmod(x.shape[2], heads)
    if rest:
        raise ValueError("features left over")
    parts = [x[..., k * width : (k + 1) * width] for k in range(heads)]
    return tf.concat([part[:, tf.newaxis] for part in parts], axis=1)


def _split_variant_gather(x, heads):
    d = x.shape[-1]
    if d % heads != 0:
        raise ValueError(f"{d} is no multiple of {heads}")
    columns = tf.reshape(tf.range(d), [heads, d // heads])
    return tf.transpose(tf.gather(x, columns, axis=2), [0, 2, 1, 3])


EXERCISE = Exercise(
    id="02.3",
    name="split_heads",
    points=3,
    minutes=12,
    difficulty="core",
    inputs=_split_inputs,
    probe=_probe_split_heads,
    expected=_split_expected,
    mistakes=(
        Mistake(
            "reshapes straight to the target",
            "The shape is right and the values are shuffled: a reshape never moves a "
            "value, it only counts them off anew, so your heads get mixtures of steps "
            "and features. Split the last axis first, into (b, t, heads, width), and "
            "then move the axis of the heads with `tf.transpose`.",
            _split_reshapes_only,
        ),
        Mistake(
            "deals the features out like cards",
            "Your head k gets every `heads`-th feature, since the last axis was split "
            "into (width, heads). A head owns consecutive features: split into "
            "(heads, width).",
            _split_interleaves,
        ),
        Mistake(
            "leaves the heads behind the steps",
            "The last axis is split well, but the result is (b, t, heads, width). Move "
            "the axis of the heads in front of the steps: "
            "`tf.transpose(..., [0, 2, 1, 3])`.",
            _split_no_transpose,
        ),
        Mistake(
            "puts the features before the steps",
            "Your last two axes are (width, t). That is how keys are turned for a "
            "matmul, but it is not asked here: the permutation is `[0, 2, 1, 3]`.",
            _split_features_first,
        ),
        Mistake(
            "puts the heads first of all",
            "Your result begins with the heads, (heads, b, t, width). The batch stays "
            "in front: with `tf.stack` use `axis=1`, with `tf.transpose` the "
            "permutation `[0, 2, 1, 3]`.",
            _split_heads_first,
        ),
        Mistake(
            "transposes without perm",
            "`tf.transpose` without `perm` reverses all axes, here to "
            "(width, heads, t, b). Say which axis goes where: `[0, 2, 1, 3]`.",
            _split_reverses_axes,
        ),
        Mistake(
            "transposes before it splits",
            "You turn (b, t, d) into (b, d, t) and count that off anew. The axes have "
            "the right lengths afterwards and the values are elsewhere: a reshape may "
            "split an axis only where it lies. Reshape to (b, t, heads, width), then "
            "transpose.",
            _split_transposes_first,
        ),
        Mistake(
            "returns a list of heads",
            "`tf.split` gives a list of tensors, one for each head. Make one tensor of "
            "it with a new axis: `tf.stack(..., axis=1)`.",
            _split_list,
        ),
        Mistake(
            "takes sizes that a graph does not know",
            "`x.shape` is what is known while the function is traced, and here b and t "
            "are None. What they are at run time `tf.shape(x)` tells, as a tensor: "
            "`tf.shape(x)[0]`, `tf.shape(x)[1]`. `d` may come from `x.shape`.",
            _split_known_sizes,
        ),
        Mistake(
            "unpacks a tensor",
            "`b, t, d = tf.shape(x)` asks Python to loop over a tensor, which has no "
            "values while a graph is traced. Pick single entries, `tf.shape(x)[0]` and "
            "`tf.shape(x)[1]`, and take `d` from `x.shape[-1]`.",
            _split_unpacks,
        ),
        Mistake(
            "asks a tensor whether the heads fit",
            "With `d` from `tf.shape(x)` your test is about a tensor. In a graph both "
            "branches of such an `if` are traced, the one that raises included, "
            "whatever d is. `x.shape[-1]` is a Python number, and the test then runs "
            "in Python.",
            _split_tests_tensor,
        ),
        Mistake(
            "leaves the graph",
            "`.numpy()` works while code runs eagerly; in a graph a tensor has no "
            "values yet. Stay with TensorFlow's operations: `tf.reshape` and "
            "`tf.transpose` do it all.",
            _split_leaves_graph,
        ),
        Mistake(
            "leaves the complaint to reshape",
            "If the heads do not fit, `tf.reshape` does fail, but with its own kind of "
            "error, about numbers of values. Test it first, `if d % heads:`, and raise "
            "a `ValueError` that tells your caller what is wrong.",
            _split_unchecked,
        ),
        Mistake(
            "leaves the complaint to split",
            "If the heads do not fit, `tf.split` does fail, but with TensorFlow's "
            "`InvalidArgumentError`. Test it first, `if d % heads:`, and raise a "
            "`ValueError` in your caller's terms.",
            _split_unchecked_split,
        ),
        Mistake(
            "drops the features left over",
            "`d // heads` rounds down, so where the heads do not fit, the last "
            "features vanish, and nobody is told. Raise a `ValueError` if "
            "`d % heads` is not 0.",
            _split_drops_rest,
        ),
    ),
    variants=(_split_variant_stack, _split_variant_slices, _split_variant_gather),
    hints=(
        "Two moves: split the last axis in two, where it lies, and then carry the axis "
        "of the heads to its place. The first is a reshape, the second a transpose.",
        "After the reshape the axes are (b, t, heads, width). Which permutation gives "
        "(b, heads, t, width)? For a graph that knows neither b nor t, ask "
        "`tf.shape(x)`, not `x.shape`.",
        "`tf.reshape(x, [tf.shape(x)[0], tf.shape(x)[1], heads, d // heads])`, then "
        "`tf.transpose(..., [0, 2, 1, 3])`; before it `if d % heads: raise "
        "ValueError(...)` with `d = x.shape[-1]`.",
    ),
    explain="A reshape keeps the order of the values and changes how they are counted "
    "off; a transpose changes the order. Every attention layer splits its heads like "
    "this, and a bare reshape there trains without a complaint, on shuffled data. "
    "`tf.split` and `tf.stack` get there, too.",
)
