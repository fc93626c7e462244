"""Reset and update: whatever a learner wrote is still there afterwards."""

import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import cell, code, markdown, notebook, role
from coursekit import journal
from coursekit.ipynb import Node, dumps, node, parse
from coursekit.seat import reset as reset_module
from coursekit.seat import update
from coursekit.seat.editions import NoEdition, Recorded
from coursekit.seat.kept import folder as kept_folder
from coursekit.seat.merge import merge
from coursekit.seat.pristine import digest, write_shipped
from coursekit.seat.reset import Refused, reset, undo
from coursekit.spine import load_course

STUB = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
MINE = "def double(x):\n    return x + x  # my own idea"
NAME = "exercises/01_sample.ipynb"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "home"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return tmp_path / "home"


def exercise_notebook(task: str = "Double it.", stub: str = STUB, **more: str) -> Node:
    cells = [markdown("title", "# 01 Sample"), code("imports", "import numpy as np")]
    for k in (1, 2):
        name = f"01-{k}"
        cells += [
            markdown(f"task-{name}", f"## 01.{k}\n\n{task}"),
            code(f"answer-{name}", stub, nbgrader=role(f"answer-{name}", "solution")),
            code(
                f"check-{name}",
                more.get("check", f'ck.check("01.{k}")'),
                nbgrader=role(f"check-{name}", "grade", "locked") | {"points": 2},
            ),
        ]
    return notebook(*cells)


def learned(nb: Node) -> Node:
    """The notebook after a learner has worked in it."""
    nb = parse(dumps(nb))
    cell(nb, "answer-01-1").source = MINE
    cell(nb, "imports").source += "\nimport math"
    place = nb.cells.index(cell(nb, "check-01-1"))
    nb.cells.insert(place, code("scratch", "double(21)", "42\n"))
    nb.cells.append(markdown("notes", "Doubling is adding. Ask about overflow."))
    return nb


def digests(nb: Node) -> dict[str, str]:
    return {cell.id: digest(cell) for cell in nb.cells}


def texts(nb: Node) -> list[str]:
    return [cell.source for cell in nb.cells]


# --- merging cells


def test_answers_and_own_cells_stay_while_the_course_becomes_new() -> None:
    old, new = exercise_notebook(), exercise_notebook("Double any number.")
    cell(new, "check-01-1").source = 'ck.check("01.1")  # now with more cases'
    merged = merge(digests(old), learned(old), new)
    ids = [c.id for c in merged.nb.cells]
    assert ids[2:6] == ["task-01-1", "answer-01-1", "scratch", "check-01-1"]
    assert ids[-1] == "notes"
    assert cell(merged.nb, "answer-01-1").source == MINE
    assert cell(merged.nb, "answer-01-2").source == STUB
    assert "any number" in cell(merged.nb, "task-01-1").source
    assert "more cases" in cell(merged.nb, "check-01-1").source
    assert cell(merged.nb, "imports").source.endswith("import math")
    assert merged.kept == ["answer-01-1"]
    assert merged.own == 3
    assert merged.tasks == ["task-01-1", "task-01-2"]


def test_where_both_changed_a_cell_the_new_one_is_followed_by_theirs() -> None:
    old, new = exercise_notebook(), exercise_notebook()
    cell(new, "imports").source = "import numpy as np\nimport tensorflow as tf"
    merged = merge(digests(old), learned(old), new)
    place = merged.nb.cells.index(cell(merged.nb, "imports"))
    first, second = merged.nb.cells[place : place + 2]
    assert "tensorflow" in first.source
    assert second.source.endswith("import math") and second.id != "imports"
    again = merge(digests(old), merged.nb, new)  # as after a run that was killed
    assert texts(again.nb) == texts(merged.nb)


