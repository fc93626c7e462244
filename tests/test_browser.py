"""One learner's way through the course, in JupyterLab and a real browser.

The tests of this file are steps of one story, in order: each goes on where the one
before it ended. Pictures of each step, in both themes, lie in ``build/browser``.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from labdriver import (
    AXE_SCRIPT,
    CHROMIUM,
    FLAGS,
    OURS,
    Lab,
    Learner,
    looks,
    required,
)

from coursekit.engine import load_exercises
from coursekit.learner import reference_solution
from coursekit.spine import ROOT

if AXE_SCRIPT:
    from playwright.sync_api import Browser, expect, sync_playwright

START = "notebooks/00_start_here.ipynb"
LESSON = "notebooks/01_tensorflow_fundamentals.ipynb"
EXERCISES = "exercises/01_tensorflow_fundamentals.ipynb"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    required(CHROMIUM, "no Chromium on PATH: install it, or set CHROMIUM")
    required(AXE_SCRIPT, "playwright and axe are not installed: make test does it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def learner(
    browser: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Learner]:
    lab = Lab(tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("home"))
    lab.start()
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        yield Learner(page, lab)
    finally:
        lab.stop()


def errors(nb: nbformat.NotebookNode) -> list[str]:
    return [
        f"{cell.id}: {output.get('evalue') or output.get('text')}"
        for cell in nb.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def ran_without_errors(learner: Learner) -> None:
    learner.runs_all()
    nb = learner.saves()
    assert errors(nb) == []
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    images = learner.panel.locator(f"{OURS} img")
    for k in range(images.count()):
        assert len(images.nth(k).get_attribute("alt")) >= 20


def test_the_start_page_opens_without_questions_and_runs(learner: Learner) -> None:
    learner.goes_to(START)
    expect(learner.page.locator(".jp-Dialog")).to_have_count(0)
    expect(learner.page.locator(".Toastify__toast")).to_have_count(0)
    kernel = learner.panel.locator(".jp-KernelName")
    expect(kernel).to_have_text("TensorFlow course")
    ran_without_errors(learner)
    learner.panel.get_by_text("Next: section 01.1").wait_for()
    looks(learner.page, "1-start-page")


def test_a_lesson_runs_and_its_quiz_is_answered(learner: Learner) -> None:
    learner.follows("lesson 01", LESSON)
    ran_without_errors(learner)
    quiz = learner.panel.locator(f"{OURS} fieldset").first
    wrong = quiz.locator("details.ck-wrong").first
    wrong.locator("summary").click()
    expect(quiz.get_by_role("status")).to_have_text("Counted. Try another choice.")
    expect(wrong.get_by_text("Not so.")).to_be_visible()
    right = quiz.locator("details.ck-right").first
    right.locator("summary").focus()
    learner.page.keyboard.press("Enter")
    counted = re.compile(r"^Counted: 1 of \d+ answered\.$")
    expect(quiz.get_by_role("status")).to_have_text(counted)
    expect(right.get_by_text("Right.")).to_be_visible()
    looks(learner.page, "2-lesson-with-quiz")


COMPARES_TEXT = """def check_environment(required, installed):
    report = {}
    for name, minimum in required.items():
        if name not in installed:
            report[name] = "missing"
        elif installed[name] >= minimum:
            report[name] = "ok"
        else:
            report[name] = "too old"
    return report
