"""Whole classes on the command line: 300 with known truth, killed runs, a cluster.

The chapter is the small one of the fixtures, which also shows that a teacher can grade
exercises of her own.
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.resources import family
from coursekit.classroom import batch, cage, report
from coursekit.classroom.gradebook import FILE, Gradebook
from coursekit.classroom.sample import write_class
from coursekit.engine import load_exercises
from coursekit.spine import OWN, BadSyllabus, load_course
from tests.fixtures.attention import CHAPTER, CHAPTERS

NUMBER = 300


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> None:
    try:
        cage.require()
    except cage.NoSandbox as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no sandbox: {error}")


@pytest.fixture(scope="module", autouse=True)
def own_chapters() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OWN, str(CHAPTERS))
        load_course.cache_clear()
        yield
    load_course.cache_clear()


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the submissions of a class, and the truth about them."""
    folder = tmp_path_factory.mktemp("school")
    write_class(NUMBER, folder, load_course().chapter(CHAPTER), seed=5)
    return folder


def part_of(school: Path, number: int, folder: Path) -> Path:
    """The first students of the class, as a class of their own."""
    (folder / "submitted").mkdir(parents=True)
    for path in sorted((school / "submitted").iterdir())[:number]:
        shutil.copytree(path, folder / "submitted" / path.name)
    return folder / "submitted"


def grade(place: Path, to: Path, *options: str) -> list[str]:
    """The command as a teacher types it."""
    command = [sys.executable, "-m", "coursekit.cli", "grade", str(place)]
    return [*command, "--to", str(to), *options]


def start(place: Path, to: Path, *options: str) -> subprocess.Popen:
    return subprocess.Popen(grade(place, to, *options), stdout=subprocess.PIPE)


def attempts_in(path: Path) -> int:
    """How many attempts a gradebook has that another process is writing."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=30)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return 0
        return db.execute("SELECT count(*) FROM attempts").fetchone()[0]


def wait_for(path: Path, number: int, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while attempts_in(path) < number:
        assert time.monotonic() < deadline, "nothing is graded"
        time.sleep(0.05)


def is_the_truth(school: Path, to: Path, number: int = NUMBER) -> None:
    """Every verdict is what was handed in, each mistake by its name, once."""
    truth = json.loads((school / "truth.json").read_text())["truth"]
    with Gradebook(to / FILE) as book:
        attempts = book.current()
        assert book.count("attempts") == len(attempts) == number
    points = {id: one.points for id, one in load_exercises(CHAPTER).items()}
    for attempt in attempts:
        assert attempt.result.state == "graded"
        for one in attempt.result.exercises:
            true = truth[attempt.student][one.id]
            drawn = true["made"] if true["kind"] == "mistake" else true["kind"]
            assert (one.misconception or one.state) == drawn, (attempt.student, one.id)
            assert (one.earned == points[one.id]) is (true["kind"] == "right")


@pytest.mark.timeout(900)
def test_the_gradebook_of_300_equals_the_truth(school: Path, tmp_path: Path) -> None:
    done = start(school / "submitted", tmp_path, "--json")
    events = [json.loads(line) for line in done.communicate()[0].splitlines()]
    assert done.returncode == batch.GRADED
    assert [e["event"] for e in events] == ["start", *["graded"] * NUMBER, "end"]
    is_the_truth(school, tmp_path)
    pages = list((tmp_path / "feedback").glob("*/99.html"))
    assert len(pages) == NUMBER
    assert "Scaled dot-product attention" in pages[0].read_text()
    assert report.main([str(tmp_path)]) == 0


@pytest.mark.timeout(900)
def test_kill_9_in_mid_batch_changes_nothing(school: Path, tmp_path: Path) -> None:
    running = start(school / "submitted", tmp_path)
    wait_for(tmp_path / FILE, NUMBER // 2)
    children = family(running.pid)[1:]
    running.send_signal(signal.SIGKILL)
    running.communicate()
    deadline = time.monotonic() + 10
    while any(map(alive, children)):  # no worker outlives the grader
        assert time.monotonic() < deadline, children
        time.sleep(0.1)
    before = attempts_in(tmp_path / FILE)
    assert NUMBER // 2 <= before < NUMBER
    done = start(school / "submitted", tmp_path, "--json")
    *_, end = map(json.loads, done.communicate()[0].splitlines())
    assert done.returncode == batch.GRADED
    assert (end["unchanged"], end["graded"]) == (before, NUMBER - before)
    is_the_truth(school, tmp_path)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


@pytest.mark.parametrize("graded", [0, 3])
def test_ctrl_c_is_heard_at_once(school: Path, tmp_path: Path, graded: int) -> None:
    """While the workers start, and while they grade."""
    place = part_of(school, 40, tmp_path)
    to = tmp_path / "graded"
    running = start(place, to)
    wait_for(to / FILE, graded)
    time.sleep(2 if not graded else 0)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    said = running.communicate(timeout=60)[0].decode()
    assert running.returncode == batch.STOPPED
    assert time.monotonic() - began < 2 * patience_of_this_machine()
    assert "nothing is lost" in said


def patience_of_this_machine() -> float:
    from coursekit.classroom.patience import crowding

    return max(crowding(), 2.0)


def dask(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", *arguments, "--no-dashboard"])


def test_a_cluster_that_loses_a_worker_loses_no_submission(
    school: Path, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    here = ("--host", "127.0.0.1")
    worker = ("distributed.cli.dask_worker", url, "--nthreads", "1", "--no-nanny")
    started = [dask("distributed.cli.dask_scheduler", *here, "--port", str(port))]
    started += [dask(*worker, *here) for _ in range(2)]
    place, to = part_of(school, 24, tmp_path), tmp_path / "graded"

    def kill_one() -> None:
        wait_for(to / FILE, 6)
        started[2].kill()

    try:
        with distributed.Client(url, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        status = batch.main([str(place), "--to", str(to), "--scheduler", url])
        killer.join(5)
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert status == batch.GRADED
    is_the_truth(school, to, 24)


def test_own_chapters_are_read_or_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    from coursekit import cli

    chapter = load_course().chapter(CHAPTER)
    assert (chapter.ready, len(chapter.sections)) == (True, 2)
    assert chapter.checks == CHAPTERS / "checks" / "c99_attention"
    assert load_course().chapter("01").checks.parent.parent.name == "coursekit"
    syllabus = (CHAPTERS / "syllabus.toml").read_text()
    for text, why in (
        (None, "No such file"),
        ("[[modules]]", "title"),
        (syllabus.replace("99_", "04_"), "chapter 04 already"),
        (syllabus.replace('sections = ["', 'sections = []\n_ = ["'), "0 sections"),
    ):
        if text is not None:
            (tmp_path / "syllabus.toml").write_text(text)
        monkeypatch.setenv(OWN, str(tmp_path))
        load_course.cache_clear()
        with pytest.raises(BadSyllabus, match=why):
            load_course()
        assert cli.main(["status"]) == 2
        assert why in capsys.readouterr().err
    monkeypatch.undo()
    load_course.cache_clear()


def test_the_benchmark_asks_the_same_of_every_grader() -> None:
    """What it hands nbgrader and otter passes right answers and no wrong one."""
    from bench import material

    for exercise in load_exercises(CHAPTER).values():
        scope: dict = {}
        exec("import numpy as np\nimport tensorflow as tf", scope)
        exec(material.tests(exercise), scope)
        check = scope[f"check_{exercise.name}"]
        for right in exercise.variants:
            check(right)
        for mistake in exercise.mistakes:
            with pytest.raises(AssertionError):
                check(mistake.answer)
