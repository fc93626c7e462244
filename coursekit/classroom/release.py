"""``coursekit release``: the student edition; its checks work, and it solves nothing.

It has the lessons, the exercises, the package, and for each exercise its probe and a
recording (see ``coursekit.engine.recorded``). Solutions, oracles, mistakes, variants,
the authors' tools and the grader stay behind; before the edition is handed over, every
file of it is searched for them.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from coursekit.authoring.exercises import generate
from coursekit.authoring.files import read
from coursekit.classroom.sources import Leak, Source, student_module
from coursekit.engine import Exercise, load_exercises
from coursekit.engine.exercise import call
from coursekit.engine.recorded import record
from coursekit.learner import reference_solution
from coursekit.seat.pristine import write_shipped
from coursekit.spine import PACKAGE, ROOT, Chapter, load_course

WITHHELD = ("authoring", "classroom", "checks", "testrun.py", "__pycache__")
"""What of the package students do not get; of the checks they get recordings."""
FILES = ("LICENSE", "environment.yml", "pyproject.toml", "requirements.lock")
_MAKEFILE = """\
PYTHON ?= python3

.PHONY: lab doctor

lab: # the first time it builds .venv, which takes a few minutes
\t@$(PYTHON) coursekit/bootstrap.py
\t@.venv/bin/coursekit lab

doctor:
\t@$(PYTHON) coursekit/bootstrap.py
\t@.venv/bin/coursekit doctor
"""
_README = """\
# TensorFlow, run rather than read: student edition

    make lab     # build the environment once (a few minutes), then open the course

You need Python 3.11, 3.12 or 3.13, `make`, and 4 GB of free disk. `make lab` opens
`notebooks/00_start_here.ipynb`. Study a section, then do its exercise in the notebook
of the same name under `exercises/`: write the function, run the check below it, and ask
`ck.hint("01.1")` when stuck. Hand in the notebook from `exercises/`.

The checks here try a few fixed cases. Marks come from other cases of the same kind, so
an answer that holds for all inputs is what counts.

