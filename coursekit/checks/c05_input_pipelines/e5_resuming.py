"""Exercise 05.5: ``resuming``."""

from functools import partial

import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_PROBE_MOST = 40
"""Connections and items; no right answer comes near."""


class _ProbeStation:
    """The other end of the line: breaks as its script says, and keeps a diary.

    Each entry of the script is for one connection: ``"reset 2"`` serves two items and
    then breaks, ``"value 2"`` raises another error there, ``"refused 0"`` breaks while
    connecting, and so does ``"gone 0"``, also later. Behind the last entry, everything
    is served.
    """

    def __init__(self, items: list, script: tuple[str, ...]) -> None:
        self.items, self.script = items, script
        self.opened: list[int] = []
        self.served = 0

    def connect(self, offset: int):
        self.opened.append(int(offset))
        number = len(self.opened) - 1
        if "gone 0" in self.script[:number]:
            number = self.script.index("gone 0")
        scripted = number < len(self.script)
        what, count = (self.script[number] if scripted else "end 999").split()
        if what in ("refused", "gone") and len(self.opened) <= _PROBE_MOST:
            raise ConnectionRefusedError("the station does not answer")
        return self.serve(int(offset), what, int(count))

    def serve(self, offset: int, what: str, count: int):
        if len(self.opened) > _PROBE_MOST:  # whoever never gives up gets no end either
            while True:
                yield "noise"
        for item in self.items[offset : offset + count]:
            self.served += 1
            yield item
        match what:
            case "reset":
                raise ConnectionResetError("the line broke")
            case "pipe":
                raise BrokenPipeError("the line broke")
            case "timeout":
                raise TimeoutError("the item is late")
            case "value":
                raise ValueError("no item of ours")


def _probe_resuming(answer: Answer, case: Case) -> Plain:
    """The items, how it ended, and what the station saw of it."""
    items, script, tries, most = case.args
    station = _ProbeStation(items, script)
    stream = iter(answer(station.connect, tries))
    before = len(station.opened)
    got, ahead, end = [], 0, "still going on"
    while len(got) < (most if most >= 0 else _PROBE_MOST):
        try:
            got.append(to_plain(next(stream)))
        except StopIteration:
            end = "at the end of the stream"
            break
        except Exception as error:
            end = f"{type(error).__name__}: {error}"
            break
        ahead = max(ahead, station.served - len(got))
    opened = station.opened
    if len(opened) > _PROBE_MOST:
        end, got = f"never: more than {_PROBE_MOST} connections", []
    found = {"ended": end, "items": got, "connected at": opened[:_PROBE_MOST]}
    if most < 0:
        return found
    lazy = {"connections before the first next": before}
    return lazy | found | {"items taken before they were asked for": ahead}


def _resuming_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, script: str, n: int, tries: int, most: int = -1) -> Case:
        """Items repeat, and some are 0 or None: a value says nothing of a place."""
        items = [int(k) for k in rng.integers(0, 4, n)]
        items[1:4] = [None, items[0], items[0]]
        steps = tuple(script.split(", ")) if script else ()
        told = ", ".join(
            f"connection {k}: {_told(*step.split())}" for k, step in enumerate(steps, 1)
        )
        call = f"resuming(connect, {tries}), {n} items; {told or 'no break'}"
        if most >= 0:
            call += f"; {most} times next"
        return Case(group, (items, steps, tries, most), call)

    a, b, c = (int(k) for k in rng.integers(2, 5, 3))
    n = a + b + c + int(rng.integers(2, 5))
    late = 3 + int(rng.integers(0, 3))
    broken = f"reset {a}, pipe {b}, reset {c}"
    refused = ", ".join(["refused 0"] * (late - 1))
    fewer = ", ".join(["refused 0"] * (late - 2))
    return [
        case("no break", "", n, 3),
        case("breaks on the way", broken, n, 3),
        case("breaks on the way", f"reset {n}", n, 2),
        case("more breaks than tries", f"{broken}, pipe 1", n, 2),
        case("several breaks in a row", f"{refused}, reset {b}, {fewer}", n, late),
        case("several breaks in a row", f"reset {a}, reset 0, pipe 0, reset 1", n, 4),
        case("gives up", f"reset {a}, reset {b}, refused 0, pipe 0, reset 1", n, 3),
        case("gives up", f"{refused}, refused 0, reset {a}", n, late),
        case("gives up", f"reset {c}, gone 0", n, 2),
        case("gives up", f"reset {a}", n, 1),
        case("other errors", f"reset {a}, value {b}, reset 1", n, 3),
        case("other errors", f"timeout {c}", n, 3),
        case("only what is asked for", f"reset {a}", n, 3, 0),
        case("only what is asked for", f"reset {a}, reset {n}", n, 3, a + 1),
        case("only what is asked for", f"reset {a}", n, 3, a),
    ]


