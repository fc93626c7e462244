"""Verdicts as the learner sees them: what differs, pictures, links, plain text."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from coursekit.engine import Case, Exercise, Mistake, grade
from coursekit.engine.picture import is_picture, pictures
from coursekit.engine.places import places
from coursekit.engine.render import Rendered, linked, message, render
from coursekit.spine import load_course


def shown(want, got, **parts) -> Rendered:
    """The verdict on an answer that gives ``got`` where ``want`` is expected."""
    exercise = Exercise(
        id="01.2",
        name="guess",
        points=2,
        minutes=5,
        difficulty="core",
        inputs=lambda rng: [Case("small", (1,)), Case("large", (2,))],
        expected=lambda case: want,
        mistakes=(Mistake("guesses", "You `guessed`.", lambda x: got),),
        variants=(),
        hints=("Think.", "Think again."),
        explain="An idea.",
        **parts,
    )
    return render(grade(exercise, lambda x: got), note='Stuck? `ck.hint("01.2")`')


def rows(page: str) -> list[list[str]]:
    """The cells of the table in a page, row by row."""
    found = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S) for row in found]
    return [[re.sub("<.*?>", "", cell) for cell in row] for row in cells]


def test_each_member_that_differs_has_its_row() -> None:
    want = {"a": 1, "b": [1, 2.0, "x"], "c": 3}
    verdict = shown(want, {"a": 1, "b": [1, 2.0, "y"], "d": 4})
    assert rows(verdict.html) == [
        ["", "Expected", "Got"],
        ["['b'][2]", "'x'", "'y'"],
        ["['c']", "3", "nothing"],
        ["['d']", "nothing", "4"],
    ]
    assert "  ['b'][2]: expected 'x', got 'y'" in verdict.text
    assert 'scope="col"' in verdict.html and 'scope="row"' in verdict.html


def test_a_single_value_needs_no_place() -> None:
    verdict = shown(3.5, None)
    assert rows(verdict.html) == [["Expected", "Got"], ["3.5", "None"]]
    assert "  Expected: 3.5\n  Got:      None" in verdict.text


def test_many_places_are_cut_short() -> None:
    verdict = shown(list(range(20)), [0] * 20)
    assert len(rows(verdict.html)) == 7
    assert "… and 13 more places." in verdict.text
    assert "… and many more places." in shown([0] * 500, [1] * 500).html


def test_members_are_judged_as_the_exercise_judges() -> None:
    close = shown({"a": 1.0, "b": 1.0}, {"a": 1.1, "b": 2.0}, atol=0.5)
    assert [row[0] for row in rows(close.html)] == ["", "['b']"]


def test_nests_of_another_kind_are_shown_whole() -> None:
    for want, got in (({"a": 1}, {"b": 1}), ([1, 2], [1]), ((1,), [1]), ([], [1])):
        (place,) = places(want, got, lambda g, w: g == w)
        assert place.at == ""


def test_a_verdict_is_a_region_with_a_heading_that_is_announced() -> None:
    page = shown(1, 2).html
    assert '<section aria-label="Verdict on exercise 01.2"' in page
    assert re.search(r'<div role="status"><h3[^>]*>✗ 01.2 <code>guess</code>', page)
    assert "✗ Not yet: small, large." in page


class Balanced(HTMLParser):
    """Fails where an element is closed that is not the innermost open one."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("want", "got"),
    [
        (1, "<script>alert(1)</script>"),
        ({"<b>": 1}, {"<b>": '"><img src=x onerror=alert(1)>'}),
        (np.eye(6), np.zeros((6, 6))),
    ],
)
def test_nothing_of_an_answer_becomes_markup(want, got) -> None:
    page = shown(want, got).html
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert "<script" not in page and "<b>" not in page and "<img src" not in page


# ------------------------------------------------------------------ pictures


def images(page: str) -> list[tuple[str, np.ndarray]]:
    """The images of a page with their descriptions."""
    found = re.findall(r'<img alt="(.*?)".*?base64,(.*?)"', page)
    read = (base64.b64decode(data) for _, data in found)
    arrays = [np.asarray(Image.open(io.BytesIO(data))) for data in read]
    return [(alt, a) for (alt, _), a in zip(found, arrays, strict=True)]


def test_a_matrix_is_drawn_with_where_it_differs() -> None:
    want = np.tril(np.ones((8, 8), "float32"))
    got = want.copy()
    got[2:4, 5] = 1
    (expected, _), (_, came), (where, marks) = images(shown(want, got).html)
    assert expected == "Expected, 8 by 8; black is 0 or less, white 1 or more."
    assert where == (
        "They differ in 2 of 64 places, in rows 2 to 3 and columns 5 to 5."
    )
    scale = len(came) // 8
    assert (came[::scale, ::scale] == got * 255).all()
    assert ((marks[::scale, ::scale] < 100) == (want != got)).all()


def test_of_a_stack_the_first_that_differs_is_drawn() -> None:
    want = np.zeros((2, 3, 7, 9, 3), "uint8")
    got = want.copy()
    got[1, 2, 4, 5, 1] = 9
    page = shown(want, got).html
    assert "Expected[1][2]" in page
    (_, expected), _, (where, marks) = images(page)
    assert expected.shape[-1] == 3 and marks.ndim == 2
    assert "1 of 63 places, in rows 4 to 4 and columns 5 to 5" in where


def test_a_picture_deep_in_a_nest_is_found() -> None:
    want = {"loss": 1.0, "mask": np.eye(6, dtype=bool)}
    assert len(images(shown(want, {"loss": 2.0, "mask": ~want["mask"]}).html)) == 3


@pytest.mark.parametrize("odd", [np.nan, np.inf, -1e9])
def test_odd_values_do_not_hide_the_others(odd: float) -> None:
    want = np.arange(36.0).reshape(6, 6)
    got = want.copy()
    got[0, 0] = odd
    page = pictures(want, got, rtol=1e-5, atol=1e-6)
    (_, came), (_, marks) = images(page)[1:]
    assert came.max() == 255 and (marks < 100).any()
    assert images(pictures(got, want, rtol=1e-5, atol=1e-6))


def test_numbers_stay_numbers_where_that_reads_better() -> None:
    assert not is_picture(np.zeros((3, 40)))
    assert not is_picture(np.zeros(100))
    assert not is_picture(np.zeros((8, 1000)))
    assert not is_picture(np.zeros((6, 6), "complex64"))
    assert not is_picture([[1, 2], [3, 4]])
    assert not images(shown(np.zeros((6, 6)), np.zeros((6, 7))).html)


# --------------------------------------------------------------------- links


def test_sections_and_exercises_are_links() -> None:
    page = linked("Next: section 01.6, and exercise 01.6; not section 99.1.")
    stem = load_course().chapter("01").stem
    heading = "01.6-Graph-execution-modes-(eager-vs-graph)"
    assert f'<a href="../notebooks/{stem}.ipynb#{heading}"' in page
    assert "not section 99.1." in page


def test_a_message_has_a_label_and_keeps_code() -> None:
    said = message("Try `x < y`.", label='A "hint"', code="if x < y:\n    pass")
    assert 'aria-label="A &quot;hint&quot;"' in said.html
    assert "if x &lt; y:\n    pass</pre>" in said.html
    assert said.text == "Try x < y.\nif x < y:\n    pass"
