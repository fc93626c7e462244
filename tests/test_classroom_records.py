"""The records of a class: reading hand-ins, the gradebook, pages, tables, editions.

No student code runs here but in the last test; a pool of plain threads stands for the
grader's workers.
"""

import csv
import html.parser
import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from coursekit.classroom import (
    batch,
    cage,
    exports,
    feedback,
    inbox,
    insight,
    marking,
    report,
    standards,
)
from coursekit.classroom.gradebook import FILE, Attempt, Gradebook
from coursekit.classroom.gradebook import main as gradebook_main
from coursekit.classroom.inbox import Unreadable, file_name, visible
from coursekit.classroom.late import BadTimes, Late, Receipt, parse_time, read_times
from coursekit.classroom.ledger import BadGradebook
from coursekit.classroom.result import ExerciseResult, SubmissionResult
from coursekit.classroom.sources import Leak, Source, fingerprints, student_module
from coursekit.classroom.submissions import Submission, find
from coursekit.spine import load_course

STEM = "01_tensorflow_fundamentals"
IDS = tuple(f"01.{k}" for k in range(1, 7))
NOTEBOOK = b'{"cells": [], "nbformat": 4}'
EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e\x1b[2J=1+1'


# --- what was handed in ---------------------------------------------------------------


def hand_in(folder: Path, *paths: str, data: bytes = NOTEBOOK) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def zipped(folder: Path, *paths: str, data: bytes = NOTEBOOK) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, path in enumerate(paths):
            archive.writestr(path, data + b" " * number)
    return folder / "all.zip"


CANVAS = f"lovelaceada_LATE_77_123_{STEM}-1.ipynb"
MOODLE = f"Ada Lovelace_4711_assignsubmission_file_/{STEM}.ipynb"
LAYOUTS = {
    f"submitted/ada/{STEM}/{STEM}.ipynb": ("ada", "", ""),
    f"ada/{STEM}/{STEM}.ipynb": ("ada", "", ""),
    "ada/01/homework.ipynb": ("ada", "", ""),
    f"ada/{STEM}.ipynb": ("ada", "", ""),
    f"ada_l_{STEM}.ipynb": ("ada_l", "", ""),
    "ada_01.ipynb": ("ada", "", ""),
    f"ada_{STEM} (2).ipynb": ("ada", "", ""),
    CANVAS: ("77", "lovelaceada", "canvas"),
    MOODLE: ("4711", "Ada Lovelace", "moodle"),
    MOODLE.replace("_/", "_"): ("4711", "Ada Lovelace", "moodle"),
}


@pytest.mark.parametrize("path", LAYOUTS)
@pytest.mark.parametrize("pack", [hand_in, zipped], ids=["folder", "zip"])
def test_each_layout_tells_whose_it_is(tmp_path: Path, path: str, pack) -> None:
    found = find(pack(tmp_path / "in", path))
    [one] = found.submissions
    assert (one.student, one.name, one.platform) == LAYOUTS[path]
    assert (one.chapter, one.problem, found.ignored) == ("01", "", {})
    assert one.load() == NOTEBOOK
    assert one.late is (True if path == CANVAS else None)


def test_the_chapter_can_come_from_the_option_or_from_the_notebook(tmp_path) -> None:
    inside = b'{"cells": [{"id": "answer-01-3"}]}'
    [one] = find(hand_in(tmp_path, "ada.ipynb", data=inside)).submissions
    assert (one.student, one.chapter) == ("ada", "01")
    hand_in(tmp_path, "ada.ipynb")
    [one] = find(tmp_path).submissions
    assert "which chapter" in one.problem
    [one] = find(tmp_path, chapter="01").submissions
    assert (one.chapter, one.problem) == ("01", "")


def test_of_two_uploads_the_later_counts(tmp_path: Path) -> None:
    paths = [f"adalovelace_77_{n}_{STEM}-{n}.ipynb" for n in (9, 123, 45)]
    found = find(zipped(tmp_path, *paths))
    [one] = found.submissions
    assert one.source == f"all.zip!{paths[1]}"
    assert set(found.ignored) == {f"all.zip!{paths[0]}", f"all.zip!{paths[2]}"}


def test_the_notebook_with_the_right_name_counts(tmp_path: Path) -> None:
    folder = f"submitted/ada/{STEM}"
    hand_in(tmp_path, f"{folder}/Untitled.ipynb", f"{folder}/{STEM}.ipynb")
    [one] = find(tmp_path).submissions
    assert one.source == f"{folder}/{STEM}.ipynb"
    assert not one.problem


@pytest.mark.parametrize(
    "paths",
    [
        [f"ada/{STEM}.ipynb", f"x/ada/{STEM}.ipynb"],
        [f"ada/{STEM}.ipynb", f"Ada/{STEM}.ipynb"],
        [f"adal_77_1_{STEM}.ipynb", f"other_77_2_{STEM}.ipynb"],
        ["ada/01/one.ipynb", "ada/01/two.ipynb"],
    ],
)
def test_two_students_with_one_id_are_a_conflict(tmp_path: Path, paths) -> None:
    found = find(zipped(tmp_path, *paths))
    [one] = found.submissions
    assert "several files" in one.problem
    with pytest.raises(Unreadable):
        one.load()


def test_copies_of_one_notebook_are_no_conflict(tmp_path: Path) -> None:
    [one] = find(hand_in(tmp_path, "ada/01/a.ipynb", "ada/01/b.ipynb")).submissions
    assert not one.problem


def test_nothing_is_followed_out_of_the_folder(tmp_path: Path) -> None:
    secret = hand_in(tmp_path / "secret", f"{STEM}.ipynb", data=b"solution")
    folder = tmp_path / "in"
    hand_in(folder, f"eve/{STEM}/{STEM}.ipynb", f"bob/{STEM}/{STEM}.ipynb")
    (folder / "eve" / STEM / f"{STEM}.ipynb").unlink()
    (folder / "eve" / STEM / f"{STEM}.ipynb").symlink_to(secret / f"{STEM}.ipynb")
    (folder / "mal").mkdir()
    (folder / "mal" / STEM).symlink_to(secret)
    (folder / "all").symlink_to(secret)
    os.mkfifo(folder / f"pipe_{STEM}.ipynb")
    found = find(folder)
    problems = {one.student: one.problem for one in found.submissions}
    assert problems.pop("bob") == ""
    assert set(problems) == {"eve", "mal", "pipe"}
    assert all("link" in p or "plain" in p for p in problems.values())
    assert "link" in found.ignored["all"]
    swapped = next(one for one in found.submissions if one.student == "bob")
    path = folder / "bob" / STEM / f"{STEM}.ipynb"
    path.unlink()
    path.symlink_to(secret / f"{STEM}.ipynb")
    with pytest.raises(Unreadable):
        swapped.load()
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(secret)
    with pytest.raises(Unreadable, match="outside"):
        swapped.load()


def test_a_hostile_zip_harms_nobody(tmp_path: Path) -> None:
    path = zipped(tmp_path, f"../../eve_{STEM}.ipynb", f"/etc/mal_{STEM}.ipynb")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo(f"lin_{STEM}.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"bob_{STEM}.ipynb", NOTEBOOK)
        archive.writestr(f"C:\\evil\\win_{STEM}.ipynb", NOTEBOOK)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(f"bob_{STEM}.ipynb", NOTEBOOK)
    problems = {one.student: one.problem for one in find(path).submissions}
    assert problems.pop("bob") == ""
    assert len(problems) == 4
    assert all("outside" in p or "link" in p for p in problems.values())
    assert [p.name for p in tmp_path.iterdir()] == ["all.zip"]


def test_a_damaged_or_absurd_zip_is_told(tmp_path: Path, monkeypatch) -> None:
    path = zipped(tmp_path, f"ada_{STEM}.ipynb", data=NOTEBOOK * 100)
    data = bytearray(path.read_bytes())
    data[60:70] = b"0123456789"
    path.write_bytes(data)
    [one] = find(path).submissions
    with pytest.raises(Unreadable):
        one.load()
    monkeypatch.setattr(inbox, "MAX_ARCHIVE", 1000)
    found = find(path)
    assert "bomb" in found.ignored["all.zip!"]
    (tmp_path / "no.zip").write_bytes(b"PK\x05\x06 and no more")
    with pytest.raises(Unreadable):
        find(tmp_path / "no.zip")
    with pytest.raises(Unreadable):
        find(tmp_path / "nowhere")


def test_a_notebook_has_a_size_limit(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inbox, "MAX_BYTES", 100)
    [one] = find(hand_in(tmp_path, "ada_01.ipynb", data=b" " * 101)).submissions
    with pytest.raises(Unreadable, match="larger"):
        one.load()


def test_who_hands_in_something_else_is_not_passed_over(tmp_path: Path) -> None:
    hand_in(tmp_path, "adal_77_1_homework.docx", "bobb_78_2_all.zip")
    hand_in(tmp_path, f"cyra_79_3_{STEM}.ipynb", "cyra_79_4_notes.txt")
    found = find(tmp_path)
    problems = {one.student: bool(one.problem) for one in found.submissions}
    assert problems == {"77": True, "78": True, "79": False}
    assert {one.chapter for one in found.submissions} == {"01"}
    assert set(found.ignored) == {"cyra_79_4_notes.txt"}


def test_odd_names_become_harmless(tmp_path: Path) -> None:
    hand_in(tmp_path, f"a\x1b[2Jd\u202ea_{STEM}.ipynb", f"{'x' * 150}_01.ipynb")
    odd = os.fsencode(str(tmp_path)) + b"/\xff\xfe_01.ipynb"
    with open(odd, "wb") as file:
        file.write(NOTEBOOK)
    for one in find(tmp_path).submissions:
        assert one.student.isprintable()
        assert len(one.student) <= 100
        assert one.load() == NOTEBOOK
    assert visible("a/../b\n") == "a/../b�"
    assert "/" not in file_name("../../etc/passwd")
    assert file_name("..") != file_name(".")
    assert file_name("ada") == "ada"
    assert len({file_name(n) for n in ("a/b", "a_b", "a b", "a\\b")}) == 4


# --- lateness -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "days", "percent"),
    [
        ("2026-03-01T23:00:00+01:00", 0, 0),
        ("2026-03-01T23:29:00+01:00", 0, 0),
        ("2026-03-01T23:31:00+01:00", 1, 10),
        ("2026-03-02T22:31:00", 2, 20),
        ("2026-04-01T00:00:00", 31, 50),
    ],
)
def test_a_penalty_follows_the_stated_policy(received, days, percent) -> None:
    late = Late("2026-03-01T23:00+01:00", per_day=10, at_most=50, grace=30)
    receipt = Receipt(parse_time(received))
    assert late.days(receipt) == days
    assert late.penalty(receipt) == percent / 100
    assert Late.from_json(late.to_json()) == late


def test_without_a_time_of_the_collector_nothing_is_deducted() -> None:
    late = Late("2026-03-01", per_day=10)
    assert late.penalty(Receipt()) == 0
    assert "not known" in late.says(Receipt())
    assert late.penalty(Receipt(marked=True)) == 0.1
    assert Late().says(Receipt(marked=True)) == ""


def test_times_are_read_or_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text("student,chapter,received\nada,01,2026-03-01T10:00Z\n")
    assert read_times(path) == {("ada", "01"): datetime(2026, 3, 1, 10, tzinfo=UTC)}
    path.write_text("student,received\nada,yesterday\n")
    with pytest.raises(BadTimes, match="yesterday"):
        read_times(path)
    with pytest.raises(BadTimes):
        Late(deadline="soon")
    with pytest.raises(BadTimes):
        Late(per_day=300)


# --- grading a class ------------------------------------------------------------------


def verdict(*earned: float, **more) -> SubmissionResult:
    """A result for chapter 01; missing exercises are right."""
    full = (3, 4, 3, 3, 3, 4)
    marks = (*earned, *full[len(earned) :])
    rows = []
    for id, points, got in zip(IDS, full, marks, strict=True):
        state = "right" if got == points else "wrong"
        extra = more if state == "wrong" else {}
        base = {"id": id, "name": f"name_{id[-1]}", "state": state}
        rows.append(ExerciseResult(**{**base, **extra}, earned=got, points=points))
    return SubmissionResult(chapter="01", state="graded", exercises=tuple(rows))


class FakePool:
    """Gives the number in the notebook as the points of 01.1; counts what it ran."""

    workers, isolated = 2, True

    def __init__(self) -> None:
        self.ran: list[tuple[bytes, tuple[str, ...]]] = []
        self.result = lambda data: verdict(float(data.split()[-1]))

    def submit(
        self, chapter: str, notebook: bytes, seed: int, only: Sequence[str] = ()
    ) -> Future[SubmissionResult]:
        self.ran.append((notebook, tuple(only)))
        future: Future[SubmissionResult] = Future()
        try:
            future.set_result(self.result(notebook))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def pool() -> FakePool:
    return FakePool()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Gradebook]:
    with Gradebook(tmp_path / "out" / FILE) as opened:
        yield opened


