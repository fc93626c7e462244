"""The contract of an exercise.

======== ====================================================== ====================
part     what it is                                             where it runs
======== ====================================================== ====================
inputs   draws the cases from a random generator                trusted
probe    calls the answer, returns plain data                   beside the answer
expected the oracle, independent of the solution                trusted
judge    compares, in the learner's terms                       trusted
mistakes wrong implementations that people really write         trusted
variants right answers written differently                      tests
hints    a ladder, the last nearly the answer                   notebook
explain  the idea, shown after a pass                           notebook
======== ====================================================== ====================

A probe sees only the answer and one case, and uses only the names that its module
imports, so that it can be shipped without the rest.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from coursekit.engine.compare import compare
from coursekit.engine.plain import Plain, brief, to_plain

Answer = Callable[..., Any]
Difficulty = Literal["warm-up", "core", "stretch"]


@dataclass(frozen=True)
class Case:
    """One call of the answer.

    Attributes:
        group: what the case is about; all cases of a group must pass for its credit.
        args: the arguments, plain data.
        call: how to show the call to the learner; by default made from ``args``.
    """

    group: str
    args: tuple[Plain, ...]
    call: str = ""

    def shown(self, name: str) -> str:
        return self.call or f"{name}({', '.join(brief(a) for a in self.args)})"


@dataclass(frozen=True)
class Mistake:
    """A misconception that runs.

    Attributes:
        name: a short name for reports, such as ``"compares text"``.
        says: the sentence that helps: what is believed, what is so, what to do.
        answer: the wrong implementation.
    """

    name: str
    says: str
    answer: Answer


def call(answer: Answer, case: Case) -> Plain:
    """The usual probe: call the answer with the case's arguments."""
    return to_plain(answer(*deepcopy(case.args)))


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One graded exercise; see the module's text for the parts.

    Attributes:
        id: ``"04.3"``, as in the syllabus.
        name: what the learner defines.
        points: full marks; each group of cases earns an equal share.
        minutes: to solve it, for one who has studied the section.
        rtol, atol: tolerances of the default judge.
    """

    id: str
    name: str
    points: int
    minutes: int
    difficulty: Difficulty
    inputs: Callable[[np.random.Generator], Sequence[Case]]
    expected: Callable[[Case], Plain]
    mistakes: tuple[Mistake, ...]
    variants: tuple[Answer, ...]
    hints: tuple[str, ...]
    explain: str
    probe: Callable[[Answer, Case], Plain] = call
    rtol: float = 1e-5
    atol: float = 1e-6

    def judge(self, got: Plain, want: Plain) -> str | None:
        """None when right, else the difference in one sentence."""
        return compare(got, want, rtol=self.rtol, atol=self.atol)

    def cases(self, seed: int) -> tuple[Case, ...]:
        return tuple(self.inputs(np.random.default_rng(seed)))
