"""Run an answer, judge it, and find the misconception behind a wrong one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from coursekit.engine.compare import contrast
from coursekit.engine.exercise import Answer, Case, Exercise, Mistake
from coursekit.engine.faults import raised
from coursekit.engine.plain import Plain, Raised, to_plain
from coursekit.runtime import reseed

State = Literal["not attempted", "error", "wrong", "right"]
NOTEBOOK_SEED = 2026
"""Draws the cases of the check in the notebook; grading uses a secret seed."""


@dataclass(frozen=True)
class Failure:
    """The first case that failed: what was expected, what came, the difference."""

    case: Case
    want: Plain
    got: Plain
    difference: str

    @property
    def shown(self) -> tuple[str, str]:
        """What was expected and what came, in short, where they differ."""
        return contrast(self.want, self.got)


@dataclass(frozen=True)
class Result:
    """The verdict on one answer.

    Attributes:
        groups: each group of cases with whether all of its cases passed.
        failure: the first failing case, unless right or not attempted.
        misconception: the mistake whose outputs the answer reproduces, if any.
        sure: the mistake agrees on every case, not only on those that failed.
    """

    exercise: Exercise
    state: State
    groups: tuple[tuple[str, bool], ...] = ()
    failure: Failure | None = None
    misconception: Mistake | None = None
    sure: bool = False

    @property
    def score(self) -> float:
        """Share of the points earned, 0 to 1."""
        if self.state == "right":
            return 1.0
        passed = sum(good for _, good in self.groups)
        return passed / len(self.groups) if self.groups else 0.0

    @property
    def earned(self) -> float:
        """Points earned, rounded to hundredths."""
        return round(self.score * self.exercise.points, 2)


def run(exercise: Exercise, answer: Answer, case: Case) -> Plain:
    """What the answer gives for one case: plain data, or Raised."""
    reseed()
    try:
        return exercise.probe(answer, case)
    except (Exception, SystemExit) as error:
        return raised(error, answer)


def grade(exercise: Exercise, answer: Answer, seed: int = NOTEBOOK_SEED) -> Result:
    """Judge an answer on the cases that ``seed`` draws."""
    cases = exercise.cases(seed)
    got = [run(exercise, answer, case) for case in cases]
    return judge(exercise, cases, got)


def judge(exercise: Exercise, cases: Sequence[Case], got: Sequence[Plain]) -> Result:
    """Judge what an answer gave; runs only trusted code."""
    if all(isinstance(g, Raised) and g.is_stub for g in got):
        return Result(exercise, "not attempted")
    want = [to_plain(exercise.expected(case)) for case in cases]
    differences = [exercise.judge(g, w) for g, w in zip(got, want, strict=True)]
    groups: dict[str, bool] = {}
    for case, difference in zip(cases, differences, strict=True):
        groups[case.group] = groups.get(case.group, True) and difference is None
    verdict = tuple(groups.items())
    failed = [i for i, difference in enumerate(differences) if difference is not None]
    if not failed:
        return Result(exercise, "right", verdict)
    first = failed[0]
    failure = Failure(cases[first], want[first], got[first], differences[first] or "")
    mistake, sure = diagnose(exercise, cases, got, failed)
    state: State = "error" if isinstance(got[first], Raised) else "wrong"
    return Result(exercise, state, verdict, failure, mistake, sure)


def diagnose(
    exercise: Exercise,
    cases: Sequence[Case],
    got: Sequence[Plain],
    failed: Sequence[int],
) -> tuple[Mistake | None, bool]:
    """The mistake that explains what came back, and whether it explains all of it.

    A mistake that agrees on every case wins. Next comes the only one that agrees on
    every failing case, provided it is more than a shared exception: many faults raise
    the same error. Last the only one that agrees wherever the answer returned anything:
    it may hold a misconception and a slip that ends in an error.
    """
    values = [i for i in failed if not isinstance(got[i], Raised)]
    errors = [i for i in failed if i not in values]
    others = [i for i in range(len(cases)) if i not in failed]
    likely: list[Mistake] = []
    partly: list[Mistake] = []
    for mistake in exercise.mistakes:

        def agrees(i: int, mistake: Mistake = mistake) -> bool:
            return _same(exercise, got[i], run(exercise, mistake.answer, cases[i]))

        # Most mistakes are out of the question after one case: what takes time is
        # running them, so nothing is run that can no longer matter.
        if not all(map(agrees, values)):
            continue
        explained = all(map(agrees, errors))
        if (explained or values) and all(map(agrees, others)):
            if explained:
                return mistake, True
            partly.append(mistake)
        elif explained and values:
            likely.append(mistake)
    for found in (likely, partly):
        if found:
            return (found[0], False) if len(found) == 1 else (None, False)
    return None, False


def _same(exercise: Exercise, got: Plain, output: Plain) -> bool:
    if isinstance(got, Raised) and isinstance(output, Raised):
        return got.same_as(output)
    # Both ways, since judging is lenient: a scalar tensor may stand for a number.
    return exercise.judge(got, output) is None and exercise.judge(output, got) is None
