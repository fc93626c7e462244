"""What a class knows: counts and figures from the attempts of one chapter."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from coursekit.classroom.gradebook import Attempt

OUTCOMES = ("solved", "partly", "wrong", "not attempted")
TOP = 10
"""How many misconceptions a picture or a table shows."""
_FEWEST = 5
"""Submissions below which a correlation says nothing."""


@dataclass(frozen=True)
class Item:
    """How the class did on one exercise.

    Attributes:
        counts: submissions by outcome.
        easiness: the mean share of the points, 0 to 1.
        discrimination: correlation between this exercise and the rest of the chapter,
            -1 to 1; None when there is nothing to correlate.
        stuck: submissions that hung or died here.
    """

    id: str
    name: str
    counts: dict[str, int]
    easiness: float
    discrimination: float | None
    stuck: int


@dataclass(frozen=True)
class Held:
    """A misconception and who holds it."""

    exercise: str
    name: str
    says: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class ClassReport:
    """A chapter at a glance.

    Attributes:
        graded, unreadable: submissions.
        marks: of the graded ones, in points, lateness included.
        seconds: to grade each.
    """

    chapter: str
    points: int
    graded: int
    unreadable: tuple[tuple[str, str], ...]
    isolated: bool
    items: tuple[Item, ...]
    held: tuple[Held, ...]
    marks: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.marks) if self.marks else 0.0

    @property
    def median_seconds(self) -> float:
        return median(self.seconds) if self.seconds else 0.0


def look_at(chapter: str, attempts: Sequence[Attempt]) -> ClassReport:
    """The report on a chapter; what could not be read is counted apart."""
    readable = [a for a in attempts if a.result.state != "unreadable"]
    lost = [a for a in attempts if a.result.state == "unreadable"]
    points = max((a.result.points for a in attempts), default=0)
    return ClassReport(
        chapter,
        points,
        len(readable),
        tuple((a.student, a.result.reason) for a in lost),
        all(a.result.isolated for a in readable),
        tuple(_items(readable)),
        tuple(_held(readable)),
        tuple(a.mark for a in readable),
        tuple(a.result.seconds for a in readable),
    )


def _items(attempts: Sequence[Attempt]) -> list[Item]:
    rows: dict[str, list[tuple[Attempt, int]]] = defaultdict(list)
    for attempt in attempts:
        for place, one in enumerate(attempt.result.exercises):
            rows[one.id].append((attempt, place))
    items = []
    for id, found in sorted(rows.items()):
        counts = dict.fromkeys(OUTCOMES, 0)
        shares, rest = [], []
        stuck = 0
        for attempt, place in found:
            one = attempt.result.exercises[place]
            earned = attempt.earned_in(one)
            share = earned / one.points if one.points else 0.0
            untouched = one.state == "not attempted" and not earned
            counts["not attempted" if untouched else _outcome(share)] += 1
            stuck += one.state in ("timeout", "crashed")
            shares.append(share)
            rest.append(attempt.earned - earned)
        easiness = sum(shares) / len(shares)
        name = found[0][0].result.exercises[found[0][1]].name
        items.append(Item(id, name, counts, easiness, correlation(shares, rest), stuck))
    return items


def _outcome(share: float) -> str:
    return "solved" if share >= 1 else "partly" if share > 0 else "wrong"


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Pearson's; None for few values, or when one side does not vary."""
    n = len(xs)
    if n < _FEWEST:
        return None
    mx, my = sum(xs) / n, sum(ys) / n
    vx = sum((x - mx) ** 2 for x in xs)
    vy = sum((y - my) ** 2 for y in ys)
    if vx < 1e-12 or vy < 1e-12:
        return None
    both = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    return both / math.sqrt(vx * vy)


def _held(attempts: Sequence[Attempt]) -> list[Held]:
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    says: dict[tuple[str, str], str] = {}
    for attempt in attempts:
        for one in attempt.result.exercises:
            if one.misconception:
                key = (one.id, one.misconception)
                holders[key].append(attempt.student)
                says[key] = one.says
    ranked = sorted(holders.items(), key=lambda row: (-len(row[1]), row[0]))
    return [Held(id, name, says[id, name], tuple(who)) for (id, name), who in ranked]
