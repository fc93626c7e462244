"""Every gate passes a lesson that is in order, and fails one that is not."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import cell
from coursekit.authoring import gates, links, lint, proofs, verify
from coursekit.authoring.exercises import generate, strip_solutions
from coursekit.authoring.files import Node, dumps, node, read
from coursekit.engine import NOTEBOOK_SEED, Case, Exercise, Mistake
from coursekit.spine import Chapter, Course, Module


def replaced(id: str, old: str, new: str) -> Callable[[Node], None]:
    """A breakage: ``old`` becomes ``new`` in the source of a cell."""

    def breakage(nb: Node) -> None:
        target = cell(nb, id)
        assert old in target.source
        target.source = target.source.replace(old, new)

    return breakage


def without(id: str) -> Callable[[Node], None]:
    """A breakage: a cell is missing."""
    return lambda nb: nb.cells.remove(cell(nb, id))


def tagged(id: str, *tags: str, why: str = "") -> Callable[[Node], None]:
    """A breakage: a cell carries tags."""
    return lambda nb: cell(nb, id).update(metadata=node({"tags": tags, "why": why}))


def shows(id: str, **bundle: str) -> Callable[[Node], None]:
    """A breakage: a cell has an output of these kinds, ``text_html`` and so on."""
    data = {kind.replace("_", "/"): content for kind, content in bundle.items()}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return lambda nb: cell(nb, id).outputs.append(node(output))


def says(id: str, text: str, name: str = "stdout") -> Callable[[Node], None]:
    """A breakage: a cell has an output with this text."""
    output = {"output_type": "stream", "name": name, "text": text}
    return lambda nb: cell(nb, id).update(outputs=[node(output)])


LESSON_GATES = gates.LESSON_GATES | {
    "outputs": lambda nb, _: gates.outputs(nb),
    "alt_text": lambda nb, _: gates.alt_text(nb),
    "deprecated": lambda nb, _: lint.deprecated(nb),
}

LESSON_FAULTS = [
    ("headings", replaced("title", "Sample Ideas", "Other Ideas"), "the first line is"),
    ("headings", replaced("s3", "Count", "Reckon"), "no part '## 41.3 Count'"),
    ("headings", replaced("s3", "Count", "Reckon"), "'## 41.3 Reckon' is not in"),
    ("headings", replaced("recap", "## Recap", "## Notes"), "no part '## Recap'"),
    ("headings", without("reading"), "no part '## Further reading'"),
    ("headings", lambda nb: nb.cells.insert(2, nb.cells.pop()), "another order"),
    ("headings", replaced("s2-trap", "**Trap", "\n## More\n**Trap"), "not the first"),
    ("opening", replaced("title", "they are small enough to be read", ""), "says why"),
    ("opening", replaced("title", "- draw\n", ""), "six objectives"),
    ("opening", replaced("title", "Builds on", "After"), "builds on"),
    ("opening", replaced("title", "40 minutes", "a while"), "no minutes"),
    ("opening", replaced("title", "40 minutes", "45 minutes"), "the syllabus 40"),
    ("opening", replaced("title", "20 seconds", "a moment"), "no seconds"),
    ("opening", replaced("title", "20 seconds", "50 seconds"), "the syllabus 20"),
    ("opening", replaced("setup", "ck.setup()", "ck"), "is not the setup cell"),
    ("opening", replaced("s1-code", "value", "ck.setup()\nvalue"), "more than one"),
    ("sections", replaced("s4", "Why?", "So."), "section 41.4: asks no question"),
    ("sections", replaced("s4", "Why?", "`a ? b`."), "section 41.4: asks no question"),
    ("sections", replaced("s2-end", "41.2", "41.3"), "no link to exercise 41.2"),
    ("sections", replaced("s2-end", "../exercises", ".."), "no link to exercise 41.2"),
    ("sections", replaced("s5-trap", "**Trap.**", "Trap."), "41.5: no trap"),
    ("sections", without("s6-run"), "no code cell after it runs it"),
    ("closing", replaced("recap", "| a | b |\n", ""), "'Recap' has"),
    ("closing", replaced("recap", "|", " "), "no table and no list"),
    ("closing", replaced("teacher", "questions, and answer", "x"), "'For the teacher'"),
    ("closing", replaced("reading", "https://", ""), "links to nothing"),
    ("quiz", without("quiz-2"), "4 quiz questions"),
    ("quiz", replaced("quiz-1", '"It is not, for a reason."', '""'), "not explained"),
    (
        "quiz",
        replaced("quiz-1", '"Because it is the right one."', '""'),
        "not explained",
    ),
    ("quiz", replaced("quiz-1", ', "None": "There is one, after all."', ""), "1 wrong"),
    ("quiz", replaced("quiz-1", "wrong={", "wrong={**more, "), "not written out"),
    ("quiz", lambda nb: nb.cells.insert(5, nb.cells.pop(-4)), "outside the part"),
    ("style", lambda nb: nb.cells.__delitem__(slice(8, 25)), "27 and 130"),
    ("style", lambda nb: nb.cells.extend(nb.cells[2:] * 4), "27 and 130"),
    ("style", lambda nb: nb.cells.extend([cell(nb, "s1-code")] * 66), "at most 65"),
    ("style", lambda nb: nb.cells.extend([cell(nb, "s1-code")] * 4), "in a row"),
    ("style", replaced("s1-code", "value = 1", "value\n" * 16), "21 lines"),
    ("style", replaced("s1-code", "value = 1", "x\n" * 80), "lines to a code cell"),
    ("style", replaced("s1", "Words", "Words " * 400), "words to a line of code"),
    ("style", replaced("s1-code", "value = 1", "# so\n" * 15), "are comments"),
    ("outputs", lambda nb: cell(nb, "s1-code").update(execution_count=9), "from top"),
    (
        "outputs",
        lambda nb: cell(nb, "s1-code").update(execution_count=None),
        "from top",
    ),
    ("outputs", lambda nb: [c.update(outputs=[]) for c in nb.cells], "no stored"),
    ("outputs", tagged("s1-code", "nbval-ignore-output"), 'without "why"'),
    ("outputs", tagged("s1-code", "raises-exception", why="it does"), "print it"),
    ("outputs", replaced("s1-code", "value", "# NBVAL_SKIP\nvalue"), "use a tag"),
    ("outputs", says("s1-code", "careful\n", "stderr"), "wrote to stderr: careful"),
    ("outputs", says("s1-code", "<f at 0x7f62e6747ce0>"), "memory address"),
    ("outputs", says("s1-code", "saved to /tmp/x1"), "path of this machine"),
    ("outputs", says("s1-code", str(Path.home() / "course")), "path of this machine"),
    ("alt_text", shows("s1-code", image_png="aGk="), "image with alt text ''"),
    ("alt_text", shows("s1-code", text_html="<img src='x'>"), "image with alt text ''"),
    ("alt_text", shows("s1-code", text_html="<img alt='a plot'>"), "'a plot'"),
    ("alt_text", shows("s1-code", text_plain="<Figure size 640x480>"), "ck.show"),
    ("alt_text", replaced("s1-code", "value = 1", "plt.show()"), "ck.show"),
    ("alt_text", replaced("s1", "Why?", "Why? ![](a.png)"), "image with alt text ''"),
]


@pytest.mark.parametrize("gate", LESSON_GATES)
def test_a_lesson_in_order_passes(gate: str, lesson: Node, chapter: Chapter) -> None:
    assert LESSON_GATES[gate](lesson, chapter) == []


@pytest.mark.parametrize(("gate", "breakage", "message"), LESSON_FAULTS)
def test_a_fault_in_a_lesson_is_found(
    gate: str,
    breakage: Callable[[Node], None],
    message: str,
    lesson: Node,
    chapter: Chapter,
) -> None:
    breakage(lesson)
    problems = LESSON_GATES[gate](lesson, chapter)
    assert any(message in problem for problem in problems), problems


def test_one_cell_in_seven_may_depend_on_the_machine(lesson: Node) -> None:
    code = [c for c in lesson.cells if c.cell_type == "code"]
    allowed = int(0.15 * len(code))
    for c in code[:allowed]:
        c.metadata = node({"tags": ["nbval-ignore-output"], "why": "a clock"})
    assert gates.outputs(lesson) == []
    code[allowed].metadata = code[0].metadata
    assert "not compared strictly" in gates.outputs(lesson)[0]


def test_a_described_figure_passes(lesson: Node) -> None:
    shows("s1-code", text_html='<img alt="A line that rises, and then falls.">')(lesson)
    assert gates.alt_text(lesson) == []


# ------------------------------------------------------------- dead APIs

DEAD = """\
hub.KerasLayer(path)
keras.utils.get_file("a.zip", origin=url, extract=True)
keras.utils.get_file("a.tgz", origin=url, untar=True)
model.save_weights("w")
keras.callbacks.ModelCheckpoint("best.keras", save_weights_only=True)
model.save("folder")
self.model.save("folder")
tf.keras.optimizers.legacy.Adam()
keras.optimizers.SGD(lr=0.1)
Adam(1e-3, decay=1e-6)
keras.Input((None,), ragged=True)
keras.layers.LSTM(4, batch_input_shape=(1, 2, 3))
tf.keras.layers.experimental.preprocessing.Rescaling(1)
from tensorflow.keras.layers.experimental import preprocessing
tf.estimator.DNNClassifier
from transformers import TFAutoModel
TFBertForSequenceClassification.from_pretrained("x")
model.layers[0].input_shape
layer.output_shape
model.predict(["good", "bad"])
tf.lite.Interpreter("a.tflite")
tf.Session()
tf.placeholder(tf.float32)
import tensorflow.estimator"""

ALIVE = """\
tf.compat.v1.Session()
tf.compat.v1.placeholder(tf.float32)
v1.ConfigProto()
layer.input.shape
keras.Input((3,), batch_size=2)
model.input_shape
model.save("a.keras")
dataset.save("folder")
np.save("a.npy", x)
tf.saved_model.save(model, "folder")
model.save_weights("a.weights.h5")
model.predict(texts)
optimizer = keras.optimizers.SGD(learning_rate=0.1)
schedule(lr=0.1)
archive(extract=True)
print("tf.Session()")
# tf.Session()
%timeit tf.Session()
tfds.load("mnist")
TFRecordOptions()"""


@pytest.mark.parametrize("line", DEAD.splitlines())
def test_dead_api_is_found(line: str, lesson: Node) -> None:
    replaced("s1-code", "value = 1", line)(lesson)
    problems = lint.deprecated(lesson)
    assert len(problems) == 1 and "(s1-code)" in problems[0], problems


@pytest.mark.parametrize("line", ALIVE.splitlines())
def test_living_api_passes(line: str, lesson: Node) -> None:
    replaced("s1-code", "value = 1", line)(lesson)
    assert lint.deprecated(lesson) == []


def test_numpy_inside_a_tf_function_is_found(lesson: Node) -> None:
    source = "@tf.function(jit_compile=True)\ndef f(x):\n    return g(x).numpy()"
    replaced("s1-code", "value = 1", source)(lesson)
    assert ".numpy() inside the tf.function f" in lint.deprecated(lesson)[0]
    replaced("s1-code", "@tf.function(jit_compile=True)\n", "")(lesson)
    assert lint.deprecated(lesson) == []


def test_a_dead_api_may_be_shown_on_purpose(lesson: Node) -> None:
    replaced("s1-code", "value = 1", "tf.Session()")(lesson)
    tagged("s1-code", "on-purpose", why="shows the AttributeError")(lesson)
    assert lint.deprecated(lesson) == gates.outputs(lesson) == []
    tagged("s1-code", "on-purpose")(lesson)
    assert 'without "why"' in gates.outputs(lesson)[0]


def test_what_comes_later_is_found(lesson: Node, chapter: Chapter) -> None:
    later = replace(chapter, stem="42_later", introduces=(r"tf\.data\b", "tf.sample"))
    course = Course((Module("M", (chapter, later)),))
    assert lint.forward_references(lesson, chapter, course) == []
    replaced("s1-code", "value = 1", "tf.data.Dataset")(lesson)
    (problem,) = lint.forward_references(lesson, chapter, course)
    assert "(s1-code): 'tf.data' is first taught in chapter 42" in problem
    assert lint.forward_references(lesson, later, course) == []
    tagged("s1-code", "preview")(lesson)
    assert lint.forward_references(lesson, chapter, course) == []


@pytest.mark.parametrize(
    "line", ['print("tf.data")', "# tf.data", "tf.sample", "tf.datas"]
)
def test_words_about_what_comes_later_pass(
    line: str, lesson: Node, chapter: Chapter
) -> None:
    later = replace(chapter, stem="42_later", introduces=(r"tf\.data\b", "tf.sample"))
    course = Course((Module("M", (chapter, later)),))
    replaced("s1-code", "value = 1", line)(lesson)
    assert lint.forward_references(lesson, chapter, course) == []


# ----------------------------------------------------------------- links


@pytest.mark.parametrize(
    "target",
    [
        "a.md",
        "a.md#the-first-part",
        "#Here-(and-there)",
        "b.ipynb#41.1-What,-now?",
        "b.ipynb#41.1-What%2C-now%3F",
        "https://example.org/nowhere",
        "mailto:someone@example.org",
        ".",
    ],
)
def test_a_link_that_leads_somewhere_passes(target: str, tmp_path: Path) -> None:
    assert broken(target, tmp_path) == []


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("c.md", "no such file"),
        ("a.md#nothing", "no such heading"),
        ("#nothing", "no such heading"),
        ("b.ipynb#41.1-what,-now?", "no such heading"),
        ("/a.md", "not relative"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(
    target: str, message: str, tmp_path: Path
) -> None:
    (problem,) = broken(target, tmp_path)
    assert message in problem


def broken(target: str, folder: Path) -> list[str]:
    (folder / "a.md").write_text("# A\n\n## The *first* part\n")
    heading = {
        "cell_type": "markdown",
        "source": "## 41.1 `What`, now?",
        "metadata": {},
    }
    (folder / "b.ipynb").write_text(dumps(node({"cells": [heading], "nbformat": 4})))
    page = folder / "page.md"
    page.write_text(f"# Here (and there)\n\n<a id='x'></a>\n\n[link]({target})\n")
    if target.startswith("#Here"):
        heading = {**heading, "source": f"# Here (and there)\n\n[link]({target})"}
        page = folder / "page.ipynb"
        page.write_text(dumps(node({"cells": [heading], "nbformat": 4})))
    return links.broken_links(page)


def test_images_and_references_are_links_too(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "![x](no.png) <img src='no2.png'>\n\n[r]: no3.md\n\n`[c](no4.md)`\n"
    )
    assert [re.findall(r"no\d?\.\w+", p)[0] for p in links.broken_links(page)] == [
        "no.png",
        "no3.md",
        "no2.png",
    ]


# ------------------------------------------------------------- exercises

SOLUTION_FAULTS = [
    (without("answer-41-2"), "exercise 41.2: no cell answer-41-2"),
    (lambda nb: nb.cells.append(nb.cells.pop(2)), "41.1: its cells are not in order"),
    (replaced("task-41-1", "## 41.1", "## 41.7"), "task-41-1: does not begin with"),
    (replaced("task-41-1", "5 minutes", "some minutes"), "no line '*difficulty"),
    (replaced("task-41-1", "../notebooks", ".."), "no link to the lesson"),
    (replaced("answer-41-1", "### BEGIN SOLUTION", ""), "no solution region"),
    (replaced("check-41-1", "41.1", "41.2"), 'is not exactly ck.check("41.1")'),
    (lambda nb: cell(nb, "check-41-1").metadata.nbgrader.update(points=0), "no points"),
    (
        lambda nb: cell(nb, "check-41-1").metadata.nbgrader.update(locked=False),
        "locked",
    ),
    (lambda nb: cell(nb, "check-41-1").metadata.nbgrader.update(grade_id="x"), "'x'"),
    (lambda nb: cell(nb, "title").metadata.update(nbgrader={}), "in no section"),
]


def test_solutions_in_order_pass(solutions: Node, chapter: Chapter) -> None:
    assert gates.triples(solutions, chapter) == []


@pytest.mark.parametrize(("breakage", "message"), SOLUTION_FAULTS)
def test_a_fault_in_solutions_is_found(
    breakage: Callable[[Node], None], message: str, solutions: Node, chapter: Chapter
) -> None:
    breakage(solutions)
    problems = gates.triples(solutions, chapter)
    assert any(message in problem for problem in problems), problems


def add(x: int) -> int:
    return x + 1


def subtract(x: int) -> int:
    return x - 1


def stub(x: int) -> int:
    raise NotImplementedError


EXERCISE = Exercise(
    id="41.1",
    name="add_1",
    points=2,
    minutes=5,
    difficulty="core",
    inputs=lambda rng: [Case("all", (int(n),)) for n in rng.integers(5, 99, 4)],
    expected=lambda case: case.args[0] + 1,
    mistakes=(
        Mistake("down", "Adding one goes up, not down, even here.", subtract),
        Mistake("twice", "One is added once only, not two times.", lambda x: x + 2),
        Mistake("nothing", "The result has to be one more, not equal.", lambda x: x),
    ),
    variants=(lambda x: 1 + x, lambda x: sum((x, 1))),
    hints=(
        "What comes after a number?",
        "There is an operator: it looks like a cross.",
    ),
    explain="Every whole number has a successor, and this is it.",
)


def test_a_good_exercise_passes() -> None:
    assert proofs.well_made(EXERCISE) == proofs.distinct([EXERCISE]) == []
    assert proofs.stub_problems(EXERCISE, stub) == []
    assert proofs.right_problems(EXERCISE, add) == []
    assert proofs.wrong_problems(EXERCISE) == []


def test_a_wrong_solution_or_variant_is_found() -> None:
    problems = proofs.right_problems(EXERCISE, subtract, seeds=[1, 2])
    assert [p.split(".")[1] for p in problems] == [
        "1, seed 1: the solution is 'wrong'",
        "1, seed 2: the solution is 'wrong'",
    ]
    bad = replace(EXERCISE, variants=(add, subtract))
    assert "variant 2 is 'wrong'" in proofs.right_problems(bad, add)[0]


def test_an_answer_that_only_fits_the_notebooks_cases_is_found() -> None:
    known = {case.args[0]: case.args[0] + 1 for case in EXERCISE.cases(proofs.SEEDS[0])}
    problems = proofs.right_problems(EXERCISE, lambda x: known.get(x, 0))
    assert {p.split(":")[0] for p in problems} == {
        f"41.1, seed {seed}" for seed in proofs.SEEDS[1:]
    }


def test_a_stub_that_counts_as_an_attempt_is_found() -> None:
    assert "'wrong'" in proofs.stub_problems(EXERCISE, subtract)[0]


def with_mistakes(*mistakes: Mistake) -> Exercise:
    return replace(EXERCISE, mistakes=mistakes)


def test_a_mistake_that_passes_is_found() -> None:
    right = Mistake("right", "This is no mistake at all.", add)
    problems = proofs.wrong_problems(with_mistakes(right), seeds=[1])
    assert problems == ["41.1, seed 1: mistake 'right' is 'right'"]


def test_a_mistake_named_as_another_is_found() -> None:
    down, *_ = EXERCISE.mistakes
    twin = replace(down, name="twin")
    problems = proofs.wrong_problems(with_mistakes(down, twin), seeds=[1])
    assert problems == ["41.1, seed 1: mistake 'twin' is named 'down'"]


def test_a_mistake_that_is_never_the_same_is_not_named() -> None:
    def restless(x: int, calls: list[int] = []) -> int:  # noqa: B006  that is the point
        calls.append(x)
        return -len(calls)

    mistake = Mistake("restless", "Never gives the same answer twice.", restless)
    problems = proofs.wrong_problems(with_mistakes(mistake), seeds=[NOTEBOOK_SEED])
    assert [p.partition(": ")[2] for p in problems] == [
        "mistake 'restless' is rejected but not named"
    ]


def test_too_few_parts_are_found() -> None:
    poor = replace(EXERCISE, hints=("Add one.",), variants=(add,), explain="So.")
    poor = replace(poor, mistakes=EXERCISE.mistakes[:2])
    assert [p.removeprefix("41.1: ") for p in proofs.well_made(poor)] == [
        "2 mistakes; at least 3",
        "1 variants; at least 2",
        "1 hints; at least 2",
        "says too little: 'Add one.'",
        "says too little: 'So.'",
    ]


def test_texts_and_names_that_repeat_are_found() -> None:
    down, twice, _ = EXERCISE.mistakes
    twin = replace(twice, says="adding one goes up,  not down, even here.")
    other = replace(with_mistakes(twin), id="41.2")
    assert "two mistakes say" in proofs.distinct([EXERCISE, other])[0]
    doubled = with_mistakes(down, replace(twice, name="down"))
    assert proofs.distinct([doubled]) == ["41.1: two mistakes 'down'"]


def test_the_notebook_agrees_with_the_checks(solutions: Node) -> None:
    checks = {"41.1": EXERCISE}
    assert proofs.agrees(solutions, checks) == []
    for change, message in (
        ({"points": 3}, "2 points for nbgrader, 3 in checks"),
        ({"minutes": 6}, "no line *core · 6 minutes · 2 points*"),
        ({"name": "add_2"}, "does not define add_2"),
    ):
        problems = proofs.agrees(solutions, {"41.1": replace(EXERCISE, **change)})
        assert any(message in problem for problem in problems), problems
    assert len(proofs.agrees(solutions, {"41.7": EXERCISE})) == 3


def test_answers_are_what_the_notebook_defines(solutions: Node) -> None:
    cell(solutions, "setup").source = "import tensorflow as tf"
    found = proofs.answers(solutions, "sample")  # does not run the checks
    assert found["add_1"](4) == 5
    shipped = proofs.answers(strip_solutions(solutions), "sample")
    assert proofs.stub_problems(EXERCISE, shipped["add_1"]) == []
    assert proofs.right_problems(EXERCISE, found["add_1"]) == []


# ------------------------------------------------- generated and stored files


def test_verify_is_content_with_a_built_chapter(course: Path, chapter: Chapter) -> None:
    write_exercises(course, chapter)
    assert verify.verify("41", course) == []


def write_exercises(course: Path, chapter: Chapter) -> Path:
    target = course / "exercises" / f"{chapter.stem}.ipynb"
    target.parent.mkdir(exist_ok=True)
    nb = read(course / "solutions" / target.name)
    target.write_text(generate(nb), encoding="utf-8")
    return target


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.999])
def test_one_changed_character_of_an_exercise_is_found(
    place: float, course: Path, chapter: Chapter
) -> None:
    target = write_exercises(course, chapter)
    text = target.read_text()
    at = int(place * len(text))
    target.write_text(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])
    (problem,) = verify.verify("41", course)
    assert "exercises/41_sample.ipynb is not what the solutions generate" in problem


STORED_FAULTS = [
    ("notebooks", '"3\\n"', '"4\\n"', "changed since its last build"),
    ("solutions", '"right\\n"', '"Right\\n"', "changed since its last build"),
    ("notebooks", "value = 1", "value = 2", "changed since its last build"),
    ("notebooks", '"execution_count": 3', '"execution_count": null', "not executed"),
    ("notebooks", '"id": "s1"', '"id": "0123abcd"', "not tidy"),
    ("notebooks", "ready", "/tmp/x", "path of this machine"),
    ("notebooks", '"cells"', '"sells"', "not a notebook"),
    ("notebooks", "{", "<", "not a notebook"),
]


@pytest.mark.parametrize(("folder", "old", "new", "message"), STORED_FAULTS)
def test_a_change_of_a_stored_notebook_is_found(
    folder: str, old: str, new: str, message: str, course: Path, chapter: Chapter
) -> None:
    write_exercises(course, chapter)
    path = course / folder / f"{chapter.stem}.ipynb"
    text = path.read_text().replace(
        old.replace("\\\\", "\\"), new.replace("\\\\", "\\")
    )
    assert text != path.read_text()
    path.write_text(text)
    problems = verify.verify("41", course)
    assert any(message in problem for problem in problems), problems


def test_a_missing_exercise_notebook_or_chapter_is_found(course: Path) -> None:
    assert "exercises/41_sample.ipynb is missing" in verify.verify("41", course)[0]
    shutil.rmtree(course / "solutions")
    assert verify.verify("41", course) == []
    assert "there is no" in verify.verify("40", course)[0]


def test_verify_prints_a_line_for_each_problem(course: Path, capsys, chapter) -> None:
    assert verify.main(["41"], course) == 1
    assert len(capsys.readouterr().out.splitlines()) == 1
    write_exercises(course, chapter)
    assert verify.main(["41"], course) == 0
    assert "nothing is stale" in capsys.readouterr().out


def test_strays_are_found(course: Path) -> None:
    assert verify.strays(course) == [
        "notebooks/41_sample.ipynb: belongs to no chapter",
        "solutions/41_sample.ipynb: belongs to no chapter",
    ]
