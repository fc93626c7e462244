"""The spine of the course, read from ``syllabus.toml``: modules, chapters, sections.

Where ``COURSEKIT_CHAPTERS`` names a folder, its chapters join those of the course: a
teacher's own exercises, with a ``syllabus.toml`` of the same form, ``checks/`` and
``solutions/``. Check modules are code that runs as you do: name only what is yours.
"""

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
"""The folder that holds ``notebooks/``, ``exercises/`` and ``solutions/``."""

OWN = "COURSEKIT_CHAPTERS"
"""The environment variable that names a folder of own chapters."""

SECTIONS_PER_CHAPTER = 6
"""At most; the course's own chapters have all six."""


class BadSyllabus(ValueError):
    """A syllabus that cannot be read; the text says which and why."""


@dataclass(frozen=True)
class Section:
    """One section; its exercise carries the same id, such as ``"04.3"``."""

    id: str
    title: str


@dataclass(frozen=True)
class Chapter:
    """One chapter; ``stem`` names its lesson, exercises, solutions and checks."""

    stem: str
    title: str
    sections: tuple[Section, ...]
    ready: bool = False
    minutes: int = 0
    seconds: int = 60
    introduces: tuple[str, ...] = ()
    home: Path = ROOT

    @property
    def number(self) -> str:
        """Two digits, ``"04"``."""
        return self.stem[:2]

    @property
    def lesson(self) -> Path:
        return self.home / "notebooks" / f"{self.stem}.ipynb"

    @property
    def exercises(self) -> Path:
        return self.home / "exercises" / f"{self.stem}.ipynb"

    @property
    def solutions(self) -> Path:
        return self.home / "solutions" / f"{self.stem}.ipynb"

    @property
    def checks(self) -> Path:
        """The package of its check modules."""
        parent = PACKAGE if self.home == ROOT else self.home
        return parent / "checks" / f"c{self.stem}"


@dataclass(frozen=True)
class Module:
    title: str
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Course:
    modules: tuple[Module, ...]

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        return tuple(c for module in self.modules for c in module.chapters)

    @property
    def ready(self) -> tuple[Chapter, ...]:
        """The chapters that are written."""
        return tuple(chapter for chapter in self.chapters if chapter.ready)

    def chapter(self, number: str) -> Chapter:
        """The chapter with that number (``"04"``, ``"4"`` or its stem).

        Raises:
            KeyError: there is no such chapter.
        """
        wanted = number.split("_")[0].split(".")[0].zfill(2)
        for chapter in self.chapters:
            if chapter.number == wanted:
                return chapter
        raise KeyError(f"no chapter {number!r}: the course has 01 to 30")

    def section(self, id: str) -> Section:
        """The section with that id, such as ``"04.3"``.

        Raises:
            KeyError: there is no such section.
        """
        for section in self.chapter(id).sections:
            if section.id == id:
                return section
        raise KeyError(f"no section {id!r}: ids look like '04.3'")


def _chapter(row: dict, home: Path) -> Chapter:
    number = row["stem"][:2]
    titles = row.pop("sections")
    if not 1 <= len(titles) <= SECTIONS_PER_CHAPTER:
        raise ValueError(f"{row['stem']}: {len(titles)} sections, not one to six")
    sections = tuple(
        Section(f"{number}.{k}", title) for k, title in enumerate(titles, 1)
    )
    introduces = tuple(row.pop("introduces", ()))
    return Chapter(sections=sections, introduces=introduces, home=home, **row)


def _modules(home: Path, syllabus: Path) -> tuple[Module, ...]:
    try:
        rows = tomllib.loads(syllabus.read_text(encoding="utf-8"))["modules"]
        return tuple(
            Module(row["title"], tuple(_chapter(c, home) for c in row["chapters"]))
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSyllabus(f"{syllabus}: {error}") from error


@cache
def load_course() -> Course:
    """The course as ``syllabus.toml`` has it, and the teacher's own chapters.

    Raises:
        BadSyllabus: the own ones cannot be read, or take a number of the course.
    """
    modules = _modules(ROOT, PACKAGE / "syllabus.toml")
    if own := os.environ.get(OWN):
        home = Path(own).resolve()
        modules += _modules(home, home / "syllabus.toml")
    course = Course(modules)
    numbers = [chapter.number for chapter in course.chapters]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        raise BadSyllabus(f"{own}: there is a chapter {', '.join(twice)} already")
    return course
