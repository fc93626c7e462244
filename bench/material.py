"""One class for three graders: the same answers, the same tests, the same points.

The notebooks use TensorFlow and nothing of the course, so that each grader runs exactly
what the students wrote. nbgrader's test cells and otter's test files call the answers
with the cases of the chapter's checks and compare with its NumPy oracles.
"""

import inspect
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from coursekit.authoring.files import Node, dumps, read
from coursekit.classroom.sample import Answers, Student, draw
from coursekit.engine import Exercise
from coursekit.spine import Chapter

SEED = 7
SETUP = "import numpy as np\nimport tensorflow as tf\n"
_TESTS = """\
from dataclasses import dataclass


@dataclass
class Case:
    group: str
    args: tuple


{parts}


def check_{name}(answer):
    for case in _inputs(np.random.default_rng({seed})):
        args = [tf.constant(a) if isinstance(a, np.ndarray) else a for a in case.args]
        got, want = answer(*args), _expected(case)
        if isinstance(want, dict):
            assert set(got) == set(want)
            got = np.array([float(got[key]) for key in want])
            want = np.array(list(want.values()))
        np.testing.assert_allclose(
            np.asarray(got), want, rtol={rtol}, atol={atol}
        )
"""


def tests(exercise: Exercise) -> str:
    """Code that raises unless an answer is right, for every case of the exercise."""
    parts = "\n\n".join(
        re.sub(r"(: Case|: np\.random\.Generator| -> [\w\[\]]+)", "", source)
        for source in map(inspect.getsource, (exercise.inputs, exercise.expected))
    )
    return _TESTS.format(
        parts=parts,
        name=exercise.name,
        seed=SEED,
        rtol=exercise.rtol,
        atol=exercise.atol,
    )


def students(answers: Answers, number: int) -> list[Student]:
    return list(draw(number, answers.exercises, SEED))


def notebook(answers: Answers, student: Student) -> str:
    """What a student hands in; the check cells hold nothing yet."""
    return dumps(_plain(json.loads(answers.notebook(student)), {}))


def _plain(nb: dict[str, Any], checks: dict[str, str]) -> Node:
    for cell in nb["cells"]:
        if cell["id"] == "setup":
            cell["source"] = SETUP
        if cell["id"].startswith("check-"):
            cell["source"] = checks.get(cell["id"], "# The grader checks here.")
    return Node(nb)


def hand_in(folder: Path, chapter: Chapter, class_: dict[str, str]) -> None:
    """Write notebooks in the layout that nbgrader and coursekit share."""
    for student, text in class_.items():
        path = folder / "submitted" / student / chapter.stem / f"{chapter.stem}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")


def nbgrader_source(folder: Path, answers: Answers) -> None:
    """The assignment as an author of nbgrader would write it."""
    chapter = answers.chapter
    checks = {
        f"check-{id.replace('.', '-')}": f"{tests(one)}\n\ncheck_{one.name}({one.name})"
        for id, one in answers.exercises.items()
    }
    nb = _plain(json.loads(dumps(read(chapter.solutions))), checks)
    path = folder / "source" / chapter.stem / f"{chapter.stem}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(dumps(nb), encoding="utf-8")


def otter_zip(path: Path, answers: Answers) -> None:
    """The autograder that ``otter run`` takes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("otter_config.json", "{}")
        for number, one in enumerate(answers.exercises.values(), 1):
            archive.writestr(
                f"tests/q{number}.py",
                "import numpy as np\nimport tensorflow as tf\n"
                "from otter.test_files import test_case\n\n"
                f"OK_FORMAT = False\nname = 'q{number}'\npoints = {one.points}\n\n"
                f"{tests(one)}\n\n@test_case()\ndef test_{one.name}(env):\n"
                f"    check_{one.name}(env['{one.name}'])\n",
            )
