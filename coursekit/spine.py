"""The spine of the course, read from ``syllabus.toml``: modules, chapters, sections."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
"""The folder that holds ``notebooks/``, ``exercises/`` and ``solutions/``."""

SECTIONS_PER_CHAPTER = 6


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

    @property
    def number(self) -> str:
        """Two digits, ``"04"``."""
        return self.stem[:2]

    @property
    def lesson(self) -> Path:
        return ROOT / "notebooks" / f"{self.stem}.ipynb"

    @property
    def exercises(self) -> Path:
        return ROOT / "exercises" / f"{self.stem}.ipynb"

    @property
    def solutions(self) -> Path:
        return ROOT / "solutions" / f"{self.stem}.ipynb"


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


def _chapter(row: dict) -> Chapter:
    number = row["stem"][:2]
    titles = row.pop("sections")
    if len(titles) != SECTIONS_PER_CHAPTER:
        raise ValueError(f"{row['stem']}: {len(titles)} sections, not six")
    sections = tuple(
        Section(f"{number}.{k}", title) for k, title in enumerate(titles, 1)
    )
    introduces = tuple(row.pop("introduces", ()))
    return Chapter(sections=sections, introduces=introduces, **row)


@cache
def load_course() -> Course:
    """The course as ``syllabus.toml`` has it."""
    rows = tomllib.loads((PACKAGE / "syllabus.toml").read_text(encoding="utf-8"))
    return Course(
        tuple(
            Module(row["title"], tuple(_chapter(c) for c in row["chapters"]))
            for row in rows["modules"]
        )
    )
