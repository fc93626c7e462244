"""Which exercises a file answers, and which code of it each answer rests on."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from coursekit.engine import Exercise, load_exercises
from coursekit.seat.source import Cell, Parsed, needed
from coursekit.spine import load_course

_CHECK = re.compile(r"""ck\.check\(\s*["'](\d\d\.\d)["']""")


def chapters(cells: Sequence[Cell], hint: str) -> list[str]:
    """The chapters that the file may answer; all of them when nothing says which."""
    claimed = {hint} if hint else set()
    for cell in cells:
        claimed |= {id[7:9] for id in cell.ids if re.fullmatch(r"answer-\d\d-\d", id)}
    claimed |= {id[:2] for id in checked(cells)}
    ready = [chapter.number for chapter in load_course().ready]
    return [number for number in ready if number in claimed] or ready


def checked(cells: Sequence[Cell]) -> set[str]:
    """The exercises whose checks are called."""
    return {id for cell in cells for id in _CHECK.findall(cell.source)}


def exercises(chapter: str) -> dict[str, Exercise]:
    """Those of a chapter; none while its checks are not there or broken."""
    try:
        return load_exercises(chapter)
    except Exception:  # an author is at work on it; the other chapters are whole
        return {}


def exercises_in(cells: Sequence[Parsed], hint: str = "") -> dict[str, Exercise]:
    """The exercises that a file has an answer to, or a cell for one."""
    every = [parsed.cell for parsed in cells]
    ids = {id for cell in every for id in cell.ids}
    checks = checked(every)
    names = {name for parsed in cells for name in parsed.binds}
    broken = [parsed.cell for parsed in cells if parsed.error]
    return {
        id: exercise
        for number in chapters(every, hint)
        for id, exercise in exercises(number).items()
        if answer_id(id) in ids
        or id in checks
        or exercise.name in names
        or any(answers(cell, exercise) for cell in broken)
    }


def answer_id(id: str) -> str:
    """The id of the cell that answers an exercise: ``"answer-04-3"``."""
    return f"answer-{id.replace('.', '-')}"


def about(exercise: Exercise, cells: list[Parsed]) -> dict[str, Any]:
    """What a screen shows of an exercise; ``code`` changes when its answer does."""
    used = needed(cells, {exercise.name}, {answer_id(exercise.id)})
    broken = [c for c in cells if c.error and answers(c.cell, exercise)]
    text = "\0".join(parsed.cell.source for parsed in (*used, *broken))
    shown = ("id", "name", "points", "minutes", "difficulty", "hints")
    return {
        **{part: getattr(exercise, part) for part in shown},
        "code": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
    }


def answers(cell: Cell, exercise: Exercise) -> bool:
    """Whether a cell, which Python may be unable to read, is to answer an exercise."""
    defines = re.search(rf"^(def|class) {exercise.name}\b", cell.source, re.MULTILINE)
    return answer_id(exercise.id) in cell.ids or bool(defines)
