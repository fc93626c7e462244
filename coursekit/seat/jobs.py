"""What the worker does with a file: run what its answers need, and judge them."""

import linecache
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, TextIO

import coursekit
from coursekit.engine import Exercise, Result, grade
from coursekit.engine.faults import misspelt, raised, whereabouts
from coursekit.engine.render import render
from coursekit.seat.finding import (
    about,
    answer_id,
    answers,
    chapters,
    exercises,
    exercises_in,
)
from coursekit.seat.guard import TimeLimit, captured, limited
from coursekit.seat.source import Cell, Parsed, look, needed
from coursekit.seat.worker import say


def prepare(job: Mapping[str, Any]) -> None:
    """Load what the job will need, so that every child has it from the start."""
    for chapter in chapters(_cells(job), job.get("hint", "")):
        exercises(chapter)


def run(job: Mapping[str, Any], out: TextIO) -> None:
    """Say which exercises the file answers and, where asked to, judge them.

    Args:
        job: ``cells`` of the file, the chapter it probably belongs to (``hint``),
            its ``folder``, ``only`` these exercises (all, when it is None), the time
            ``limit`` of each cell and each exercise in seconds.
        out: takes a message for each thing done.
    """
    cells = [look(cell) for cell in _cells(job)]
    found = exercises_in(cells, job.get("hint", ""))
    tell = partial(say, out, of=job["number"])
    tell(kind="found", rows=[about(e, cells) for e in found.values()])
    if job["only"] is not None:
        found = {id: found[id] for id in job["only"] if id in found}
    if found:
        os.chdir(job["folder"])  # as in a notebook: files and modules beside it
        sys.path.insert(0, job["folder"])
        _Run(cells, found, job["limit"], tell).go()


def _cells(job: Mapping[str, Any]) -> list[Cell]:
    return [Cell(**row | {"ids": tuple(row["ids"])}) for row in job["cells"]]