def test_a_changed_stub_keeps_the_answer_and_says_so() -> None:
    old = exercise_notebook()
    new = exercise_notebook(stub=STUB.replace("(x)", "(x, /)"))
    merged = merge(digests(old), learned(old), new)
    assert cell(merged.nb, "answer-01-1").source == MINE
    assert "(x, /)" in cell(merged.nb, "answer-01-2").source
    assert merged.stubs == ["answer-01-1"]


def test_a_withdrawn_exercise_goes_unless_it_was_worked_on() -> None:
    old = exercise_notebook()
    new = parse(dumps(old))
    new.cells = [c for c in new.cells if not c.id.endswith(("01-1", "01-2"))]
    merged = merge(digests(old), learned(old), new)
    assert MINE in texts(merged.nb) and STUB not in texts(merged.nb)


def test_without_knowing_the_old_one_nothing_of_theirs_is_lost() -> None:
    mine, new = learned(exercise_notebook()), exercise_notebook("New words.")
    merged = merge({}, mine, new)
    assert set(texts(mine)) - set(texts(merged.nb)) == set()
    assert "New words." in cell(merged.nb, "task-01-1").source


def test_cells_without_ids_or_with_the_same_id_twice_are_kept() -> None:
    old = exercise_notebook()
    mine = learned(old)
    mine.cells.append(code("scratch", "double('a')"))
    del mine.cells[-2]["id"]
    merged = merge(digests(old), mine, old)
    notes = "Doubling is adding. Ask about overflow."
    assert {"double('a')", "double(21)", notes} <= set(texts(merged.nb))
    ids = [c.id for c in merged.nb.cells]
    assert len(ids) == len(set(ids))


# --- a clone of git

SYLLABUS = """\
[[modules]]
title = "One"

[[modules.chapters]]
stem = "01_sample"
title = "Sample"
ready = true
"""


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Author", "-c", "user.email=author@localhost")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")


def publish(course: Path, nb: Node, version: str) -> None:
    """Write an edition of the little course."""
    files = {
        NAME: dumps(nb),
        "notebooks/01_sample.ipynb": dumps(notebook(markdown("l", f"Say {version}"))),
        "coursekit/syllabus.toml": SYLLABUS,
        "coursekit/engine.py": f"VERSION = {version!r}\n",
        f"coursekit/only_{version}.py": "",
        "README.md": f"The course, {version}\n",
    }
    for name in course.glob("coursekit/only_*"):
        name.unlink()
    for name, text in files.items():
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(text)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    course = tmp_path / "upstream"
    course.mkdir()
    git(course, "init", "-q", "-b", "main")
    publish(course, exercise_notebook(), "one")
    commit(course)
    return course


@pytest.fixture
def clone(upstream: Path, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "-q", str(upstream), "clone")
    return tmp_path / "clone"


def work(course: Path) -> None:
    (course / NAME).write_text(dumps(learned(exercise_notebook())))
    (course / "exercises" / "my notes.txt").write_text("mine")
    (course / "README.md").write_text("scribbled over\n")


def release_two(upstream: Path) -> None:
    publish(upstream, exercise_notebook("Double any number."), "two")
    commit(upstream)


def assert_updated(course: Path) -> None:
    nb = parse((course / NAME).read_text())
    assert cell(nb, "answer-01-1").source == MINE
    assert "any number" in cell(nb, "task-01-1").source
    assert {"scratch", "notes"} <= {c.id for c in nb.cells}
    assert "two" in (course / "coursekit" / "engine.py").read_text()
    assert (course / "exercises" / "my notes.txt").read_text() == "mine"


def copies(name: str) -> list[str]:
    return [path.read_text() for path in sorted(kept_folder().rglob(name))]


