"""Copies of the learner's files, made before anything is changed in them.

They lie beside the journal, in ``kept/``, a folder for each moment, under the paths
that the files have in the course. Nothing here ever deletes one.
"""

import os
import shutil
from datetime import datetime
from pathlib import Path

from coursekit import journal


def folder() -> Path:
    return journal.home() / "kept"


def new_place(what: str) -> Path:
    """A fresh folder, named by the moment and by what happens; it sorts by age."""
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    folder().mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        more = f" ({number})" if number > 1 else ""
        place = folder() / f"{stamp} {what}{more}"
        try:
            place.mkdir()
        except FileExistsError:
            continue
        return place
    raise OSError(f"no room for another copy in {folder()}")


def keep(path: Path, place: Path, root: Path) -> Path:
    """Copy a file into such a folder, whole and on the disk; returns the copy.

    Args:
        path: the file.
        place: from :func:`new_place`.
        root: the folder to which its path there is relative.
    """
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    copy = place / inside
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, copy)
    with open(copy, "rb") as file:
        os.fsync(file.fileno())
    return copy


def places(what: str) -> list[Path]:
    """The folders of that kind, newest first."""
    found = folder().glob(f"* {what}*") if folder().is_dir() else ()
    return sorted(found, key=lambda place: place.name, reverse=True)


def shown(path: Path) -> str:
    """The path as a learner reads it: short where it is below where they are."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
