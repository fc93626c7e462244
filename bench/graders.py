"""Run each grader as its user would, and take the time of the whole command."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from coursekit.classroom.gradebook import FILE, Gradebook
from coursekit.spine import ROOT

OTTER = ROOT / "build" / "bench" / "otter"
"""The environment of otter, which `environment` makes."""
Points = dict[str, tuple[float, ...]]
"""By student, the points for each exercise in turn."""
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True)
class Timed:
    """One run of a grader.

    Attributes:
        seconds: of the whole command, start-up included.
        steady: seconds for each submission once the first verdict was there.
    """

    number: int
    seconds: float
    points: Points
    steady: float = 0.0

    @property
    def rate(self) -> float:
        """Submissions a minute."""
        return 60 * self.number / self.seconds


def environment(python: str) -> None:
    """Install otter from its lock, once; it cannot share an environment with us."""
    uv, stamp = str(Path(python).with_name("uv")), OTTER / "complete"
    lock = Path(__file__).with_name("otter.lock")
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    venv = [uv, "venv", "--clear", "--python", python, str(OTTER)]
    subprocess.run(venv, check=True)
    install = [uv, "pip", "install", "--python", str(OTTER / "bin" / "python")]
    install += ["--require-hashes", "--compile-bytecode", "-r", str(lock)]
    subprocess.run(install, check=True)
    stamp.write_text(lock.read_text())


def coursekit(place: Path, to: Path, workers: int = 0) -> Timed:
    """``coursekit grade``."""
    command = [sys.executable, "-m", "coursekit.cli", "grade", str(place)]
    command += ["--to", str(to), "--json", "--workers", str(workers)]
    graded: list[float] = []
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["event"] == "graded":
                graded.append(time.perf_counter())
    seconds = time.perf_counter() - began
    _succeeded(process.returncode, "coursekit grade")
    with Gradebook(to / FILE) as book:
        points = {
            a.student: tuple(one.earned for one in a.result.exercises)
            for a in book.current()
        }
    steady = (graded[-1] - graded[0]) / max(len(graded) - 1, 1)
    return Timed(len(graded), seconds, points, steady)


def nbgrader(course: Path, assignment: str) -> Timed:
    """``nbgrader autograde``, one batch, after ``generate_assignment``."""
    with _tools() as world:
        tool = str(Path(sys.executable).with_name("nbgrader"))
        for book in course.glob("gradebook.db"):
            book.unlink()
        run = [tool, "generate_assignment", assignment, "--force"]
        _succeeded(_quietly(run, course, world), "nbgrader generate_assignment")
        began = time.perf_counter()
        status = _quietly([tool, "autograde", assignment, "--force"], course, world)
        seconds = time.perf_counter() - began
    _succeeded(status, "nbgrader autograde")
    found: dict[str, dict[str, float]] = {}
    query = (
        "SELECT student.id, base_cell.name, coalesce(manual_score, auto_score) "
        "FROM grade JOIN base_cell ON grade.cell_id = base_cell.id "
        "JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id "
        "JOIN submitted_assignment "
        "ON submitted_notebook.assignment_id = submitted_assignment.id "
        "JOIN student ON submitted_assignment.student_id = student.id"
    )
    with closing(sqlite3.connect(course / "gradebook.db")) as db:
        for student, cell, score in db.execute(query):
            found.setdefault(student, {})[cell] = float(score or 0)
    points = {s: tuple(v for _, v in sorted(row.items())) for s, row in found.items()}
    return Timed(len(points), seconds, points)


def otter(notebooks: Mapping[str, Path], autograder: Path, to: Path) -> Timed:
    """``otter run``, a submission after the other."""
    points: Points = {}
    began = time.perf_counter()
    for student, path in notebooks.items():
        folder = to / student
        folder.mkdir(parents=True, exist_ok=True)
        run = [str(OTTER / "bin" / "otter"), "run", str(path)]
        run += ["-a", str(autograder), "-o", str(folder), "--no-logo"]
        world = os.environ | _QUIET
        _succeeded(_quietly(run, folder, world), "otter run")
        tests = json.loads((folder / "results.json").read_text())["tests"]
        named = {t["name"].split(" - ")[0]: float(t.get("score", 0)) for t in tests}
        points[student] = tuple(named[q] for q in sorted(named) if q.startswith("q"))
    return Timed(len(points), time.perf_counter() - began, points)


@contextmanager
def _tools() -> Iterator[dict[str, str]]:
    folder = str(Path(sys.executable).parent)  # nbgrader looks for alembic on PATH
    yield os.environ | _QUIET | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def _quietly(command: list[str], cwd: Path, world: Mapping[str, str]) -> int:
    with (cwd / "log.txt").open("ab") as log:
        return subprocess.run(
            command, cwd=cwd, env=world, stdout=log, stderr=log
        ).returncode


def _succeeded(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"{what} failed with status {status}")