"""


def test_an_exercise_turns_from_stub_to_wrong_to_right(learner: Learner) -> None:
    exercise = load_exercises("01")["01.1"]
    learner.follows(_title_of("01.1"), EXERCISES)
    learner.lab.shut_down(LESSON)
    learner.runs_all()
    verdict = learner.panel.get_by_role("region", name="Verdict on exercise 01.1")
    expect(verdict.get_by_role("status")).to_contain_text("not attempted yet")
    verdict.scroll_into_view_if_needed()
    looks(learner.page, "3-not-attempted")

    learner.answers(exercise.name, "def check_environment(a, b):\n    return a['x']\n")
    expect(verdict.get_by_role("status")).to_contain_text("stopped by an error")
    expect(verdict.get_by_text("line 2: return a['x']")).to_be_visible()
    looks(learner.page, "4-error")

    learner.answers(exercise.name, COMPARES_TEXT)
    expect(verdict.get_by_role("status")).to_contain_text("not right yet")
    expect(verdict.get_by_text("character by character")).to_be_visible()
    verdict.scroll_into_view_if_needed()
    looks(learner.page, "5-wrong")

    learner.types_below(learner.cell('ck.check("01.1")'), 'ck.hint("01.1")')
    hint = learner.panel.get_by_role("region", name="Hint for exercise 01.1")
    expect(hint.get_by_role("status")).to_contain_text("Hint 1 of")
    looks(learner.page, "6-hint")

    learner.answers(exercise.name, reference_solution(exercise))
    expect(verdict.get_by_role("status")).to_contain_text("right (3 of 3 points)")
    verdict.get_by_text("Reference solution, to compare").click()
    expect(verdict.get_by_text("def check_environment")).to_be_visible()
    looks(learner.page, "7-right")
    learner.saves()

    learner.page.set_viewport_size({"width": 800, "height": 900})
    wide = "element => element.scrollWidth > element.clientWidth"
    assert not verdict.evaluate(wide)
    looks(learner.page, "8-right-800")
    learner.page.set_viewport_size({"width": 1280, "height": 900})
    learner.lab.shut_down(EXERCISES)


def _title_of(id: str) -> str:
    """The title of an exercise, which is the text of the lesson's link to it."""
    nb = nbformat.read(ROOT / LESSON, 4)
    link = re.compile(rf"\*\*Exercise {re.escape(id)}\*\*: \[(.+?)\]\(")
    return next(found[1] for cell in nb.cells if (found := link.search(cell.source)))


PROGRESS = re.compile(r"1 of 6 solved, quiz 1 of \d")


def test_progress_is_seen_on_the_start_page_and_lasts(learner: Learner) -> None:
    learner.goes_to(START)
    learner.runs("ck.progress()")
    progress = learner.panel.get_by_text(PROGRESS)
    progress.wait_for()
    progress.scroll_into_view_if_needed()
    looks(learner.page, "9-progress")
    learner.saves()

    learner.page.reload()
    progress.wait_for()

    learner.lab.stop()
    learner.lab.start()
    learner.goes_to(START)
    progress.wait_for()
    learner.runs("import coursekit as ck")
    learner.runs("ck.progress()")
    progress.wait_for()


def test_exported_html_works_offline_and_from_the_keyboard(
    learner: Learner, browser: "Browser", tmp_path: Path
) -> None:
    """The exported exercise and lesson; nbconvert's own template asks for scripts."""
    (tmp_path / "empty.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    for name, path in (("lesson", LESSON), ("exercises", EXERCISES)):
        shutil.copy(learner.lab.root / path, tmp_path / f"{name}.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html"]
    sources = sorted(tmp_path.glob("*.ipynb"))
    subprocess.run([*command, *sources], check=True, capture_output=True, timeout=120)
    page = browser.new_page(viewport={"width": 800, "height": 900})
    asked: list[str] = []
    page.route(re.compile("^(?!file:|data:)"), lambda route: route.abort())
    page.on("request", lambda request: asked.append(request.url))

    def opens(name: str) -> set[str]:
        asked.clear()
        page.goto((tmp_path / name).as_uri())
        return {url for url in asked if not url.startswith(("file:", "data:"))}

    template = opens("empty.html")
    assert opens("exercises.html") <= template
    looks(page, "10-exported-exercise")
    page.get_by_text("Reference solution, to compare").click()

    assert opens("lesson.html") <= template
    quiz = page.locator("fieldset").first
    assert page.get_by_text("ck.quiz(").count() == 0  # the source tells the answers
    for kind, said in (("wrong", "Not so."), ("right", "Right.")):
        choice = quiz.locator(f"details.ck-{kind}").first
        choice.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(choice.get_by_text(said)).to_be_visible()
    looks(page, "11-exported-lesson")
    assert {u for u in asked if not u.startswith(("file:", "data:"))} <= template
