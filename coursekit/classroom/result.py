"""What grading a submission gives: plain, frozen, and the same as JSON and back."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

SubmissionState = Literal["graded", "partly graded", "unreadable"]
ExerciseState = Literal[
    "not attempted", "error", "wrong", "right", "timeout", "crashed"
]


@dataclass(frozen=True, kw_only=True)
class ExerciseResult:
    """The verdict on one exercise of one submission.

    Everything that came out of the student's code (``error_line``, ``stdout``, and
    the quotations in ``says`` and ``difference``) is text of unknown intent: escape
    it before it is shown.

    Attributes:
        id, name: ``"04.3"`` and what the student had to define.
        state: ``"timeout"`` is code that hung, ``"crashed"`` a process that died.
        earned, points: points earned, rounded to hundredths, and full marks.
        groups: each group of cases with whether all of its cases passed; empty when
            there was nothing to call.
        misconception: the name of the mistake that explains the answer, or ``""``.
        says: the sentence to tell the student: the misconception's, or what went
            wrong when nothing could be called; ``""`` when right.
        difference: the first failing case in one sentence; may quote hidden values.
        case_group: the group of that case.
        error_line: ``"line 3: return a @ b"``, where the student's code failed.
        stdout: what the student's cells printed, capped; nothing from hidden calls.
        code_hash: of everything that was run for this exercise; ``""`` if nothing.
        seconds: wall time in the sandbox.
    """

    id: str
    name: str
    state: ExerciseState
    earned: float
    points: int
    groups: tuple[tuple[str, bool], ...] = ()
    misconception: str = ""
    says: str = ""
    difference: str = ""
    case_group: str = ""
    error_line: str = ""
    stdout: str = ""
    code_hash: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"groups": [list(group) for group in self.groups]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        groups = tuple((str(name), bool(good)) for name, good in data["groups"])
        return cls(**data | {"groups": groups})


@dataclass(frozen=True, kw_only=True)
class SubmissionResult:
    """The verdict on one notebook; every submission ends in one of three states.

    Attributes:
        chapter: two digits, ``"04"``.
        state: ``"partly graded"`` when an exercise hung or died, or a cell was not
            run; ``"unreadable"`` when there was no notebook to grade.
        reason: why it is not simply graded, in words for the teacher; may be a remark
            on a graded one.
        exercises: one for each exercise of the chapter, in order; all ``"not
            attempted"`` with 0 points when unreadable.
        isolated: False when it was graded without a sandbox.
        unsure: something was stopped for which a busy machine may be to blame; the next
            run grades it again.
        seconds: wall time from notebook bytes to verdict.
    """

    chapter: str
    state: SubmissionState
    reason: str = ""
    exercises: tuple[ExerciseResult, ...] = ()
    isolated: bool = True
    unsure: bool = False
    seconds: float = 0.0

    @property
    def earned(self) -> float:
        return round(sum(exercise.earned for exercise in self.exercises), 2)

    @property
    def points(self) -> int:
        return sum(exercise.points for exercise in self.exercises)

    def to_json(self) -> dict[str, Any]:
        exercises = [exercise.to_json() for exercise in self.exercises]
        return asdict(self) | {"exercises": exercises}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        exercises = tuple(ExerciseResult.from_json(row) for row in data["exercises"])
        return cls(**data | {"exercises": exercises})