def class_of(folder: Path, **points: float) -> Path:
    for student, earned in points.items():
        hand_in(folder, f"{student}_01.ipynb", data=b"points %.1f" % earned)
    return folder


def run(place: Path, book: Gradebook, pool: FakePool, **options) -> dict[str, int]:
    events: list[str] = []
    counts = marking.grade_class(
        find(place), book, pool, lambda event, **data: events.append(event), **options
    )
    assert events[0] == "start"
    return dict(counts)


def test_nothing_is_graded_twice(tmp_path: Path, book: Gradebook, pool) -> None:
    place = class_of(tmp_path / "in", ada=3, bob=0, eve=1.5)
    assert run(place, book, pool) == {"graded": 3}
    assert run(place, book, pool) == {"unchanged": 3}
    assert len(pool.ran) == book.count("attempts") == 3
    class_of(place, bob=2)
    assert run(place, book, pool) == {"unchanged": 2, "graded": 1}
    assert run(place, book, pool, again=True) == {"graded": 3}
    assert {a.student: a.mark for a in book.current()} == {
        "ada": 20.0,
        "bob": 19.0,
        "eve": 18.5,
    }
    assert book.count("attempts") == 7


def test_a_changed_check_runs_only_its_exercise(
    tmp_path: Path, book: Gradebook, pool, monkeypatch
) -> None:
    place = class_of(tmp_path / "in", ada=0)
    run(place, book, pool)
    changed = fingerprints(load_course().chapter("01")) | {"01.2": "new"}
    monkeypatch.setattr(standards, "fingerprints", lambda chapter: changed)
    pool.result = lambda data: verdict(3.0, 1.0)  # 01.1 would be another one, too
    assert run(place, book, pool) == {"graded": 1}
    assert pool.ran[-1][1] == ("01.2",)
    [attempt] = book.current()
    assert [one.earned for one in attempt.result.exercises[:2]] == [0, 1]
    assert run(place, book, pool) == {"unchanged": 1}