class _Run:
    """One run of a file: its namespace, and what came of its cells."""

    def __init__(
        self,
        cells: list[Parsed],
        exercises: dict[str, Exercise],
        limit: float,
        tell: Callable[..., None],
    ) -> None:
        self.cells, self.exercises, self.limit = cells, exercises, limit
        self.tell = tell
        self.space = _main_module()
        self.bound: dict[str, Any] = {}
        self.faults: list[tuple[Cell, str]] = []

    def go(self) -> None:
        with limited(0), captured():
            coursekit.setup()
            for name in set(coursekit.__all__) - {"data", "setup", "show"}:
                setattr(coursekit, name, _nothing)
            coursekit.show = _close
        names = {exercise.name for exercise in self.exercises.values()}
        ids = {answer_id(id) for id in self.exercises}
        for parsed in needed(self.cells, names, ids):
            self.tell(kind="begun")
            self._cell(parsed)
        for id, exercise in self.exercises.items():
            self.tell(kind="judging", id=id)
            self._judge(exercise)

    def _cell(self, parsed: Parsed) -> None:
        cell, file = parsed.cell, parsed.cell.file
        before = "\n" * (cell.line - 1)
        lines = (before + cell.source + "\n").splitlines(keepends=True)
        # Tracebacks, inspect and AutoGraph ask linecache for the source.
        known = linecache.cache.get(file, (0, None, []))[2]
        lines = [*known[: cell.line - 1], *lines[len(known[: cell.line - 1]) :]]
        linecache.cache[file] = (1, None, lines, file)
        assert parsed.tree is not None
        try:
            with limited(self.limit), captured():
                code = compile(parsed.tree, file, "exec", dont_inherit=True)
                exec(code, self.space)
        except TimeLimit as error:
            line = _line_of(error, file)
            self.faults.append((cell, f"was stopped after {self.limit:g} s{line}"))
        except BaseException as error:
            what = raised(error, _Stand(file))
            line = f" (line {what.line}: {what.source})" if what.source else ""
            said = f"stopped: {what.kind}: {what.message}{line}"
            self.faults.append((cell, said))
        for id, exercise in self.exercises.items():
            if answer_id(id) in cell.ids and exercise.name in self.space:
                self.bound[id] = self.space[exercise.name]

    def _judge(self, exercise: Exercise) -> None:
        id = exercise.id
        answer = self.bound.get(id, self.space.get(exercise.name, ...))
        if answer is ...:
            self._say_missing(exercise)
            return
        printed = ""
        try:
            with captured() as written, limited(self.limit):
                try:
                    result = grade(exercise, answer)
                finally:
                    printed = written()
        except TimeLimit as error:
            line, source = whereabouts(error, answer)
            where = f" in line {line}: `{source}`" if source else ""
            self._say(
                Result(exercise, "error"),
                f"Stopped after {self.limit:g} s{where}. Is there a loop that does "
                "not end?",
                printed,
            )
        except BaseException as error:  # an answer can raise anything
            what = raised(error, answer)
            fault = f"{what.kind}: {what.message}"
            self._say(Result(exercise, "error"), f"Stopped: {fault}", printed)
        else:
            needs = needed(self.cells, {exercise.name}, {answer_id(id)})
            used = [parsed.cell for parsed in needs]
            told = [f"{_subject(c)} {said}" for c, said in self.faults if c in used]
            note = "Before that: " + "; ".join(told) if told else ""
            self._say(result, note if result.state == "error" else "", printed)

    def _say_missing(self, exercise: Exercise) -> None:
        for parsed in self.cells:
            if parsed.error is not None and answers(parsed.cell, exercise):
                note = _syntax(parsed.cell, parsed.error)
                self._say(Result(exercise, "error"), note)
                return
        for cell, said in self.faults:
            if answers(cell, exercise):
                note = f"This defined no answer: {_subject(cell)} {said}"
                self._say(Result(exercise, "error"), note)
                return
        note = f"Nothing in this file defines `{exercise.name}`."
        bound = (name for parsed in self.cells for name in parsed.binds)
        note += misspelt(exercise.name, bound)
        self._say(Result(exercise, "not attempted"), note)

    def _say(self, result: Result, note: str, printed: str = "") -> None:
        shown = render(result, note=note)
        self.tell(
            kind="verdict",
            id=result.exercise.id,
            state=result.state,
            earned=result.earned,
            points=result.exercise.points,
            text=shown.text,
            printed=printed,
            mistake=result.misconception.name if result.misconception else "",
        )


class _Stand:
    """Stands for an answer whose code is all in one file."""

    def __init__(self, file: str) -> None:
        self.__code__ = compile("0", file, "eval")


def _line_of(error: BaseException, file: str) -> str:
    line, source = whereabouts(error, _Stand(file))
    return f" in line {line}: {source}" if source else ""


def _subject(cell: Cell) -> str:
    return cell.place.capitalize() if cell.place else "its code"


def _syntax(cell: Cell, error: SyntaxError) -> str:
    line = (error.lineno or 1) + cell.line - 1
    # Not `error.text`: Python reads it from the file, whose lines count otherwise.
    lines = cell.source.splitlines()[(error.lineno or 1) - 1 :]
    source = lines[0].strip() if lines else ""
    where = f"{cell.place}, line {line}" if cell.place else f"line {line}"
    shown = f": {source}" if source else ""
    return f"Python cannot read {where}: {error.msg}{shown}"


def _main_module() -> dict[str, Any]:
    main = ModuleType("__main__")
    vars(main).update(display=_nothing, get_ipython=lambda: None)
    sys.modules["__main__"] = main
    return vars(main)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """In place of a check within a file that is being checked."""


def _close(fig: Any = None, **kwargs: Any) -> None:
    from matplotlib import pyplot as plt

    plt.close(fig if fig is not None else "all")
