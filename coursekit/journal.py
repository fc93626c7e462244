"""What the learner has done, in one small local file, and the map of the course.

The file is a log, one JSON object a line, only ever appended to: two notebooks can
write at once, and a torn last line costs that line alone. It lives in
``.coursekit/`` beside the notebooks, or in the folder named by ``COURSEKIT_HOME``.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from coursekit.engine.render import Rendered, inline
from coursekit.spine import ROOT, Chapter, Course, load_course


@dataclass
class Standing:
    """How far the learner is with one exercise.

    Attributes:
        right: solved at least once.
        attempts: checks of an answer, not counting the untouched stub.
        hints: how many rungs of the ladder were shown.
        misconceptions: names of those met, oldest first.
    """

    right: bool = False
    attempts: int = 0
    hints: int = 0
    misconceptions: list[str] = field(default_factory=list)


def journal_file() -> Path:
    home = os.environ.get("COURSEKIT_HOME")
    return (Path(home) if home else ROOT / ".coursekit") / "journal.jsonl"


def record(exercise: str, event: str, **details: str) -> bool:
    """Append one event; False when the file cannot be written."""
    row = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "exercise": exercise,
        "event": event,
        **details,
    }
    path = journal_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(path, flags, 0o644)
        try:  # one write call: lines of two writers do not mix
            os.write(descriptor, (json.dumps(row) + "\n").encode())
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True


def standings() -> dict[str, Standing]:
    """Where the learner stands, by exercise id; empty for a fresh learner."""
    found: dict[str, Standing] = {}
    try:
        lines = journal_file().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    for line in lines:
        try:
            row = json.loads(line)
            standing = found.setdefault(str(row["exercise"]), Standing())
            event = row["event"]
        except (ValueError, TypeError, KeyError):
            continue  # a torn line
        if event == "hint":
            standing.hints += 1
            continue
        standing.attempts += 1
        standing.right = standing.right or event == "right"
        mistake = row.get("mistake")
        if mistake and mistake not in standing.misconceptions:
            standing.misconceptions.append(mistake)
    return found


def next_step(course: Course, done: Mapping[str, Standing]) -> str:
    """What to do next, in one sentence."""
    for chapter in course.ready:
        for section in chapter.sections:
            standing = done.get(section.id)
            if standing is None or not standing.right:
                return f"Next: section {section.id}, {section.title}, and its exercise."
    return "Every exercise that is written so far is solved."


def _chapter_state(chapter: Chapter, done: Mapping[str, Standing]) -> str:
    if not chapter.ready:
        return "in preparation"
    right = sum(
        section.id in done and done[section.id].right for section in chapter.sections
    )
    return f"{'●' * right}{'○' * (6 - right)} {right} of 6 solved"


def course_map(course: Course, done: Mapping[str, Standing]) -> Rendered:
    """The map of the course with the learner's progress.

    Links are relative to a folder beside ``notebooks/``, where every notebook lives.
    """
    rows, lines = [], []
    for module in course.modules:
        rows.append(
            f'<tr><th colspan="3" style="text-align: left">{module.title}</th></tr>'
        )
        lines.append(module.title)
        for chapter in module.chapters:
            state = _chapter_state(chapter, done)
            title = f"{chapter.number} {chapter.title}"
            links = ""
            if chapter.ready:
                stem = f"{chapter.stem}.ipynb"
                title = f'<a href="../notebooks/{stem}">{title}</a>'
                links = f'<a href="../exercises/{stem}">exercises</a>'
            cells = (title, links, state)
            rows.append(
                "<tr>"
                + "".join(f'<td style="text-align: left">{c}</td>' for c in cells)
                + "</tr>"
            )
            lines.append(f"  {chapter.number} {chapter.title}: {state}")
    todo = next_step(course, done)
    met = [
        f"{id} {name}"
        for id, standing in sorted(done.items())
        if not standing.right
        for name in standing.misconceptions
    ]
    if met:
        todo += f" Worth another look: {', '.join(met)}."
    return Rendered(
        f"<table>{''.join(rows)}</table><p>{inline(todo)}</p>",
        "\n".join([*lines, todo]),
    )


def progress() -> None:
    """Show the map of the course with what you have done and what is next."""
    from IPython.display import display

    display(course_map(load_course(), standings()).bundle, raw=True)


def main(arguments: Sequence[str] = ()) -> int:
    """``coursekit status``: the map in plain text."""
    print(course_map(load_course(), standings()).text)
    return 0