def test_what_is_unsure_is_run_again(tmp_path, book, pool) -> None:
    place = class_of(tmp_path / "in", ada=3)
    pool.result = lambda data: replace(verdict(), state="partly graded", unsure=True)
    assert run(place, book, pool) == {"partly graded": 1}
    pool.result = lambda data: verdict()
    assert run(place, book, pool) == {"graded": 1}
    assert run(place, book, pool) == {"unchanged": 1}


def test_what_ran_without_walls_is_run_again_behind_them(tmp_path, book, pool) -> None:
    place = class_of(tmp_path / "in", ada=3)
    pool.isolated = False
    pool.result = lambda data: replace(verdict(), isolated=False)
    assert run(place, book, pool) == {"graded": 1}
    assert run(place, book, pool) == {"unchanged": 1}
    pool.isolated, pool.result = True, lambda data: verdict()
    assert run(place, book, pool) == {"graded": 1}
    assert run(place, book, pool) == {"unchanged": 1}


def test_every_submission_ends_in_a_definite_state(tmp_path, book, pool) -> None:
    place = class_of(tmp_path / "in", ada=3)
    (place / "eve_01.ipynb").symlink_to("/etc/passwd")
    hand_in(place, "lost.ipynb", "bad_01.ipynb")
    counts = run(place, book, pool)
    assert counts == {"graded": 1, "unreadable": 3}
    states = {a.student: a.result for a in book.current()}
    assert "link" in states["eve"].reason
    assert states["eve"].points == 20
    assert "which chapter" in states["lost"].reason
    assert "the grader failed" in states["bad"].reason
    pool.result = lambda data: verdict(1.0)
    assert run(place, book, pool) == {"graded": 1, "unchanged": 3}  # tried again


