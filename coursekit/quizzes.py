"""Questions whose every choice is explained, right or wrong.

The markup is plain ``<details>``: it needs no script, so it works in JupyterLab, in
exported HTML, offline and from the keyboard. Where the course is opened by ``coursekit
lab``, a choice made there counts into progress (see ``coursekit.jupyter``); everywhere
else ``ck.answer("b")`` does that.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase

from coursekit import journal
from coursekit.engine.render import EDGES, Rendered, box, inline
from coursekit.ipynb import read
from coursekit.spine import ROOT

_SPACED = 'style="margin: 0.3em 0"'
_INDENTED = 'style="margin: 0.2em 0 0.6em 1.1em"'
_VERDICT = {True: "✓ Right.", False: "✗ Not so."}


@dataclass(frozen=True)
class Question:
    """A question and its choices in the order shown: text, why, whether it is right."""

    text: str
    choices: tuple[tuple[str, str, bool], ...]

    @property
    def key(self) -> str:
        """What names the question for good."""
        return _hash(self.text).hex()[:8]


_shown: list[Question] = []
"""The question shown last in this kernel, if any."""


def quiz(question: str, *, right: Mapping[str, str], wrong: Mapping[str, str]) -> None:
    """Ask a question; opening a choice says whether it is right, and why.

    Args:
        question: the question; `code` in backticks is set as code.
        right: each right choice with the reason why it is right.
        wrong: each wrong choice with what it gets wrong.

    Raises:
        ValueError: there is no right choice or fewer than two wrong ones, or a
            choice is explained with nothing.
    """
    if not right or len(wrong) < 2:
        raise ValueError("a quiz needs a right choice and at least two wrong ones")
    choices = [(choice, why, True) for choice, why in right.items()]
    choices += [(choice, why, False) for choice, why in wrong.items()]
    if blank := [choice for choice, why, _ in choices if not why.strip()]:
        raise ValueError(f"no explanation for {blank}")
    # An order that tells nothing, yet is the same on every run.
    choices.sort(key=lambda c: _hash(question + c[0]))
    asked = Question(question, tuple(choices))
    _shown[:] = [asked]
    _display(_asked(asked))


def answer(letter: str) -> None:
    """Answer the question shown last: says whether that is right, and counts it.

    For editors in which a click on a choice cannot be counted.

    Args:
        letter: the letter of the choice, such as ``"b"``.

    Raises:
        ValueError: no question has been shown, or it has no such choice.
    """
    if not _shown:
        raise ValueError("run the cell of a question first")
    (asked,) = _shown
    letters = ascii_lowercase[: len(asked.choices)]
    if letter not in letters or len(letter) != 1:
        raise ValueError(f"the choices are {', '.join(letters)}")
    choice, why, right = asked.choices[letters.index(letter)]
    said = f"{_VERDICT[right]} {why}"
    counted = count(asked.key, letter, right)
    body = f"<p><strong>{letter})</strong> {inline(choice)}</p><p>{inline(said)}</p>"
    _display(
        Rendered(
            box(
                EDGES["right" if right else "wrong"],
                f"{body}<p>{inline(counted)}</p>",
                "Answer to the question",
            ),
            f"{letter}) {choice}\n{said}\n{counted}",
        )
    )


def count(key: str, letter: str, right: bool) -> str:
    """Write an answer into the journal; returns what to tell the learner."""
    chapter = _chapters().get(key)
    if chapter is None:
        return "Not counted: this question is for practice, in no lesson."
    if not journal.record_quiz(chapter, key, letter, right):
        return f"Not counted: {journal.journal_file()} is not writable."
    if not right:
        return "Counted. Try another choice."
    asked = journal.quizzes().get(chapter, {})
    total = max(list(_chapters().values()).count(chapter), len(asked))
    return f"Counted: {sum(asked.values())} of {total} answered."


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@cache
def _chapters() -> dict[str, str]:
    """The chapter of each question in the lessons, by the question's key."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        if path.name.startswith("00"):  # the start page, whose question is for practice
            continue
        for cell in read(path).cells:
            if cell.cell_type == "code" and "ck.quiz(" in cell.source:
                for text in _questions(cell.source):
                    found[Question(text, ()).key] = path.name[:2]
    return found


def _questions(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the learner may have tried something
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="quiz"), args=[ast.Constant(value=str(text))]
            ):
                yield text


def _asked(question: Question) -> Rendered:
    rows, text = [], [question.text]
    for letter, (choice, why, right) in zip(
        ascii_lowercase, question.choices, strict=False
    ):
        told = f"<strong>{_VERDICT[right]}</strong> {inline(why)}"
        rows.append(
            f'<details class="ck-{"right" if right else "wrong"}" {_SPACED}>'
            f"<summary>{letter}) {inline(choice)}</summary>"
            f"<p {_INDENTED}>{told}</p></details>"
        )
        text.append(f"  {letter}) {choice}")
    text.append('Answer with ck.answer("a"), for one.')
    return Rendered(
        f'<fieldset class="ck-quiz-{question.key}" style="border: 0; padding: 0">'
        f'<legend style="padding: 0"><strong>{inline(question.text)}</strong></legend>'
        f"{''.join(rows)}</fieldset>",
        "\n".join(text),
    )


def _display(rendered: Rendered) -> None:
    from IPython.display import display

    display(rendered.bundle, raw=True)
