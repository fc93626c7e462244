"""`coursekit check` and `coursekit watch`: saved files, judged in a terminal."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import cell
from coursekit import journal
from coursekit.ipynb import dumps, parse
from coursekit.ipynb import read as read_notebook
from coursekit.seat import check as check_module
from coursekit.seat import runner
from coursekit.seat.check import main
from coursekit.seat.runner import Worker
from coursekit.seat.source import BadFile, look, needed, read
from coursekit.spine import load_course

CHAPTER = load_course().chapter("01")
SOLVED = {
    c.id[7:].replace("-", "."): c.source
    for c in read_notebook(CHAPTER.solutions).cells
    if c.id.startswith("answer-")
}
NAIVE = """\
def check_environment(required, installed):
    report = {}
    for name, minimum in required.items():
        print("looking at", name)
        if name not in installed:
            report[name] = "missing"
        else:
            report[name] = "ok" if installed[name] >= minimum else "too old"
    return report
"""
ENDLESS = "def describe(x):\n    n = 0\n    while True:\n        n += 1"
STUBBORN = """\
def describe(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""


@pytest.fixture(autouse=True)
def fresh_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture(scope="module")
def warm() -> Iterator[Worker]:
    worker = Worker()
    worker.start()
    yield worker
    worker.close()


@pytest.fixture
def worker(warm: Worker, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """One worker for all tests: TensorFlow is loaded once."""

    def borrowed(limit: float) -> Worker:
        warm.limit = limit
        return warm

    monkeypatch.setattr(check_module, "Worker", borrowed)
    monkeypatch.setattr(warm, "close", warm.stop)
    return warm


def notebook_with(path: Path, **more: str | None) -> Path:
    """The exercises of chapter 01 with these answers, by ``e1`` … ``e6``."""
    nb = parse(CHAPTER.exercises.read_text(encoding="utf-8"))
    for name, source in more.items():
        cell(nb, f"answer-01-{name[1:]}").source = source
    write(path, dumps(nb))
    return path


def write(path: Path, text: str) -> None:
    """As an editor does it: the file is replaced."""
    scratch = path.with_suffix(".part")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)


def python_with(path: Path, *cells: str) -> Path:
    write(path, "# %%\nimport tensorflow as tf\n\n" + "\n\n".join(cells) + "\n")
    return path


# --- reading files


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.ipynb", "", "a.ipynb is empty: save it"),
        ("a.ipynb", '{"cells": [', r"not JSON \(.*line 1, column 12\). Open it in"),
        ("a.ipynb", "<<<<<<< HEAD\n{", "has the marks of a merge"),
        ("a.ipynb", "[1, 2]", "it is JSON, but of another kind"),
        ("a.txt", "x", "neither a notebook"),
        ("a.py", b"\xff\xfe", "not in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(
    name: str, text: str | bytes, words: str, capsys
) -> None:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadFile, match=words):
        read(Path(name))
    assert main([name]) == 2
    said = capsys.readouterr()
    assert said.out == "" and re.search(words, said.err)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("nowhere.ipynb", "There is no file nowhere.ipynb: is the path right?"),
        (".", "is a folder"),
        ("77", "There is no chapter '77'"),
        ("30.1", "Chapter 30 has no exercises yet"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(argument, words, capsys) -> None:
    assert main([argument]) == 2
    assert words in capsys.readouterr().err


def test_a_file_in_the_percent_format() -> None:
    text = (
        "# ---\n# jupyter: yes\n# ---\n\n"
        "# %% [markdown]\n# Words\n\n"
        '# %% nbgrader={"grade": false, "grade_id": "answer-01-1"}\n'
        "def f():\n    return g()\n\n\n"
        "#%%\nx = (\n"
    )
    Path("a.py").write_text(text)
    cells = read(Path("a.py"))
    assert [c.line for c in cells] == [1, 9, 14]
    assert cells[1].ids == ("answer-01-1",)
    assert cells[1].source == "def f():\n    return g()"
    parsed = [look(c) for c in cells]
    assert parsed[1].binds == {"f"} and "g" in parsed[1].uses
    assert parsed[2].error is not None


def test_only_what_an_answer_needs_is_run() -> None:
    sources = {
        "imports": "import numpy as np",
        "magic": "%matplotlib inline\n!ls\nfiles = !ls",
        "timed": "%%time\nscale = 3",
        "train": "model = np.ones(3)\nmodel.fit(np)",
        "answer": "def f(x):\n    return helper(x) * scale",
        "patched": "helper.deep = 1",
        "helper": "def helper(x):\n    return np.sum(x)",
        "shell": "%%bash\nexit 1",
    }
    Path("a.py").write_text(
        "".join(f'# %% id="{k}"\n{v}\n' for k, v in sources.items())
    )
    parsed = [look(c) for c in read(Path("a.py"))]
    assert [p.error for p in parsed] == [None] * len(parsed)
    kept = {c.cell.ids[0] for c in needed(parsed, {"f"}, {"answer-01-1"})}
    assert kept == {"imports", "timed", "answer", "patched", "helper"}


# --- verdicts


def test_each_kind_of_answer_gets_its_verdict(worker, capsys) -> None:
    path = notebook_with(
        Path("mine.ipynb"),
        e1=NAIVE,
        e2="def count_live_ops(fn, *specs):\n    return fn.get_graph()",
        e3="def describe(x):\n    return (x.shape",
        e4="@tf.fnction\ndef update_mean(mean, count, batch):\n    return mean",
        e5=SOLVED["01.5"],
    )
    assert main([str(path)]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    out = " ".join(said.out.split())
    for words in (
        "✗ 01.1 check_environment: not right yet",
        "What is behind it. Versions look like text",
        "Your code printed: | looking at ",
        "Your code raised AttributeError",
        "(line 2: return fn.get_graph())",
        "Python cannot read cell 11, line 2: '(' was never closed: return (x.shape",
        "Cell 14 stopped: AttributeError: module 'tensorflow' has no attribute",
        "✓ 01.5 mean_as_float: right (3 of 3 points)",
        "○ 01.6 collatz_steps: not attempted yet",
        "1 right, 1 not right yet, 3 stopped by an error, 1 not attempted: ",
        "Stuck? `coursekit hint 01.1`",
    ):
        assert words in out
    assert "Traceback" not in out
    done = journal.standings()
    assert sorted(done) == ["01.1", "01.2", "01.3", "01.4", "01.5"]
    assert done["01.1"].revisit == "compares versions as text"
    assert done["01.5"].right


def test_the_status_says_whether_what_was_attempted_is_right(worker, capsys) -> None:
    path = str(notebook_with(Path("mine.ipynb"), e1=SOLVED["01.1"]))
    assert main([path]) == 0
    said = capsys.readouterr().out
    assert "Next: section 01.2" in said and "\n\n\n" not in said
    assert "\n\n`coursekit solution 01.1` shows one good answer, to compare.\n" in said
    assert main([path, "01.1", "1.2"]) == 1  # asked for, and not there
    untouched = str(notebook_with(Path("untouched.ipynb")))
    assert main([untouched]) == 1
    assert "Nothing to check yet" in capsys.readouterr().out
    assert main([path, "01.9"]) == 2
    assert "mine.ipynb has no 01.9; it has 01.1, 01.2" in capsys.readouterr().err


def test_untouched_stubs_are_told_without_tensorflow(capsys, monkeypatch) -> None:
    def started(limit: float) -> Worker:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(check_module, "Worker", started)
    path = notebook_with(Path("mine.ipynb"))
    assert main([str(path)]) == 1
    out = capsys.readouterr().out
    assert out.count("not attempted yet\n") == 6 and "0 of 20 points" in out
    assert out.startswith("○ 01.1 check_environment: not attempted yet\n○ 01.2 count")
    assert main([str(path), "1.2"]) == 1
    assert "1 not attempted: 0 of 4 points" in capsys.readouterr().out

    nb = parse(path.read_text())
    cell(nb, "imports").source += "\n\ndef describe(x):\n    return {}"
    write(path, dumps(nb))
    for file in (path, notebook_with(Path("begun.ipynb"), e1=NAIVE)):
        with pytest.raises(AssertionError, match="was started"):
            main([str(file)])


def test_a_python_file_is_judged_like_a_notebook(worker, capsys) -> None:
    broken = "# %%\ndef describe(x):\n    return len(x"
    path = python_with(Path("mine.py"), NAIVE.replace("print", "tf.print"), broken)
    assert main([str(path)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Versions look like text" in out
    assert "Your code printed: | looking at " in out
    line = path.read_text().splitlines().index("    return len(x") + 1
    assert f"Python cannot read line {line}: '(' was never closed" in out


def test_an_answer_finds_what_lies_beside_its_file(worker, capsys) -> None:
    Path("below").mkdir()
    Path("below/mine_too.py").write_text("KEY = 'ok'\n")
    Path("below/random.py").write_text("raise ImportError('not Python own')\n")
    Path("below/word.txt").write_text("missing")
    answer = (
        "from mine_too import KEY\n\n\n"
        "def check_environment(required, installed):\n"
        "    word = open('word.txt').read()\n"
        "    return {name: KEY if name in installed else word for name in required}"
    )
    path = python_with(Path("below/mine.py"), answer)
    assert main([str(path)]) == 1
    assert "✗ 01.1 check_environment: not right yet" in capsys.readouterr().out


def test_a_file_without_an_exercise_says_so(worker, capsys) -> None:
    path = python_with(Path("other.py"), "answer = 42")
    assert main([str(path)]) == 2
    assert "There is no exercise in other.py" in capsys.readouterr().err


def test_an_answer_without_end_is_stopped_and_the_rest_is_judged(
    worker, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.5)
    asks = 'def check_environment(required, installed):\n    return input("?")'
    dies = "def mean_as_float(x):\n    import os\n    os.abort()"
    path = python_with(Path("mine.py"), asks, ENDLESS, SOLVED["01.4"], dies)
    assert main([str(path), "--limit", "1"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    line = path.read_text().splitlines().index("    while True:") + 1
    assert "Your code raised EOFError" in out
    assert f"Stopped after 1 s in line {line}" in out  # or the line below it
    assert "✓ 01.4 update_mean: right" in out
    assert "01.5 mean_as_float: stopped by an error" in out and "a crash" in out

    path = python_with(Path("mine.py"), STUBBORN, SOLVED["01.4"])
    assert main([str(path), "--limit", "1"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "01.3 describe: stopped by an error" in out and "catches every" in out
    assert "✓ 01.4 update_mean: right" in out


def test_the_command_prints_nothing_but_verdicts() -> None:
    notebook_with(Path("mine.ipynb"), e1=SOLVED["01.1"])
    done = subprocess.run(
        [sys.executable, "-m", "coursekit.cli", "check", "mine.ipynb", "01.1"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("✓ 01.1 check_environment: right (3 of 3 points)\n")


# --- watching


class Terminal:
    """`coursekit watch` in a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        pty = pytest.importorskip("pty")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm", "COLUMNS": "90", "LINES": "50"}
            os.environ.pop("NO_COLOR", None)
            command = [sys.executable, "-m", "coursekit.cli", "watch", *arguments]
            os.execv(sys.executable, command)
        self.seen = ""

    def read(self, wait: float) -> None:
        if select.select([self.fd], [], [], wait)[0]:
            try:
                self.seen += os.read(self.fd, 1 << 16).decode("utf-8", "replace")
            except OSError:  # it has ended
                time.sleep(wait)

    @property
    def screen(self) -> str:
        last = self.seen.rpartition("\x1b[H\x1b[J")[2]
        return " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).split())

    def shows(self, *words: str, seconds: float = 90) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if all(word in self.screen for word in words):
                return self.screen
            self.read(0.05)
        raise AssertionError(f"{words} not in {self.screen}")

    def press(self, key: str) -> None:
        os.write(self.fd, key.encode())

    def ended(self) -> int:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError("watch did not end")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pty")
def test_watching_in_a_terminal() -> None:
    path = notebook_with(Path("mine.ipynb"))
    watch = Terminal("mine.ipynb", "--limit", "2")
    watch.shows("○ 01.1 check_environment: not attempted", "h hint", "q quit")
    assert journal.standings() == {}

    notebook_with(path, e1=NAIVE)
    watch.shows("✗ 01.1", "Versions look like text", "Your code printed:")
    for rung in (1, 2, 3):
        watch.press("s")
        watch.shows("The solution opens after a pass")
        watch.press("h")
        watch.shows(f"Hint {rung} of 3")
    watch.press("h")
    watch.shows("That was the last hint; the key s shows one good answer.")
    watch.press("s")
    watch.shows("One good answer to 01.1", "def check_environment(")

    notebook_with(path, e1=NAIVE, e3=ENDLESS)  # it follows what is worked on
    watch.shows("01.3 Tensors", "Stopped after 2 s in line")
    notebook_with(path, e1=SOLVED["01.1"], e3=ENDLESS)
    watch.shows("✓ 01.1 check_environment: right", "●○◐○○○ 1 of 6 solved")
    watch.press("n")
    watch.shows("01.2 TensorFlow architecture", "○ 01.2", "not attempted")
    watch.press("l")
    watch.shows("> ○ 01.2", "Press 1 to go to 01.1.", "1–6 go to q quit")
    watch.press("4")
    watch.shows("01.4 Constants", "○ 01.4")

    path.write_text("{")
    watch.shows("it is not JSON")
    notebook_with(path, e1=SOLVED["01.1"], e4=SOLVED["01.4"])
    watch.shows("✓ 01.4 update_mean: right")
    watch.press("q")
    assert watch.ended() == 0
    assert "\x1b[3J" not in watch.seen and "\x1b[2J" not in watch.seen  # scrollback
    done = journal.standings()
    assert done["01.1"].hints == 3
    assert (done["01.1"].attempts, done["01.1"].right) == (2, True)
    assert done["01.4"].right


class Told:
    """`coursekit watch` without a terminal: no keys, no screen."""

    def __init__(self, *arguments: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "coursekit.cli", "watch", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.seen = ""

    def says(self, words: str, then: Callable[[], object] = int) -> None:
        assert self.child.stdout
        end = time.monotonic() + 90
        while words not in " ".join(self.seen.split()):
            assert time.monotonic() < end, (words, self.seen)
            if select.select([self.child.stdout], [], [], 0.1)[0]:
                data = os.read(self.child.stdout.fileno(), 1 << 16)
                self.seen += data.decode("utf-8", "replace")
        self.seen = ""
        then()


def test_watching_without_a_terminal_checks_and_goes_on() -> None:
    path = notebook_with(Path("mine.ipynb"))
    watch = Told("mine.ipynb")
    try:
        watch.says("○ 01.1 check_environment: not attempted yet")
        notebook_with(path, e1=NAIVE)
        watch.says("✗ 01.1 check_environment: not right yet")
        notebook_with(path, e1=SOLVED["01.1"])
        watch.says("○ 01.2 count_live_ops: not attempted yet")
        assert journal.standings()["01.1"].right
    finally:
        watch.child.terminate()
    out, err = watch.child.communicate(timeout=20)
    assert watch.child.returncode == 128 + signal.SIGTERM
    assert err == b"" and b"\x1b" not in out


def test_watching_what_is_not_there_says_so(capsys) -> None:
    from coursekit.seat.watch import main as watch

    assert watch(["nowhere.ipynb"]) == 2
    assert "There is no file nowhere.ipynb" in capsys.readouterr().err


# --- hints and solutions


def test_hints_and_solution_without_tensorflow() -> None:
    from coursekit.engine import load_exercises
    from coursekit.seat.hint import ladder

    for id, exercise in load_exercises("01").items():
        assert ladder(id) == exercise.hints
    code = (
        "import sys\nfrom coursekit.cli import main\n"
        "for name in ('solution', 'hint', 'hint', 'hint', 'solution'):\n"
        "    print(main([name, '1.1']))\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("The solution opens after a pass")
    assert "Hint 3 of 3" in done.stdout and "def check_environment(" in done.stdout
    assert done.stdout.endswith("False\n")
    assert (
        json.loads(journal.journal_file().read_text().splitlines()[0])["event"]
        == "hint"
    )


def test_an_exercise_that_is_not_there() -> None:
    from coursekit.seat.hint import main as hint

    assert [hint([id]) for id in ("01.9", "30.1", "one", "99.1")] == [2, 2, 2, 2]