def test_the_line_that_failed_is_shown_only_if_the_student_wrote_it(
    tmp_path, book, pool
) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = ["def f(a):\n", '    return a["x"]\n']
    data = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}).encode()
    place = hand_in(tmp_path / "in", "ada_01.ipynb", data=data)
    forged = ['line 4711: return a["x"]', "line 2: hidden input", "line 4711"]
    for line in ['line 2: return a["x"]', *forged]:
        pool.result = lambda data, line=line: verdict(0, error_line=line)
        run(place, book, pool, again=True)
        [attempt] = book.current()
        shown = attempt.result.exercises[0].error_line
        assert shown == ("" if line in forged else line)


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_classroom_records import *
pool = FakePool()
def slow(data):
    time.sleep(0.05)
    return verdict(float(data.split()[-1]))
pool.result = slow
with Gradebook(Path({book!r})) as book:
    run(Path({place!r}), book, pool)
"""


def attempts_in(path: Path) -> int:
    """How many attempts a gradebook has that another process is writing."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return 0
        return db.execute("SELECT count(*) FROM attempts").fetchone()[0]


def test_a_run_that_is_killed_continues_where_it_was(tmp_path: Path, pool) -> None:
    place = class_of(tmp_path / "in", **{f"s{n}": n % 4 for n in range(60)})
    path = tmp_path / "out" / FILE
    script = KILLED.format(
        tests=str(Path(__file__).parent), book=str(path), place=str(place)
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    done = 0
    while done < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
        done = attempts_in(path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Gradebook(path) as book:
        before = book.count("attempts")
        assert 10 <= before < 60
        counts = run(place, book, pool)
        assert counts == {"unchanged": before, "graded": 60 - before}
        assert book.count("attempts") == 60
        marks = {a.student: a.mark for a in book.current()}
    assert marks == {f"s{n}": 17.0 + n % 4 for n in range(60)}


def test_the_command_from_folder_to_pages(tmp_path, pool, monkeypatch, capsys) -> None:
    monkeypatch.setattr(
        "coursekit.classroom.pool.open_pool", lambda *_, **__: nullcontext(pool)
    )
    place, to = class_of(tmp_path / "in", ada=3, bob=1), tmp_path / "out"
    times = tmp_path / "times.csv"
    times.write_text("student,received\nada,2026-03-02T10:00Z\nbob,2026-03-01T10:00Z\n")
    options = ["--deadline", "2026-03-01T12:00Z", "--late", "10"]
    options += ["--received", str(times), "--to", str(to)]
    assert batch.main([str(place), *options]) == batch.GRADED
    assert "2 submissions run" in capsys.readouterr().out
    with Gradebook(to / FILE) as book:
        assert {a.student: a.mark for a in book.current()} == {"ada": 18, "bob": 18}
    assert "10 % is deducted" in (to / "feedback" / "ada" / "01.html").read_text()
    assert batch.main([str(place), "--to", str(to), "--json"]) == batch.GRADED
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["event"] for e in events] == ["start", "unchanged", "unchanged", "end"]
    hand_in(place, "lost.ipynb")
    assert batch.main([str(place), "--to", str(to)]) == batch.LOOK
    assert "which chapter" in capsys.readouterr().out
    assert batch.main([str(tmp_path / "none"), "--to", str(to)]) == batch.FAILED

    def interrupted(data: bytes) -> SubmissionResult:
        raise KeyboardInterrupt

    def nobody(data: bytes) -> SubmissionResult:
        raise marking.CannotGrade("no walls")

    class_of(place, ada=2)
    pool.result = nobody
    assert batch.main([str(place), "--to", str(to)]) == batch.FAILED
    assert "no walls" in capsys.readouterr().err
    pool.result = interrupted
    assert batch.main([str(place), "--to", str(to)]) == batch.STOPPED
    pool.result = lambda data: verdict(2.0)
    assert batch.main([str(place), "--to", str(to)]) == batch.LOOK
    with batch._alone(to):
        assert batch.main([str(place), "--to", str(to)]) == batch.FAILED
    assert "another run" in capsys.readouterr().err
    assert report.main([str(to)]) == exports.main([str(to)]) == 0
    assert (
        gradebook_main([str(to), "override", "bob", "01", "20", "--reason", "x"]) == 0
    )
    assert gradebook_main([str(to), "comment", "bob", "01.1", "Well argued."]) == 0
    assert gradebook_main([str(to), "override", "bob", "09", "1", "--reason", "x"]) == 2
    assert (
        gradebook_main([str(to), "override", "bob", "01", "nan", "--reason", "x"]) == 2
    )
    assert exports.main([str(to)]) == 0
    page = (to / "feedback" / "bob" / "01.html").read_text()
    assert "Well argued." in page and "<strong>20</strong>" in page


# --- the gradebook --------------------------------------------------------------------


def put(book: Gradebook, student: str, result: SubmissionResult, **more) -> None:
    one = Submission(student, "01", f"{student}.ipynb", **more)
    book.meet(one, Receipt(marked=one.late))
    book.record(one, "digest", {}, result)


def test_the_gradebook_only_grows(book: Gradebook) -> None:
    put(book, "ada", verdict(1))
    for verb in ("UPDATE attempts SET result = '{}'", "DELETE FROM attempts"):
        with pytest.raises(sqlite3.DatabaseError, match="only grows"):
            book._db.execute(verb)
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600


def test_what_is_no_gradebook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but some text")
    with pytest.raises(BadGradebook):
        Gradebook(tmp_path / "text")
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE something (x)")
    with pytest.raises(BadGradebook):
        Gradebook(tmp_path / "other.db")
    with pytest.raises(BadGradebook):
        Gradebook(tmp_path / "none", create=False)


def test_marks_set_by_hand_are_kept_apart_and_survive_a_regrade(book) -> None:
    book.state_policy("01", Late("2026-03-01", per_day=50))
    put(book, "ada", verdict(0), late=True)
    [attempt] = book.current()
    assert (attempt.earned, attempt.mark) == (17, 8.5)
    book.override("ada", "01", "01.1", 2.0, "teacher", "a typo in the task")
    put(book, "ada", verdict(1), late=True)
    [attempt] = book.current()
    assert (attempt.result.earned, attempt.earned, attempt.mark) == (18, 19, 9.5)
    book.override("ada", "01", "", 15.0, "teacher", "talked it over")
    assert book.current()[0].mark == 15
    book.override("ada", "01", "", None, "teacher", "no")
    book.comment("ada", "01", "", "teacher", "See me.")
    [attempt] = book.current()
    assert (attempt.mark, attempt.comments) == (9.5, (("", "See me."),))
    assert (book.count("attempts"), book.count("overrides")) == (2, 3)


def test_merging_is_complete_and_idempotent(tmp_path: Path, book: Gradebook) -> None:
    put(book, "ada", verdict(1))
    with Gradebook(tmp_path / "other.db") as other:
        put(other, "bob", verdict(2), name="Bob", platform="canvas")
        put(other, "ada", verdict(3))
        other.comment("bob", "01", "", "teacher", "Hm.")
    assert book.merge(tmp_path / "other.db") == 4
    assert book.merge(tmp_path / "other.db") == 0
    found = {a.student: (a.mark, a.name, len(a.comments)) for a in book.current()}
    assert found == {"ada": (20, "", 0), "bob": (19, "Bob", 1)}


def test_merging_regrades_nothing(tmp_path: Path, book: Gradebook, pool) -> None:
    ours, theirs = class_of(tmp_path / "a", ada=1), class_of(tmp_path / "b", bob=2)
    run(ours, book, pool)
    with Gradebook(tmp_path / "other.db") as other:
        run(theirs, other, pool)
        assert other.seed != book.seed
    book.merge(tmp_path / "other.db")
    both = class_of(ours, bob=2)
    assert run(both, book, pool) == {"unchanged": 2}
    assert len(book.seeds) == 2
    book.merge(tmp_path / "other.db")
    assert len(book.seeds) == 2
    changed = fingerprints(load_course().chapter("01")) | {"01.2": "new"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standards, "fingerprints", lambda chapter: changed)
        for count in ({"graded": 2}, {"unchanged": 2}):
            assert run(both, book, pool) == count
    assert [only for _, only in pool.ran[2:]] == [("01.2",)] * 2


# --- pages ----------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    """Collects whatever of a page could run or reach out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.odd: list[tuple[str, str | None]] = []
        self.alts: list[str | None] = []
        self.policy = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        if tag == "img":
            self.alts.append(given.get("alt"))
        for name, value in attrs:
            local = name == "src" and str(value).startswith("data:image/png")
            if name.startswith("on") or name in ("href", "src", "style", "action"):
                self.odd += [] if local else [(name, value)]


def assert_nothing_runs(page: str) -> Reader:
    seen = Reader(page)
    risky = {"script", "iframe", "object", "embed", "form", "link", "base", "svg", "a"}
    assert not seen.tags & risky
    assert not seen.odd
    assert seen.policy.startswith("default-src 'none'")
    assert "unsafe" not in seen.policy and "script" not in seen.policy
    return seen


HIDDEN = "8675309"


def attempt_with(student: str = "ada", **wrong) -> Attempt:
    result = verdict(0, 0, **wrong)
    return Attempt(student, "01", "", f"{student}.ipynb", "", {}, result)


def test_a_page_shows_hostile_text_and_runs_none_of_it() -> None:
    hostile = {
        name: EVIL
        for name in ("says", "error_line", "stdout", "misconception", "case_group")
    }
    attempt = attempt_with(EVIL, groups=((EVIL, False),), difference="5", **hostile)
    attempt = replace(
        attempt,
        name=EVIL,
        comments=(("", EVIL), ("01.1", EVIL)),
        result=replace(attempt.result, reason=EVIL),
    )
    page = feedback.page(attempt, feedback.tasks(load_course().chapter("01")), EVIL)
    assert_nothing_runs(page)
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page and "\x1b" not in page
    looked = insight.look_at("01", [attempt])
    assert_nothing_runs(report.page([(EVIL, looked)]))


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        (f"Expected {HIDDEN}, got 1.", "not the expected one"),
        (f"Expected shape (2, {HIDDEN}), got (1,).", "shape"),
        (f"Expected an array of (1,), float32; got {HIDDEN}.", "another kind"),
        (f"3 of 5 values differ; the first, at (0,), should be {HIDDEN}.", "values"),
        (f"Your code raised ValueError: {HIDDEN}", "raised `ValueError`"),
        (f"Your code raised E{HIDDEN}: no", "raised"),
        (f"Expected a dict, got {HIDDEN} (forgot to return?).", "return"),
        (f"Missing: [{HIDDEN}].", "keys"),
    ],
)
def test_a_page_tells_the_kind_of_a_difference_and_no_value(difference, told) -> None:
    page = feedback.page(attempt_with(difference=difference), {}, "01")
    assert HIDDEN not in page
    assert told in feedback.gist(difference)


