"""Compare what came back with what was expected, and say the difference in words."""

from typing import Any

import numpy as np

from coursekit.engine.plain import Opaque, Plain, Raised, brief, written

SMALL = 20
"""Arrays with more elements are shown where they differ, not as a whole."""
_TEXT = 60


def compare(
    got: Plain, want: Plain, *, rtol: float = 1e-5, atol: float = 1e-6
) -> str | None:
    """Compare type, shape and dtype, then values.

    Args:
        got, want: plain data.
        rtol, atol: floats are equal when ``|got - want| <= atol + rtol * |want|``.

    Returns:
        None when equal, else one sentence in the learner's terms.
    """
    return _compare(got, want, "", rtol, atol)


def _compare(got: Plain, want: Plain, at: str, rtol: float, atol: float) -> str | None:
    where = f" at {at}" if at else ""
    if isinstance(want, Raised):
        if isinstance(got, Raised) and got.kind == want.kind:
            return None
        if isinstance(got, Raised):
            raised = f"{got.kind}: {got.message}" if got.message else got.kind
            return f"This input should raise {want.kind}{where}, not {raised}"
        return f"This input should raise {want.kind}{where}; it did not."
    if isinstance(got, Raised):
        message = f": {got.message}" if got.message else ""
        line = f" (line {got.line}: {got.source})" if got.source else ""
        return f"Your code raised {got.kind}{message}{line}"
    if isinstance(want, np.ndarray):
        return _compare_arrays(got, want, where, rtol, atol)
    if isinstance(want, dict):
        return _compare_dicts(got, want, at, rtol, atol)
    if isinstance(want, list | tuple):
        return _compare_sequences(got, want, at, rtol, atol)
    return _compare_scalars(got, want, where, rtol, atol)


def _kind(value: Plain) -> str:
    match value:
        case None:
            return "None"
        case Opaque():
            article = "an" if value.kind[:1].lower() in "aeiou" else "a"
            return f"{article} {value.kind}"
        case np.ndarray():
            return "a scalar tensor" if value.ndim == 0 else "an array"
        case int() if not isinstance(value, bool):
            return "an int"
        case _:
            return f"a {type(value).__name__}"


def _forgot(got: Plain) -> str:
    return " (forgot to return?)" if got is None else ""


def _compare_scalars(
    got: Plain, want: Any, where: str, rtol: float, atol: float
) -> str | None:
    if isinstance(got, np.ndarray) and got.ndim == 0:
        got = got.item()  # a scalar tensor stands for its number
    if isinstance(want, str) and isinstance(got, bytes):
        return f"Expected a str{where}, got bytes."
    numeric = isinstance(want, float) and type(got) in (int, float)
    if type(got) is not type(want) and not numeric:
        return f"Expected {_kind(want)}{where}, got {_kind(got)}{_forgot(got)}."
    if isinstance(want, float):
        if isinstance(got, int) and got.bit_length() > 1000:  # no float is as large
            return f"Expected {want!r}{where}, got {written(got)}."
        equal = bool(np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True))
    else:
        equal = got == want
    if equal:
        return None
    want, got = _short(want, got)
    return f"Expected {want}{where}, got {got}."


