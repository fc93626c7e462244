"""``coursekit check``: the verdict of the notebook, in a terminal."""

import argparse
import re
import sys
from pathlib import Path

from coursekit import journal
from coursekit.atlas import next_section, next_step
from coursekit.learner import solution_source
from coursekit.seat import paper
from coursekit.seat.runner import LIMIT, About, Verdict, Worker, WorkerDied
from coursekit.seat.source import BadFile, read
from coursekit.seat.untouched import untouched
from coursekit.spine import load_course

ABOUT = """\
Check the answers in a saved notebook, or in a Python file whose cells begin with # %%.
An answer is found by the id of its cell, else by the name that it defines.

exit status:
  0  every exercise that was attempted is right, and at least one was;
     with ids: all of those are right
  1  some answer is not right, or there is none yet
  2  nothing could be checked: no such file, not a notebook, no exercise in it
"""


def find_file(text: str) -> Path:
    """The file that a learner means: a path, or the exercises of a chapter.

    Raises:
        BadFile: there is no such chapter.
    """
    path = Path(text)
    if path.exists() or not re.fullmatch(r"\d\d?(\.\d)?", text):
        return path
    try:
        chapter = load_course().chapter(text)
    except KeyError as error:
        raise BadFile(f"There is {error.args[0]}.") from None
    if not chapter.exercises.exists():
        raise BadFile(f"Chapter {chapter.number} has no exercises yet.")
    found = chapter.exercises
    inside = found.is_relative_to(Path.cwd())
    return found.relative_to(Path.cwd()) if inside else found


def in_hand() -> str:
    """The exercise that is next, or the first one when all are solved."""
    course = load_course()
    section = next_section(course, journal.standings())
    return section.id if section else course.ready[0].sections[0].id


def remember(verdict: Verdict) -> bool:
    """Record a verdict; False when progress cannot be kept."""
    if verdict.state == "not attempted":
        return True
    mistake = {"mistake": verdict.mistake} if verdict.mistake else {}
    return journal.record(verdict.id, verdict.state, **mistake)


def unknown(wanted: list[str], found: list[About], path: Path) -> str:
    """Why some of the ids cannot be checked, or nothing."""
    known = [about.id for about in found]
    if not known:
        return (
            f"There is no exercise in {path}: neither a cell of the course's exercise "
            "notebooks nor a function with the name that an exercise asks for."
        )
    if missing := [id for id in wanted if id not in known]:
        return f"{path} has no {', '.join(missing)}; it has {', '.join(known)}."
    return ""


def check(path: Path, ids: list[str], limit: float) -> int:
    """Check a file and print what was found; returns the exit status.

    Raises:
        BadFile: it cannot be checked.
        WorkerDied: nothing can.
    """
    cells = read(path)
    if stubs := untouched(cells, ids):
        for verdict in stubs:
            _tell(verdict, whole=False)
        _sum_up(stubs, path, True)
        return 1
    worker = Worker(limit)
    verdicts: list[Verdict] = []
    kept, apart = True, False
    solved = {id for id, standing in journal.standings().items() if standing.right}
    try:
        _whisper("loading TensorFlow …")
        worker.check(path, cells, ids or None)
        while worker.busy:
            for event in worker.events(0.2):
                if isinstance(event, Verdict):
                    verdicts.append(event)
                    kept = remember(event) and kept
                    new = event.id not in solved or bool(ids)
                    _whisper("")
                    apart = _tell(event, whole=event.state != "right" or new)
                elif isinstance(event, str):
                    _whisper(f"checking {event} …")
                elif why := unknown(ids, event, path):
                    raise BadFile(why)
    finally:
        _whisper("")
        worker.close()
    _sum_up(verdicts, path, kept, apart=apart)
    attempted = [v for v in verdicts if v.state != "not attempted"]
    counted = verdicts if ids else attempted
    return int(not counted or any(v.state != "right" for v in counted))


def _tell(verdict: Verdict, *, whole: bool) -> bool:
    """Print a verdict; whether a blank line now sets it apart from what follows."""
    whole = whole and verdict.state != "not attempted"
    text, id = paper.told(verdict, whole=whole), verdict.id
    if whole and verdict.state == "right" and solution_source(id):
        text += f"\n\n`coursekit solution {id}` shows one good answer, to compare."
    print(text, end="\n\n" if whole else "\n", flush=True)
    return whole


def _whisper(text: str) -> None:
    """Say what is going on, to a person only; it is wiped away afterwards."""
    for stream in (sys.stderr, sys.stdout):
        if stream.isatty():
            print(f"\r\x1b[K{text}", end="", file=stream, flush=True)
            return


_STATES = {
    "right": "right",
    "wrong": "not right yet",
    "error": "stopped by an error",
    "not attempted": "not attempted",
}


def _sum_up(
    verdicts: list[Verdict], path: Path, kept: bool, *, apart: bool = False
) -> None:
    states = [verdict.state for verdict in verdicts]
    counts = [
        f"{states.count(state)} {words}"
        for state, words in _STATES.items()
        if state in states
    ]
    earned = sum(verdict.earned for verdict in verdicts)
    points = sum(verdict.points for verdict in verdicts)
    if not apart:
        print()
    print(paper.bold(f"{', '.join(counts)}: {earned:g} of {points} points"))
    if stuck := [v.id for v in verdicts if v.state in ("wrong", "error")]:
        print(f"Stuck? `coursekit hint {stuck[0]}` gives the next hint.")
    elif "right" in states:
        print(paper.wrapped(next_step(load_course(), journal.standings())))
    else:
        print(
            paper.wrapped(
                f"Nothing to check yet: write your code in {path} in place of "
                "`raise NotImplementedError()`, save, and check again."
            )
        )
    if not kept:
        print(f"Progress is not kept: {journal.journal_file()} is not writable.")


def parser_of(command: str, about: str) -> argparse.ArgumentParser:
    """The parser of a command that runs answers: it has their time limit."""
    parser = argparse.ArgumentParser(
        prog=f"coursekit {command}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=LIMIT,
        metavar="SECONDS",
        help="time for one exercise (default: %(default)g)",
    )
    return parser


def main(arguments: list[str]) -> int:
    """``coursekit check FILE [ID…]``; returns the exit status."""
    parser = parser_of("check", ABOUT)
    parser.add_argument(
        "file",
        nargs="?",
        help="a notebook or Python file, or a chapter: 04 (default: the one in hand)",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="exercises such as 04.3")
    given = parser.parse_args(arguments)
    ids, file = list(given.ids), given.file or in_hand()[:2]
    if re.fullmatch(r"\d\d?\.\d", file) and not Path(file).exists():
        ids.insert(0, file)
    try:
        return check(find_file(file), [id.zfill(4) for id in ids], given.limit)
    except (BadFile, WorkerDied) as error:
        print(f"coursekit check: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