def test_a_page_says_what_was_asked_and_what_helps() -> None:
    attempt = attempt_with(
        misconception="compares versions as text",
        says="Text is compared character by character.",
        groups=(("exact names", True), ("several digits", False)),
        difference="Expected 'ok', got 'too old'.",
        case_group="several digits",
    )
    page = feedback.page(attempt, feedback.tasks(load_course().chapter("01")), "01")
    for part in (
        "Is this machine ready?",
        "What was asked",
        "A hint.",
        "Text is compared",
        "✓ exact names",
        "✗ several digits",
        "(several digits)",
        "0 of 3 points",
    ):
        assert part in page
    assert "not isolated" not in page
    unsafe = replace(attempt, result=replace(attempt.result, isolated=False))
    assert "not isolated" in feedback.page(unsafe, {}, "01")


# --- tables ---------------------------------------------------------------------------


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def canvas_attempt(user: str, name: str, earned: float) -> Attempt:
    one = Attempt(user, "01", "", "", "", {}, verdict(earned))
    return replace(one, name=name, platform="canvas")


def test_canvas_gets_its_columns() -> None:
    attempts = [
        canvas_attempt("77", 'Lovelace, "Ada"', 1.5),
        canvas_attempt("78", "B", 0),
    ]
    text = exports.canvas(attempts)
    first, *rows = rows_of(text)
    assert [*first] == [*exports.CANVAS, "01 TensorFlow Fundamentals"]
    assert first["Student"] == "    Points Possible"
    assert first["01 TensorFlow Fundamentals"] == "20"
    assert rows[1]["Student"] == 'Lovelace, "Ada"'
    assert [row["ID"] for row in rows] == ["78", "77"]
    assert [row["01 TensorFlow Fundamentals"] for row in rows] == ["17", "18.5"]