def _told(what: str, count: str) -> str:
    """An entry of a script in words."""
    names = {"reset": "breaks", "pipe": "breaks"}
    names |= {"timeout": "TimeoutError", "value": "ValueError"}
    if what in ("refused", "gone"):
        return "is refused" + ", and all later ones" * (what == "gone")
    return f"{count} items, then {names[what]}"


_SAID = {
    "refused": "ConnectionRefusedError: the station does not answer",
    "gone": "ConnectionRefusedError: the station does not answer",
    "reset": "ConnectionResetError: the line broke",
    "pipe": "BrokenPipeError: the line broke",
    "timeout": "TimeoutError: the item is late",
    "value": "ValueError: no item of ours",
}


def _resuming_expected(case: Case) -> Plain:
    """Walks along the script; no generator, no exception."""
    items, script, tries, most = case.args
    wanted = most if most >= 0 else len(items) + 1
    got, opened, row, end = 0, [], 0, ""
    gone = script[-1:] * tries if "gone 0" in script else ()
    for step in (*script, *gone, "end 999"):
        if got >= wanted or end:
            break
        what, count = step.split()
        opened.append(got)
        fresh = min(int(count), len(items) - got, wanted - got)
        got += fresh
        row = 0 if fresh else row
        if got >= wanted:
            break
        row += 1
        if what == "end":
            end = "at the end of the stream"
        elif what in ("timeout", "value") or row >= tries:
            end = _SAID[what]
    found = {"ended": end or "still going on", "items": items[:got]}
    found |= {"connected at": opened}
    if most < 0:
        return found
    lazy = {"connections before the first next": 0}
    return lazy | found | {"items taken before they were asked for": 0}


def _resume(connect, tries, breaks=ConnectionError, at=int, **how):
    """A right answer in parts that the mistakes replace."""
    got = row = 0
    while True:
        try:
            stream = connect(at(got))
            row = 0 if how.get("resets") == "connected" else row
            for item in stream:
                got += 1
                row = 0 if how.get("resets", "item") == "item" else row
                yield item
            if not how.get("again"):
                return
        except breaks:
            row += 1
            if row >= tries + how.get("extra", 0):
                if how.get("quietly"):
                    return
                raise


_resuming_restarts = partial(_resume, at=lambda got: 0)
_resuming_skips = partial(_resume, at=lambda got: got + 1 if got else 0)
_resuming_again = partial(_resume, at=lambda got: max(got - 1, 0))


def _resuming_this_line_only(connect, tries):
    row = got = 0
    while True:
        try:
            for place, item in enumerate(connect(got), 1):
                got, row = place, 0
                yield item
            return
        except ConnectionError:
            row += 1
            if row >= tries:
                raise


_resuming_counts_all = partial(_resume, resets="never")
_resuming_counts_connections = partial(_resume, resets="connected")
_resuming_forever = partial(_resume, extra=10**9)
_resuming_any_error = partial(_resume, breaks=Exception)
_resuming_os_error = partial(_resume, breaks=OSError)
_resuming_resets_only = partial(_resume, breaks=ConnectionResetError)
_resuming_quietly = partial(_resume, quietly=True)
_resuming_one_more = partial(_resume, extra=1)
_resuming_one_less = partial(_resume, extra=-1)
_resuming_again_at_end = partial(_resume, again=True)


