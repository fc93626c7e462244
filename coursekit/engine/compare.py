"""Compare what came back with what was expected, and say the difference in words."""

from typing import Any

import numpy as np

from coursekit.engine.plain import Opaque, Plain, Raised, brief, written


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
        return f"This input should raise {want.kind}{where}; it did not."
    if isinstance(got, Raised):
        line = f" (line {got.line}: {got.source})" if got.source else ""
        return f"Your code raised {got.kind}: {got.message}{line}"
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
    return None if equal else f"Expected {want!r}{where}, got {written(got)}."


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
    if want.dtype.kind in "fcV":  # V: bfloat16 and its relatives
        number = np.complex128 if want.dtype.kind == "c" else np.float64
        g, w = got.astype(number), want.astype(number)
        same = np.isclose(g, w, rtol=rtol, atol=atol, equal_nan=True)
    else:
        same = got == want
    if np.all(same):
        return None
    if want.ndim == 0:
        want, got = str(want[()]), str(got[()])  # digits of their own dtype
        return f"Expected {want}{where}, got {got}."
    first = tuple(int(i) for i in np.argwhere(~same)[0])
    return (
        f"{np.count_nonzero(~same)} of {same.size} values differ{where}; the first, "
        f"at {first}, should be {want[first]} and is {got[first]}."
    )


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
