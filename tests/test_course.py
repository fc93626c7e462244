"""The gates over the course as it is: every chapter that the spine calls ready."""

import re
import sys
from pathlib import Path

import pytest

from coursekit.authoring import files, gates, links, lint, proofs, verify
from coursekit.authoring.files import FOLDERS, Node
from coursekit.classroom.probes import TAUGHT
from coursekit.engine import load_exercises
from coursekit.spine import ROOT, Chapter, load_course

COURSE = load_course()
READY = [pytest.param(chapter, id=chapter.number) for chapter in COURSE.ready]
START = ROOT / "notebooks" / "00_start_here.ipynb"
EXERCISES = [
    pytest.param(chapter, section.id, id=section.id)
    for chapter in COURSE.ready
    for section in chapter.sections
]
FILES = [ROOT / "README.md", START]
for ready in COURSE.ready:
    FILES += [ready.lesson, ready.exercises, ready.solutions]

NOTEBOOK_GATES = {
    "outputs": gates.outputs,
    "alt_text": gates.alt_text,
    "deprecated": lint.deprecated,
}
NOTEBOOKS = [START] + [p for c in COURSE.ready for p in (c.lesson, c.solutions)]


def fail_on(problems: list[str]) -> None:
    """Fail with the problems, one line each."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def read(path: Path) -> Node:
    if not path.exists():
        pytest.fail(f"{name(path)} is missing", pytrace=False)
    return files.read(path)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("gate", gates.LESSON_GATES)
@pytest.mark.parametrize("chapter", READY)
def test_the_lesson_is_in_order(chapter: Chapter, gate: str) -> None:
    fail_on(gates.LESSON_GATES[gate](read(chapter.lesson), chapter))


@pytest.mark.parametrize("gate", NOTEBOOK_GATES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_the_notebook_is_in_order(path: Path, gate: str) -> None:
    fail_on(NOTEBOOK_GATES[gate](read(path)))


@pytest.mark.parametrize("chapter", READY)
def test_every_section_has_its_exercise(chapter: Chapter) -> None:
    assert list(load_exercises(chapter.number)) == [s.id for s in chapter.sections]
    nb = read(chapter.solutions)
    fail_on(gates.triples(nb, chapter))
    fail_on(proofs.agrees(nb, load_exercises(chapter.number)))


@pytest.mark.parametrize("chapter", READY)
def test_what_a_lesson_imports_an_answer_may_import_too(chapter: Chapter) -> None:
    code = "\n".join(c.source for c in read(chapter.lesson).cells)
    assert {*re.findall(r"(?:from|import) coursekit\.(\w+)", code)} <= {*TAUGHT}


@pytest.mark.parametrize("chapter", READY)
def test_nothing_is_used_before_it_is_taught(chapter: Chapter) -> None:
    for path in (chapter.lesson, chapter.solutions):
        fail_on(lint.forward_references(read(path), chapter, COURSE))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    assert path.exists()
    fail_on(links.broken_links(path))


@pytest.mark.parametrize("number", ["00", *(c.number for c in COURSE.ready)])
def test_nothing_is_stale(number: str) -> None:
    """Executed, tidy and sealed; exercises are what the solutions generate."""
    fail_on(verify.verify(number))


def test_every_notebook_belongs_to_a_ready_chapter() -> None:
    fail_on(verify.strays())
    known = {p.name for p in FILES}
    found = {
        p.name for f in (*FOLDERS, "exercises") for p in (ROOT / f).glob("*.ipynb")
    }
    assert found <= known


# ------------------------------------------------------------- exercises


class Answers:
    """What the notebooks of a chapter define, run once each."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, object]] = {}

    def solved(self, chapter: Chapter) -> dict[str, object]:
        return self._get(f"solutions/{chapter.stem}", read(chapter.solutions))

    def shipped(self, chapter: Chapter) -> dict[str, object]:
        return self._get(f"exercises/{chapter.stem}", read(chapter.exercises))

    def _get(self, name: str, nb: Node) -> dict[str, object]:
        if name not in self._found:
            self._found[name] = proofs.answers(nb, name)
        return self._found[name]


@pytest.fixture(scope="module")
def answers() -> Answers:
    return Answers()


@pytest.mark.parametrize(("chapter", "id"), EXERCISES)
def test_as_shipped_it_is_not_attempted(
    chapter: Chapter, id: str, answers: Answers
) -> None:
    exercise = load_exercises(id)[id]
    fail_on(proofs.stub_problems(exercise, answers.shipped(chapter)[exercise.name]))


@pytest.mark.parametrize(("chapter", "id"), EXERCISES)
def test_right_answers_are_right(chapter: Chapter, id: str, answers: Answers) -> None:
    exercise = load_exercises(id)[id]
    fail_on(proofs.right_problems(exercise, answers.solved(chapter)[exercise.name]))


@pytest.mark.parametrize(("chapter", "id"), EXERCISES)
def test_mistakes_are_rejected_and_named(chapter: Chapter, id: str) -> None:
    exercise = load_exercises(id)[id]
    fail_on(proofs.well_made(exercise))
    fail_on(proofs.wrong_problems(exercise))


def test_misconceptions_differ_over_the_whole_course() -> None:
    everything = [e for c in COURSE.ready for e in load_exercises(c.number).values()]
    fail_on(proofs.distinct(everything))


@pytest.mark.parametrize("chapter", load_course().ready, ids=lambda c: c.number)
def test_answers_of_the_checks_have_names(chapter) -> None:
    """A simulated class hands them in, so each must be found in its module."""
    for exercise in load_exercises(chapter.number).values():
        named = vars(sys.modules[exercise.inputs.__module__]).values()
        answers = [m.answer for m in exercise.mistakes] + list(exercise.variants)
        assert all(any(a is value for value in named) for a in answers), exercise.id