def test_a_roster_keeps_what_the_platform_knows(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Old (1)\n"
        '"Lovelace, Ada",77,S9,ada@example.org,A,3\n',
        encoding="utf-8",
    )
    roster = exports.read_roster(path)
    for student in ("77", "S9", "ADA@example.org"):
        attempt = replace(canvas_attempt(student, "", 1.5), platform="")
        [_, row] = rows_of(exports.canvas([attempt], roster, {"01": "Homework 1 (55)"}))
        assert (row["ID"], row["Section"]) == ("77", "A")
        assert row["Homework 1 (55)"] == "18.5"
        assert "Old (1)" not in row
    path.write_text("a,b\n1,2\n")
    with pytest.raises(exports.BadRoster):
        exports.read_roster(path)


def test_moodle_gets_its_worksheet(tmp_path: Path) -> None:
    attempt = replace(canvas_attempt("4711", "Ada Lovelace", 1.5), platform="moodle")
    attempt = replace(attempt, comments=(("", "Well done."),))
    [row] = rows_of(exports.moodle([attempt]))
    assert row["Identifier"] == "Participant 4711"
    assert (row["Grade"], row["Maximum Grade"]) == ("18.5", "20")
    path = tmp_path / "sheet.csv"
    path.write_text(
        "Identifier,Full name,Status,Grade,Last modified (grade)\n"
        "Teilnehmer/in4711,Ada Lovelace,Submitted,-,-\n"
    )
    [row] = rows_of(exports.moodle([attempt], exports.read_roster(path)))
    assert row["Identifier"] == "Teilnehmer/in4711"
    assert (row["Grade"], row["Status"]) == ("18.5", "Submitted")


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "＝1"]
)
def test_no_cell_is_a_formula(name: str) -> None:
    attempt = replace(attempt_with(name, misconception=name), name=name)
    for text in (
        exports.summary([attempt]),
        exports.details([attempt]),
        exports.canvas([attempt]),
        exports.moodle([attempt]),
    ):
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                first = cell.lstrip()[:1]
                assert first not in ("=", "+", "-", "@", "＝")


