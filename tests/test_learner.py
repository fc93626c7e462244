"""What a learner calls, and the journal that remembers it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import coursekit as ck
from coursekit import journal, learner
from coursekit.atlas import course_map
from coursekit.engine import load_exercises
from coursekit.spine import load_course

ID = "01.1"


@pytest.fixture(autouse=True)
def fresh_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    name = load_exercises("01")[ID].name
    yield
    vars(sys.modules["__main__"]).pop(name, None)


def answer_with(answer) -> None:
    setattr(sys.modules["__main__"], load_exercises("01")[ID].name, answer)


def test_without_an_answer_the_check_is_calm(capsys) -> None:
    assert ck.check(ID) is None
    said = capsys.readouterr().out
    assert "not attempted" in said
    assert "run the cell that defines it" in said
    assert journal.standings() == {}


def test_a_misspelt_name_is_asked_about(capsys, monkeypatch) -> None:
    name = load_exercises("01")[ID].name
    monkeypatch.setattr(sys.modules["__main__"], name + "s", len, raising=False)
    ck.check(ID)
    assert f"There is `{name}s`: is that it" in capsys.readouterr().out


def test_a_stub_is_not_an_attempt(capsys) -> None:
    def stub(*args):
        raise NotImplementedError()

    answer_with(stub)
    ck.check(ID)
    said = capsys.readouterr().out
    assert "Replace the line" in said
    assert "run its cell (Shift+Enter) and then this one" in said
    assert journal.standings() == {}


def test_a_mistake_then_a_pass(capsys) -> None:
    exercise = load_exercises("01")[ID]
    mistake = exercise.mistakes[0]
    answer_with(mistake.answer)
    ck.check(ID)
    assert mistake.says.replace("`", "") in capsys.readouterr().out.replace("`", "")
    assert journal.standings()[ID].misconceptions == [mistake.name]
    ck.check(ID)
    assert 'ck.hint("01.1"), in a new cell (Esc, then B), gives' in " ".join(
        capsys.readouterr().out.replace("`", "").split()
    )
    shown = course_map(load_course(), journal.standings()).text
    assert mistake.name in shown

    answer_with(exercise.variants[0])
    ck.check(ID)
    said = capsys.readouterr().out
    assert exercise.explain in said
    assert f"def {exercise.name}" in said  # the reference solution
    assert "Next: section 01.2" in said
    standing = journal.standings()[ID]
    assert (standing.right, standing.attempts) == (True, 3)
    shown = course_map(load_course(), journal.standings()).text
    assert "●○○○○○ 1 of 6 solved" in shown
    assert mistake.name not in shown


def test_the_ladder_of_hints_ends_at_the_solution(capsys) -> None:
    exercise = load_exercises("01")[ID]
    ck.solution(ID)
    assert f"{len(exercise.hints)} left" in capsys.readouterr().out
    for rung, text in enumerate(exercise.hints, 1):
        ck.hint(ID)
        said = capsys.readouterr().out
        assert f"Hint {rung} of {len(exercise.hints)}" in said
        assert text.replace("`", "") in said
    assert "The last resort is" in said
    ck.hint(ID)
    said = " ".join(capsys.readouterr().out.replace("`", "").split())
    assert 'That was the last hint; ck.solution("01.1") shows one good answer.' in said
    assert journal.standings()[ID].hints == len(exercise.hints)
    ck.solution(ID)
    assert f"def {exercise.name}" in capsys.readouterr().out


def test_an_edition_without_solutions_says_so(capsys, monkeypatch) -> None:
    monkeypatch.setattr(learner, "reference_solution", lambda exercise: "")
    journal.record(ID, "right")
    ck.solution(ID)
    assert "without solutions" in capsys.readouterr().out


def test_under_nbgrader_the_check_returns_the_points(capsys, monkeypatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert ck.check(ID) == 0
    exercise = load_exercises("01")[ID]
    answer_with(exercise.variants[0])
    assert ck.check(ID) == exercise.points


def test_an_unknown_exercise_is_a_clear_error() -> None:
    with pytest.raises(KeyError, match="'01.9'.*01.1"):
        ck.check("01.9")
    with pytest.raises(KeyError, match="no chapter"):
        ck.check("77.1")
    with pytest.raises(KeyError, match="no exercises yet"):
        ck.check("30.1")
    with pytest.raises(TypeError, match="'01.1', not 1.1"):
        ck.check(1.1)


def test_a_torn_line_costs_that_line_alone() -> None:
    journal.record(ID, "right")
    path = journal.journal_file()
    with path.open("a") as file:
        file.write('{"exercise": "01.2", "eve')
    assert list(journal.standings()) == [ID]


def test_events_of_two_writers_do_not_mix() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: journal.record(f"01.{k % 6 + 1}", "wrong"), range(200)))
    lines = journal.journal_file().read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 200


def test_an_unwritable_journal_does_not_stop_a_check(
    capsys, monkeypatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "file" / "below"))
    answer_with(load_exercises("01")[ID].variants[0])
    ck.check(ID)
    said = capsys.readouterr().out
    assert "right" in said
    assert "not writable" in said


def test_an_interrupted_check_is_calm_and_counts_nothing(capsys, monkeypatch) -> None:
    def endless(*args):
        while True:
            raise KeyboardInterrupt  # as Kernel > Interrupt does

    answer_with(endless)
    assert ck.check(ID) is None
    said = capsys.readouterr().out
    assert "You stopped the check of exercise 01.1; nothing was counted." in said
    assert "raise KeyboardInterrupt" in said and "Traceback" not in said
    assert journal.standings() == {}
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(KeyboardInterrupt):  # nothing would count as full marks
        ck.check(ID)
