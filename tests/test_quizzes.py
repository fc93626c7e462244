"""Quizzes: every choice explained, answers counted."""

import re

import pytest

import coursekit as ck
from coursekit import journal, quizzes
from coursekit.ipynb import read
from coursekit.quizzes import Question, quiz
from coursekit.spine import ROOT, load_course

RIGHT = {"yes": "it is `smaller`"}
WRONG = {"no": "look again", "at times": "it never changes"}


@pytest.fixture(autouse=True)
def fresh_learner(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path))
    monkeypatch.setattr(quizzes, "_shown", [])


@pytest.fixture
def shown(monkeypatch) -> list[dict[str, str]]:
    """What is displayed."""
    calls: list[dict[str, str]] = []
    monkeypatch.setattr("IPython.display.display", lambda d, **kw: calls.append(d))
    return calls


@pytest.fixture
def stored() -> str:
    """The first question of lesson 01."""
    lesson = read(ROOT / "notebooks/01_tensorflow_fundamentals.ipynb")
    source = next(c.source for c in lesson.cells if c.source.startswith("ck.quiz("))
    return next(quizzes._questions(source))


def test_a_quiz_explains_every_choice(shown) -> None:
    quiz("Is `1 < 2`?", right=RIGHT, wrong=WRONG)
    (page,) = shown
    assert page["text/html"].count("<details") == 3
    assert page["text/html"].count("Not so.") == 2
    assert "<code>1 &lt; 2</code>" in page["text/html"]
    assert "✓ Right.</strong> it is <code>smaller</code>" in page["text/html"]


def test_the_plain_text_asks_without_telling(shown) -> None:
    quiz("Is `1 < 2`?", right=RIGHT, wrong=WRONG)
    text = shown[0]["text/plain"]
    assert re.findall(r"^  (\w\)) ", text, re.M) == ["a)", "b)", "c)"]
    assert "ck.answer" in text
    assert "smaller" not in text and "Right" not in text


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({}, {"a": "b", "c": "d"}),
        ({"a": "b"}, {"c": "d"}),
        ({"a": "b"}, {"c": "d", "e": " "}),
    ],
)
def test_a_quiz_that_teaches_nothing_is_refused(right, wrong) -> None:
    with pytest.raises(ValueError):
        quiz("?", right=right, wrong=wrong)


def test_an_answer_by_its_letter_is_told_and_counted(shown, stored) -> None:
    quiz(stored, right=RIGHT, wrong=WRONG)
    choices = re.findall(r"^  (\w)\) (.+)$", shown[0]["text/plain"], re.M)
    letters = {choice: letter for letter, choice in choices}
    ck.answer(letters["no"])
    assert "✗ Not so. look again\nCounted. Try" in shown[1]["text/plain"]
    assert list(journal.quizzes()["01"].values()) == [False]
    ck.answer(letters["yes"])
    assert "✓ Right. it is" in shown[2]["text/plain"]
    total = list(quizzes._chapters().values()).count("01")
    assert f"Counted: 1 of {total} answered." in shown[2]["text/html"]
    assert list(journal.quizzes()["01"].values()) == [True]


def test_an_answer_needs_a_question_and_one_of_its_letters(shown) -> None:
    with pytest.raises(ValueError, match="run the cell of a question first"):
        ck.answer("a")
    quiz("Is it?", right=RIGHT, wrong=WRONG)
    for letter in ("d", "ab", ""):
        with pytest.raises(ValueError, match="the choices are a, b, c"):
            ck.answer(letter)


def test_a_question_of_no_lesson_is_not_counted() -> None:
    key = Question("Who wrote this?", ()).key
    assert quizzes.count(key, "a", True).startswith("Not counted")
    assert journal.quizzes() == {}


def test_the_trial_question_of_the_start_page_is_not_counted() -> None:
    start = read(ROOT / "notebooks/00_start_here.ipynb")
    source = next(c.source for c in start.cells if c.source.startswith("ck.quiz("))
    key = Question(next(quizzes._questions(source)), ()).key
    for right in (True, False):
        assert "for practice" in quizzes.count(key, "a", right)
    assert journal.quizzes() == {}


def test_a_journal_that_cannot_be_written_is_told(stored, monkeypatch) -> None:
    monkeypatch.setattr(journal, "record_quiz", lambda *a: False)
    assert "not writable" in quizzes.count(Question(stored, ()).key, "a", True)


def test_every_question_of_the_lessons_is_known() -> None:
    """The lessons write their questions out, so that their answers can be counted."""
    for path in [chapter.lesson for chapter in load_course().ready]:
        for cell in read(path).cells:
            if cell.cell_type == "code" and cell.source.startswith("ck.quiz("):
                (output,) = cell.outputs
                key = re.search(r"ck-quiz-(\w+)", str(output.data["text/html"]))[1]
                assert quizzes._chapters()[key] == path.name[:2]
