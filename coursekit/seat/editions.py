"""Editions of the course as trees of files: a commit, a folder, a zip, a record.

Files are compared by the digest that git gives them, so that a folder and a commit can
be told to be the same.
"""

import hashlib
import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from coursekit.ipynb import parse
from coursekit.seat.pristine import digest, shipped

LEFT_OUT = {".git", ".venv", ".coursekit", "__pycache__", ".ipynb_checkpoints", "build"}
MAX_UNPACKED = 1 << 30


class NoEdition(ValueError):
    """There is no edition of the course here; the text says what to do."""


def blob(data: bytes) -> str:
    """The digest that git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def cells_of(data: bytes) -> dict[str, str]:
    """A digest of each cell of a notebook, by id; empty when it is none."""
    try:
        nb = parse(data.decode("utf-8"))
    except ValueError:
        return {}
    return {cell.get("id", ""): digest(cell) for cell in nb.cells}


class Edition(Protocol):
    """The files of an edition."""

    files: Mapping[str, str]
    """The digest of each file, by path."""

    def cells(self, path: str) -> dict[str, str]:
        """A digest of each cell of a notebook, by id."""
        ...


@dataclass
class Recorded:
    """What an edition has recorded of itself (see ``pristine``); no content."""

    files: Mapping[str, str]
    known: Mapping[str, dict[str, str]] = field(default_factory=dict)

    def cells(self, path: str) -> dict[str, str]:
        return self.known.get(path, {})

    @classmethod
    def of(cls, root: Path) -> "Recorded":
        row = shipped(root)
        return cls(row.get("files", {}), row.get("cells", {}))


class Folder:
    """A folder with an edition in it."""

    def __init__(self, root: Path) -> None:
        """Look at its files.

        Raises:
            NoEdition: it holds no course.
        """
        if not (root / "coursekit" / "syllabus.toml").is_file():
            raise NoEdition(
                f"{root} holds no course: it has no coursekit/syllabus.toml."
            )
        self.root = root
        self.files = {
            path.relative_to(root).as_posix(): blob(path.read_bytes())
            for path in sorted(root.rglob("*"))
            if path.is_file()
            and not path.is_symlink()
            and not LEFT_OUT & set(path.relative_to(root).parts)
            and not path.parent.name.endswith(".egg-info")
        }

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def executable(self, path: str) -> bool:
        return os.access(self.root / path, os.X_OK)

    def cells(self, path: str) -> dict[str, str]:
        return cells_of(self.read(path)) if path in self.files else {}


def unpack(archive: Path, to: Path) -> Path:
    """Unpack a zip; returns the folder in it that holds the course.

    Raises:
        NoEdition: it is no zip, or holds something else than a course.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            if sum(info.file_size for info in zipped.infolist()) > MAX_UNPACKED:
                raise NoEdition(f"{archive} unpacks to more than a course can have.")
            zipped.extractall(to)  # which leaves no name outside the folder
    except (zipfile.BadZipFile, OSError) as error:
        raise NoEdition(f"{archive} is not a zip that can be read: {error}.") from error
    for place in (to, *sorted(path for path in to.iterdir() if path.is_dir())):
        if (place / "coursekit" / "syllabus.toml").is_file():
            return place
    raise NoEdition(f"{archive} holds no course: no coursekit/syllabus.toml in it.")


class Commit:
    """A commit of a clone."""

    def __init__(self, git: "Git", name: str) -> None:
        self.git, self.name = git, name
        self.files: dict[str, str] = {}
        self._modes: dict[str, str] = {}
        for row in git.ask("ls-tree", "-r", "-z", name).split("\0"):
            if row:
                head, path = row.split("\t", 1)
                mode, kind, sha = head.split()
                if kind == "blob" and mode != "120000":  # no links
                    self.files[path], self._modes[path] = sha, mode

    def read(self, path: str) -> bytes:
        return self.git.run("cat-file", "blob", self.files[path])

    def executable(self, path: str) -> bool:
        return self._modes[path] == "100755"

    def cells(self, path: str) -> dict[str, str]:
        return cells_of(self.read(path)) if path in self.files else {}


class GitFailed(NoEdition):
    """Git could not do something; the text has its reason."""


@dataclass
class Git:
    """Git in a folder."""

    root: Path

    def run(self, *arguments: str, data: bytes = b"", **env: str) -> bytes:
        """Run git and return what it prints.

        Raises:
            GitFailed: it failed, or there is no git.
        """
        quiet = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["git", "-C", str(self.root), *arguments],
                input=data,
                capture_output=True,
                env=os.environ | quiet | env,
            )
        except OSError as error:
            raise GitFailed(f"git cannot be run: {error.strerror}.") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            why = said[-1] if said else f"status {done.returncode}"
            raise GitFailed(f"git {arguments[0]} failed: {why}")
        return done.stdout

    def ask(self, *arguments: str, data: bytes = b"", **env: str) -> str:
        return self.run(*arguments, data=data, **env).decode().strip()

    def is_clone(self) -> bool:
        """Whether the course itself is the clone, not a folder in another one."""
        try:
            top = self.ask("rev-parse", "--show-toplevel")
        except GitFailed:
            return False
        return Path(top).resolve() == self.root.resolve()


def inside(root: Path, path: str) -> Path:
    """The place of a file of an edition.

    Raises:
        NoEdition: it would be outside.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise NoEdition(f"{path} would be written outside the course.")
    return root / pure
