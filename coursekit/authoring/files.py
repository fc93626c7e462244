"""Find the notebooks of the course; ``coursekit.ipynb`` reads and writes them."""

from pathlib import Path

from coursekit.ipynb import Node, dumps, label, node, parse, read, write

__all__ = [
    "FOLDERS",
    "Node",
    "dumps",
    "exercises_of",
    "label",
    "node",
    "numbers",
    "parse",
    "read",
    "sources",
    "write",
]

FOLDERS = ("notebooks", "solutions")
"""Where the sources are; ``exercises/`` is generated."""


def numbers(root: Path) -> list[str]:
    """The chapters that have a notebook, in order: ``["00", "01", …]``."""
    found = (p.name[:2] for f in FOLDERS for p in (root / f).glob("[0-9][0-9]_*.ipynb"))
    return sorted(set(found))


def sources(number: str, root: Path) -> list[Path]:
    """The lesson and the solutions of a chapter, as far as they exist.

    Args:
        number: ``"04"``, ``"4"`` or a stem.

    Raises:
        FileNotFoundError: the chapter has neither.
    """
    digits = number.split("_")[0].zfill(2)
    found = [
        path
        for folder in FOLDERS
        for path in sorted((root / folder).glob("*.ipynb"))
        if path.name.startswith(f"{digits}_")
    ]
    if not found:
        where = " or ".join(f"{folder}/{digits}_….ipynb" for folder in FOLDERS)
        raise FileNotFoundError(f"chapter {number!r}: there is no {where}")
    return found


def exercises_of(solutions: Path) -> Path:
    """Where the exercise notebook of a solutions notebook belongs."""
    return solutions.parent.parent / "exercises" / solutions.name