In this edition: {chapters}.
"""


def release(chapters: Sequence[Chapter], to: Path) -> None:
    """Write the student edition of some chapters to a new folder.

    Raises:
        FileExistsError: the folder is there and not empty.
        Leak: something in it would solve an exercise; nothing is left behind.
    """
    if to.exists() and any(to.iterdir()):
        raise FileExistsError(f"{to} is not empty")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".release-") as scratch:
        made = Path(scratch) / "edition"
        _copy(made, chapters)
        secrets = {}
        for chapter in chapters:
            _write_checks(made, chapter)
            secrets |= solving(chapter)
        if found := sorted(leaks(made, secrets)):
            raise Leak(f"the edition would contain {', '.join(found)}")
        write_shipped(made)
        to.mkdir(exist_ok=True)
        for path in made.iterdir():
            shutil.move(path, to / path.name)


def _copy(made: Path, chapters: Sequence[Chapter]) -> None:
    shutil.copytree(
        PACKAGE, made / "coursekit", ignore=shutil.ignore_patterns(*WITHHELD)
    )
    (made / "coursekit" / "checks").mkdir()
    shutil.copy(PACKAGE / "checks" / "__init__.py", made / "coursekit" / "checks")
    syllabus = made / "coursekit" / "syllabus.toml"
    own = {c.home / "syllabus.toml" for c in chapters if c.home != ROOT}
    text = "\n".join(path.read_text(encoding="utf-8") for path in (syllabus, *own))
    syllabus.write_text(_only(text, [c.stem for c in chapters]), encoding="utf-8")
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, made)
    (made / "notebooks").mkdir()
    (made / "exercises").mkdir()
    start = ROOT / "notebooks" / "00_start_here.ipynb"
    for lesson in (start, *(chapter.lesson for chapter in chapters)):
        if lesson.exists():
            shutil.copy(lesson, made / "notebooks")
    for chapter in chapters:
        exercises = generate(read(chapter.solutions))
        path = made / "exercises" / f"{chapter.stem}.ipynb"
        path.write_text(exercises, encoding="utf-8")
    (made / "Makefile").write_text(_MAKEFILE, encoding="utf-8")
    listed = ", ".join(f"{c.number} {c.title}" for c in chapters)
    (made / "README.md").write_text(_README.format(chapters=listed), encoding="utf-8")


def _only(syllabus: str, stems: Sequence[str]) -> str:
    """The syllabus in which no other chapter is ready."""
    kept, stem = [], ""
    for line in syllabus.splitlines():
        if match := re.match(r'stem = "(\w+)"', line):
            stem = match[1]
        if not re.match(r"ready\s*=", line) or stem in stems:
            kept.append(line)
    return "\n".join(kept) + "\n"


def _write_checks(made: Path, chapter: Chapter) -> None:
    name = f"c{chapter.stem}"
    folder = made / "coursekit" / "checks" / name
    folder.mkdir()
    shutil.copy(chapter.checks / "__init__.py", folder)
    for exercise in load_exercises(chapter.number).values():
        module = import_module(exercise.inputs.__module__)
        path = Path(str(module.__file__))
        probe = "" if exercise.probe is call else _name(module, exercise.probe)
        kind = "" if type(exercise) is Exercise else type(exercise).__name__
        title = f"Exercise {exercise.id}: ``{exercise.name}``, as a recording."
        text = path.read_text(encoding="utf-8")
        secret = [_name(module, part) for part in _parts(exercise).values()]
        text = student_module(text, title, probe, kind, [*secret, "EXERCISE"])
        (folder / path.name).write_text(text, encoding="utf-8")
        recording = json.dumps(record(exercise), ensure_ascii=False, indent=1)
        path = (folder / path.name).with_suffix(".json")
        path.write_text(recording + "\n", encoding="utf-8")


def _name(module: Any, value: Any) -> str:
    """What a value is called in its module; "" when it has no name there."""
    return next((n for n, v in vars(module).items() if v is value), "")


def _parts(exercise: Exercise) -> dict[str, Any]:
    """Whatever of an exercise says or tells how to make a right or a wrong answer."""
    parts = {"inputs": exercise.inputs, "oracle": exercise.expected}
    for number, variant in enumerate(exercise.variants, 1):
        parts[f"variant {number}"] = variant
    for mistake in exercise.mistakes:
        parts[f"mistake {mistake.name!r}"] = mistake.answer
    return parts


def solving(chapter: Chapter) -> dict[str, str]:
    """The code that solves exercises, or nearly, by what it is."""
    found = {}
    for id, exercise in load_exercises(chapter.number).items():
        solution = reference_solution(exercise)
        stub = re.escape("raise NotImplementedError()")
        if solution and not re.search(stub, solution):
            found[f"the solution of {id}"] = _body(solution, exercise.name)
        module = import_module(exercise.inputs.__module__)
        source = Source(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for what, part in _parts(exercise).items():
            name = _name(module, part)
            if name in source.defined:
                text = source.written(source.defined[name])
                found[f"the {what} of {id}"] = _body(text, name)
    return found


def _body(text: str, name: str) -> str:
    """A function's code without its head and its docstring."""
    source = Source(text)
    statement = source.defined.get(name)
    body = getattr(statement, "body", None)
    if not body:
        return text
    has_docstring = len(body) > 1 and "Constant" in repr(getattr(body[0], "value", ""))
    first = body[1] if has_docstring else body[0]
    return "\n".join(source.lines[first.lineno - 1 :])


def leaks(folder: Path, secrets: dict[str, str]) -> set[str]:
    """Which of those pieces of code stand in some file of the folder.

    A wrong answer of half a line may well stand in a lesson; a solution may not.
    """
    wanted = {what: _squeezed(code) for what, code in secrets.items()}
    wanted = {w: c for w, c in wanted.items() if len(c) >= 40 or "solution" in w}
    found = set()
    for path in (p for p in folder.rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix in (".ipynb", ".json"):
            text = "\n".join(_strings(json.loads(text)))
        text = _squeezed(text)
        where = path.relative_to(folder)
        found |= {f"{what} ({where})" for what, code in wanted.items() if code in text}
        if "BEGINSOLUTION" in text:
            found.add(f"a solution region ({where})")
    return found


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        yield "".join(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def main(args: list[str]) -> int:
    """``coursekit release``: write the student edition of some chapters."""
    parser = argparse.ArgumentParser(prog="coursekit release", description=main.__doc__)
    parser.add_argument("chapters", nargs="+", help="01 02 …, or all")
    parser.add_argument("--to", type=Path, required=True, help="a new folder")
    given = parser.parse_args(args)
    course = load_course()
    try:
        chapters = [
            course.chapter(number) for number in given.chapters if number != "all"
        ]
        chapters = course.ready if "all" in given.chapters else tuple(chapters)
        release(chapters, given.to)
    except (KeyError, OSError, Leak) as error:
        print(f"coursekit release: {error}", file=sys.stderr)
        return 2
    listed = ", ".join(f"{c.number} {c.title}" for c in chapters)
    print(f"{given.to}: {listed}; searched for solutions, oracles and mistakes: none.")
    return 0