def _short(want: Any, got: Any) -> tuple[str, str]:
    """Two scalars as written; of two long texts, the part where they part ways."""
    if not (isinstance(want, str | bytes) and type(got) is type(want)):
        return written(want), written(got)
    if max(len(want), len(got)) <= _TEXT:
        return repr(want), repr(got)
    start = max(_parting(want, got) - _TEXT // 3, 0)

    def part(text: Any) -> str:
        head, tail = "…" * (start > 0), "…" * (len(text) > start + _TEXT)
        return f"{head}{text[start : start + _TEXT]!r}{tail}"

    return part(want), part(got)


def _parting(one: Any, other: Any) -> int:
    """The place of the first character in which two texts differ."""
    pairs = zip(one, other, strict=False)
    equal = min(len(one), len(other))
    return next((i for i, (a, b) in enumerate(pairs) if a != b), equal)


def _compare_arrays(
    got: Plain, want: np.ndarray, where: str, rtol: float, atol: float
) -> str | None:
    if not isinstance(got, np.ndarray):
        shape = "a scalar tensor" if want.ndim == 0 else f"an array of {want.shape}"
        return f"Expected {shape}, {want.dtype}{where}; got {_kind(got)}{_forgot(got)}."
    if got.shape != want.shape:
        return f"Expected shape {want.shape}{where}, got {got.shape}."
    if got.dtype != want.dtype and not (got.dtype.kind == want.dtype.kind == "S"):
        return f"Expected dtype {want.dtype}{where}, got {got.dtype}."
    same = _equal(got, want, rtol, atol)
    if np.all(same):
        return None
    if want.ndim == 0:
        want, got = str(want[()]), str(got[()])  # digits of their own dtype
        return f"Expected {want}{where}, got {got}."
    first = tuple(int(i) for i in np.argwhere(~same)[0])
    return (
        f"{np.count_nonzero(~same)} of {same.size} values differ{where}; the first, "
        f"at {list(first)}, should be {want[first]} and is {got[first]}."
    )


def _equal(
    got: np.ndarray, want: np.ndarray, rtol: float = 1e-5, atol: float = 1e-6
) -> np.ndarray:
    """Where two arrays of one shape and dtype agree."""
    if want.dtype.kind in "fcV":  # V: bfloat16 and its relatives
        number = np.complex128 if want.dtype.kind == "c" else np.float64
        g, w = got.astype(number), want.astype(number)
        return np.isclose(g, w, rtol=rtol, atol=atol, equal_nan=True)
    return got == want


def _compare_dicts(
    got: Plain, want: dict, at: str, rtol: float, atol: float
) -> str | None:
    where = f" at {at}" if at else ""
    if not isinstance(got, dict):
        return f"Expected a dict{where}, got {_kind(got)}{_forgot(got)}."
    if missing := [k for k in want if k not in got]:
        return f"Missing{where}: {brief(missing)}."
    if extra := [k for k in got if k not in want]:
        return f"Not expected{where}: {brief(extra)}."
    for key, value in want.items():
        place = f"{at}[{key!r}]"
        if (difference := _compare(got[key], value, place, rtol, atol)) is not None:
            return difference
    return None


def _compare_sequences(
    got: Plain, want: list | tuple, at: str, rtol: float, atol: float
) -> str | None:
    where = f" at {at}" if at else ""
    if type(got) is not type(want):
        kind = type(want).__name__
        return f"Expected a {kind}{where}, got {_kind(got)}{_forgot(got)}."
    if len(got) != len(want):
        return f"Expected {len(want)} items{where}, got {len(got)}."
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        if (difference := _compare(g, w, f"{at}[{i}]", rtol, atol)) is not None:
            return difference
    return None


def contrast(want: Plain, got: Plain) -> tuple[str, str]:
    """What was expected and what came, each as one short text.

    Small values are shown as a whole; of large arrays the neighbourhood of the first
    element that differs, of long texts the words around it.
    """
    if _alike(want, got) and want.size > SMALL:
        differs = np.argwhere(~_equal(got, want))
        if differs.size:
            return _window(want, differs[0]), _window(got, differs[0])
    elif isinstance(want, str | bytes) and type(got) is type(want):
        return _short(want, got)
    return brief(want), brief(got)


def _alike(want: Plain, got: Plain) -> bool:
    arrays = isinstance(want, np.ndarray) and isinstance(got, np.ndarray)
    return arrays and want.shape == got.shape and want.dtype == got.dtype


def _window(array: np.ndarray, first: np.ndarray) -> str:
    """The elements around one, along the last axis."""
    *rows, column = (int(i) for i in first)
    length = array.shape[-1]
    start = max(min(column - 2, length - 5), 0)
    stop = min(start + 5, length)
    place = ", ".join([*map(str, rows), f"{start}:{stop}"])
    shown = np.array2string(array[*rows, start:stop], precision=6, separator=" ")
    return f"{array.dtype} array of shape {array.shape}; [{place}] is {shown}"
