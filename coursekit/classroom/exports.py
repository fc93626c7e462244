"""The gradebook as tables: for Canvas, for Moodle, and plain.

A spreadsheet runs a cell that begins like a formula, and names are chosen by students:
such cells get a leading apostrophe. Numbers are written as numbers.
"""

import argparse
import csv
import io
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from coursekit.classroom.feedback import write_all
from coursekit.classroom.gradebook import FILE, Attempt, Gradebook
from coursekit.classroom.inbox import file_name
from coursekit.classroom.ledger import BadGradebook
from coursekit.classroom.pages import write
from coursekit.spine import load_course

Cell = str | int | float | None
Row = Mapping[str, Cell]
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "    Points Possible"
MOODLE = (
    "Identifier",
    "Full name",
    "Email address",
    "Grade",
    "Maximum Grade",
    "Feedback comments",
)
_KEYS = ("ID", "SIS User ID", "SIS Login ID", "Identifier", "Email address", "Username")


class BadRoster(ValueError):
    """A roster that is not a table of the kind that the platform exports."""


def table(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """A CSV file's text, safe to open in a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([_safe(name) for name in columns])
    for row in rows:
        writer.writerow([_safe(row.get(name)) for name in columns])
    return file.getvalue()


def _safe(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
    first = unicodedata.normalize("NFKC", value.lstrip()[:1])
    formula = first.startswith(("=", "+", "-", "@", "|", "%"))
    return f"'{value}" if formula or value[:1] in "\t\r\n" and value else value


def summary(attempts: Iterable[Attempt]) -> str:
    """One line for each student and chapter."""
    columns = "student name chapter state earned deducted mark points reason isolated"
    rows = (
        {
            "student": a.student,
            "name": a.name,
            "chapter": a.chapter,
            "state": a.result.state,
            "earned": a.earned,
            "deducted": a.earned * a.late.penalty(a.receipt),
            "mark": a.mark,
            "points": a.result.points,
            "reason": a.result.reason,
            "isolated": "yes" if a.result.isolated else "not isolated",
        }
        for a in attempts
    )
    return table(columns.split(), rows)


def details(attempts: Iterable[Attempt]) -> str:
    """One line for each exercise of each student."""
    columns = "student exercise state earned points misconception seconds".split()
    rows = (
        {
            "student": attempt.student,
            "exercise": one.id,
            "state": one.state,
            "earned": attempt.earned_in(one),
            "points": one.points,
            "misconception": one.misconception,
            "seconds": one.seconds,
        }
        for attempt in attempts
        for one in attempt.result.exercises
    )
    return table(columns, rows)


def canvas(
    attempts: Sequence[Attempt],
    roster: Sequence[Row] = (),
    names: Mapping[str, str] | None = None,
) -> str:
    """What Canvas imports as grades: one line a student, one column a chapter.

    Args:
        attempts: those that count.
        roster: lines of the gradebook that Canvas exported; fills the five columns by
            which Canvas knows a student.
        names: what an assignment is called in Canvas, by chapter.
    """
    columns = {c: (names or {}).get(c) or _title(c) for c in _chapters(attempts)}
    points = {a.chapter: a.result.points for a in attempts}
    known = _by_key(roster)
    lines: dict[str, dict[str, Cell]] = {}
    for attempt in (a for a in attempts if a.chapter):
        line = lines.setdefault(attempt.student, _canvas_student(attempt, known))
        line[columns[attempt.chapter]] = attempt.mark
    possible = {"Student": POINTS_POSSIBLE}
    possible |= {name: points[chapter] for chapter, name in columns.items()}
    rows = [possible, *sorted(lines.values(), key=lambda line: str(line["Student"]))]
    return table([*CANVAS, *columns.values()], rows)


def _canvas_student(attempt: Attempt, known: Mapping[str, Row]) -> dict[str, Cell]:
    if row := known.get(attempt.student.casefold()):
        return {name: row.get(name, "") for name in CANVAS}
    numbered = attempt.platform == "canvas"
    key = "ID" if numbered else "SIS Login ID"
    return {"Student": attempt.name or attempt.student, key: attempt.student}


def moodle(attempts: Sequence[Attempt], roster: Sequence[Row] = ()) -> str:
    """What a Moodle assignment imports as its grading worksheet; of one chapter.

    Args:
        attempts: those that count.
        roster: lines of the worksheet that Moodle exported; all of its columns are
            kept, the grade and the comments are filled in.
    """
    known = _by_key(roster)
    columns = [*roster[0]] if roster else [*MOODLE]
    rows = []
    for attempt in attempts:
        row = known.get(attempt.student.casefold())
        if row is None:
            row = {"Identifier": attempt.student, "Full name": attempt.name}
            if attempt.student.isdigit():
                row["Identifier"] = f"Participant {attempt.student}"
            elif "@" in attempt.student:
                row["Email address"] = attempt.student
        graded = {
            "Grade": attempt.mark,
            "Maximum Grade": attempt.result.points,
            "Feedback comments": " ".join(said for _, said in attempt.comments),
        }
        rows.append({**row, **graded})
    return table(columns, rows)


def read_roster(path: Path) -> list[dict[str, str]]:
    """The lines of a table that Canvas or Moodle exported.

    Raises:
        BadRoster: it is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if None not in row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRoster(f"{path}: {error}") from error
    if not rows or not set(_KEYS) & set(rows[0]):
        raise BadRoster(f"{path}: has none of the columns {', '.join(_KEYS)}")
    return rows


def _by_key(roster: Sequence[Row]) -> dict[str, Row]:
    """Lines by each of the names that a student goes by."""
    found: dict[str, Row] = {}
    for row in roster:
        for key in _KEYS:
            value = str(row.get(key) or "").strip().casefold()
            if key == "Identifier":  # "Participant 123", in the site's language
                value = "".join(re.findall(r"\d+$", value)) or value
            if value:
                found.setdefault(value, row)
    return found


def _chapters(attempts: Iterable[Attempt]) -> list[str]:
    return sorted({a.chapter for a in attempts if a.chapter})


def _title(number: str) -> str:
    try:
        return f"{number} {load_course().chapter(number).title}"
    except KeyError:
        return f"Chapter {number}"


def write_tables(
    folder: Path,
    attempts: Sequence[Attempt],
    roster: Sequence[Row] = (),
    names: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write all tables; returns where they are."""
    sheet = roster if roster and "Identifier" in roster[0] else ()
    tables = {
        "grades.csv": summary(attempts),
        "exercises.csv": details(attempts),
        "canvas.csv": canvas(attempts, () if sheet else roster, names),
    }
    for chapter in _chapters(attempts):
        own = [a for a in attempts if a.chapter == chapter]
        tables[f"moodle-{file_name(chapter)}.csv"] = moodle(own, sheet)
    for name, content in tables.items():
        write(folder / name, content)
    return [folder / name for name in tables]


def main(args: list[str]) -> int:
    """``coursekit export``: write the tables and the feedback pages once more."""
    parser = argparse.ArgumentParser(prog="coursekit export", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="the folder that grading wrote")
    parser.add_argument(
        "--roster", type=Path, help="what Canvas or Moodle exported: keeps its columns"
    )
    parser.add_argument(
        "--assignment",
        action="append",
        default=[],
        metavar="01=NAME",
        help="what the assignment of a chapter is called in Canvas",
    )
    given = parser.parse_args(args)
    names = dict(pair.partition("=")[::2] for pair in given.assignment)
    try:
        roster = read_roster(given.roster) if given.roster else []
        with Gradebook(given.folder / FILE, create=False) as book:
            attempts = book.current()
    except (BadGradebook, BadRoster) as error:
        print(f"coursekit export: {error}", file=sys.stderr)
        return 2
    known = _by_key(roster)
    strangers = sorted(
        {a.student for a in attempts if a.student.casefold() not in known}
    )
    if roster and strangers:
        print(f"not in the roster: {', '.join(strangers)}", file=sys.stderr)
    for path in write_tables(given.folder, attempts, roster, names):
        print(path)
    print(given.folder / "feedback", f"({write_all(given.folder, attempts)} pages)")
    return int(bool(roster and strangers))
