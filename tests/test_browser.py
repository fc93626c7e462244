"""One pass through JupyterLab in a real browser, as a learner would go.

Chromium must be installed; ``CHROMIUM`` may name it. In CI its absence is a failure,
elsewhere a reason to skip.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

try:
    from playwright.sync_api import Error as PlaywrightError
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

from coursekit.authoring.exercises import strip_solutions
from coursekit.engine import load_exercises
from coursekit.learner import reference_solution
from coursekit.spine import ROOT

CHROMIUM = os.environ.get("CHROMIUM") or next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = ROOT / "build" / "browser"


def required(condition: object, reason: str) -> None:
    if not condition:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@dataclass
class Lab:
    url: str
    token: str
    root: Path

    def page_of(self, notebook: str) -> str:
        return f"{self.url}/lab/tree/{notebook}?token={self.token}&reset"

    def is_ready(self, notebook: str) -> bool:
        """Whether the notebook has a kernel that waits for work."""
        address = f"{self.url}/api/sessions?token={self.token}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            sessions = json.load(answer)
        return any(
            session["path"] == notebook
            and session["kernel"]["connections"]
            and session["kernel"]["execution_state"] == "idle"
            for session in sessions
        )


def unrun(source: Path, target: Path) -> None:
    """Copy a notebook without its outputs: what is seen later was run here."""
    nb = nbformat.read(source, 4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(nb, target)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab over a copy of the course, for a fresh learner."""
    required(CHROMIUM, "no Chromium on PATH: install it, or set CHROMIUM")
    root = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "exercises"):
        (root / folder).mkdir()
        for path in (ROOT / folder).glob("*.ipynb"):
            unrun(path, root / folder / path.name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = "test"
    home = tmp_path_factory.mktemp("home")
    env = os.environ | {
        "COURSEKIT_HOME": str(home / "journal"),
        "HOME": str(home),
        "JUPYTER_TOKEN": token,
    }
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "coursekit.cli",
            "lab",
            "--no-browser",
            f"--ServerApp.root_dir={root}",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--allow-root",
        ],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{url}/api?token={token}", timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, "JupyterLab did not start"
                time.sleep(0.2)
        yield Lab(url, token, root)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def page(lab: Lab, request: pytest.FixtureRequest):
    required(sync_playwright, "playwright is not installed: make test does it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(60_000)
        yield tab
        SHOTS.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=SHOTS / f"{request.node.name}.png")
        browser.close()


def open_notebook(page, lab: Lab, notebook: str) -> None:
    """Open a notebook and wait until its kernel is ready."""
    page.goto(lab.page_of(notebook))
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first.wait_for()
    for _ in range(300):
        if lab.is_ready(notebook):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"no kernel for {notebook}")


def dismiss_dialog(page) -> None:
    """Accept what JupyterLab proposes, such as the kernel for a notebook."""
    accept = page.locator(".jp-Dialog .jp-mod-accept")
    if accept.count():
        accept.first.click()


def run_all(page) -> None:
    """Run every cell and wait for the last one.

    A click that comes before the kernel is ready may be lost, so look whether it took.
    """
    prompts = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
    first, last = prompts.first, prompts.last
    page.mouse.click(640, 500)
    for _ in range(5):
        dismiss_dialog(page)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        begun = first.locator(".jp-InputPrompt", has_text=re.compile(r"\[(\*|\d+)\]"))
        try:
            begun.wait_for(timeout=15_000)
            break
        except PlaywrightError:
            continue
    done = last.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
    done.wait_for(timeout=180_000)


def saved(page, path: Path) -> nbformat.NotebookNode:
    """The notebook as JupyterLab saves it."""
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(100):
        if path.stat().st_mtime_ns != before:
            time.sleep(0.3)
            return nbformat.read(path, 4)
        page.wait_for_timeout(100)
    raise AssertionError(f"{path.name} was not saved")


def errors(nb: nbformat.NotebookNode) -> list[str]:
    return [
        f"{cell.id}: {output.get('evalue') or output.get('text')}"
        for cell in nb.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


@pytest.mark.parametrize("stem", ["00_start_here", "01_tensorflow_fundamentals"])
def test_every_cell_of_a_lesson_runs(page, lab: Lab, stem: str) -> None:
    open_notebook(page, lab, f"notebooks/{stem}.ipynb")
    run_all(page)
    nb = saved(page, lab.root / "notebooks" / f"{stem}.ipynb")
    assert errors(nb) == []
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    images = page.locator(".jp-OutputArea-output img")
    for k in range(images.count()):
        assert len(images.nth(k).get_attribute("alt")) >= 20


def write_answer(page, name: str, code: str) -> None:
    """Replace the cell that defines ``name``, run it and the check below it."""
    cell = page.locator(".jp-CodeCell", has_text=re.compile(rf"(def|class) {name}\b"))
    editor = cell.first.locator(".cm-content")
    editor.scroll_into_view_if_needed()
    editor.click()
    page.keyboard.press("Control+a")
    page.evaluate("text => navigator.clipboard.writeText(text)", code)
    page.keyboard.press("Control+v")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")


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


def test_an_exercise_turns_from_stub_to_wrong_to_right(page, lab: Lab) -> None:
    exercise = load_exercises("01")["01.1"]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_notebook(page, lab, "exercises/01_tensorflow_fundamentals.ipynb")
    run_all(page)
    verdict = page.locator(".jp-OutputArea-output section", has_text="01.1").first
    verdict.get_by_text("not attempted yet").wait_for()

    write_answer(page, exercise.name, COMPARES_TEXT)
    verdict.get_by_text("What is behind it.").wait_for()
    verdict.get_by_text("character by character").wait_for()
    page.wait_for_timeout(500)
    page.locator(".jp-NotebookPanel").first.screenshot(path=SHOTS / "wrong.png")

    write_answer(page, exercise.name, reference_solution(exercise))
    verdict.get_by_text("right (").wait_for()
    verdict.get_by_text("Reference solution, to compare").click()
    page.screenshot(path=SHOTS / "right.png")

    open_notebook(page, lab, "notebooks/00_start_here.ipynb")
    run_all(page)
    page.get_by_text("1 of 6 solved").wait_for()


def test_all_solutions_typed_into_the_exercises_are_right(page, lab: Lab) -> None:
    source = nbformat.read(ROOT / "solutions/01_tensorflow_fundamentals.ipynb", 4)
    nb = strip_solutions(source)
    answers = {cell.id: cell.source for cell in source.cells}
    for cell in nb.cells:
        if cell.id.startswith("answer-"):
            cell.source = answers[cell.id]
    nbformat.write(nb, lab.root / "exercises" / "typed.ipynb")
    open_notebook(page, lab, "exercises/typed.ipynb")
    run_all(page)
    assert page.locator("section", has_text=re.compile("right \\(")).count() == 6
