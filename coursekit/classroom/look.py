"""Look at a cell's source without running it; done in the sandbox.

Python's parser has crashed and hung on hostile sources before, so even parsing is not
for the grader's own process.
"""

import ast
import re
from typing import Any

_CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*\n?")
_HARMLESS = ("time", "timeit", "capture", "prun")
_LINE = re.compile(r"^([ \t]*)([!%?].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_ASSIGNED = re.compile(r"^([ \t]*[\w, ]+=[ \t]*)[!%].*$", re.MULTILINE)


def look(source: str) -> dict[str, Any]:
    """What a cell defines, and what keeps it from running.

    Returns:
        ``source`` as it can be run, ``defines`` (names bound at the top level),
        ``stubs`` (those of them that only raise NotImplementedError), ``error`` (why
        it cannot run, or ""), ``line`` of that error, and ``magic`` (what of the
        notebook's own commands was left out).
    """
    source, magic = source.replace("\r\n", "\n"), []
    if found := _CELL_MAGIC.match(source):
        magic.append(found.group(0).strip())
        if found.group(1) not in _HARMLESS:
            return _seen("", magic)
        source = "\n" + source[found.end() :]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        plain = _ASSIGNED.sub(r"\1None", _LINE.sub(r"\1pass", source))
        if plain != source:
            magic += [found.group(2).strip() for found in _LINE.finditer(source)]
            rest = look(plain)
            return rest | {"magic": (magic + rest["magic"])[:20]}
        text = getattr(error, "msg", "") or type(error).__name__
        line = getattr(error, "lineno", None)
        return _seen(source, magic, error=f"SyntaxError: {text}", line=line)
    defines, stubs = [], []
    for node in tree.body:
        names = list(_bound(node))
        defines += names
        stubs = [name for name in stubs if name not in names]
        if _is_stub(node):
            stubs += names
    return _seen(source, magic, defines=defines, stubs=stubs)


def _seen(source: str, magic: list[str], **more: Any) -> dict[str, Any]:
    empty = {"defines": [], "stubs": [], "error": "", "line": None}
    return empty | {"source": source, "magic": magic[:20]} | more


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {a.asname or a.name.partition(".")[0] for a in node.names}
    inside = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found, queue = set(), [node]
    while queue:  # an if or a try at the top level binds as well
        this = queue.pop()
        if isinstance(this, inside):
            found.add(this.name)
            continue
        if isinstance(this, ast.Name) and isinstance(this.ctx, ast.Store):
            found.add(this.id)
        queue += ast.iter_child_nodes(this)
    return found


def _is_stub(node: ast.stmt) -> bool:
    """Whether it is a function of which nothing has been written."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    body = [
        step
        for step in node.body
        if not (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
        and not isinstance(step, ast.Pass)
    ]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
