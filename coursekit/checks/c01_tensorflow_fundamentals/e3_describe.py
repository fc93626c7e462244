"""Exercise 01.3: ``describe``."""

import math
from copy import deepcopy

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Opaque, Plain, to_plain
from coursekit.engine.plain import brief


def _probe_describe(answer: Answer, case: Case) -> Plain:
    """Hand over the value as it is or, where a dtype is given, as a tensor.

    What comes back must be plain Python; what only looks like it is named.
    """

    def named(part):
        if isinstance(part, tuple):
            return tuple(named(item) for item in part)
        if tf.is_tensor(part):
            return Opaque("tensor", repr(part))
        if isinstance(part, np.generic):
            return Opaque("NumPy number", f"{part}".removesuffix(".0"))
        return to_plain(part)

    value, dtype = case.args
    given = tf.constant(value, dtype) if dtype else deepcopy(value)
    answered = answer(given)
    return named(answered) if type(answered) is tuple else to_plain(answered)


_WORDS = ("graph", "tensor", "kernel", "device", "eager", "trace", "shape", "gradient")


def _describe_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, value: Plain, dtype: str = "") -> Case:
        if dtype:
            shown = f"describe(tf.constant({brief(value)}, tf.{dtype}))"
        elif isinstance(value, np.ndarray):
            kind = f"np.{value.dtype}"
            plain = value.size and brief(value.tolist())
            shown = f"describe(np.array({plain}, {kind}))"
            if not value.size:
                shown = f"describe(np.zeros({value.shape}, {kind}))"
        else:
            shown = f"describe({brief(value)})"
        return Case(group, (value, dtype), shown)

    def integers(*shape: int) -> list:
        return rng.integers(1, 100, shape).tolist()

    words = [str(word) for word in rng.permutation(_WORDS)]
    rows, columns = int(rng.integers(4, 7)), int(rng.integers(2, 4))
    single = "single values"
    nested = "nested lists"
    made = "arrays and tensors"
    half = str(rng.choice(["float16", "bfloat16"]))
    small = str(rng.choice(["uint8", "int8", "int16", "int64"]))
    return [
        case(single, int(rng.integers(1, 1000))),
        case(single, int(rng.integers(1, 1000)) + 0.5),
        case(single, bool(rng.integers(2))),
        case(single, words[0]),
        case(nested, integers(rows, columns)),
        case(nested, (np.array(integers(2, rows, columns)) / 2).tolist()),
        case(nested, words[1 : 1 + columns]),
        case(nested, rng.integers(2, size=(columns, rows)).astype(bool).tolist()),
        case(made, np.array(integers(rows, columns)) / 4),
        case(made, np.array(integers(columns, 2, 2)).astype(small)),
        case(made, integers(columns, 1, rows), half),
        case(made, int(rng.integers(1, 100)), small),
        case("empty", []),
        case("empty", [[] for _ in range(rows)]),
        case("empty", np.zeros((0, columns, 3), small)),
    ]


def _describe_expected(case: Case) -> Plain:
    value, dtype = case.args
    if isinstance(value, np.ndarray):
        return value.ndim, value.shape, value.dtype.name, value.size
    shape: tuple[int, ...] = ()
    while isinstance(value, list):
        shape += (len(value),)
        value = value[0] if value else 0.0  # an empty list counts as float32
    names = {bool: "bool", int: "int32", float: "float32", str: "string"}
    return len(shape), shape, dtype or names[type(value)], math.prod(shape)


def _describe_numpy(x):
    array = np.asarray(x)
    return array.ndim, array.shape, array.dtype.name, array.size


def _describe_tensor(x):
    t = tf.convert_to_tensor(x)
    return t.shape.rank, tuple(t.shape), t.dtype.name, int(tf.size(t))


def _describe_len_rank(x):
    return (len(x), *_describe_tensor(x)[1:])


