"""The page that a student gets back: one file, sanitised, without hidden inputs.

It tells what was asked, how it went by group of cases, which misconception is behind a
wrong answer, and a hint. The values of hidden cases stay out, and so does everything a
student's code could smuggle them out in: of a difference only its kind is told.
"""

import builtins
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from coursekit.classroom.gradebook import Attempt
from coursekit.classroom.inbox import file_name
from coursekit.classroom.pages import document, plain_markdown, prose, text, write
from coursekit.classroom.result import ExerciseResult
from coursekit.classroom.sources import told
from coursekit.spine import Chapter, load_course

_STATES = {
    "right": ("✓", "right"),
    "wrong": ("✗", "not right yet"),
    "error": ("✗", "stopped by an error"),
    "timeout": ("✗", "took too long and was stopped"),
    "crashed": ("✗", "ended the process it ran in"),
    "not attempted": ("○", "not attempted"),
}
_KINDS = {
    r"Expected shape": "The shape is another one than expected.",
    r"Expected dtype": "The dtype is another one than expected.",
    r".*forgot to return": "Nothing came back: is there a `return`?",
    r"Expected \d+ items": "The number of items is another one than expected.",
    r"Expected .*; got |Expected an? ": "It is another kind of object than expected.",
    r"Missing|Not expected": "The keys are not the expected ones.",
    r"\d+ of \d+ values": "Some of the values are not the expected ones.",
    r"This input should raise": "An input that should be refused was accepted.",
}
"""What may be told of a difference, by how it begins: its kind, and never a value."""


_ERRORS = {name for name in dir(builtins) if name.endswith(("Error", "Exception"))}
_ERRORS |= {
    "InvalidArgumentError",
    "OperatorNotAllowedInGraphError",
    "InaccessibleTensorError",
}
"""Exceptions that are told by name; another name could be made up of hidden values."""


@dataclass(frozen=True)
class Task:
    """What an exercise asked, from the course: texts by its authors.

    Attributes:
        asked: HTML.
    """

    title: str = ""
    asked: str = ""
    hints: tuple[str, ...] = ()
    explain: str = ""


def tasks(chapter: Chapter) -> dict[str, Task]:
    """The tasks of a chapter by exercise id, as far as the course has them."""
    said = told(chapter)
    asked = _asked(chapter)
    found = {}
    for id in {*said, *asked}:
        title, body = asked.get(id, ("", ""))
        parts = said.get(id, {})
        hints = tuple(parts.get("hints") or ())
        body = plain_markdown(body) if body.strip() else ""
        found[id] = Task(title, body, hints, str(parts.get("explain") or ""))
    return found


def _asked(chapter: Chapter) -> dict[str, tuple[str, str]]:
    """Title and text of each task, from the exercise notebook or from its source."""
    for path in (chapter.exercises, chapter.solutions):
        if path.exists():
            break
    else:
        return {}
    found = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if match := re.fullmatch(r"task-(\d\d)-(\d)", str(cell.get("id"))):
            source = "".join(cell["source"])
            head, _, body = source.partition("\n")
            body = re.sub(r"(?m)^Lesson: .*$|^\*[^*\n]+ points\*$", "", body)
            found[".".join(match.groups())] = (head.strip("# ").partition(" ")[2], body)
    return found


def page(attempt: Attempt, asked: Mapping[str, Task], chapter_title: str) -> str:
    """The feedback page of an attempt, as HTML."""
    result = attempt.result
    who = attempt.name or attempt.student
    parts = [
        f'<header><p class="soft">{text(who)}</p><h1>{text(chapter_title)}</h1>',
        f'<p class="mark"><strong>{attempt.mark:g}</strong> of {result.points} points'
        f"{_how(attempt)}</p></header>",
    ]
    if result.reason:
        parts.append(
            f'<section class="note"><p>{prose(_reason(attempt))}</p></section>'
        )
    parts += _comments(attempt, "")
    for exercise in result.exercises:
        parts.append(_exercise(attempt, exercise, asked.get(exercise.id, Task())))
    walls = "" if result.isolated else " Graded without a sandbox (not isolated)."
    parts.append(
        "<footer><p>Graded on hidden cases, drawn anew for this class: passing in the "
        "notebook and failing here means that an answer works for the cases that you "
        f"saw, not for all.{walls}</p></footer>"
    )
    return document(f"{chapter_title}: {who}", "\n".join(parts))


