"""Whose each file is: the layouts that graders and learning platforms produce.

======== ============================================================== ============
layout   path                                                           student
======== ============================================================== ============
nbgrader ``submitted/STUDENT/CHAPTER/*.ipynb``                          STUDENT
folders  ``STUDENT/CHAPTER.ipynb``                                      STUDENT
flat     ``STUDENT_CHAPTER.ipynb``                                      STUDENT
Canvas   ``NAME_[LATE_]USER_UPLOAD_CHAPTER.ipynb``                      USER
Moodle   ``NAME_USER_assignsubmission_file_/CHAPTER.ipynb``             USER
======== ============================================================== ============

Each of them as a folder or as a zip. Every file ends up as a submission (which may
carry the problem that keeps it from being graded) or in ``ignored``, with the reason.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from coursekit.classroom.inbox import Entry, Unreadable, entries, visible
from coursekit.spine import Chapter, load_course

_CANVAS = re.compile(r"([^_/]*)_(LATE_)?(\d+)_(\d+)_(.+)", re.DOTALL)
_MOODLE = re.compile(r"(.+?)_(\d+)_assignsubmission_file_[_/]?(.*)", re.DOTALL)
_COPY = re.compile(r"(\s*\(\d+\)|-\d+|[ _-]copy\d*)+$", re.IGNORECASE)
_NUMBERED = re.compile(rb"(?:answer|check)-(\d\d)-[1-6]\b")
_NOISE = ("__MACOSX", ".ipynb_checkpoints", ".DS_Store", "timestamp.txt")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student.

    Attributes:
        student: who it belongs to: the folder, the file or the platform's number.
        chapter: two digits, or "" when nothing tells.
        source: where it lies, for people to find it.
        name: the person, where the platform tells.
        platform: ``"canvas"``, ``"moodle"`` or "".
        late: the platform marked it late; None when it does not tell.
        problem: why it cannot be graded, or "".
        rank: the higher of two uploads by one student is the one that counts.
    """

    student: str
    chapter: str
    source: str = ""
    name: str = ""
    platform: str = ""
    late: bool | None = None
    problem: str = ""
    rank: tuple[int, int] = (0, 0)
    entry: Entry | None = field(default=None, repr=False, compare=False)

    def load(self) -> bytes:
        """The notebook's bytes.

        Raises:
            Unreadable: it has a problem, or the file refuses to be read.
        """
        if self.problem or self.entry is None:
            raise Unreadable(self.problem or "there is no file")
        return self.entry.read()


@dataclass(frozen=True)
class Found:
    """What a folder or a zip holds; ``ignored`` maps other files to the reason."""

    submissions: tuple[Submission, ...]
    ignored: dict[str, str]


def find(
    *places: Path, chapter: str = "", chapters: Iterable[Chapter] | None = None
) -> Found:
    """Look through folders and zips.

    Args:
        places: each a folder or a zip.
        chapter: two digits; what a notebook belongs to when its name does not tell.
        chapters: those that there are; by default the course's.

    Raises:
        Unreadable: one of them is neither.
    """
    reader = _Reader(tuple(chapters or load_course().chapters), chapter)
    for place in places:
        for entry in entries(place):
            reader.take(entry, f"{place.name}/" if len(places) > 1 else "")
    return reader.found()