def _describe_len_size(x):
    return (*_describe_tensor(x)[:3], len(x))


def _describe_tensor_shape(x):
    t = tf.convert_to_tensor(x)
    return t.shape.rank, t.shape, t.dtype.name, int(tf.size(t))


def _describe_nothing_plain(x):
    t = tf.convert_to_tensor(x)
    return t.ndim, t.shape, t.dtype.name, tf.size(t)


def _describe_dtype_object(x):
    t = tf.convert_to_tensor(x)
    return t.shape.rank, tuple(t.shape), t.dtype, int(tf.size(t))


def _describe_dtype_printed(x):
    t = tf.convert_to_tensor(x)
    return t.shape.rank, tuple(t.shape), str(t.dtype), int(tf.size(t))


def _describe_shape_list(x):
    t = tf.convert_to_tensor(x)
    return t.shape.rank, t.shape.as_list(), t.dtype.name, int(tf.size(t))


def _describe_tensor_size(x):
    return (*_describe_tensor(x)[:3], tf.size(x))


def _describe_numpy_size(x):
    return (*_describe_tensor(x)[:3], tf.size(x).numpy())


def _describe_letters(x):
    size = len(x) if isinstance(x, str) else int(tf.size(x))
    return (*_describe_tensor(x)[:3], size)


def _describe_from_zero(x):
    return (*_describe_tensor(x)[:3], 0)


def _describe_characters(x):
    return _describe_tensor(list(x) if isinstance(x, str) else x)


def _describe_scalar_is_empty(x):
    rank, shape, dtype, size = _describe_tensor(x)
    return rank, shape, dtype, size if shape else 0


def _describe_sum(x):
    rank, shape, dtype, _ = _describe_tensor(x)
    return rank, shape, dtype, sum(shape)


def _describe_variant_ops(x):
    t = tf.constant(x)
    shape = tuple(t.shape.as_list())
    return int(tf.rank(t)), shape, t.dtype.name, math.prod(shape)


def _describe_variant_values(x):
    tensor = tf.convert_to_tensor(x)
    array = np.asarray(tensor.numpy())
    return array.ndim, array.shape, tensor.dtype.name, array.size


