"""The companion package of the course.

A notebook needs one line, ``import coursekit as ck``, and these names::

    ck.setup()            make this notebook repeatable, load TensorFlow quietly
    ck.show(fig, alt=…)   show a figure with a description for those who cannot see it
    ck.data               data sets that need no network
    ck.check("01.1")      check an exercise
    ck.hint("01.1")       the next hint
    ck.solution("01.1")   the reference solution, once you have passed or used the hints
    ck.quiz(…)            a question whose every choice is explained
    ck.answer("b")        answer it, where a click on a choice cannot be counted
    ck.progress()         the map of the course, with what you have done

Importing the package is cheap: TensorFlow is loaded when it is first needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from coursekit import data
    from coursekit.journal import progress
    from coursekit.learner import check, hint, solution
    from coursekit.quizzes import answer, quiz
    from coursekit.runtime import setup, show

_HOMES = {
    "setup": "coursekit.runtime",
    "show": "coursekit.runtime",
    "check": "coursekit.learner",
    "hint": "coursekit.learner",
    "solution": "coursekit.learner",
    "quiz": "coursekit.quizzes",
    "answer": "coursekit.quizzes",
    "progress": "coursekit.journal",
}

__all__ = [
    "answer",
    "check",
    "data",
    "hint",
    "progress",
    "quiz",
    "setup",
    "show",
    "solution",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name == "data":
        return import_module("coursekit.data")
    raise AttributeError(f"module 'coursekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
