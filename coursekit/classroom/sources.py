"""What a check module says in its source: fingerprints, and its part for students."""

import ast
import dis
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from coursekit.spine import PACKAGE, Chapter

_UNJUDGED = ("hints", "explain", "variants", "minutes", "difficulty")
"""Parts of an exercise that have no say in the verdict."""
_ENGINE = ("compare.py", "exercise.py", "faults.py", "grading.py", "plain.py")
_LOAD = "from coursekit.engine.recorded import load"


class Leak(ValueError):
    """Something would ship that could solve an exercise; the text names it."""


def check_files(chapter: Chapter) -> list[Path]:
    """The files that say what right answers are, an exercise each."""
    modules = sorted(chapter.checks.glob("*.py"))
    return [path for path in modules if path.stem != "__init__"]


class Source:
    """A module's top-level statements by the names that they define."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.lines = text.splitlines()
        self.defined: dict[str, ast.stmt] = {}
        self.imported: dict[str, ast.stmt] = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for alias in statement.names:
                    name = alias.asname or alias.name.split(".")[0]
                    self.imported[name] = _one_import(statement, alias)
            else:
                self.defined |= dict.fromkeys(_defines(statement), statement)

    def closure(self, names: Iterable[str]) -> dict[str, ast.stmt]:
        """The statements that those names rest on, in the module's order."""
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in reached and name in self.defined:
                reached.add(name)
                waiting += _uses(self.defined[name])
        return {n: s for n, s in self.defined.items() if n in reached}

    def written(self, statement: ast.stmt) -> str:
        """The statement as it was written, decorators included."""
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(d.lineno for d in decorators)])
        return "\n".join(self.lines[first - 1 : statement.end_lineno])

    def exercise(self) -> ast.Call | None:
        """The call that makes the exercise, if there is one here."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                given = {keyword.arg for keyword in node.keywords}
                if {"id", "name", "points", "inputs", "expected"} <= given:
                    return node
        return None


def _one_import(statement: ast.stmt, alias: ast.alias) -> ast.stmt:
    if isinstance(statement, ast.ImportFrom):
        return ast.ImportFrom(statement.module, [alias], statement.level)
    return ast.Import([alias])


def _defines(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _uses(statement: ast.stmt) -> set[str]:
    """The global names that a statement reads, at once or when it is called."""
    module = ast.Module([statement], type_ignores=[])
    code = compile(ast.fix_missing_locations(module), "<check>", "exec")
    return set(_globals(code))


def _globals(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant)


def told(chapter: Chapter) -> dict[str, dict[str, Any]]:
    """What each exercise says in plain words and numbers, without running anything.

    Returns:
        By exercise id, the parts that are written as literals: name, points, hints,
        explain and so on.
    """
    return {id: _literals(made) for id, _, made in _exercises(chapter)}


def fingerprints(chapter: Chapter) -> dict[str, str]:
    """For each exercise, a digest of all that decides its verdict.

    It covers the exercise's own definition, whatever that rests on in its file, the
    modules of the course that this imports, and the engine; it does not change with
    hints, comments or another exercise.
    """
    own = chapter.checks.parent
    return {id: _fingerprint(s, made, own) for id, s, made in _exercises(chapter)}


def _exercises(chapter: Chapter) -> list[tuple[str, Source, ast.Call]]:
    found = []
    for path in check_files(chapter):
        source = Source(path.read_text(encoding="utf-8"))
        if made := source.exercise():
            found.append((str(_literals(made)["id"]), source, made))
    return found


def _literals(made: ast.Call) -> dict[str, Any]:
    plain = {}
    for keyword in made.keywords:
        with suppress(ValueError):
            plain[str(keyword.arg)] = ast.literal_eval(keyword.value)
    return plain


def _fingerprint(source: Source, made: ast.Call, own: Path = PACKAGE) -> str:
    kept = [k for k in made.keywords if k.arg not in _UNJUDGED]
    names = {n.id for k in kept for n in ast.walk(k) if isinstance(n, ast.Name)}
    body = source.closure(names)
    parts = [_engine(), *map(ast.dump, [made.func, *kept, *body.values()])]
    modules = {
        f"coursekit.{s.names[0].name}" if _module(s) == "coursekit" else _module(s)
        for s in source.imported.values()
    }
    for path in (path for module in sorted(modules) for path in _files(module, own)):
        parts.append(path.read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _files(module: str, own: Path) -> list[Path]:
    """The files of a module or package of the course; the engine counts apart."""
    course, *parts = module.split(".")
    if course != "coursekit" or parts[:1] in ([], ["engine"]):
        return []
    places = [PACKAGE.joinpath(*parts)]
    if parts[0] == "checks":
        places.append(own.joinpath(*parts[1:]))
    for place in places:
        if place.with_suffix(".py").is_file():
            return [place.with_suffix(".py")]
        if place.is_dir():
            return sorted(place.rglob("*.py"))
    return []


@cache
def _engine() -> str:
    texts = [(PACKAGE / "engine" / name).read_bytes() for name in _ENGINE]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def student_module(
    text: str, title: str, probe: str, kind: str, secret: Iterable[str]
) -> str:
    """The student edition of an exercise's module: its probe, and a recording.

    Args:
        text: the module's source.
        title: its first line.
        probe, kind: names in the module; "" for the usual ones.
        secret: names in the module of what solves the exercise.

    Raises:
        Leak: the probe rests on something secret.
    """
    source = Source(text)
    body = source.closure(filter(None, [probe, kind]))
    if leaks := sorted(body.keys() & {*secret}):
        raise Leak(f"{probe} rests on {', '.join(leaks)}, which would ship with it")
    used = {name for statement in body.values() for name in _uses(statement)}
    imports = [source.imported[n] for n in sorted(used & source.imported.keys())]
    if inner := [m for m in map(_module, imports) if m.startswith("coursekit.checks")]:
        raise Leak(f"{probe} needs another check module, {inner[0]}")
    head = [f'"""{title}"""', "", *_import_lines(imports), _LOAD]
    parts = ["\n".join(head), *map(source.written, body.values())]
    given = ", ".join(filter(None, ["__file__", probe, kind and f"kind={kind}"]))
    return "\n\n\n".join([*parts, f"EXERCISE = load({given})"]) + "\n"


def _module(statement: ast.stmt) -> str:
    return getattr(statement, "module", None) or ""


def _import_lines(statements: Iterable[ast.stmt]) -> list[str]:
    """Import statements as lines, one for each module that names come from."""
    names: dict[str, list[ast.alias]] = {}
    plain = []
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            names.setdefault(_module(statement), []).extend(statement.names)
        else:
            plain.append(ast.unparse(statement))
    return plain + [
        ast.unparse(ast.ImportFrom(module, aliases, 0))
        for module, aliases in sorted(names.items())
    ]
