"""Grade a submission: notebook bytes in, verdict out; no folders, no database.

    with Grader(workers=2) as grader:
        result = grader.grade("04", path.read_bytes(), seed)

``Grader.grade`` may be called from as many threads as there are workers. Where the
sandbox cannot be had it raises ``NoSandbox``, unless told ``unsafe=True``.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from queue import LifoQueue
from types import TracebackType
from typing import Self

from coursekit.classroom import extract
from coursekit.classroom.cage import NoSandbox, require
from coursekit.classroom.channel import Lost
from coursekit.classroom.judging import Truth, truth
from coursekit.classroom.probes import shipment
from coursekit.classroom.result import ExerciseResult, ExerciseState, SubmissionResult
from coursekit.classroom.sandbox import Host, Limits, Unwalled, Walled, WorkerLost
from coursekit.classroom.session import Answered, Run, Task
from coursekit.engine import Exercise, Raised, load_exercises

PRELOAD = ("matplotlib.pyplot",)
RECYCLE = 200
"""Submissions served by one worker before a new one takes over."""
_SHORT, _LONG = 600, 1_500


class Closed(RuntimeError):
    """The grader was closed while something was to be graded."""


class Grader:
    """Warm workers, started as they are needed; a context manager."""

    def __init__(
        self,
        workers: int = 0,
        *,
        limits: Limits | None = None,
        unsafe: bool = False,
        preload: tuple[str, ...] = PRELOAD,
        recycle: int = RECYCLE,
    ) -> None:
        """
        Args:
            workers: how many submissions at a time; by default one per core.
            limits: what one submission may use.
            unsafe: where there is no sandbox, do without.
            preload: modules that workers import; they must not run an operation.
            recycle: submissions before a worker is replaced.

        Raises:
            NoSandbox: there is none, and ``unsafe`` is not set.
        """
        self.limits = limits or Limits()
        self.workers = workers or len(os.sched_getaffinity(0))
        self._preload, self._recycle = preload, recycle
        self._kind: type[Walled] | type[Unwalled] = Walled
        try:
            require()
        except NoSandbox:
            if not unsafe:
                raise
            self._kind = Unwalled
        self._slots = [_Slot() for _ in range(self.workers)]
        self._idle: LifoQueue[_Slot] = LifoQueue()
        for slot in self._slots:
            self._idle.put(slot)

    @property
    def isolated(self) -> bool:
        return self._kind.isolated

    def grade(
        self,
        chapter: str,
        notebook: bytes,
        seed: int,
        *,
        exercises: Sequence[Exercise] | None = None,
    ) -> SubmissionResult:
        """Grade one notebook; every notebook ends in a definite state.

        Args:
            chapter: ``"04"``.
            notebook: the file as it was handed in.
            seed: draws the cases; whoever knows it knows them.
            exercises: by default those of the chapter; or some of them.

        Raises:
            NoSandbox: a worker cannot be started.
            KeyError: there is no such chapter.
            ProbeError: an exercise's probe cannot be shipped.
        """
        began = time.monotonic()
        if exercises is None:
            exercises = tuple(load_exercises(chapter).values())
        truths = {exercise.id: truth(exercise, seed) for exercise in exercises}
        tasks = [Task(e.id, e.name, truths[e.id].cases, shipment(e)) for e in exercises]
        try:
            wanted = [extract.answer_id(exercise.id) for exercise in exercises]
            read = extract.read(notebook, wanted)
        except extract.BadNotebook as error:
            verdicts = [_verdict(e, truths[e.id], Answered()) for e in exercises]
            return self._result(chapter, "unreadable", [str(error)], verdicts, began)
        run = self._run(tasks, read.cells)
        answers = run.answers
        verdicts = [_verdict(e, truths[e.id], answers[e.id]) for e in exercises]
        remarks = [*read.remarks, *run.remarks]
        for verdict in verdicts:
            if verdict.state in ("timeout", "crashed"):
                remarks.insert(0, f"{verdict.id} {verdict.name}: {verdict.says}")
        if not any(answer.found for answer in answers.values()):
            remarks.insert(0, "no cell defines any of the answers")
        state = "graded" if run.complete else "partly graded"
        result = self._result(chapter, state, remarks, verdicts, began)
        return replace(result, unsure=run.unsure)

    def _result(self, chapter, state, remarks, verdicts, began) -> SubmissionResult:
        return SubmissionResult(
            chapter=chapter,
            state=state,
            reason="; ".join(map(_printable, remarks))[:_LONG],
            exercises=tuple(verdicts),
            isolated=self.isolated,
            seconds=round(time.monotonic() - began, 3),
        )

    def warm_up(self) -> None:
        """Start a worker, if one is idle that has not been started yet.

        Raises:
            NoSandbox: it cannot be started.
        """
        with self._worker():
            pass

    def _run(self, tasks: Sequence[Task], cells: Sequence[extract.Cell]) -> Run:
        for last in (False, True):
            run = Run(self.limits, tasks)
            try:
                with self._worker() as host:
                    run.go(host, cells)
                return run
            except NoSandbox:
                if last:
                    raise
            except WorkerLost as error:
                if last:
                    return _gave_up(run, error)
        raise AssertionError("unreachable")

    @contextmanager
    def _worker(self) -> Iterator[Host]:
        """An idle worker, started if need be; one that fails is not used again."""
        slot = self._idle.get()
        try:
            if slot.served >= self._recycle:
                slot.drop()
            yield slot.ready(lambda: self._kind(self.limits, self._preload))
            slot.served += 1
        except BaseException:
            slot.drop()
            raise
        finally:
            self._idle.put(slot)

    def close(self) -> None:
        """Stop the workers for good; what runs in them is killed, also at its start."""
        for slot in self._slots:
            slot.drop(for_good=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Slot:
    """A place for a worker, and how many submissions it has served."""

    def __init__(self) -> None:
        self.host: Host | None = None
        self.served = 0
        self._closed = False
        self._lock = threading.Lock()

    def ready(self, make: Callable[[], Host]) -> Host:
        """The worker, made if there is none, and started."""
        with self._lock:
            if self._closed:
                raise Closed("the grader has been closed")
            host = self.host = self.host or make()
        try:
            host.start()
        except NoSandbox as error:
            if self._closed:
                raise Closed("the grader has been closed") from error
            raise
        return host

    def drop(self, *, for_good: bool = False) -> None:
        with self._lock:
            self._closed |= for_good
            host, self.host, self.served = self.host, None, 0
        if host is not None:
            host.close()


def _gave_up(run: Run, error: WorkerLost) -> Run:
    for answer in run.answers.values():
        answer.lost = answer.lost or Lost(False, f"twice, {error}")
    run.complete, run.unsure = False, True
    return run


def grade(
    chapter: str, notebook: bytes, seed: int, *, unsafe: bool = False
) -> SubmissionResult:
    """Grade one notebook with a worker of its own; for many, keep a ``Grader``.

    Raises:
        NoSandbox: there is no sandbox on this machine, and ``unsafe`` is not set.
        KeyError: there is no such chapter.
    """
    with Grader(1, unsafe=unsafe) as grader:
        return grader.grade(chapter, notebook, seed)


def _verdict(exercise: Exercise, truth: Truth, answer: Answered) -> ExerciseResult:
    """Judge what came of one exercise, and say it in words."""
    state: ExerciseState = "not attempted"
    earned, more = 0.0, {}
    if answer.got:
        result = truth.verdict(answer.got)
        state, earned = result.state, result.earned
        more["groups"] = result.groups
        if result.failure is not None:
            more["difference"] = _printable(result.failure.difference)[:_SHORT]
            more["case_group"] = result.failure.case.group
            if isinstance(result.failure.got, Raised):
                more["error_line"] = _line(result.failure.got)
        if result.misconception is not None:
            lead = "" if result.sure else "This looks like a misconception: "
            more["misconception"] = result.misconception.name
            more["says"] = lead + result.misconception.says
    elif answer.fault is not None:
        fault = answer.fault
        state = "error"
        said = _printable(f"{fault.kind}: {fault.message}")[:_SHORT]
        more["says"] = f"The cell that should define `{exercise.name}` fails."
        more["difference"] = said
        more["error_line"] = _line(fault)
    elif not answer.found:
        more["says"] = f"No cell defines `{exercise.name}`."
    if answer.lost is not None:
        state = "timeout" if answer.lost.hung else "crashed"
        fate = "did not come to an end" if answer.lost.hung else "ended the process"
        more["says"] = f"The code {fate}: {_printable(answer.lost.why)}."
        more["misconception"] = more["difference"] = ""
    return ExerciseResult(
        id=exercise.id,
        name=exercise.name,
        state=state,
        earned=earned,
        points=exercise.points,
        stdout=answer.stdout,
        code_hash=answer.code,
        seconds=round(answer.seconds, 3),
        **more,
    )


def _line(raised: Raised) -> str:
    if raised.line is None:
        return ""
    source = _printable(raised.source)[:200]
    return f"line {raised.line}: {source}" if source else f"line {raised.line}"


def _printable(text: str) -> str:
    """Without control characters, which can rewrite what a terminal shows."""
    return "".join(c if c.isprintable() else " " for c in text)