def test_a_clone_is_updated_and_the_work_in_it_stays(upstream, clone) -> None:
    work(clone)
    journal.record("01.1", "right")
    release_two(upstream)
    told = update.from_git(clone)
    assert_updated(clone)
    assert "your answer and 3 cells of your own stayed" in told
    assert "The task of 01.1 has changed" in told
    assert journal.standings()["01.1"].changed
    assert copies("01_sample.ipynb") == [dumps(learned(exercise_notebook()))]
    assert copies("README.md") == ["scribbled over\n"]
    assert not (clone / "coursekit" / "only_one.py").exists()
    assert git(clone, "rev-parse", "HEAD") == git(upstream, "rev-parse", "HEAD")
    changed = git(clone, "status", "--short").splitlines()
    assert [line.split(maxsplit=1)[1] for line in changed] == [
        NAME,
        '"exercises/my notes.txt"',
    ]
    assert update.from_git(clone) == "The course is up to date."


def test_a_learner_who_commits_keeps_commits_and_work(upstream, clone) -> None:
    work(clone)
    commit(clone)
    mine = git(clone, "rev-parse", "HEAD")
    for task in ("Double any number.", "Double every number."):
        publish(upstream, exercise_notebook(task), "two")
        commit(upstream)
        update.from_git(clone)
        nb = parse((clone / NAME).read_text())
        assert task in cell(nb, "task-01-1").source
        assert cell(nb, "answer-01-1").source == MINE
    git(clone, "merge-base", "--is-ancestor", mine, "HEAD")
    git(clone, "merge-base", "--is-ancestor", "origin/main", "HEAD")
    assert git(clone, "status", "--short") == ""


def test_a_dry_run_changes_nothing(upstream, clone, home: Path) -> None:
    work(clone)
    release_two(upstream)
    before = {p: p.read_bytes() for p in clone.rglob("*.*") if ".git" not in p.parts}
    told = update.from_git(clone, dry=True)
    assert "would be renewed" in told and "your answer" in told
    now = {p: p.read_bytes() for p in clone.rglob("*.*") if ".git" not in p.parts}
    assert now == before and not home.exists()


def test_a_notebook_that_cannot_be_read_is_left_alone(upstream, clone) -> None:
    (clone / NAME).write_text("{ half a notebook")
    release_two(upstream)
    told = update.from_git(clone)
    assert "left as it is" in " ".join(told.split())
    assert (clone / NAME).read_text() == "{ half a notebook"
    (new,) = kept_folder().rglob("01_sample (new).ipynb")
    assert "any number" in new.read_text()


def test_what_cannot_be_updated_says_why(upstream, clone, tmp_path: Path) -> None:
    with pytest.raises(NoEdition, match="no clone of git.*--from"):
        update.from_git(tmp_path)
    with pytest.raises(NoEdition, match="follows no branch"):
        update.from_git(upstream)
    git(clone, "remote", "set-url", "origin", str(tmp_path / "gone"))
    with pytest.raises(NoEdition, match="cannot be reached"):
        update.from_git(clone)
    (clone / ".git" / "MERGE_HEAD").write_text("")
    with pytest.raises(NoEdition, match="merge is under way"):
        update.from_git(clone)


KILLED = """
import os, sys
from pathlib import Path
from coursekit.seat import plan, update
left = int(sys.argv[2])
real = os.replace
def replace(*names):
    global left
    if not left:
        os.kill(os.getpid(), 9)
    left -= 1
    real(*names)
os.replace = replace
root = Path(sys.argv[1])
update.from_path(root, Path(sys.argv[3])) if sys.argv[3:] else update.from_git(root)
"""


def killed_after(course: Path, files: int, *source: Path) -> int:
    """Update, and die before the file after so many is put in its place."""
    arguments = [str(course), str(files), *map(str, source)]
    return subprocess.run([sys.executable, "-c", KILLED, *arguments]).returncode