EXERCISE = Exercise(
    id="01.3",
    name="describe",
    points=3,
    minutes=8,
    difficulty="warm-up",
    inputs=_describe_inputs,
    probe=_probe_describe,
    expected=_describe_expected,
    mistakes=(
        Mistake(
            "describes the NumPy array",
            "You describe the array that NumPy would make. TensorFlow makes its own "
            "choice for Python values: `int32` for whole numbers, `float32` for "
            "decimals, `string` for text, where NumPy takes `int64`, `float64` and a "
            "text type with a length. Convert with `tf.convert_to_tensor(x)` and ask "
            "the tensor.",
            _describe_numpy,
        ),
        Mistake(
            "takes len(x) for the rank",
            "`len(x)` is the number of items along the first axis. The rank is the "
            "number of axes: 2 for a table, however many rows it has, and 0 for a "
            "single value, which has no `len` at all. It is `tensor.shape.rank`.",
            _describe_len_rank,
        ),
        Mistake(
            "takes len(x) for the size",
            "The size counts all elements, and `len(x)` sees only the first axis: a "
            "table of 3 rows and 2 columns has size 6. A single value has size 1 but "
            "no `len`. `tf.size` counts for every rank.",
            _describe_len_size,
        ),
        Mistake(
            "returns a TensorShape",
            "`tensor.shape` prints much like a tuple, but it is a `TensorShape`, an "
            "object of TensorFlow's own. Whoever uses your result needs plain Python: "
            "`tuple(tensor.shape)`.",
            _describe_tensor_shape,
        ),
        Mistake(
            "returns a TensorShape and a tensor",
            "The four answers are right, but two of them only look like plain Python: "
            "the shape is a `TensorShape`, and `tf.size` gives a tensor. Unpack them "
            "with `tuple(...)` and `int(...)`.",
            _describe_nothing_plain,
        ),
        Mistake(
            "returns a DType",
            "`tensor.dtype` is an object of type `DType`, and the task asks for its "
            'name as text, such as `"float32"`. The object carries it: '
            "`tensor.dtype.name`.",
            _describe_dtype_object,
        ),
        Mistake(
            "prints the dtype",
            "`str(tensor.dtype)` gives what Python prints for the object, brackets "
            "and all: `<dtype: 'float32'>`. The name alone is `tensor.dtype.name`.",
            _describe_dtype_printed,
        ),
        Mistake(
            "returns the shape as a list",
            "The entries of your shape are right, but they come in a list, as "
            "`as_list()` gives them. The task asks for a tuple, which cannot change "
            "by accident and can be a key of a dict: `tuple(tensor.shape)`.",
            _describe_shape_list,
        ),
        Mistake(
            "hands over a tensor as the size",
            "`tf.size` is an operation, so what it gives is a tensor, even where it "
            "prints like a number. The task asks for plain Python, which `int(...)` "
            "unpacks: `int(tf.size(tensor))`.",
            _describe_tensor_size,
        ),
        Mistake(
            "hands over a NumPy number as the size",
            "`.numpy()` takes a value out of TensorFlow and leaves it in NumPy, as a "
            "number of NumPy's own (`np.prod` gives one, too). The task asks for a "
            "plain `int`: wrap it, `int(...)`, or take `math.prod`.",
            _describe_numpy_size,
        ),
        Mistake(
            "counts the characters of a string",
            "Size counts elements, and a string is one element, however many "
            "characters it has. How long it is inside is the business of "
            "`tf.strings.length`; `tf.size` gives 1.",
            _describe_letters,
        ),
        Mistake(
            "finds no elements anywhere",
            "Your size is 0 whatever comes in. If you multiply in a loop, this is "
            "why: a product that starts at 0 stays there. Start at 1, or let "
            "`tf.size` count.",
            _describe_from_zero,
        ),
        Mistake(
            "treats a string as a sequence",
            "To Python a string is a sequence of characters; to TensorFlow it is one "
            "value. So `tensor` in quotes has rank 0, shape `()` and size 1, whatever "
            "its length: hand it over whole.",
            _describe_characters,
        ),
        Mistake(
            "thinks a scalar has no elements",
            "No axes does not mean no elements: a scalar is one value, so its size is "
            "1. Size 0 belongs to a shape in which some axis has length 0. Multiplying "
            "the entries of the shape gives both, since the product of nothing is 1.",
            _describe_scalar_is_empty,
        ),
        Mistake(
            "adds up the shape",
            "You add the lengths of the axes, but elements fill a grid: 3 rows of 2 "
            "are 3 · 2 values. Multiply them (`math.prod(shape)`), or let `tf.size` "
            "count.",
            _describe_sum,
        ),
    ),
    variants=(_describe_variant_ops, _describe_variant_values),
    hints=(
        "Do not tell the kinds of input apart: `tf.convert_to_tensor` takes them all, "
        "and a tensor can answer every one of the four questions.",
        "The tensor has `.shape` (which has `.rank`) and `.dtype` (which has `.name`); "
        "`tf.size(tensor)` counts the elements. Turn what is not plain Python into "
        "it with `tuple(...)` and `int(...)`.",
        "After `tensor = tf.convert_to_tensor(x)` return `tensor.shape.rank`, "
        "`tuple(tensor.shape)`, `tensor.dtype.name` and `int(tf.size(tensor))`, in "
        "this order.",
    ),
    explain="Rank, shape, dtype and size are the four questions to ask of any tensor, "
    "and most bugs show up in one of the answers. Converting first is what makes them "
    "reliable, because Python and NumPy have other ideas: a Python float becomes "
    "`float32`, and a string is a single value.",
)
