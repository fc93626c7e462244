"""The journal under hard use, and the map that is drawn from it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from coursekit import journal
from coursekit.atlas import course_map, next_step
from coursekit.spine import load_course


@pytest.fixture(autouse=True)
def fresh_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path))


def shown() -> str:
    return course_map(load_course(), journal.standings(), journal.quizzes()).text


WRITER = """
import sys
from coursekit import journal
print("ready", flush=True)
sys.stdin.readline()
for number in range({count}):
    assert journal.record("{id}", "wrong", mistake="number " + str(number) + "x" * 300)
"""


def writer(id: str, count: int) -> subprocess.Popen:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(id=id, count=count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout and child.stdout.readline() == b"ready\n"
    return child


def go(*children: subprocess.Popen) -> None:
    for child in children:
        assert child.stdin
        child.stdin.write(b"go\n")
        child.stdin.flush()


def test_two_processes_that_write_at_once_lose_nothing() -> None:
    children = [writer(f"01.{k}", 400) for k in (1, 2)]
    go(*children)
    assert [child.wait() for child in children] == [0, 0]
    # A write seen half-way looks torn, and the guard against that is an empty line.
    lines = filter(None, journal.journal_file().read_text().splitlines())
    rows = [json.loads(line) for line in lines]
    ids = [row["exercise"] for row in rows]
    assert Counter(ids) == {"01.1": 400, "01.2": 400}
    assert {s.attempts for s in journal.standings().values()} == {400}


def test_a_killed_writer_spoils_nothing_of_the_other() -> None:
    victim, other = writer("01.1", 100_000), writer("01.2", 300)
    go(victim, other)
    while "01.1" not in journal.standings():
        time.sleep(0.01)
    victim.kill()
    victim.wait()
    assert other.wait() == 0
    before = journal.standings()
    assert before["01.2"].attempts == 300
    assert journal.record("01.1", "right")
    assert journal.standings()["01.1"].right


TORN = """
import resource, signal
from coursekit import journal
assert journal.record("01.1", "right")
size = journal.journal_file().stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, size + 30))  # a disk that is full
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print(journal.record("01.2", "right"))
"""


def test_a_line_torn_by_a_full_disk_costs_that_line_alone() -> None:
    done = subprocess.run([sys.executable, "-c", TORN], capture_output=True, text=True)
    assert done.stdout == "False\n"  # and the learner is told so
    assert not journal.journal_file().read_bytes().endswith(b"\n")
    assert list(journal.standings()) == ["01.1"]
    assert journal.record("01.3", "right")  # which is not glued to the torn one
    assert list(journal.standings()) == ["01.1", "01.3"]


@pytest.mark.parametrize(
    "junk",
    [b"\xff\xfe\n", b"[]\n", b"null\n", b'{"event": 3}\n', b"\0\0\0\n", b"[" * 5000],
)
def test_foreign_lines_are_passed_over(junk: bytes) -> None:
    journal.record("01.1", "right")
    with journal.journal_file().open("ab") as file:
        file.write(junk)
    journal.record("01.2", "wrong", mistake="m")
    assert list(journal.standings()) == ["01.1", "01.2"]


def test_a_quiz_is_counted_and_does_not_confuse_older_readers() -> None:
    for question, choice, right in (
        ("a", "x", False),
        ("a", "y", True),
        ("b", "x", False),
        ("a", "x", False),
    ):
        assert journal.record_quiz("01", question, choice, right)
    lines = journal.journal_file().read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert not any("exercise" in row for row in rows)
    assert journal.standings() == {}
    assert journal.quizzes() == {"01": {"a": True, "b": False}}
    assert "0 of 6 solved, quiz 1 of " in shown()


def test_a_misconception_goes_when_it_is_overcome() -> None:
    journal.record("01.1", "wrong", mistake="compares text")
    journal.record("01.1", "error")  # says nothing of it
    assert "01.1 (compares text)" in shown()
    journal.record("01.1", "wrong", mistake="cuts zeros")  # the other one has gone
    assert "01.1 (cuts zeros)" in shown() and "compares text" not in shown()
    journal.record("01.1", "right")
    assert "Worth another look" not in shown()
    assert journal.standings()["01.1"].misconceptions == ["compares text", "cuts zeros"]


def test_a_solved_exercise_stays_solved_and_later_trouble_is_told() -> None:
    journal.record("01.1", "right")
    journal.record("01.1", "error")
    assert "●○○○○○ 1 of 6 solved" in shown()
    assert "01.1 (solved, but its last check was not right)" in shown()
    journal.record("01.1", "right")
    assert "Worth another look" not in shown()
    journal.record("01.1", "changed")
    assert "01.1 (its task has changed since you solved it)" in shown()
    journal.record("01.1", "right")
    assert "Worth another look" not in shown()


def test_what_is_next_follows_the_learner() -> None:
    course = load_course()

    def told() -> str:
        return next_step(course, journal.standings())

    assert told().startswith("Next: section 01.1, ")
    journal.record("01.4", "wrong")
    assert told().startswith("Next: go on with exercise 01.4, ")
    journal.record("01.4", "right")
    assert told().startswith("Next: section 01.5, ")
    for chapter in course.ready:
        for section in chapter.sections:
            journal.record(section.id, "right")
    assert told() == "Every exercise that is written so far is solved."


def test_the_map_is_in_columns_and_has_a_key() -> None:
    journal.record("01.2", "wrong")
    journal.record("01.3", "right")
    lines = shown().splitlines()
    rows = [line for line in lines if line[:4].strip().isdigit()]
    assert len(rows) == len(load_course().chapters)
    starts = {row.index("in preparation") for row in rows if "in preparation" in row}
    assert starts == {rows[0].index("○◐●○○○ 1 of 6 solved")}
    assert max(map(len, rows)) < 80
    assert "● solved   ◐ in progress   ○ not begun" in lines
    assert "In progress: 01.2 " in shown()


def test_a_command_that_is_not_there_is_told_and_the_help_is_in_groups(capsys) -> None:
    from coursekit import cli

    assert cli.main(["chek"]) == 2
    assert "Did you mean check?" in capsys.readouterr().err
    assert cli.main(["42"]) == 2
    assert "`coursekit --help` lists them all" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    out = capsys.readouterr().out
    for who, first in cli.GROUPS.items():
        assert f"\nfor {who}:\n  {first} " in out
    assert [line.split()[0] for line in out.splitlines() if line[:2] == "  "][
        -len(cli.available()) :
    ] == [*cli.available()]


def test_status_loads_no_tensorflow_and_stands_a_reader_that_leaves() -> None:
    code = (
        "import sys\nfrom coursekit.cli import main\n"
        "status = main(['status'])\n"
        "print(status, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 False"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "coursekit.cli", "status"],
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    assert done.stderr == b"" and done.returncode != -signal.SIGPIPE
