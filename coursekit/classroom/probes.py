"""What of an exercise goes into the sandbox: its probe, and what the probe names.

A probe may name what its module imports, constants, and helpers of the course; these go
along, by source. That a probe names an oracle, a mistake or an exercise is an error of
its author, found here before anything is graded.
"""

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from coursekit.classroom import wire
from coursekit.engine import Exercise
from coursekit.engine.exercise import call

TAUGHT = (
    "attempts",
    "data",
    "diagrams",
    "evaluation",
    "plots",
    "records",
    "training",
    "watch",
)
OPEN = ("engine", "runtime", "spine", *TAUGHT)
"""The parts of the package that the sandbox has: nothing in them solves anything."""


class ProbeError(Exception):
    """A probe that cannot or must not be shipped."""


@dataclass(frozen=True)
class Shipment:
    """A probe ready to go.

    Attributes:
        entry: the probe's name in ``source``.
        source: Python: imports, helpers, the probe.
        constants: the plain values that it names.
    """

    entry: str
    source: str
    constants: dict[str, Any]


USUAL = Shipment("call", "from coursekit.engine import call\n", {})


def shipment(exercise: Exercise) -> Shipment:
    """The probe of an exercise, with all that it names.

    Raises:
        ProbeError: it names something that may not be shipped, or has no source.
    """
    if exercise.probe is call:
        return USUAL
    packer = _Packer(exercise)
    packer.code(exercise.probe)
    source = "\n\n".join(["\n".join(packer.imports), *packer.sources])
    return Shipment(exercise.probe.__name__, source, packer.constants)


class _Packer:
    def __init__(self, exercise: Exercise) -> None:
        self.id = exercise.id
        self.secret = [exercise.inputs, exercise.expected, *exercise.variants]
        self.secret += [mistake.answer for mistake in exercise.mistakes]
        self.imports: list[str] = []
        self.sources: list[str] = []
        self.constants: dict[str, Any] = {}
        self.packed: dict[str, Any] = {}

    def code(self, thing: Callable[..., Any]) -> None:
        """Pack a function or class of the course, and then what it names."""
        if any(thing is secret for secret in self.secret):
            raise ProbeError(f"{self.id}: {thing} must not reach the sandbox")
        whole = inspect.isclass(thing) or inspect.isfunction(thing)
        if not whole or getattr(thing, "__closure__", None):
            raise ProbeError(f"{self.id}: {thing} is no function or class of a module")
        home = sys.modules[thing.__module__]
        try:
            source = textwrap.dedent(inspect.getsource(thing))
        except OSError as error:
            raise ProbeError(f"{self.id}: {thing} has no source") from error
        for name in _names(source):
            if name in vars(home) and name not in vars(builtins):
                self.name(name, vars(home)[name], home.__name__)
        self.sources.append(source)

    def name(self, name: str, value: Any, home: str) -> None:
        """Pack what a global name stands for in the module ``home``."""
        if name in self.packed:
            if self.packed[name] is not value:
                raise ProbeError(f"{self.id}: two things are called {name}")
            return
        self.packed[name] = value
        origin = _imports(home).get(name)
        if origin is not None and not _of_the_course(origin):
            self.imports.append(origin.statement)
        elif origin is not None and _is_open(origin.module):
            self.imports.append(origin.statement)
        elif getattr(value, "__name__", None) == name and hasattr(value, "__module__"):
            self.code(value)
        elif _is_plain(value):
            self.constants[name] = value
        else:
            raise ProbeError(f"{self.id}: {name} can be neither sent nor left out")


@dataclass(frozen=True)
class _Import:
    module: str
    object: str
    statement: str


@cache
def _imports(module: str) -> dict[str, _Import]:
    """What the top level of a module imports, by the name that it binds."""
    found = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                text = ast.unparse(ast.Import([alias]))
                found[bound] = _Import(alias.name, "", text)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                text = ast.unparse(ast.ImportFrom(node.module, [alias], 0))
                found[alias.asname or alias.name] = _Import(
                    node.module, alias.name, text
                )
    return found


def _is_open(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == "coursekit" and rest.partition(".")[0] in OPEN


def _of_the_course(origin: _Import) -> bool:
    """Whether the name comes from code that may hold answers."""
    spec = getattr(sys.modules.get(origin.module), "__spec__", None)
    place = getattr(spec, "origin", None) or ""
    course = origin.module.partition(".")[0] == "coursekit"
    installed = "site-packages" in place or origin.module in sys.builtin_module_names
    library = origin.module.partition(".")[0] in sys.stdlib_module_names
    return course or not (installed or library)


def _names(source: str) -> Iterator[str]:
    """All names that a piece of code uses, annotations included."""
    names = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    return iter(sorted(names))


def _is_plain(value: Any) -> bool:
    try:
        again = wire.decode(wire.encode(value))
    except wire.WireError:
        return False
    return repr(again) == repr(value)
