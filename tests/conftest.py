"""What the tests share: a learner of their own, and a small chapter in order."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from coursekit.authoring.conditions import QUIET, WIDTH
from coursekit.authoring.files import Node, dumps, node
from coursekit.authoring.tidy import seal, tidy
from coursekit.spine import Chapter, Section


class Together(LoadScopeScheduling):
    """What one of two workers runs by itself: a file, or what a file says of a chapter.

    The tests of a file share what it starts; those of the course are too many for one.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        number = re.search(r"\[(\d\d)\b", test)
        return f"{file} {number[1]}" if "test_course" in file and number else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session", autouse=True)
def learner_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the progress of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEKIT_HOME", str(tmp_path_factory.mktemp("learner")))
        for name, value in (QUIET | WIDTH).items():
            if name not in os.environ:
                patch.setenv(name, value)
        yield


TITLES = ("Ask", "Look", "Count", "Compare", "Draw", "Decide")


@pytest.fixture
def chapter() -> Chapter:
    """A chapter that is not in the syllabus."""
    sections = tuple(Section(f"41.{k}", title) for k, title in enumerate(TITLES, 1))
    return Chapter("41_sample", "Sample Ideas", sections, True, 40, 20, ("tf.sample",))


def markdown(id: str, source: str) -> Node:
    return node({"cell_type": "markdown", "id": id, "metadata": {}, "source": source})


def code(id: str, source: str, printed: str = "", **metadata: object) -> Node:
    """An executed code cell; ``printed`` is its stored output."""
    stream = {"output_type": "stream", "name": "stdout", "text": printed}
    return node(
        {
            "cell_type": "code",
            "id": id,
            "metadata": metadata,
            "source": source,
            "outputs": [stream] if printed else [],
            "execution_count": 1,
        }
    )


def notebook(*cells: Node) -> Node:
    """The cells as a tidy, sealed notebook."""
    nb = tidy({"cells": list(cells), "metadata": {}, "nbformat": 4})
    seal(nb)
    return nb


def cell(nb: Node, id: str) -> Node:
    """The cell with that id."""
    return next(c for c in nb.cells if c.id == id)


OPENING = """\
# 41 Sample Ideas

Whoever has lost an afternoon to a number that looked right knows why samples matter:
they are small enough to be read in full, and honest enough to show what breaks.

You will learn to

- ask, - which is harder than it looks
- look
- count
- compare
- draw
- decide

**Builds on**: nothing. **Time**: 40 minutes to study; runs in 20 seconds.
"""
WORDS = "Words about the code that surround it and say what it is good for. " * 2
CLOSING = {
    "recap": "## Recap\n\n| ask | look |\n|---|---|\n" + "| a | b |\n" * 10,
    "quiz": "## Quiz",
    "teacher": "## For the teacher\n\n"
    + "Leave time for questions, and answer them. " * 7,
    "reading": "## Further reading\n\n[A guide](https://example.org) and "
    + "more to read on a rainy day. " * 3,
}
QUIZ = """\
ck.quiz(
    "Which?",
    right={"This": "Because it is the right one."},
    wrong={"That": "It is not, for a reason.", "None": "There is one, after all."},
)"""


@pytest.fixture
def lesson(chapter: Chapter) -> Node:
    """A lesson that passes every gate."""
    cells = [markdown("title", OPENING)]
    cells.append(code("setup", "import coursekit as ck\n\nck.setup()", "ready\n"))
    for k, section in enumerate(chapter.sections, 1):
        lines = "\n".join(f"step_{n} = value + {n}" for n in range(4))
        link = f"**Exercise {section.id}**: [go](../exercises/{chapter.stem}.ipynb)"
        cells += [
            markdown(f"s{k}", f"## {section.id} {section.title}\n\nWhy? {WORDS}"),
            code(f"s{k}-code", f"value = {k}\n{lines}\nprint(value)", f"{k}\n"),
            markdown(f"s{k}-trap", f"{WORDS}\n\n**Trap.** It may fall. {WORDS}"),
            code(f"s{k}-run", f"{lines}\nprint(value + 1)", f"{k + 1}\n"),
            markdown(f"s{k}-end", link),
        ]
    for id, source in CLOSING.items():
        cells.append(markdown(id, source))
        if id == "quiz":
            cells += [code(f"quiz-{k}", QUIZ, "asked\n") for k in range(5)]
    return notebook(*cells)


@pytest.fixture
def solutions(chapter: Chapter) -> Node:
    """A solutions notebook that passes every gate."""
    cells = [markdown("title", "# 41 Sample Ideas: exercises")]
    cells.append(code("setup", "import coursekit as ck\n\nck.setup()", "ready\n"))
    for section in chapter.sections:
        cells += triple(section.id, chapter.stem)
    return notebook(*cells)


def triple(id: str, stem: str) -> list[Node]:
    """Task, answer and check of one exercise."""
    tail = id.replace(".", "-")
    task = f"## {id} Add one\n\n*core · 5 minutes · 2 points*\n\nAdd one."
    answer = (
        f"def add_{tail[-1]}(x):\n"
        "    ### BEGIN SOLUTION\n"
        "    return x + 1\n"
        "    ### END SOLUTION"
    )
    return [
        markdown(f"task-{tail}", f"{task} [Lesson](../notebooks/{stem}.ipynb)"),
        code(f"answer-{tail}", answer, nbgrader=role(f"answer-{tail}", "solution")),
        code(
            f"check-{tail}",
            f'ck.check("{id}")',
            "right\n",
            nbgrader=role(f"check-{tail}", "grade", "locked") | {"points": 2},
        ),
    ]


def role(grade_id: str, *roles: str) -> dict[str, object]:
    """nbgrader's metadata for a cell."""
    flags = {name: name in roles for name in ("grade", "solution", "locked")}
    return {"schema_version": 3, "task": False, "grade_id": grade_id, **flags}


@pytest.fixture
def course(tmp_path: Path, chapter: Chapter, lesson: Node, solutions: Node) -> Path:
    """A course folder with one built chapter; its exercises are not generated."""
    for folder, nb in (("notebooks", lesson), ("solutions", solutions)):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / f"{chapter.stem}.ipynb"
        path.write_text(dumps(nb), encoding="utf-8")
    return tmp_path
