"""``coursekit sample-class``: a simulated class whose true verdicts are known.

Each student has an ability, each exercise a difficulty; together they decide whether
the answer is right (the solution or one of its variants), one of the exercise's own
mistakes, or was never begun. The truth is written beside the submissions.
"""

import argparse
import ast
import inspect
import json
import math
import random
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coursekit.authoring.exercises import strip_solutions
from coursekit.authoring.files import Node, dumps, read
from coursekit.classroom.sources import Source
from coursekit.engine import Exercise, load_exercises
from coursekit.learner import reference_solution
from coursekit.spine import Chapter, load_course

LAYOUTS = ("nbgrader", "flat", "canvas", "moodle")
NAMES = (
    "Ada Lovelace,Emmy Noether,Grace Hopper,Alan Turing,Hedy Lamarr,Leonhard Euler,"
    "Sofja Kowalewskaja,Srinivasa Ramanujan,Mary Somerville,Carl Gauss,Shen Kuo,"
    "Edsger Dijkstra,Katherine Johnson,Évariste Galois,Chien-Shiung Wu,Niels Abel,"
    "Barbara Liskov,Maryam Mirzakhani,Hypatia,Al-Chwarizmi,Rózsa Péter,John McCarthy"
).split(",")
_HARD = {"warm-up": -1.2, "core": -0.4, "stretch": 0.5}


@dataclass(frozen=True)
class Truth:
    """What an answer is: ``"right"``, ``"mistake"`` or ``"not attempted"``.

    Attributes:
        made: the solution, a variant, or the name of the mistake.
    """

    kind: str
    made: str


@dataclass(frozen=True)
class Student:
    """Who hands in, and what is true of it by exercise id."""

    id: str
    name: str
    number: int
    truth: dict[str, Truth]


class Answers:
    """Answers to a chapter's exercises as a student would have written them."""

    def __init__(self, chapter: Chapter) -> None:
        self.chapter = chapter
        self.exercises = load_exercises(chapter.number)
        self.blank = strip_solutions(read(chapter.solutions))

    def code(self, exercise: Exercise, truth: Truth) -> str | None:
        """The cell of an answer; None for the stub that is there."""
        if truth.kind == "not attempted":
            return None
        if truth.made == "solution":
            return reference_solution(exercise)
        if truth.kind == "right":
            return self._written(exercise, exercise.variants[int(truth.made[-1]) - 1])
        [answer] = [m.answer for m in exercise.mistakes if m.name == truth.made]
        return self._written(exercise, answer)

    def _written(self, exercise: Exercise, answer: Any) -> str:
        """The source of a function of the check module, under the exercise's name."""
        module = sys.modules[exercise.inputs.__module__]
        source = Source(inspect.getsource(module))
        [name] = [n for n, v in vars(module).items() if v is answer]
        body = source.closure([name])
        used = {n.id for s in body.values() for n in _names(s)}
        needed = sorted(used & source.imported.keys())
        lines = [ast.unparse(source.imported[n]) for n in needed]
        lines += [source.written(statement) for statement in body.values()]
        return re.sub(rf"\b{re.escape(name)}\b", exercise.name, "\n\n".join(lines))

    def notebook(self, student: Student) -> str:
        """The text of the notebook that the student hands in."""
        cells = []
        for cell in self.blank.cells:
            id = str(cell.get("id", "")).removeprefix("answer-").replace("-", ".")
            truth = student.truth.get(id)
            code = self.code(self.exercises[id], truth) if truth else None
            cells.append(Node({**cell, "source": code}) if code else cell)
        return dumps(Node({**self.blank, "cells": cells}))


def _names(statement: ast.stmt) -> Iterator[ast.Name]:
    return (node for node in ast.walk(statement) if isinstance(node, ast.Name))