# --- the report -----------------------------------------------------------------------


def test_the_report_counts_what_it_says() -> None:
    earned = [(3, 4), (3, 4), (3, 0), (1.5, 0), (0, 0), (0, 0), (3, 4), (0, 4)]
    attempts = [
        Attempt(f"s{n}", "01", "", "", "", {}, verdict(*e, misconception="believes"))
        for n, e in enumerate(earned)
    ]
    lost = SubmissionResult(chapter="01", state="unreadable", reason="not JSON")
    attempts.append(Attempt("lost", "01", "", "", "", {}, lost))
    looked = insight.look_at("01", attempts)
    first, second = looked.items[:2]
    assert first.counts == {"solved": 4, "partly": 1, "wrong": 3, "not attempted": 0}
    assert first.easiness == pytest.approx(13.5 / 24)
    x = [e[0] / 3 for e in earned]
    y = [e[1] for e in earned]
    assert first.discrimination == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert looked.items[2].discrimination is None  # everybody solved it
    assert (looked.graded, looked.unreadable) == (8, (("lost", "not JSON"),))
    assert [len(held.students) for held in looked.held] == [4, 4]
    text = report.terminal(looked, "01")
    assert "01.1 name_1" in text and "1 unreadable" in text
    seen = assert_nothing_runs(report.page([("01", looked)]))
    assert len(seen.alts) == 3
    assert all(alt and len(alt) > 30 for alt in seen.alts)
    nobody = insight.look_at("01", attempts[-1:])
    assert "0 graded" in report.terminal(nobody, "01")
    assert_nothing_runs(report.page([("01", nobody)]))


# --- check modules as text ------------------------------------------------------------

MODULE = """
import math
from coursekit.engine import Exercise, to_plain

LIMIT = 3

def _helper(x):
    return x * LIMIT

def _probe(answer, case):
    return to_plain(answer(math.pi))

def _expected(case):
    return _helper(2)

EXERCISE = Exercise(
    id="41.1", name="f", points=2, inputs=None, expected=_expected, probe=_probe,
    hints=("Think.",), mistakes=(),
)
"""


def test_a_fingerprint_covers_what_decides_and_nothing_else() -> None:
    from coursekit.classroom.sources import _fingerprint

    def print_of(text: str) -> str:
        source = Source(text)
        return _fingerprint(source, source.exercise())

    same = [
        MODULE,
        MODULE.replace("Think.", "Think again."),
        MODULE.replace("LIMIT = 3", "LIMIT = 3  # three\nOTHER = 4"),
    ]
    other = [
        MODULE.replace("LIMIT = 3", "LIMIT = 4"),
        MODULE.replace("points=2", "points=3"),
        MODULE.replace("math.pi", "math.e"),
        MODULE.replace("_helper(2)", "_helper(1)"),
    ]
    assert len({print_of(text) for text in same}) == 1
    assert len({print_of(text) for text in [MODULE, *other]}) == 5


def test_a_student_module_holds_the_probe_alone() -> None:
    text = student_module(MODULE, "Title.", "_probe", "", ["_expected"])
    assert "import math" in text and "def _probe" in text
    assert "_expected" not in text and "_helper" not in text and "LIMIT" not in text
    compile(text, "student", "exec")
    leaky = MODULE.replace("math.pi", "_expected(case)")
    with pytest.raises(Leak, match="_expected"):
        student_module(leaky, "Title.", "_probe", "", ["_expected"])


def test_plain_data_survives_a_recording() -> None:
    import ml_dtypes

    from coursekit.engine import Opaque, Raised
    from coursekit.engine.recorded import decode, encode

    values = [
        None,
        [1, 2.5, "é", True, float("inf")],
        (1, (2, b"\xff"), 3j),
        {"a": [1], 2: (3,), "tuple": 1},
        Raised("ValueError", "no", 3, "x"),
        Opaque("Tensor", "?"),
    ]
    for value in values:
        assert decode(json.loads(json.dumps(encode(value)))) == value
    for dtype in ("float32", ">i4", "S3", "bool", "U2", ml_dtypes.bfloat16):
        array = np.ones((2, 0, 3)).astype(dtype), np.ones((2, 3)).astype(dtype)
        for one in array:
            again = decode(json.loads(json.dumps(encode(one))))
            assert again.dtype == one.dtype and again.shape == one.shape
            assert (again == one).all()
    with pytest.raises(TypeError):
        encode(object())


# --- with TensorFlow: the student edition, and a simulated class ----------------------

