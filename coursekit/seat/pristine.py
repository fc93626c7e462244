"""The notebooks as the course shipped them: what a learner has not written.

In a full course the stub of an exercise follows from its solution. The student edition
has no solutions; it carries ``coursekit/shipped.json``, which `write_shipped` made: the
stubs, and a digest of every cell, by which later changes are known as the learner's.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from coursekit.ipynb import Node, node, read
from coursekit.spine import PACKAGE, load_course

SHIPPED = "coursekit/shipped.json"
FOLDERS = ("exercises", "notebooks")


def digest(cell: Node) -> str:
    """What a cell says, in few characters; outputs do not count."""
    text = f"{cell.get('cell_type')}\0{cell.get('source', '')}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def shipped(root: Path) -> dict[str, Any]:
    """What an edition recorded of its notebooks; empty when it did not."""
    try:
        found = json.loads((root / SHIPPED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_shipped(root: Path) -> None:
    """Record an edition that is about to be handed over; nothing may change after.

    An update later tells by it what the learner has changed.
    """
    from coursekit.seat.editions import Folder

    edition, cells, stubs, checks = Folder(root), {}, {}, {}
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*.ipynb")):
            name = f"{folder}/{path.name}"
            cells[name] = edition.cells(name)
            for cell in read(path).cells:
                if is_answer(cell):
                    stubs[cell.id] = {**cell, "outputs": [], "execution_count": None}
                elif cell.get("id", "").startswith("check-"):
                    checks[cell.id] = {**cell, "outputs": [], "execution_count": None}
    files = {path: sha for path, sha in edition.files.items() if path != SHIPPED}
    row = {"files": files, "cells": cells, "stubs": stubs, "checks": checks}
    text = json.dumps(row, ensure_ascii=False, indent=1, sort_keys=True)
    (root / SHIPPED).write_text(f"{text}\n", encoding="utf-8")


def is_answer(cell: Node) -> bool:
    """Whether it is a cell in which a learner writes an answer."""
    return bool(cell.get("metadata", {}).get("nbgrader", {}).get("solution"))


def answer_cell(id: str) -> Node | None:
    """The cell of an exercise with its stub; None when nobody knows it."""
    return _cell(id, "answer", "stubs")


def check_cell(id: str) -> Node | None:
    """The cell that checks an exercise; None when nobody knows it."""
    return _cell(id, "check", "checks")


def _cell(id: str, kind: str, record: str) -> Node | None:
    chapter = load_course().chapter(id)
    wanted = f"{kind}-{id.replace('.', '-')}"
    if chapter.solutions.exists():
        from coursekit.authoring.exercises import strip_solutions

        cells = strip_solutions(read(chapter.solutions)).cells
        return next((cell for cell in cells if cell.id == wanted), None)
    known = shipped(PACKAGE.parent).get(record, {}).get(wanted)
    return node(known) if known else None
