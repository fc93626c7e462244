"""A newer notebook of the course with what a learner wrote in the older one.

Cells are matched by their ids. What the learner did not touch becomes new; an answer
stays theirs; so does a cell that only they changed, and every cell that they added.
Where both changed a cell that is no answer, the new one is followed by theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coursekit.ipynb import Node, node
from coursekit.seat.pristine import digest, is_answer


class Lost(RuntimeError):
    """The merge would have lost something: a fault of this module, found in time."""


@dataclass
class Merged:
    """What came of a merge.

    Attributes:
        nb: the notebook.
        kept: ids of the answers that the learner had written.
        own: how many other cells of theirs it holds.
        stubs: ids of answers whose stub the course has changed.
        tasks: ids of tasks that the course has changed.
    """

    nb: Node
    kept: list[str] = field(default_factory=list)
    own: int = 0
    stubs: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)


def merge(base: Mapping[str, str], mine: Node, theirs: Node) -> Merged:
    """Put what a learner wrote into the newer notebook.

    Args:
        base: a digest of each cell, by id, as the learner first got it; of what it
            lacks, nothing is known.
        mine: the learner's notebook.
        theirs: the course's newer one.

    Raises:
        Lost: a text of the learner's would be missing.
    """
    before = _by_id(mine)
    ids = {cell.get("id") for cell in theirs.cells}
    merged = Merged(node({**theirs, "cells": []}))
    taken: dict[str, list[Node]] = {}
    for cell in theirs.cells:
        id = cell.get("id", "")
        taken[id] = _one(base.get(id, ""), before.get(id), cell, merged)
    anchor, head = "", []
    for key, cell in before.items():
        if key in ids:
            anchor = key
        elif base.get(key) != digest(cell):  # added, or changed and then withdrawn
            merged.own += bool(cell.source.strip())
            (taken[anchor] if anchor else head).append(node(cell))
    merged.nb.cells = head + [cell for cells in taken.values() for cell in cells]
    _check(base, before, merged)
    return merged


def _by_id(nb: Node) -> dict[str, Node]:
    """The cells by id, in order; one without, or with a second one's, gets its own."""
    found: dict[str, Node] = {}
    for number, cell in enumerate(nb.cells):
        id = cell.get("id")
        if not id or id in found:
            id = f"{id or 'cell'}-{number}-{digest(cell)[:8]}"
            cell = node({**cell, "id": id})
        found[id] = cell
    return found


def _one(known: str, mine: Node | None, theirs: Node, merged: Merged) -> list[Node]:
    """What becomes of one cell of the course: itself, and perhaps one of theirs."""
    new = node(theirs)
    changed = bool(known) and digest(theirs) != known
    id = theirs.get("id", "")
    if changed and id.startswith("task-"):
        merged.tasks.append(id)
    if mine is None:
        return [new]
    if digest(mine) in (digest(theirs), known):
        if digest(mine) == digest(theirs) and is_answer(theirs):
            _keep_outputs(new, mine)
        return [new]
    if is_answer(theirs):
        merged.kept.append(id)
        if changed:
            merged.stubs.append(id)
        new.source = mine.source
        _keep_outputs(new, mine)
        return [new]
    merged.own += 1
    if not changed and known:
        return [node(mine)]
    yours = node({**mine, "id": f"{id}-yours-{digest(mine)[:6]}"})
    yours.metadata = {}  # else nbgrader would take it for a cell of its own
    return [new, yours]


def _keep_outputs(new: Node, mine: Node) -> None:
    if new.get("cell_type") == mine.get("cell_type") == "code":
        new.outputs = mine.get("outputs", [])
        new.execution_count = mine.get("execution_count")


def _check(base: Mapping[str, str], before: dict[str, Node], merged: Merged) -> None:
    """Nothing that the learner wrote may be missing, whatever the rules above do."""
    there = {cell.source for cell in merged.nb.cells}
    for id, cell in before.items():
        if digest(cell) != base.get(id) and cell.source not in there:
            raise Lost(f"the cell {id} would be lost")