class _Reader:
    """Tells from its path whose each file is, and settles which of several counts."""

    def __init__(self, chapters: tuple[Chapter, ...], default: str) -> None:
        self.stems = {c.number: c.stem for c in chapters}
        self.default = default
        self.ignored: dict[str, str] = {}
        self.taken: list[Submission] = []
        self.others: list[Submission] = []

    def take(self, entry: Entry, prefix: str = "") -> None:
        source = f"{entry.home.name}!" if entry.zipped else prefix
        source += entry.path
        path = PurePosixPath(entry.path.replace("\\", "/"))
        parts = [part for part in path.parts if part not in ("/", "..", ".")]
        parts = parts[1:] if parts[:1] == ["submitted"] else parts
        source = visible(source, 400)
        if not parts or any(p in _NOISE or p.startswith("._") for p in parts):
            self.ignored[source] = entry.problem or "not a submission"
            return
        one = self._whose(parts)
        one = replace(one, source=source, entry=entry, problem=entry.problem)
        linked = bool(entry.problem and len(parts) > 1 and self._number(parts[-1]))
        if path.suffix.lower() == ".ipynb" or linked:
            known = one.chapter or one.problem
            self.taken.append(one if known else self._look_inside(one, entry))
        else:
            self.ignored[source] = entry.problem or "not a notebook"
            self.others.append(replace(one, problem="handed in something else"))

    def _whose(self, parts: list[str]) -> Submission:
        stem = PurePosixPath(parts[-1]).stem
        if moodle := _MOODLE.fullmatch("/".join(parts)):
            name, user, file = moodle.groups()
            chapter = self._number(PurePosixPath(file).stem)
            return self._made(user, chapter, name.split("/")[-1], "moodle")
        if canvas := _CANVAS.fullmatch(stem):
            name, late, user, upload, file = canvas.groups()
            made = self._made(user, self._number(file), name, "canvas")
            return replace(made, late=bool(late), rank=(int(upload[:18]), 0))
        own = self._number(stem)
        for at in range(1, len(parts) - 1):
            if number := self._number(parts[at]):
                direct = at == len(parts) - 2
                rank = (int(direct), int(stem == self.stems[number]))
                return replace(self._made(parts[at - 1], number), rank=rank)
        if len(parts) > 1:
            rank = (0, int(stem == self.stems.get(own)))
            return replace(self._made(parts[-2], own), rank=rank)
        for cut in (i for i, c in enumerate(stem) if c == "_" and i):
            if number := self._number(stem[cut + 1 :]):
                return self._made(stem[:cut], number)
        return self._made(stem, own)

    def _made(
        self, student: str, chapter: str, name: str = "", platform: str = ""
    ) -> Submission:
        name = visible(name) if name else ""
        chapter = chapter or self.default
        return Submission(visible(student), chapter, name=name, platform=platform)

    def _number(self, text: str) -> str:
        """The chapter whose number or stem this is, give or take a copy's suffix."""
        text = _COPY.sub("", text.strip()).strip()
        number = text[:2]
        return number if text in (number, self.stems.get(number)) else ""

    def _look_inside(self, one: Submission, entry: Entry) -> Submission:
        try:
            numbers = [n.decode() for n in _NUMBERED.findall(entry.read())]
        except Unreadable as error:
            return replace(one, problem=str(error))
        known = [n for n in numbers if n in self.stems]
        if not known:
            return replace(one, problem="nothing tells which chapter it belongs to")
        return replace(one, chapter=max(sorted(set(known)), key=known.count))

    def found(self) -> Found:
        self._add_others()
        groups: dict[tuple[str, str], list[Submission]] = {}
        for one in self.taken:
            groups.setdefault((one.student.casefold(), one.chapter), []).append(one)
        chosen = [self._settle(group) for group in groups.values()]
        chosen.sort(key=lambda s: (s.chapter, s.student.casefold()))
        return Found(tuple(chosen), self.ignored)

    def _add_others(self) -> None:
        """Who handed in something else, and no notebook, must not be passed over."""
        chapters = {one.chapter for one in self.taken}
        only = chapters.pop() if len(chapters) == 1 else ""
        seen = {one.student for one in self.taken}
        for one in self.others:
            known = one.platform or one.chapter != self.default
            if known and one.student not in seen:
                seen.add(one.student)
                self.taken.append(replace(one, chapter=one.chapter or only))
                del self.ignored[one.source]

    def _settle(self, group: list[Submission]) -> Submission:
        """Of several files, the one that counts; none when two people may be meant."""
        best = max(group, key=lambda one: (not one.problem, one.rank))
        rest = [one for one in group if one is not best]
        rivals = [o for o in rest if o.rank == best.rank and not o.problem]
        owners = {(o.student, o.name, str(Path(o.source).parent)) for o in group}
        alike = len({_digest(one) for one in (best, *rivals)}) == 1 if rivals else True
        if len(owners) == 1 and alike:
            for one in rest:
                self.ignored[one.source] = f"{best.source} counts instead"
            return best
        for one in rest:
            self.ignored[one.source] = f"in conflict with {best.source}"
        listed = ", ".join(sorted(one.source for one in group))
        who = "two students with one id?" if len(owners) > 1 else "which one counts?"
        return replace(best, problem=f"several files; {who} {listed}")


def _digest(submission: Submission) -> str:
    try:
        return hashlib.sha256(submission.load()).hexdigest()
    except Unreadable:
        return submission.source