@pytest.mark.parametrize("way", ["git", "folder"])
def test_killed_at_any_file_nothing_is_lost_and_a_rerun_ends_it(
    way: str, upstream: Path, clone: Path, tmp_path: Path
) -> None:
    for number in range(99):
        course, new = tmp_path / f"course{number}", []
        if way == "git":
            git(tmp_path, "clone", "-q", str(upstream), course.name)
            if number == 0:
                release_two(upstream)
        else:
            course.mkdir()
            publish(course, exercise_notebook(), "one")
            write_shipped(course)
            publish(tmp_path / "new", exercise_notebook("Double any number."), "two")
            write_shipped(tmp_path / "new")
            new = [tmp_path / "new"]
        if way == "git":
            git(course, "reset", "-q", "--hard", git(upstream, "rev-parse", "HEAD~1"))
        work(course)
        status = killed_after(course, number, *new)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        survivors = [(course / NAME).read_text(), *copies("01_sample.ipynb")]
        assert all("my own idea" in text for text in survivors)
        readme = (course / "README.md").read_text()
        assert readme in ("scribbled over\n", "The course, two\n")
        if new:
            update.from_path(course, *new)
        else:
            update.from_git(course)
        assert_updated(course)
        now = texts(parse((course / NAME).read_text()))
        assert len(now) == len(set(now))  # nothing is there twice
    assert number >= 4


# --- editions in a folder or a zip


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    course = tmp_path / "edition"
    publish(course, exercise_notebook(), "one")
    write_shipped(course)
    return course


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    course = tmp_path / "newer"
    publish(course, exercise_notebook("Double any number."), "two")
    write_shipped(course)
    return course


