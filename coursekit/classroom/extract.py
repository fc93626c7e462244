"""From the bytes of a notebook to the code in it, whatever state the notebook is in.

Nothing is parsed here but JSON, and nothing is believed: neither metadata nor points
nor cell types decide anything, except that an id says which exercise a cell answers.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 256 << 20
MAX_TOKENS = 8_000_000
"""JSON values in a notebook: each takes far more memory than bytes."""
MAX_CELLS = 5_000
MAX_CODE = 2 << 20
"""Characters of code in all cells together."""


class BadNotebook(ValueError):
    """There is no notebook in these bytes; the text says why, for the teacher."""


@dataclass(frozen=True)
class Cell:
    """A cell that may hold code.

    Attributes:
        number: its place in the notebook, from 1.
        ids: the ids by which it claims to answer an exercise.
    """

    number: int
    source: str
    ids: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """What stands for a file name in its errors."""
        return f"<cell {self.number}>"


@dataclass(frozen=True)
class Notebook:
    """The code cells, in order, and what was odd about the rest."""

    cells: tuple[Cell, ...]
    remarks: tuple[str, ...] = ()


def answer_id(exercise: str) -> str:
    """The id of the cell that answers an exercise: ``"answer-04-3"``."""
    return f"answer-{exercise.replace('.', '-')}"


def read(data: bytes, wanted: Collection[str] = ()) -> Notebook:
    """The code cells of a notebook.

    Args:
        data: the file as it was handed in.
        wanted: ids of answer cells; such a cell counts as code whatever its type.

    Raises:
        BadNotebook: it cannot be read at all, or holds no cells.
    """
    remarks: list[str] = []
    rows = _rows(_parse(data, remarks), remarks)
    cells, size, odd = [], 0, 0
    for number, row in enumerate(rows[:MAX_CELLS], 1):
        source = _source(row)
        if source is None:
            odd += 1
            continue
        ids = frozenset(_ids(row)) & frozenset(wanted)
        if row.get("cell_type") != "code":
            if not ids:
                continue
            remarks.append(f"cell {number}: an answer, but not a code cell")
        size += len(source)
        if size > MAX_CODE:
            remarks.append(f"too much code: nothing from cell {number} on was read")
            break
        cells.append(Cell(number, source, ids))
    if odd:
        remarks.append(f"cells that are no cells: {odd}")
    if len(rows) > MAX_CELLS:
        remarks.append(f"only {MAX_CELLS} of {len(rows)} cells were read")
    return Notebook(tuple(cells), tuple(remarks))


def _parse(data: bytes, remarks: list[str]) -> Any:
    if not data.strip():
        raise BadNotebook("the file is empty")
    if len(data) > MAX_BYTES:
        raise BadNotebook(f"the file has more than {MAX_BYTES >> 20} MiB")
    if sum(data.count(sign) for sign in (b",", b"[", b"{")) > MAX_TOKENS:
        raise BadNotebook("the file has too many parts to be a notebook")
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        remarks.append("the file is not proper UTF-8")
    except (ValueError, RecursionError) as error:
        raise BadNotebook(f"the file is not JSON: {_brief(error)}") from error
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadNotebook(f"the file is not JSON: {_brief(error)}") from error


def _brief(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return " ".join(str(error).split())[:120]


def _rows(notebook: Any, remarks: list[str]) -> list:
    if not isinstance(notebook, dict):
        raise BadNotebook("the file is JSON, but not a notebook")
    if notebook.get("nbformat") != 4:
        remarks.append(f"nbformat is {notebook.get('nbformat')!r:.20}, not 4")
    rows = notebook.get("cells")
    if rows is None and isinstance(sheets := notebook.get("worksheets"), list):
        rows = []  # the format before 2014
        for sheet in sheets:
            inner = sheet.get("cells") if isinstance(sheet, dict) else None
            rows += inner if isinstance(inner, list) else []
    if not isinstance(rows, list):
        raise BadNotebook("the file is JSON, but has no list of cells")
    if not rows:
        raise BadNotebook("the notebook has no cells")
    return rows


def _source(row: Any) -> str | None:
    if not isinstance(row, dict):
        return None
    source = row.get("source", row.get("input"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    return source if isinstance(source, str) else None


def _ids(row: dict) -> list[str]:
    metadata = row.get("metadata")
    ours = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    claimed = [row.get("id"), ours.get("grade_id") if isinstance(ours, dict) else None]
    return [id for id in claimed if isinstance(id, str)]
