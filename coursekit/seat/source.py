"""A learner's file, a notebook or a Python file in the percent format, as cells."""

import ast
import builtins
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.ipynb import parse

_MARKER = re.compile(r"^#\s?%%(.*)$")
_MAGIC = re.compile(r"^([ \t]*)([!%?].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_ASSIGNED = re.compile(r"^([ \t]*[\w, ]+=[ \t]*)[!%].*$", re.MULTILINE)
_CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*")
_SAME_CODE = ("time", "timeit", "capture")
"""Cell magics whose cell is still Python."""


class BadFile(ValueError):
    """The file cannot be checked; the text says why and what to do."""


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes:
        place: how a learner finds it: ``cell 7`` or, in a Python file, nothing.
        file: what stands for a file in its tracebacks.
        line: the line of the file that its first line is.
        ids: by which it may answer an exercise.
    """

    source: str
    place: str = ""
    file: str = "<cell>"
    line: int = 1
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parsed:
    """A cell as Python sees it.

    Attributes:
        binds: the names that it defines, or changes something of.
        uses: the names that it needs from elsewhere.
        error: why Python cannot read it.
    """

    cell: Cell
    tree: ast.Module | None = None
    binds: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    error: SyntaxError | None = field(default=None, compare=False)


def read(path: Path) -> tuple[Cell, ...]:
    """The code cells of a file.

    Raises:
        BadFile: there is none, or it is no notebook and no Python.
    """
    if path.is_dir():
        raise BadFile(f"{path} is a folder: name a notebook in it.")
    if path.suffix not in (".ipynb", ".py"):
        raise BadFile(f"{path} is neither a notebook (.ipynb) nor Python (.py).")
    try:
        text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise BadFile(f"There is no file {path}: {_nearby(path)}") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise BadFile(f"{path} is not in UTF-8: save it as UTF-8.") from None
    if path.suffix == ".py":
        return _percent(text, str(path))
    return _notebook(text, path)


def _nearby(path: Path) -> str:
    found = sorted(p.name for p in path.parent.glob("*.ipynb"))
    if not found:
        return "is the path right?"
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"beside it there is {', '.join(found[:3])}{more}."


def _notebook(text: str, path: Path) -> tuple[Cell, ...]:
    what = f"{path} is not a notebook that can be read"
    if not text.strip():
        raise BadFile(f"{path} is empty: save it in JupyterLab, then check again.")
    try:
        rows = parse(text).cells
        return tuple(
            Cell(
                str(row.source),
                place=f"cell {number}",
                file=f"<cell {number}>",
                ids=_ids(row),
            )
            for number, row in enumerate(rows, 1)
            if row.get("cell_type") == "code"
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = " It has the marks of a merge." if "<<<<<<<" in text else ""
        raise BadFile(
            f"{what}: it is not JSON ({error.msg}, {where}).{hint} Open it in "
            "JupyterLab and save it again, or take back your last edit of the file."
        ) from error
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise BadFile(f"{what}: it is JSON, but of another kind.") from error


def _ids(row: dict) -> tuple[str, ...]:
    marks = row.get("metadata", {}).get("nbgrader", {})
    claimed = (row.get("id"), marks.get("grade_id"))
    return tuple(dict.fromkeys(id for id in claimed if isinstance(id, str)))


def _percent(text: str, file: str) -> tuple[Cell, ...]:
    cells, begin, head = [], 1, ""
    lines = text.split("\n")
    for number, line in enumerate([*lines, "# %%"], 1):
        if found := _MARKER.match(line):
            source = "\n".join(lines[begin - 1 : number - 1])
            if source.strip() and not re.search(r"\[(markdown|md|raw)\]", head):
                ids = tuple(re.findall(r'"?(?:grade_)?id"?[=:] *"([\w-]+)"', head))
                cells.append(Cell(source.rstrip(), "", file, begin, ids))
            begin, head = number + 1, found[1]
    return tuple(cells)


def look(cell: Cell) -> Parsed:
    """What a cell defines and needs; the notebook's own commands are left out."""
    source = cell.source
    if found := _CELL_MAGIC.match(source):
        source = source[found.end() :] if found[1] in _SAME_CODE else ""
        source = "\n" * cell.source[: found.end()].count("\n") + source
    try:
        tree = ast.parse(source, cell.file)
    except (SyntaxError, ValueError) as error:
        plain = _ASSIGNED.sub(r"\1None", _MAGIC.sub(r"\1pass", source))
        try:
            tree = ast.parse(plain, cell.file)
        except (SyntaxError, ValueError):
            if not isinstance(error, SyntaxError):
                error = SyntaxError(str(error))
            return Parsed(cell, error=error)
    ast.increment_lineno(tree, cell.line - 1)
    uses = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    return Parsed(
        cell, tree, frozenset(_binds(tree)), frozenset(uses - set(dir(builtins)))
    )


def _binds(tree: ast.Module) -> Iterator[str]:
    """The names bound at the top level, or of which something is set there."""
    queue: list[ast.AST] = [*tree.body]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (a.asname or a.name.partition(".")[0] for a in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
                yield node.value.id  # Model.call = …
        queue += ast.iter_child_nodes(node)


def needed(cells: list[Parsed], wanted: set[str], ids: set[str]) -> list[Parsed]:
    """The cells to run for some answers: those that define them, and what they need.

    A cell in which a model is trained for a minute is not among them.

    Args:
        cells: of the file, in order.
        wanted: names of the answers.
        ids: of their cells.
    """
    missing, names = set(wanted), set()
    kept = {i for i, c in enumerate(cells) if c.tree and ids & set(c.cell.ids)}
    kept |= {i for i, c in enumerate(cells) if "*" in c.binds}  # from … import *
    missing |= {name for i in kept for name in cells[i].uses}
    while missing:
        names |= missing
        found = {i for i, c in enumerate(cells) if i not in kept and c.binds & missing}
        kept |= found
        missing = {name for i in found for name in cells[i].uses} - names
    return [cells[i] for i in sorted(kept)]