def _resuming_list(connect, tries):
    yield from [*_resume(connect, tries)]


def _resuming_ahead(connect, tries):
    nothing = object()
    stream = _resume(connect, tries)
    upcoming = next(stream, nothing)
    while upcoming is not nothing:
        item, upcoming = upcoming, next(stream, nothing)
        yield item


def _resuming_first_break(connect, tries):
    try:
        yield from connect(0)
    except ConnectionError:
        return


def _resuming_connect_outside(connect, tries):
    got = row = 0
    while True:
        stream = connect(got)
        try:
            for item in stream:
                got, row = got + 1, 0
                yield item
            return
        except ConnectionError:
            row += 1
            if row >= tries:
                raise


def _resuming_at_once(connect, tries):
    opened = [connect(0)]

    def connect_later(offset):
        return opened.pop() if opened else connect(offset)

    return _resume(connect_later, tries)


def _resuming_seen(connect, tries):
    seen = set()
    for item in _resume(connect, tries):
        if item not in seen:
            seen.add(item)
            yield item


def _resuming_until_empty(connect, tries):
    for item in _resume(connect, tries):
        if not item:
            return
        yield item


def _resuming_stop_iteration(connect, tries):
    stream, got, row = None, 0, 0
    while True:
        try:
            stream = iter(connect(got)) if stream is None else stream
            item = next(stream)
        except ConnectionError:
            stream, row = None, row + 1
            if row >= tries:
                raise
        else:
            got, row = got + 1, 0
            yield item


def _resuming_variant_next(connect, tries):
    stream, got, left = None, 0, tries
    while True:
        try:
            stream = iter(connect(got)) if stream is None else stream
            item = next(stream)
        except StopIteration:
            return
        except ConnectionError:
            stream, left = None, left - 1
            if not left:
                raise
        else:
            got, left = got + 1, tries
            yield item


def _resuming_variant_states(connect, tries):
    items = []  # keeps all that came: heavier, but right

    def once():
        before = len(items)
        try:
            for item in connect(before):
                items.append(item)
                yield item
        except ConnectionError as error:
            return error, len(items) > before
        return None, True

    row = 0
    while True:
        error, fresh = yield from once()
        if error is None:
            return
        row = 1 if fresh else row + 1
        if row >= tries:
            raise error


