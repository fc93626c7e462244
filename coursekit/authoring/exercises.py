"""Generate an exercise notebook from its solutions notebook.

The format is nbgrader's, and so is the result: each region between BEGIN SOLUTION
and END SOLUTION becomes the stub that nbgrader would put there.
"""

import re

from coursekit.authoring.files import Node, dumps, label
from coursekit.authoring.tidy import tags, tidy

BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
STUBS = {
    "code": ("# YOUR CODE HERE", "raise NotImplementedError()"),
    "markdown": ("YOUR ANSWER HERE",),
}
DROPPED = "solution-only"
"""The tag of a cell that the exercise notebook does not have."""


class BadMarkers(ValueError):
    """A solution region that is not closed, not opened, nested or out of place."""


def strip_solutions(nb: Node) -> Node:
    """The exercise notebook: stubs for solutions, no outputs; ``nb`` is not changed.

    Raises:
        BadMarkers: a region's markers do not pair up, or its cell is not a
            solution cell; the text names the cell.
    """
    nb = tidy(nb)
    nb.metadata.pop("coursekit", None)
    kept = []
    for index, cell in enumerate(nb.cells):
        if DROPPED in tags(cell):
            continue
        _strip(cell, label(cell, index))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        kept.append(cell)
    nb.cells = kept
    return nb


def generate(solutions: Node) -> str:
    """The text of the exercise notebook's file.

    Raises:
        BadMarkers: as :func:`strip_solutions`.
    """
    return dumps(strip_solutions(solutions))


def _strip(cell: Node, name: str) -> None:
    stub = STUBS.get(cell.cell_type, STUBS["markdown"])
    kept: list[str] = []
    opened = regions = 0
    for number, line in enumerate(cell.source.split("\n"), 1):
        if BEGIN in line:
            if opened:
                raise BadMarkers(f"{name}, line {number}: {BEGIN} inside a region")
            opened, regions = number, regions + 1
            indent = re.match(r"\s*", line)[0]  # type: ignore[index]
            kept += [indent + text for text in stub]
        elif END in line:
            if not opened:
                raise BadMarkers(f"{name}, line {number}: {END} without {BEGIN}")
            opened = 0
        elif not opened:
            kept.append(line)
    if opened:
        raise BadMarkers(f"{name}, line {opened}: {BEGIN} without {END}")
    is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
    if regions and not is_solution:
        raise BadMarkers(f"{name}: a solution region, but no nbgrader solution cell")
    # nbgrader replaces the whole of a solution cell that has no region
    cell.source = "\n".join(stub if is_solution and not regions else kept)
