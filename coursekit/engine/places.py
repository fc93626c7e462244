"""Where in a nest of plain data an answer differs from what was expected."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from coursekit.engine.compare import contrast
from coursekit.engine.plain import Plain

_NOTHING = object()


class Place(NamedTuple):
    """One member that differs.

    Attributes:
        at: the way to it, such as ``"['loss'][0]"``; "" is the value itself.
        want, got: what was expected there, and what came.
    """

    at: str
    want: Plain
    got: Plain

    @property
    def shown(self) -> tuple[str, str]:
        """Both in short."""
        if self.want is _NOTHING:
            return "nothing", contrast(self.got, self.got)[1]
        if self.got is _NOTHING:
            return contrast(self.want, self.want)[0], "nothing"
        return contrast(self.want, self.got)


def places(
    want: Plain, got: Plain, same: Callable[[Plain, Plain], bool], at: str = ""
) -> Iterator[Place]:
    """The innermost members that differ, in order.

    Args:
        want, got: plain data.
        same: whether two members, what came first, count as equal.
        at: where these two are.
    """
    if same(got, want):
        return
    pairs = _pairs(want, got)
    if pairs is None:
        yield Place(at, want, got)
        return
    for key, w, g in pairs:
        if w is _NOTHING or g is _NOTHING:
            yield Place(f"{at}[{key!r}]", w, g)
        else:
            yield from places(w, g, same, f"{at}[{key!r}]")


def _pairs(want: Plain, got: Plain) -> list[tuple[Any, Plain, Plain]] | None:
    """The members of two nests side by side; None where that makes no sense."""
    if isinstance(want, dict) and isinstance(got, dict):
        if not want.keys() & got.keys():
            return None
        keys = [*want, *(key for key in got if key not in want)]
        return [(k, want.get(k, _NOTHING), got.get(k, _NOTHING)) for k in keys]
    nests = isinstance(want, list | tuple) and type(want) is type(got)
    if nests and len(want) == len(got) > 0:
        return [(i, w, g) for i, (w, g) in enumerate(zip(want, got, strict=True))]
    return None
