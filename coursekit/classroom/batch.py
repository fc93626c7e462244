"""``coursekit grade``: a whole class, from what was handed in to marks and pages.

Pages and tables are made from the gradebook, and made again by the next run if this
one could not.
"""

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from coursekit.classroom.exports import write_tables
from coursekit.classroom.feedback import write_all
from coursekit.classroom.gradebook import FILE, Attempt, Gradebook
from coursekit.classroom.inbox import Unreadable
from coursekit.classroom.late import BadTimes, Late, read_times
from coursekit.classroom.ledger import BadGradebook
from coursekit.classroom.marking import CannotGrade, grade_class
from coursekit.classroom.progress import JsonLines, Screen, Tell
from coursekit.classroom.submissions import Found, find

GRADED, LOOK, FAILED, STOPPED = 0, 1, 2, 130
"""Exit statuses: all graded; some could not be read; nothing done; interrupted."""
_SHOWN = 12


class Busy(Exception):
    """Another run is grading into the same folder."""


def main(args: list[str]) -> int:
    """``coursekit grade``: grade a class of notebooks in a sandbox.

    Exit status: 0 when every submission was graded, 1 when some could not be read (each
    is listed with the reason), 2 when grading could not start, 130 when interrupted:
    the same command then continues.
    """
    given = _parser().parse_args(args)
    tell: Tell = JsonLines() if given.json else Screen()
    try:
        late = Late(given.deadline, given.late, given.late_at_most, given.grace)
        times = read_times(given.received) if given.received else {}
        found = find(*given.submissions, chapter=given.chapter)
        if not found.submissions:
            raise Unreadable(f"no submission found; ignored: {_listed(found)}")
        with _alone(given.to), Gradebook(given.to / FILE) as book:
            chapters = {one.chapter for one in found.submissions}
            for chapter in sorted(chapters) if given.deadline else ():
                book.state_policy(chapter, late)
            return _grade(found, book, given, tell, times)
    except (Unreadable, BadTimes, BadGradebook, Busy) as error:
        print(f"coursekit grade: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coursekit grade",
        description=main.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("submissions", type=Path, nargs="+", help="folders, or zips of an LMS")
    add("--to", type=Path, required=True, help="where gradebook and pages are kept")
    add("--chapter", default="", help="of notebooks whose name does not tell (01)")
    add("--workers", type=int, default=0, help="default: one for each core")
    add("--scheduler", default="", metavar="URL", help="a Dask scheduler to use")
    add("--json", action="store_true", help="progress as JSON lines on stdout")
    add("--again", action="store_true", help="run what is unchanged as well")
    add("--unsafe", action="store_true", help="run without a sandbox if need be")
    late = parser.add_argument_group("lateness, by the collector's clock")
    add = late.add_argument
    add("--deadline", default="", metavar="TIME", help="2026-03-01T23:59+01:00")
    add("--late", type=float, default=0.0, metavar="PERCENT", help="for each day begun")
    add("--late-at-most", type=float, default=100.0, metavar="PERCENT")
    add("--grace", type=float, default=0.0, metavar="MINUTES")
    add("--received", type=Path, help="CSV: student, received[, chapter]")
    return parser


def _grade(
    found: Found, book: Gradebook, given: argparse.Namespace, tell: Tell, times: dict
) -> int:
    from coursekit.classroom.pool import open_pool

    began = time.monotonic()
    stopped = False
    counts: Counter[str] = Counter()
    where = {"unsafe": given.unsafe, "scheduler": given.scheduler}
    how = {"times": times, "again": given.again, "counts": counts}
    try:
        with _stoppable() as stop, open_pool(given.workers, **where) as pool:
            grade_class(found, book, pool, tell, stop=stop, **how)
    except CannotGrade as error:
        print(f"coursekit grade: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        stopped = True
    attempts = book.current()
    write_all(given.to, attempts)
    write_tables(given.to, attempts)
    seconds = time.monotonic() - began
    names = {(one.student, one.chapter) for one in found.submissions}
    now = [one for one in attempts if (one.student, one.chapter) in names]
    tell("end", **dict(counts), seconds=round(seconds, 1), stopped=stopped)
    if not given.json:
        _summary(counts, now, found, seconds, given.to, stopped)
    unreadable = any(one.result.state == "unreadable" for one in now)
    return STOPPED if stopped else LOOK if unreadable else GRADED


def _summary(
    counts: Counter[str],
    attempts: list[Attempt],
    found: Found,
    seconds: float,
    folder: Path,
    stopped: bool,
) -> None:
    ran = sum(counts.values()) - counts["unchanged"]
    rate = f", {60 * ran / seconds:.0f} a minute" if ran and seconds else ""
    print(f"{ran} submissions run in {seconds:.0f} s{rate}; ", end="")
    print(f"{counts['unchanged']} unchanged and not run again.")
    for state in ("partly graded", "unreadable"):
        some = [one for one in attempts if one.result.state == state]
        if some:
            print(f"{len(some)} {state}:")
        for one in some[:_SHOWN]:
            print(f"  {one.student} {one.chapter} ({one.source}): {one.result.reason}")
        if len(some) > _SHOWN:
            print(f"  … all of them in {folder / 'grades.csv'}")
    if unsure := sum(one.result.unsure for one in attempts):
        print(f"{unsure} of them may have hung because the machine was busy: ", end="")
        print("the same command grades these again.")
    if found.ignored:
        plural = "s" * (len(found.ignored) > 1)
        print(f"{len(found.ignored)} other file{plural}: {_listed(found)}")
    if any(not one.result.isolated for one in attempts):
        print("NOT ISOLATED: student code ran without a sandbox.")
    print(f"In {folder}: {FILE}, grades.csv, canvas.csv, feedback/")
    if stopped:
        print("Interrupted: nothing is lost, the same command continues.")


def _listed(found: Found) -> str:
    rows = [f"{name} ({why})" for name, why in found.ignored.items()]
    return ", ".join(rows[:_SHOWN]) + (", …" if len(rows) > _SHOWN else "")


@contextmanager
def _stoppable() -> Iterator[Event]:
    """Ctrl-C, or a polite request to end, interrupts and sets the event.

    Both, for libraries may swallow the exception while they are being imported.
    """
    asked = Event()

    def stop(*_: Any) -> None:
        asked.set()
        raise KeyboardInterrupt

    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder while it is written; the lock goes with the process.

    Raises:
        Busy: another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".grading").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # no such locks on this system
        except OSError as error:
            raise Busy(f"another run is grading into {folder}") from error
        yield