MAKE = """
import json, sys
from pathlib import Path
from coursekit.classroom import release, sample
from coursekit.classroom.sample import Answers, Truth
from coursekit.spine import load_course

to = Path(sys.argv[1])
assert release.main(["01", "--to", str(to / "edition")]) == 0
assert release.main(["01", "--to", str(to / "edition")]) == 2  # not empty
answers = Answers(load_course().chapter("01"))
rows = []
for id, exercise in answers.exercises.items():
    truths = [Truth("right", "solution"), Truth("right", "variant 1")]
    truths += [Truth("mistake", mistake.name) for mistake in exercise.mistakes]
    rows += [(id, t.kind, t.made, answers.code(exercise, t)) for t in truths]
(to / "answers.json").write_text(json.dumps(rows))
assert sample.main(["4", "--to", str(to / "class"), "--seed", "3"]) == 0
for layout in ("flat", "canvas", "moodle"):
    place = str(to / layout)
    assert sample.main(["3", "--to", place, "--layout", layout]) == 0
secrets = release.solving(load_course().chapter("01"))
assert len(secrets) > 60
stolen = to / "edition" / "notes.md"
stolen.write_text("My notes:\\n" + secrets["the solution of 01.3"])
assert release.leaks(to / "edition", secrets) == {"the solution of 01.3 (notes.md)"}
stolen.unlink()
"""

LEARN = """
import json, linecache, sys
from collections import Counter
import numpy as np
import tensorflow as tf
import coursekit as ck
import coursekit.spine
from coursekit.engine import grade, load_exercise

assert coursekit.__file__.startswith(sys.argv[1]), coursekit.__file__
assert [c.number for c in coursekit.spine.load_course().ready] == ["01"]
seen = []
for id, kind, made, code in json.load(open(sys.argv[1] + "/../answers.json")):
    exercise = load_exercise(id)
    file = f"<{id} {made}>"  # AutoGraph wants to see the source
    linecache.cache[file] = (len(code), None, code.splitlines(True), file)
    exec(compile(code, file, "exec"), globals())
    result = grade(exercise, globals()[exercise.name])
    found = result.misconception.name if result.misconception else ""
    seen.append((id, kind, made, result.state, found))
    if made == "solution":
        ck.check(id)
def check_environment(required, installed):
    raise NotImplementedError()
ck.check("01.1")
ck.hint("01.2")
ck.solution("01.1")
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a student edition, answers, and small classes."""
    to = tmp_path_factory.mktemp("made")
    subprocess.run([sys.executable, "-c", MAKE, str(to)], check=True, timeout=200)
    return to


def test_the_student_edition_has_nothing_that_solves(made: Path) -> None:
    edition = made / "edition"
    names = {str(p.relative_to(edition)) for p in edition.rglob("*") if p.is_file()}
    assert f"exercises/{STEM}.ipynb" in names
    assert f"coursekit/checks/c{STEM}/e1_check_environment.json" in names
    assert "coursekit/learner.py" in names
    withheld = ("solutions/", "coursekit/classroom/", "coursekit/authoring/")
    assert not [name for name in names if name.startswith(withheld)]
    for path in edition.rglob("coursekit/checks/*/*.py"):
        text = path.read_text()
        assert "Mistake" not in text and "expected" not in text


def test_checks_work_in_the_student_edition(made: Path) -> None:
    edition = made / "edition"
    world = {**os.environ, "PYTHONPATH": str(edition), "TF_CPP_MIN_LOG_LEVEL": "3"}
    ran = subprocess.run(
        [sys.executable, "-c", LEARN, str(edition)],
        env=world,
        cwd=edition,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    *said, last = ran.stdout.splitlines()
    said = "\n".join(said)
    for id, kind, name, state, found in json.loads(last):
        if kind == "right":
            assert (state, found) == ("right", ""), id
        else:
            assert state in ("wrong", "error"), id
            assert found == name, id
    assert "not attempted yet" in said and "Hint 1 of 3" in said
    assert "Reference solution" not in said
    assert "ships without solutions" in said


def test_a_sample_class_comes_in_every_layout(made: Path) -> None:
    places = [made / "class" / "submitted", made / "flat" / "submitted"]
    places += [made / name / f"{name}.zip" for name in ("canvas", "moodle")]
    for place in places:
        found = find(place)
        truth = json.loads((place.parent / "truth.json").read_text())["truth"]
        assert {one.student for one in found.submissions} == set(truth)
        assert all(one.chapter == "01" and not one.problem for one in found.submissions)


def test_the_gradebook_equals_the_truth(made: Path, capsys) -> None:
    try:
        cage.require()
    except cage.NoSandbox as error:
        pytest.skip(str(error))
    place, to = made / "class" / "submitted", made / "graded"
    assert batch.main([str(place), "--to", str(to), "--workers", "2"]) == batch.GRADED
    truth = json.loads((made / "class" / "truth.json").read_text())["truth"]
    with Gradebook(to / FILE) as book:
        attempts = book.current()
    assert {a.student for a in attempts} == set(truth)
    for attempt in attempts:
        for one in attempt.result.exercises:
            true = truth[attempt.student][one.id]
            found = one.misconception or one.state
            wanted = true["made"] if true["kind"] == "mistake" else true["kind"]
            assert found == wanted, (attempt.student, one.id)
    assert batch.main([str(place), "--to", str(to)]) == batch.GRADED
    assert "4 unchanged" in capsys.readouterr().out