def zipped(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*"):
            file.write(path, Path("course-main") / path.relative_to(folder))
    return archive


@pytest.mark.parametrize("as_zip", [False, True])
def test_an_edition_is_updated_from_a_folder_or_a_zip(edition, newer, as_zip) -> None:
    work(edition)
    told = update.from_path(edition, zipped(newer) if as_zip else newer)
    assert_updated(edition)
    assert "your answer and 3 cells of your own stayed" in told
    assert (edition / "coursekit" / "only_one.py").exists()  # nothing is taken away
    assert Recorded.of(edition).files == Recorded.of(newer).files
    assert update.from_path(edition, newer) == "The course is up to date."


def test_without_a_record_the_work_stays_as_well(edition, newer) -> None:
    (edition / "coursekit" / "shipped.json").unlink()
    work(edition)
    update.from_path(edition, newer)
    assert_updated(edition)


def test_committed_answers_are_not_taken_for_the_course_s(edition, newer) -> None:
    work(edition)
    git(edition, "init", "-q")
    commit(edition)
    update.from_path(edition, newer)
    assert_updated(edition)


def test_editions_that_do_not_fit_are_refused(edition, newer, tmp_path: Path) -> None:
    with pytest.raises(NoEdition, match="There is no"):
        update.from_path(edition, tmp_path / "nowhere.zip")
    with pytest.raises(NoEdition, match="holds no course"):
        update.from_path(edition, kept_folder().parent.parent)
    (tmp_path / "a.zip").write_text("no zip")
    with pytest.raises(NoEdition, match="not a zip"):
        update.from_path(edition, tmp_path / "a.zip")
    with pytest.raises(NoEdition, match="very course"):
        update.from_path(edition, edition)
    syllabus = newer / "coursekit" / "syllabus.toml"
    syllabus.write_text(SYLLABUS.replace("true", "false"))
    with pytest.raises(NoEdition, match="lacks chapter 01"):
        update.from_path(edition, newer)
    (edition / "coursekit" / "classroom").mkdir()
    with pytest.raises(NoEdition, match="student edition"):
        update.from_path(edition, newer)


# --- reset


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The exercises of chapter 01, in a folder of their own; returns the notebook."""
    real = load_course().chapter("01")
    ours = replace(real, home=tmp_path / "course")
    path = ours.exercises
    path.parent.mkdir(parents=True)
    path.write_bytes(real.exercises.read_bytes())

    class One:
        def chapter(self, number: str):
            return ours

    monkeypatch.setattr(reset_module, "load_course", One)
    return path


def write_answer(path: Path, source: str) -> None:
    nb = parse(path.read_text())
    cell(nb, "answer-01-3").source = source
    path.write_text(dumps(nb))


def answer(path: Path) -> str:
    return cell(parse(path.read_text()), "answer-01-3").source


def test_reset_restores_the_stub_and_undo_the_answer(course: Path) -> None:
    shipped = course.read_bytes()
    assert "nothing to do" in reset("01.3")
    write_answer(course, MINE)
    told = reset("01.3")
    assert course.read_bytes() == shipped
    assert copies(course.name) and MINE in [
        cell(parse(text), "answer-01-3").source for text in copies(course.name)
    ]
    assert str(kept_folder()) in told and "--undo 01.3" in told
    assert "is back" in undo("01.3")
    assert answer(course) == MINE
    undo("01.3")
    assert "raise NotImplementedError()" in answer(course)
    undo("01.3")
    assert answer(course) == MINE


def test_reset_empties_outputs_brings_the_check_back_and_says_what_stays(
    course: Path,
) -> None:
    shipped = course.read_bytes()
    nb = parse(course.read_text())
    for name in ("answer-01-3", "check-01-3", "check-01-2"):
        output = {"name": "stdout", "output_type": "stream", "text": "old\n"}
        cell(nb, name).outputs, cell(nb, name).execution_count = [node(output)], 7
    course.write_text(dumps(nb))
    told = reset("01.3")
    assert "Revert, not Overwrite." in told and "solved" not in told
    assert not kept_folder().exists()  # nothing that was written went
    nb = parse(course.read_text())
    assert [c.id for c in nb.cells if c.get("outputs")] == ["check-01-2"]
    cell(nb, "check-01-2").outputs, cell(nb, "check-01-2").execution_count = [], None
    nb.cells.remove(cell(nb, "check-01-3"))
    cell(nb, "answer-01-3").source = MINE
    course.write_text(dumps(nb))
    journal.record("01.3", "right")
    told = reset("01.3")
    assert course.read_bytes() == shipped
    assert "Reload Notebook from Disk" in told
    assert "You still count as having solved it." in told
    assert "Reload Notebook from Disk" in undo("01.3")


def test_reset_of_a_cell_that_is_gone_puts_it_before_its_check(course: Path) -> None:
    nb = parse(course.read_text())
    nb.cells.remove(cell(nb, "answer-01-3"))
    course.write_text(dumps(nb))
    reset("01.3")
    ids = [c.id for c in parse(course.read_text()).cells]
    assert ids.index("answer-01-3") == ids.index("check-01-3") - 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "<<<<<<< HEAD\n{}"])
def test_reset_refuses_a_file_that_is_not_valid(course: Path, text: str) -> None:
    course.write_text(text)
    with pytest.raises(Refused, match="left as it is"):
        reset("01.3")
    assert course.read_text() == text
    with pytest.raises(Refused, match="never reset"):
        undo("01.3")


def test_the_student_edition_knows_its_stubs(course: Path, monkeypatch) -> None:
    root = course.parent.parent
    (root / "coursekit").mkdir()
    (root / "coursekit" / "syllabus.toml").write_text(SYLLABUS)
    write_shipped(root)
    shipped = answer(course)

    class One:
        def chapter(self, number: str):
            return replace(load_course().chapter("01"), home=root)

    monkeypatch.setattr("coursekit.seat.pristine.load_course", One)
    monkeypatch.setattr("coursekit.seat.pristine.PACKAGE", root / "coursekit")
    write_answer(course, MINE)
    reset("01.3")
    assert answer(course) == shipped


def test_reset_and_update_load_no_tensorflow(course: Path) -> None:
    code = (
        "import sys\nfrom coursekit.cli import main\n"
        "print(main(['reset', '99.9']), main(['update', '--from', 'nowhere']))\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "2 2\nFalse False\n"
    assert "There is no chapter '99.9'" in done.stderr
    assert "Traceback" not in done.stderr