def _how(attempt: Attempt) -> str:
    notes = []
    if "" in attempt.overrides:
        notes.append("set by your teacher")
    elif attempt.mark != attempt.earned:
        notes.append(f"{attempt.earned:g} before the deduction for lateness")
    if late := attempt.late.says(attempt.receipt):
        notes.append(late)
    return "".join(f'<br><span class="soft">{text(note)}</span>' for note in notes)


def _reason(attempt: Attempt) -> str:
    if attempt.result.state == "unreadable":
        return f"This could not be read: {attempt.result.reason}"
    return attempt.result.reason


def _comments(attempt: Attempt, exercise: str) -> list[str]:
    return [
        f'<section class="note"><p><strong>Your teacher:</strong> {text(said)}</p>'
        "</section>"
        for about, said in attempt.comments
        if about == exercise
    ]


def _exercise(attempt: Attempt, exercise: ExerciseResult, task: Task) -> str:
    sign, state = _STATES[exercise.state]
    kind = {"✓": "right", "✗": "wrong"}.get(sign, "open")
    earned = attempt.earned_in(exercise)
    by_hand = ", set by your teacher" if exercise.id in attempt.overrides else ""
    parts = [
        f'<section class="{kind}"><h2>{text(exercise.id)} '
        f"{text(task.title or exercise.name)}</h2>",
        f'<p><span class="state">{sign} <code>{text(exercise.name)}</code>: {state}'
        f'</span> <span class="soft">({earned:g} of {exercise.points} points{by_hand})'
        "</span></p>",
    ]
    if exercise.state == "right":
        parts.append(f"<p>{prose(task.explain)}</p>" if task.explain else "")
    else:
        parts += _trouble(exercise, task)
    parts += _comments(attempt, exercise.id)
    if task.asked:
        parts.append(
            f"<details><summary>What was asked</summary>{task.asked}</details>"
        )
    if exercise.stdout.strip():
        printed = f"<pre>{text(exercise.stdout)}</pre>"
        parts.append(f"<details><summary>What was printed</summary>{printed}</details>")
    return "\n".join([*parts, "</section>"])


def _trouble(exercise: ExerciseResult, task: Task) -> Iterable[str]:
    if exercise.groups:
        groups = "".join(
            f"<li>{'✓' if good else '✗'} {text(name)}</li>"
            for name, good in exercise.groups
        )
        yield f'<ul class="groups" aria-label="groups of cases">{groups}</ul>'
    if exercise.state == "error" and not exercise.groups:  # saw nothing hidden yet
        yield f"<pre>{text(exercise.difference, 400)}</pre>"
    elif kind := gist(exercise.difference):
        about = f" ({exercise.case_group})" if exercise.case_group else ""
        yield f"<p>{prose(kind[:-1] + about + kind[-1])}</p>"
    if exercise.error_line:
        yield f"<p>It stopped here:</p><pre>{text(exercise.error_line, 400)}</pre>"
    if exercise.says:
        lead = "What is behind it. " if exercise.misconception else ""
        yield f"<p><strong>{lead}</strong>{prose(exercise.says)}</p>"
    if task.hints:
        yield f"<p><strong>A hint.</strong> {prose(task.hints[0])}</p>"


def gist(difference: str) -> str:
    """The kind of a difference, in a sentence that holds no value of any case."""
    if raised := re.match(r"Your code raised (\w+)", difference):
        name = raised[1] if raised[1] in _ERRORS else "an exception"
        return f"It raised `{name}`."
    for beginning, kind in _KINDS.items():
        if re.match(beginning, difference):
            return kind
    return "The result is not the expected one." if difference else ""


def place(folder: Path, attempt: Attempt) -> Path:
    """Where the page of an attempt lies."""
    chapter = file_name(attempt.chapter or "unknown chapter")
    return folder / "feedback" / file_name(attempt.student) / f"{chapter}.html"


def write_all(folder: Path, attempts: Iterable[Attempt]) -> int:
    """Write the page of each attempt; returns how many there are."""
    known: dict[str, tuple[str, dict[str, Task]]] = {}
    count = 0
    for attempt in attempts:
        if attempt.chapter not in known:
            known[attempt.chapter] = _chapter(attempt.chapter)
        title, asked = known[attempt.chapter]
        write(place(folder, attempt), page(attempt, asked, title))
        count += 1
    return count


def _chapter(number: str) -> tuple[str, dict[str, Task]]:
    try:
        chapter = load_course().chapter(number)
    except KeyError:
        return f"Chapter {number or 'unknown'}", {}
    return f"{chapter.number} {chapter.title}", tasks(chapter)