def draw(number: int, exercises: dict[str, Exercise], seed: int) -> Iterator[Student]:
    """Students with abilities, and the truth about each of their answers."""
    dice = random.Random(seed)
    for n in range(1, number + 1):
        ability = dice.gauss(0.4, 1.1)
        truth = {id: _answer(dice, one, ability) for id, one in exercises.items()}
        name = NAMES[(n - 1) % len(NAMES)]
        first = "".join(c for c in name.split()[0].casefold() if c.isascii())
        yield Student(f"{first}{n:03d}", name, 1000 + n, truth)


def _answer(dice: random.Random, exercise: Exercise, ability: float) -> Truth:
    chance = 1 / (1 + math.exp(_HARD[exercise.difficulty] - ability))
    if dice.random() < chance:
        made = [
            "solution",
            *(f"variant {k + 1}" for k in range(len(exercise.variants))),
        ]
        return Truth("right", dice.choice(made))
    if dice.random() < 0.2:
        return Truth("not attempted", "")
    ladder = [2.0**-k for k in range(len(exercise.mistakes))]  # the first are the usual
    [mistake] = dice.choices(exercise.mistakes, ladder)
    return Truth("mistake", mistake.name)


def path_of(student: Student, stem: str, layout: str) -> str:
    """Where the notebook lies in a layout."""
    match layout:
        case "nbgrader":
            return f"submitted/{student.id}/{stem}/{stem}.ipynb"
        case "flat":
            return f"submitted/{student.id}_{stem}.ipynb"
        case "canvas":
            name = "".join(reversed(student.name.split())).casefold()
            return f"{name}_{student.number}_{7 * student.number}_{stem}.ipynb"
    return f"{student.name}_{student.number}_assignsubmission_file_/{stem}.ipynb"


def write_class(
    number: int, to: Path, chapter: Chapter, layout: str = "nbgrader", seed: int = 1
) -> list[Student]:
    """Write the submissions of a class and ``truth.json``; returns the students."""
    answers = Answers(chapter)
    students = list(draw(number, answers.exercises, seed))
    to.mkdir(parents=True, exist_ok=True)
    pages = ((path_of(s, chapter.stem, layout), answers.notebook(s)) for s in students)
    if layout in ("canvas", "moodle"):
        with zipfile.ZipFile(
            to / f"{layout}.zip", "w", zipfile.ZIP_DEFLATED
        ) as archive:
            for path, text in pages:
                archive.writestr(path, text)
    else:
        for path, text in pages:
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            (to / path).write_text(text, encoding="utf-8")
    numbered = layout in ("canvas", "moodle")
    truth = {
        str(s.number) if numbered else s.id: {
            id: asdict(t) for id, t in s.truth.items()
        }
        for s in students
    }
    text = json.dumps({"chapter": chapter.number, "truth": truth}, indent=1)
    (to / "truth.json").write_text(text + "\n", encoding="utf-8")
    return students


def main(args: list[str]) -> int:
    """``coursekit sample-class``: what a simulated class hands in."""
    parser = argparse.ArgumentParser(
        prog="coursekit sample-class", description=main.__doc__
    )
    parser.add_argument("number", type=int, help="how many students")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--chapter", default="01")
    parser.add_argument("--layout", choices=LAYOUTS, default="nbgrader")
    parser.add_argument(
        "--seed", type=int, default=1, help="another seed, another class"
    )
    given = parser.parse_args(args)
    try:
        chapter = load_course().chapter(given.chapter)
        students = write_class(
            given.number, given.to, chapter, given.layout, given.seed
        )
    except (KeyError, OSError, ValueError) as error:
        print(f"coursekit sample-class: {error}", file=sys.stderr)
        return 2
    zipped = given.layout in ("canvas", "moodle")
    place = given.to / (f"{given.layout}.zip" if zipped else "submitted")
    print(f"{len(students)} submissions in {place}, the truth in {given.to}/truth.json")
    print(f"Grade them: coursekit grade {place} --to {given.to / 'graded'}")
    return 0
