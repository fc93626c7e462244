"""Grade what has to be graded, and nothing twice.

Every verdict is in the gradebook before the next is waited for, so that a run which is
interrupted, killed or cut off continues where it was. What has changed neither in the
notebook nor in its checks is not run again; a changed check re-runs its exercise alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event
from typing import Protocol

from coursekit.classroom import extract
from coursekit.classroom.gradebook import Gradebook, digest
from coursekit.classroom.inbox import Unreadable, visible
from coursekit.classroom.late import Receipt
from coursekit.classroom.progress import Tell
from coursekit.classroom.result import SubmissionResult
from coursekit.classroom.standards import Checks
from coursekit.classroom.submissions import Found, Submission

_FAILED = "the grader failed"
"""How the reason begins when the fault is not the submission's: tried again."""
_LINE = 1_000


class CannotGrade(RuntimeError):
    """There is nobody to grade anything; the text says what is missing."""


class Pool(Protocol):
    """Workers that grade; the sandbox is theirs."""

    workers: int
    isolated: bool

    def submit(
        self, chapter: str, notebook: bytes, seed: int, only: Sequence[str] = ()
    ) -> Future[SubmissionResult]:
        """Grade a notebook: all of its exercises, or only some."""
        ...


@dataclass(frozen=True)
class Job:
    """A submission that has to be graded, and what is known of it."""

    submission: Submission
    content: str
    checks: Mapping[str, str]
    known: SubmissionResult | None = None
    only: tuple[str, ...] = ()

    data: bytes = b""

    def whole(self, result: SubmissionResult) -> SubmissionResult:
        """The result, with the verdicts that did not have to be reached anew."""
        result = _own_lines(result, self.data)
        if self.known is None or not self.only:
            return result
        fresh = {one.id: one for one in result.exercises if one.id in self.only}
        merged = tuple(fresh.get(one.id, one) for one in self.known.exercises)
        if any(one.state in ("timeout", "crashed") for one in merged):
            result = replace(result, state="partly graded")
        return replace(result, exercises=merged)


def _own_lines(result: SubmissionResult, notebook: bytes) -> SubmissionResult:
    """The result, with a line that failed only where it stands so in the notebook.

    That line comes out of the sandbox, where code can make a traceback say anything,
    a hidden input for instance; and students will read it.
    """
    if not any(one.error_line for one in result.exercises):
        return result
    with suppress(extract.BadNotebook):
        cells = [cell.source.splitlines() for cell in extract.read(notebook).cells]
        written = {
            visible(f"line {number}: {line}", _LINE)
            for lines in cells
            for number, line in enumerate(lines, 1)
        }
        exercises = tuple(
            one
            if visible(one.error_line, _LINE) in written
            else replace(one, error_line="")
            for one in result.exercises
        )
        return replace(result, exercises=exercises)
    return result


def grade_class(
    found: Found,
    book: Gradebook,
    pool: Pool,
    tell: Tell,
    *,
    times: Mapping[tuple[str, str], object] | None = None,
    again: bool = False,
    counts: Counter[str] | None = None,
    stop: Event | None = None,
) -> Counter[str]:
    """Grade what has to be graded; every submission ends in a definite state.

    Args:
        found: the submissions.
        book: takes each verdict as soon as it is reached.
        pool: reaches them.
        tell: hears of progress.
        times: the collector's, by student and chapter.
        again: grade what is unchanged as well.
        counts: kept up to date all along, for who is interrupted.
        stop: once set, nothing more is begun.

    Returns:
        How many submissions ended in which state; ``"unchanged"`` were not run.

    Raises:
        CannotGrade: the pool gave up; what was graded so far is recorded.
        KeyboardInterrupt: ``stop`` was set; likewise.
    """
    counts = Counter() if counts is None else counts
    running: dict[Future[SubmissionResult], Job] = {}
    checks = Checks(book.seeds)
    tell("start", submissions=len(found.submissions), workers=pool.workers)

    def settle(job: Job, result: SubmissionResult) -> None:
        result = job.whole(result)
        book.record(job.submission, job.content, job.checks, result)
        counts[result.state] += 1
        _tell(tell, "graded", job.submission, result)

    def harvest() -> None:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(future)
            settle(job, _outcome(future, job, checks))

    for submission in found.submissions:
        book.meet(submission, _receipt(submission, times or {}))
        job, data = _plan(submission, book, checks, pool.isolated, again)
        if job is None:
            known = book.latest(submission.student, submission.chapter)
            counts["unchanged"] += 1
            if known is not None:
                _tell(tell, "unchanged", submission, known.result)
        elif isinstance(data, str):
            settle(job, checks.blank(submission.chapter, data))
        else:
            job = replace(job, data=data)
            future = pool.submit(submission.chapter, data, book.seed, job.only)
            running[future] = job
            del job, data
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt
        while len(running) >= 2 * pool.workers:  # notebooks wait on disk, not here
            harvest()
    while running:
        harvest()
    return counts


def _plan(
    submission: Submission,
    book: Gradebook,
    checks: Checks,
    isolated: bool,
    again: bool,
) -> tuple[Job | None, bytes | str]:
    """What to run, if anything, on which bytes; text says why it cannot be run."""
    try:
        data: bytes | str = submission.load()
        wanted = checks.of(submission.chapter)
        if not wanted:
            raise Unreadable(f"chapter {submission.chapter} has no exercises yet")
    except (Unreadable, KeyError) as error:
        data, wanted = str(error.args[0]), {}
    content = digest(data.encode() if isinstance(data, str) else data)
    known = book.latest(submission.student, submission.chapter)
    if again or known is None or known.content != content:
        return Job(submission, content, wanted), data
    unwalled = isolated and not known.result.isolated
    failed = known.result.unsure or known.result.reason.startswith(_FAILED)
    if unwalled or failed:
        return Job(submission, content, wanted), data
    stale = checks.stale(submission.chapter, known.checks) if wanted else ()
    if not stale and set(wanted) == set(known.checks):
        return None, b""
    ids = [one.id for one in known.result.exercises]
    if ids != [*wanted] or known.result.state == "unreadable":
        return Job(submission, content, wanted), data
    kept = {id: one for id, one in known.checks.items() if id not in stale}
    return Job(submission, content, wanted | kept, known.result, stale), data


def _outcome(
    future: Future[SubmissionResult], job: Job, checks: Checks
) -> SubmissionResult:
    try:
        return future.result()
    except CannotGrade:
        raise
    except Exception as error:  # the grader's own fault must not cost the batch
        reason = f"{_FAILED}: {type(error).__name__}: {error}"
        return checks.blank(job.submission.chapter, reason)


def _receipt(submission: Submission, times: Mapping) -> Receipt:
    student, chapter = submission.student, submission.chapter
    return Receipt(
        times.get((student, chapter)) or times.get((student, "")), submission.late
    )


def _tell(
    tell: Tell, event: str, submission: Submission, result: SubmissionResult
) -> None:
    tell(
        event,
        student=submission.student,
        chapter=submission.chapter,
        source=submission.source,
        state=result.state,
        earned=result.earned,
        points=result.points,
        reason=result.reason,
        seconds=round(result.seconds, 2),
    )