EXERCISE = Exercise(
    id="05.5",
    name="resuming",
    points=5,
    minutes=18,
    difficulty="stretch",
    inputs=_resuming_inputs,
    probe=_probe_resuming,
    expected=_resuming_expected,
    mistakes=(
        Mistake(
            "starts again from the first item",
            "After a break you open the stream at 0, and everything comes once more. "
            "Count the items that you have yielded, and ask for the rest: "
            "`connect(got)`.",
            _resuming_restarts,
        ),
        Mistake(
            "loses an item at each break",
            "After got items you connect at got + 1, and one item never arrives. "
            "Offsets begin at 0, so the next item has the number got.",
            _resuming_skips,
        ),
        Mistake(
            "yields an item twice at each break",
            "After a break you connect at the item that came last, and it comes once "
            "more. Offsets begin at 0: after got items the next one has the number "
            "got.",
            _resuming_again,
        ),
        Mistake(
            "counts within one connection",
            "Your offset is the place in the present connection. At the second break "
            "it forgets what the first connection brought. Count on over all "
            "connections.",
            _resuming_this_line_only,
        ),
        Mistake(
            "counts all breaks",
            "You give up although new items came between the breaks. `tries` counts "
            "breaks in a row: set the count back to 0 at every item.",
            _resuming_counts_all,
        ),
        Mistake(
            "forgets the breaks at every connection",
            "You set the count back when a connection opens. A station that answers "
            "and breaks off before the first item would be asked for ever. Set it back "
            "when an item has come.",
            _resuming_counts_connections,
        ),
        Mistake(
            "never gives up",
            "However often the line breaks without a new item, you connect again. If "
            "the station is gone for good, the program hangs. After `tries` breaks in "
            "a row, `raise`.",
            _resuming_forever,
        ),
        Mistake(
            "takes every error for a break",
            "You catch `Exception`, so a bug in the stream is taken for a bad line, "
            "and tried again. Catch `ConnectionError`, and let everything else pass at "
            "once.",
            _resuming_any_error,
        ),
        Mistake(
            "takes every OSError for a break",
            "`OSError` is the family of `ConnectionError`, and it has other members, "
            "such as `TimeoutError` and `FileNotFoundError`. Only a `ConnectionError` "
            "is a break here.",
            _resuming_os_error,
        ),
        Mistake(
            "knows one kind of break",
            "You catch `ConnectionResetError`. A line also breaks with "
            "`BrokenPipeError` or `ConnectionRefusedError`; their common parent is "
            "`ConnectionError`.",
            _resuming_resets_only,
        ),
        Mistake(
            "gives up quietly",
            "When you give up, the generator simply ends, as if the stream were "
            "complete, and nobody learns that items are missing. Let the error pass: "
            "`raise`.",
            _resuming_quietly,
        ),
        Mistake(
            "gives up one break late",
            "You allow a break too many. With `tries` of 3, the third break in a row "
            "is the last: compare with `>=` after counting it.",
            _resuming_one_more,
        ),
        Mistake(
            "gives up one break early",
            "You give up a break too early. With `tries` of 3 you connect again after "
            "the first and the second break in a row; the third one is the last.",
            _resuming_one_less,
        ),
        Mistake(
            "connects again at the end",
            "When the iterator ends, the stream is complete, but you connect once "
            "more, and for ever. Behind the `for` loop: `return`.",
            _resuming_again_at_end,
        ),
        Mistake(
            "lets StopIteration out",
            "`next` raises `StopIteration` at the end of the stream, and Python makes "
            "a `RuntimeError` of it inside a generator. Use a `for` loop, or catch it "
            "and `return`.",
            _resuming_stop_iteration,
        ),
        Mistake(
            "reads all before the first item",
            "You collect the whole stream before you hand over anything. A stream may "
            "never end: `yield` each item when it comes.",
            _resuming_list,
        ),
        Mistake(
            "reads one item ahead",
            "Before an item is handed over, you already ask for the next one. On a "
            "quiet line the reader waits for an item that is there. `yield` first, "
            "then read on.",
            _resuming_ahead,
        ),
        Mistake(
            "ends at the first break",
            "At a break you stop, as if the stream had ended. The rest is still to "
            "come: open the stream again, in a loop.",
            _resuming_first_break,
        ),
        Mistake(
            "connects outside try",
            "`connect` itself may break as well, when the station does not answer. "
            "Move the call into the `try`.",
            _resuming_connect_outside,
        ),
        Mistake(
            "connects before anybody asks",
            "You connect as soon as `resuming` is called. A generator does nothing "
            "before the first `next`: put all of it into a function with `yield`.",
            _resuming_at_once,
        ),
        Mistake(
            "drops items that look alike",
            "You leave out items that were there before. Two measurements may well be "
            "equal: what tells items apart is their place in the stream. Count.",
            _resuming_seen,
        ),
        Mistake(
            "takes 0 or None for the end",
            "You stop at an item such as 0 or `None`, but an item may be anything. The "
            "end of a stream is the end of the `for` loop.",
            _resuming_until_empty,
        ),
    ),
    variants=(_resuming_variant_next, _resuming_variant_states),
    hints=(
        "Two counters: how many items have been yielded, and how many breaks there "
        "were since the last of them.",
        "`while True:` and in it `try: for item in connect(got): …`. Behind the `for` "
        "loop the stream has ended, so `return` there. `except ConnectionError:` "
        "counts a break.",
        "In the loop: `got += 1`, `breaks = 0`, `yield item`. In the `except`: `breaks "
        "+= 1`, and `if breaks >= tries: raise`.",
    ),
    explain="Every item at least once comes for free, by starting again. Exactly once "
    "needs a place to go on from, counted where items are handed over and not where "
    "they are sent. Retrying without a limit turns a failure into silence; a limit for "
    "the whole life of a stream ends every long one: so count the breaks in a row.",
)
