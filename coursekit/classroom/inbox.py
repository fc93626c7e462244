"""Open files that strangers named: folders and zips, without following anything.

No link is followed, nothing outside the folder is opened, a zip is never unpacked,
and sizes are capped by what is read, not by what a header says.
"""

import hashlib
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_BYTES = 200_000_000
"""Of one notebook: 100 MB of outputs are a nuisance, not a reason to refuse."""
MAX_FILES = 20_000
MAX_ARCHIVE = 8_000_000_000
"""Bytes that all files of a zip may have once unpacked."""
MAX_DEPTH = 8
MAX_NAME = 100


class Unreadable(Exception):
    """A file that cannot be read as it should; the text says why."""


@dataclass(frozen=True)
class Entry:
    """A file in a folder or in a zip, by its path there; opened when it is read."""

    home: Path
    path: str
    problem: str = ""
    zipped: bool = False

    def read(self) -> bytes:
        if self.problem:
            raise Unreadable(self.problem)
        try:
            data = self._zipped() if self.zipped else self._plain()
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise Unreadable(visible(f"cannot be read: {error}", 200)) from error
        except Exception as error:  # zlib, lzma and struct have errors of their own
            raise Unreadable(visible(f"the zip is damaged: {error}", 200)) from error
        if len(data) > MAX_BYTES:
            raise Unreadable(f"larger than {MAX_BYTES // 10**6} MB")
        return data

    def _zipped(self) -> bytes:
        with zipfile.ZipFile(self.home) as archive, archive.open(self.path) as file:
            return file.read(MAX_BYTES + 1)

    def _plain(self) -> bytes:
        path = self.home / self.path
        if not path.parent.resolve().is_relative_to(self.home.resolve()):
            raise OSError("it lies outside the folder")
        flags = os.O_RDONLY
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, name, 0)  # not every system has them all
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("not a plain file")
            return file.read(MAX_BYTES + 1)


def entries(place: Path) -> Iterator[Entry]:
    """The files of a folder or of a zip.

    A zip inside is one more file: students could put each other's names into it.

    Raises:
        Unreadable: there is no such place, it is neither, or it holds too many files.
    """
    if not place.is_dir() and not zipfile.is_zipfile(place):
        raise Unreadable(f"{place}: no folder and no zip")
    found = _walk(place, PurePosixPath()) if place.is_dir() else _members(place)
    for number, entry in enumerate(found):
        if number >= MAX_FILES:
            raise Unreadable(f"{place}: more than {MAX_FILES} files")
        yield entry


def _walk(home: Path, at: PurePosixPath) -> Iterator[Entry]:
    try:
        with os.scandir(home / at) as scan:
            rows = sorted(scan, key=lambda row: row.name)
    except OSError as error:
        yield Entry(home, str(at), f"cannot be opened: {error.strerror}")
        return
    for row in rows:
        path = at / row.name
        if row.is_symlink():
            yield Entry(home, str(path), "a link, which is not followed")
        elif row.is_dir(follow_symlinks=False):
            if len(path.parts) < MAX_DEPTH:
                yield from _walk(home, path)
            else:
                yield Entry(home, str(path), f"deeper than {MAX_DEPTH} folders")
        elif not row.is_file(follow_symlinks=False):
            yield Entry(home, str(path), "not a plain file")
        else:
            yield Entry(home, str(path))


def _members(path: Path) -> Iterator[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        yield Entry(path, "", visible(f"not a readable zip: {error}", 200), True)
        return
    if len(members) > MAX_FILES or sum(m.file_size for m in members) > MAX_ARCHIVE:
        yield Entry(path, "", "a zip of absurd size (a bomb?): not opened", True)
        return
    seen: set[str] = set()
    for member in members:
        if member.is_dir():
            continue
        parts = member.filename.replace("\\", "/").split("/")
        problem = ""
        if ".." in parts or parts[0] in ("", ".") or ":" in parts[0][:2]:
            problem = "its path in the zip leads outside"
        elif stat.S_ISLNK(member.external_attr >> 16):
            problem = "a link, which is not followed"
        elif member.flag_bits & 1:
            problem = "encrypted"
        elif member.file_size > MAX_BYTES:
            problem = f"larger than {MAX_BYTES // 10**6} MB"
        elif member.filename in seen:
            problem = "the zip has two files of this name"
        seen.add(member.filename)
        yield Entry(path, member.filename, problem, True)


def visible(text: str, width: int = MAX_NAME) -> str:
    """A name as one line of visible characters: what else it holds becomes "�"."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    hidden = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    text = "".join("�" if unicodedata.category(c) in hidden else c for c in text)
    text = " ".join(text.split()) or "�"
    return text if len(text) <= width else f"{text[: width - 9]}~{_short(text)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def file_name(text: str) -> str:
    """A file name for an id: safe on every system, and its own for each id."""
    safe = re.sub(r"[^A-Za-z0-9@+-]+", "_", text)[:60]
    return safe if safe == text else f"{safe}~{_short(text)}"
