"""``coursekit reset``: an exercise as it was before; what was written is kept."""

import argparse
import sys
from pathlib import Path

from coursekit import journal
from coursekit.ipynb import Node, dumps, node, parse, write
from coursekit.seat import kept
from coursekit.seat.hint import Unknown, exercise_id
from coursekit.seat.pristine import answer_cell, check_cell
from coursekit.spine import load_course

ABOUT = """\
Restore the stub of an exercise in its notebook, to begin again. The notebook is copied
first; --undo brings the answer back (and, given twice, puts the stub in again). Your
progress stays. If the notebook is open in JupyterLab, reload it there afterwards.
"""
RELOAD = """\
Is the notebook open in JupyterLab? Choose File → Reload Notebook from Disk now;
if it asks, choose Revert, not Overwrite."""


class Refused(ValueError):
    """Nothing was changed; the text says why and what to do."""


def reset(id: str) -> str:
    """Restore the stub of an exercise; returns what to tell the learner.

    Raises:
        Refused: its notebook is missing or not valid, or no stub is known.
    """
    path = load_course().chapter(id).exercises
    nb = _read(path)
    stub = answer_cell(id)
    if stub is None:
        raise Refused(f"This edition does not know the stub of {id}.")
    cell = _cell(nb, stub.id)
    if cell is not None and cell.source.strip() == stub.source.strip():
        if not _clear(nb, id):
            return f"{id} is as it was in the beginning: nothing to do."
        write(path, dumps(nb))  # nothing that the learner wrote goes, so no copy
        return f"{id} is as it was in the beginning.\n{RELOAD}"
    copy = _replace(path, nb, cell, stub, id)
    return (
        f"{id} is as it was in the beginning. What you had written is kept in\n"
        f"  {kept.shown(copy)}\n"
        f"and comes back with: coursekit reset --undo {id}\n{_solved(id)}{RELOAD}"
    )


def undo(id: str) -> str:
    """Bring back the answer that the last reset took; returns what to tell.

    Raises:
        Refused: there was no reset, or a notebook is missing or not valid.
    """
    path = load_course().chapter(id).exercises
    places = kept.places(f"reset {id}")
    copies = [copy for place in places for copy in place.rglob(path.name)]
    if not copies:
        raise Refused(f"{id} was never reset: there is nothing to bring back.")
    stub = answer_cell(id)
    wanted = stub.id if stub else f"answer-{id.replace('.', '-')}"
    before = _cell(_read(copies[0]), wanted)
    if before is None:
        raise Refused(f"{kept.shown(copies[0])} has no answer to {id}.")
    nb = _read(path)
    copy = _replace(path, nb, _cell(nb, wanted), before, id)
    return (
        f"Your answer to {id} is back. What stood there just now is kept in\n"
        f"  {kept.shown(copy)}\n{_solved(id)}{RELOAD}"
    )


def _solved(id: str) -> str:
    standing = journal.standings().get(id)
    return (
        "You still count as having solved it.\n" if standing and standing.right else ""
    )


def _replace(path: Path, nb: Node, cell: Node | None, new: Node, id: str) -> Path:
    """Put another answer into a notebook, after a copy of it was made."""
    copy = kept.keep(path, kept.new_place(f"reset {id}"), path.parent.parent)
    if cell is None:
        nb.cells.insert(_place(nb, id), node(new))
    else:
        cell.source = new.source
    _clear(nb, id)
    write(path, dumps(nb))
    return copy


def _clear(nb: Node, id: str) -> bool:
    """Empty the outputs of an exercise, add its check if it is gone; any change?"""
    tail = id.replace(".", "-")
    changed = False
    for name in (f"answer-{tail}", f"check-{tail}"):
        cell = _cell(nb, name)
        if cell is not None and (cell.get("outputs") or cell.get("execution_count")):
            cell.outputs, cell.execution_count = [], None
            changed = True
    answer, check = _cell(nb, f"answer-{tail}"), check_cell(id)
    if answer is not None and check is not None and _cell(nb, check.id) is None:
        nb.cells.insert(nb.cells.index(answer) + 1, check)
        changed = True
    return changed


def _place(nb: Node, id: str) -> int:
    """Where an answer belongs whose cell is gone: before its check."""
    tail = id.replace(".", "-")
    ids = [cell.get("id") for cell in nb.cells]
    if f"check-{tail}" in ids:
        return ids.index(f"check-{tail}")
    return ids.index(f"task-{tail}") + 1 if f"task-{tail}" in ids else len(ids)


def _read(path: Path) -> Node:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"There is no {kept.shown(path)}.") from None
    except (OSError, ValueError) as error:
        raise Refused(
            f"{kept.shown(path)} is not a notebook that can be read ({error}), so it "
            "was left as it is. Open it in JupyterLab and save it, then try again."
        ) from error


def _cell(nb: Node, id: str) -> Node | None:
    for cell in nb.cells:
        marks = cell.get("metadata", {}).get("nbgrader", {})
        if id in (cell.get("id"), marks.get("grade_id")):
            return cell
    return None


def main(arguments: list[str]) -> int:
    """``coursekit reset [--undo] ID``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="coursekit reset", description=ABOUT)
    parser.add_argument("id", metavar="ID", help="an exercise such as 04.3")
    parser.add_argument("--undo", action="store_true", help="bring the answer back")
    given = parser.parse_args(arguments)
    try:
        id = exercise_id(given.id)
        print(undo(id) if given.undo else reset(id))
    except (Refused, Unknown, OSError) as error:
        print(f"coursekit reset: {error}", file=sys.stderr)
        return 2
    return 0
