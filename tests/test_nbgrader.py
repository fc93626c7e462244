"""A department that runs nbgrader can use these notebooks as they are: generate,
release, autograde, feedback.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import cell
from coursekit.authoring.files import Node, dumps, read
from coursekit.engine import Exercise, grade, load_exercises
from coursekit.spine import load_course

pytestmark = [
    pytest.mark.nbgrader,
    pytest.mark.filterwarnings("ignore:Object of type"),  # nbgrader's use of SQLAlchemy
]

try:
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config
except ImportError:
    if os.environ.get("CI"):
        raise
    pytest.skip("nbgrader is not installed", allow_module_level=True)

CHAPTER = load_course().chapter("01")
ASSIGNMENT, NAME = "chapter-01", CHAPTER.solutions.name
MISTAKE = """\
from coursekit.engine import load_exercises

{0.name} = load_exercises("{0.id}")["{0.id}"].mistakes[{1}].answer"""


@pytest.fixture(scope="module")
def department(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator["Department"]:
    with pytest.MonkeyPatch.context() as patch:  # nbgrader looks for alembic on PATH
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield Department(tmp_path_factory.mktemp("department"))


class Department:
    """An nbgrader course with one assignment, released from our solutions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put(CHAPTER.solutions.read_text(encoding="utf-8"), "source")
        (folder / "exchange").mkdir()
        (folder / "exchange").chmod(0o777)
        config = Config()
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.course_id = "tf"
        config.Exchange.root = str(folder / "exchange")
        self.api = NbGraderAPI(config=config)
        for step in (self.api.generate_assignment, self.api.release_assignment):
            succeeds(step(ASSIGNMENT))

    def put(self, text: str, *where: str) -> None:
        target = self.folder.joinpath(*where, ASSIGNMENT, NAME)
        target.parent.mkdir(parents=True)
        target.write_text(text, encoding="utf-8")

    @property
    def released(self) -> Node:
        return read(self.folder / "release" / ASSIGNMENT / NAME)

    def scores(self, student: str, nb: Node) -> dict[str, float]:
        """Hand a notebook in; the points that nbgrader gives, by check cell."""
        self.put(dumps(nb), "submitted", student)
        succeeds(self.api.autograde(ASSIGNMENT, student))
        with self.api.gradebook as gradebook:
            submission = gradebook.find_submission(ASSIGNMENT, student)
            (notebook,) = submission.notebooks
            return {grade.name: grade.score for grade in notebook.grades}

    def feedback(self, student: str) -> str:
        """The page that nbgrader makes for a student."""
        succeeds(self.api.generate_feedback(ASSIGNMENT, student))
        page = self.folder / "feedback" / student / ASSIGNMENT / NAME
        return page.with_suffix(".html").read_text(encoding="utf-8")


def succeeds(said: dict) -> None:
    assert said["success"], said["log"]


def test_nbgrader_releases_what_we_generate(
    department: Department,
) -> None:
    ours, theirs = read(CHAPTER.exercises), department.released
    assert [(c.id, c.cell_type, c.source) for c in ours.cells] == [
        (c.id, c.cell_type, c.source) for c in theirs.cells
    ]
    for mine, other in zip(ours.cells, theirs.cells, strict=True):
        role = dict(other.metadata.get("nbgrader", {}))
        role.pop("checksum", None)
        role.pop("cell_type", None)
        assert mine.metadata.get("nbgrader", {}) == role
        assert not other.get("outputs")


def test_the_solutions_earn_every_point(department: Department) -> None:
    points = {f"check-{id.replace('.', '-')}": e.points for id, e in checks().items()}
    assert department.scores("ana", read(CHAPTER.solutions)) == points
    page = department.feedback("ana")
    total = float(sum(points.values()))
    assert f"(Score: {total} / {total})" in page
    fetched = department.folder / "exchange" / "tf" / "outbound" / ASSIGNMENT / NAME
    assert fetched.exists()


def test_a_stub_earns_nothing_and_a_mistake_its_share(department: Department) -> None:
    """Handed in from our own exercise notebook, not from nbgrader's release."""
    nb, solved, exercises = read(CHAPTER.exercises), read(CHAPTER.solutions), checks()
    wrong, earned, k = next(
        (exercise, earned, k)
        for exercise in exercises.values()
        for k, mistake in enumerate(exercise.mistakes)
        if 0 < (earned := grade(exercise, mistake.answer).earned) < exercise.points
    )
    skipped = next(e for e in exercises.values() if e is not wrong)
    for id in exercises:
        answer = f"answer-{id.replace('.', '-')}"
        if id not in (skipped.id, wrong.id):
            cell(nb, answer).source = cell(solved, answer).source
    cell(nb, f"answer-{wrong.id.replace('.', '-')}").source = MISTAKE.format(wrong, k)
    points = {id: float(exercise.points) for id, exercise in exercises.items()}
    points |= {skipped.id: 0.0, wrong.id: earned}
    assert department.scores("bo", nb) == {
        f"check-{id.replace('.', '-')}": score for id, score in points.items()
    }


def checks() -> dict[str, Exercise]:
    return load_exercises(CHAPTER.number)
