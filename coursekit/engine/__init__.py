"""The exercise engine: the contract, comparing, diagnosing, rendering."""

from functools import cache
from importlib import import_module

from coursekit.engine.exercise import Answer, Case, Exercise, Mistake, call
from coursekit.engine.grading import (
    NOTEBOOK_SEED,
    Failure,
    Result,
    State,
    grade,
    judge,
    run,
)
from coursekit.engine.plain import (
    Opaque,
    Plain,
    Raised,
    spec_to_plain,
    tensors_to_plain,
    to_plain,
)
from coursekit.runtime import quiet_import
from coursekit.spine import load_course

__all__ = [
    "NOTEBOOK_SEED",
    "Answer",
    "Case",
    "Exercise",
    "Failure",
    "Mistake",
    "Opaque",
    "Plain",
    "Raised",
    "Result",
    "State",
    "call",
    "grade",
    "judge",
    "load_exercise",
    "load_exercises",
    "run",
    "spec_to_plain",
    "tensors_to_plain",
    "to_plain",
]


@cache
def load_exercises(chapter: str) -> dict[str, Exercise]:
    """The exercises of a chapter (``"04"``) by id, in order; runs no TensorFlow op.

    Raises:
        KeyError: there is no such chapter, or it has no exercises yet.
    """
    found = load_course().chapter(chapter)
    if not found.ready:
        raise KeyError(f"chapter {found.number} has no exercises yet")
    quiet_import()
    places = import_module("coursekit.checks").__path__
    if (place := str(found.checks.parent)) not in places:  # a teacher's own chapters
        places.append(place)
    module = import_module(f"coursekit.checks.c{found.stem}")
    return {exercise.id: exercise for exercise in module.EXERCISES}


def load_exercise(id: str) -> Exercise:
    """The exercise with that id, such as ``"04.3"``.

    Raises:
        KeyError: there is no such exercise.
        TypeError: the id is no text.
    """
    if not isinstance(id, str):
        raise TypeError(f"an exercise is named by a text, such as '01.1', not {id!r}")
    exercises = load_exercises(id)
    if id not in exercises:
        raise KeyError(f"no exercise {id!r}; there are {', '.join(exercises)}")
    return exercises[id]
