"""Plain data: what an answer may hand over to be judged.

Numbers, strings, NumPy arrays, and lists, tuples and dicts of these. Live objects (a
tensor, a shape, a model) are converted or reduced to their type's name, so that what
is compared can neither run code nor lie about being equal.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_DEPTH = 12


@dataclass(frozen=True)
class Opaque:
    """An object that is not plain data, known only by its type and a short text."""

    kind: str
    text: str


@dataclass(frozen=True)
class Raised:
    """An exception, as plain data.

    Attributes:
        kind: the exception's class name.
        message: its text, without TensorFlow's wrapping.
        line: the number of the line of the learner's code that failed, if known.
        source: that line.
    """

    kind: str
    message: str
    line: int | None = None
    source: str = ""

    @property
    def is_stub(self) -> bool:
        """Whether this is the bare ``raise NotImplementedError()`` of an exercise.

        AutoGraph and NumPy raise the same class, with a message, for real mistakes.
        """
        return self.kind == "NotImplementedError" and not self.message

    def same_as(self, other: "Raised") -> bool:
        """Whether both tell of the same failure; numbers in the text may differ."""
        return self.kind == other.kind and _gist(self.message) == _gist(other.message)


def _gist(message: str) -> str:
    return "".join(c for c in message if not c.isdigit())[:60]


_ATOMS = (bool, int, float, complex, str, bytes, Opaque, Raised)

Plain = Any
"""None, bool, int, float, complex, str, bytes, NumPy array, Opaque, or a list, tuple
or dict of Plain."""


def to_plain(value: Any, depth: int = 0) -> Plain:
    """Reduce ``value`` to plain data.

    Tensors and variables become NumPy arrays, NumPy scalars become arrays of shape (),
    text arrays become arrays of bytes. What is not data becomes Opaque.
    """
    if value is None or type(value) in _ATOMS:
        return value
    if depth > MAX_DEPTH:
        return Opaque("nesting", f"deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {
            k if isinstance(k, str | int) else str(k): to_plain(v, depth + 1)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [to_plain(v, depth + 1) for v in value]
    if isinstance(value, tuple):
        return tuple(to_plain(v, depth + 1) for v in value)
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.array(value))
    if (array := _tensor_value(value)) is not None:
        return _array(array)
    return Opaque(type(value).__name__, _text(value))


def tensors_to_plain(value: Any, depth: int = 0) -> Plain:
    """As :func:`to_plain`, where tensors are asked for: what is NumPy's is Opaque.

    It prints much like a tensor and compares equal, but inside a graph it cannot be.
    """
    if isinstance(value, np.ndarray | np.generic):
        kind = "array" if value.ndim else "number"
        shown = np.array2string(np.asarray(value), precision=4, threshold=20)
        text = " ".join(f"{value.dtype} {value.shape}: {shown}".split())
        return Opaque(f"NumPy {kind} instead of a tensor", text[:200])
    if type(value) in (list, tuple) and depth <= MAX_DEPTH:
        return type(value)(tensors_to_plain(item, depth + 1) for item in value)
    return to_plain(value, depth)


def spec_to_plain(spec: Any) -> Plain:
    """The element spec of a dataset in words, in the same structure."""
    import tensorflow as tf

    if isinstance(spec, dict):
        return {name: spec_to_plain(inner) for name, inner in spec.items()}
    if isinstance(spec, tuple):
        return tuple(spec_to_plain(inner) for inner in spec)
    if isinstance(spec, tf.TensorSpec):
        return f"{spec.dtype.name}, shape {spec.shape}"
    return f"a {type(spec).__name__}"


def _tensor_value(value: Any) -> np.ndarray | None:
    """The value of an eager tensor or a variable; None for anything else."""
    # Duck typing keeps this module free of TensorFlow.
    if not (hasattr(value, "numpy") and hasattr(value, "dtype")):
        return None
    try:
        return np.array(value.numpy())
    except Exception:  # a symbolic tensor has no value to hand over
        return None


def _array(array: np.ndarray) -> Plain:
    if array.dtype == object:
        items = [x.encode() if isinstance(x, str) else x for x in array.ravel()]
        if not all(isinstance(x, bytes) for x in items):
            return Opaque("array of objects", _text(array))
        return np.array(items, dtype=np.bytes_).reshape(array.shape)
    return array


def _text(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # a broken __repr__ must not hide the verdict
        text = f"<repr failed: {type(error).__name__}>"
    return " ".join(text.split())[:200]


def brief(value: Plain, width: int = 300) -> str:
    """One short text of a plain value, for a person to read."""
    if isinstance(value, Opaque):
        return f"{value.kind}: {value.text}"[:width]
    if isinstance(value, Raised):
        message = f": {value.message}" if value.message else ""
        return f"{value.kind}{message}"[:width]
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=6, threshold=20, edgeitems=3)
        text = " ".join(text.split())
        return f"{value.dtype} {_shape(value.shape)}: {text}"[:width]
    if isinstance(value, dict):
        inner = ", ".join(f"{k!r}: {brief(v)}" for k, v in value.items())
        text = f"{{{inner}}}"
    elif isinstance(value, list | tuple):
        inner = ", ".join(brief(v) for v in value)
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        text = f"[{inner}]" if isinstance(value, list) else f"({inner}{comma})"
    else:
        text = written(value)
    return text if len(text) <= width else text[: width - 1] + "…"


def written(value: Plain) -> str:
    """``repr``, also of an integer with more digits than Python will write."""
    try:
        return repr(value)
    except ValueError:
        return "a number of thousands of digits"


def _shape(shape: tuple[int, ...]) -> str:
    return "scalar" if shape == () else f"array of shape {shape}"
