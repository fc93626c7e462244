"""The course as a notebook meets it in the sandbox: ``import coursekit as ck``.

This file is the sandbox's ``coursekit/__init__.py``. A submission's own checks, hints
and quizzes do nothing there: what counts is called from outside, afterwards.
"""

from importlib import import_module
from typing import Any


def setup(seed: int = 42) -> None:
    """Repeatable and quiet, as in the learner's notebook."""
    import_module("coursekit.runtime").setup(seed)


def show(fig: Any = None, *, alt: str = "") -> None:
    """Close the figure; nobody is there to look at it."""
    if fig is not None:
        import_module("matplotlib.pyplot").close(fig)


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def __getattr__(name: str) -> Any:
    """Modules that exist here, and for every other public name nothing at all."""
    if name.startswith("_"):
        raise AttributeError(f"module 'coursekit' has no attribute {name!r}")
    if name in ("runtime", "engine", "data", "plots"):
        return import_module(f"coursekit.{name}")
    return _nothing
