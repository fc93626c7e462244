"""JupyterLab and a browser in front of it, for the tests.

Chromium must be installed; ``CHROMIUM`` may name it. In CI its absence is a failure,
elsewhere a reason to skip.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

try:
    from axe_playwright_python.base import AXE_SCRIPT
    from playwright.sync_api import Locator, Page, expect
except ImportError:
    AXE_SCRIPT = None

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
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_DONE = re.compile(r"\[\d+\]")
_FORGET = "prompts => prompts.forEach(prompt => { prompt.textContent = 'not run' })"
OURS = ".jp-OutputArea-output"
"""Where what the course renders stands; what is around it is JupyterLab's."""


def required(condition: object, reason: str) -> None:
    if not condition:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def until(done: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until something holds that the page does not show."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


class Lab:
    """``coursekit lab`` over a copy of the course, for a fresh learner."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home, self.token = root, home, "test"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        for folder in ("notebooks", "exercises"):
            (root / folder).mkdir()
            for path in (ROOT / folder).glob("*.ipynb"):
                shutil.copy(path, root / folder)

    def start(self) -> None:
        env = os.environ | {
            "COURSEKIT_HOME": str(self.home / "journal"),
            "HOME": str(self.home),
            "JUPYTER_TOKEN": self.token,
        }
        options = [
            "--no-browser",
            f"--ServerApp.root_dir={self.root}",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            "--LabApp.expose_app_in_browser=True",
        ]
        command = [sys.executable, "-m", "coursekit.cli", "lab", *options]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        until(self._answers, "JupyterLab starts")

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.home / "server.log").read_text()
        try:
            self.ask("/api/status")
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:  # a busy machine; what is saved is saved
            self.process.kill()
            self.process.wait()

    def ask(self, path: str, method: str = "GET") -> bytes:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, None, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def sessions(self) -> list[dict]:
        return json.loads(self.ask("/api/sessions"))

    def is_ready(self, notebook: str) -> bool:
        """Whether the notebook has a kernel that waits for work."""
        return any(
            session["path"] == notebook
            and session["kernel"]["connections"]
            and session["kernel"]["execution_state"] == "idle"
            for session in self.sessions()
        )

    def shut_down(self, notebook: str) -> None:
        """End the notebook's kernel, to have its memory back."""
        for session in self.sessions():
            if session["path"] == notebook:
                self.ask(f"/api/sessions/{session['id']}", "DELETE")


class Learner:
    """A person in front of JupyterLab."""

    def __init__(self, page: "Page", lab: Lab) -> None:
        self.page, self.lab = page, lab
        self.notebook = ""

    @property
    def panel(self) -> "Locator":
        """The notebook that is seen."""
        return self.page.locator(PANEL)

    def goes_to(self, notebook: str, *, afresh: bool = True) -> None:
        """Open a notebook by its address and wait for its kernel."""
        query = f"token={self.lab.token}" + "&reset" * afresh
        self.page.goto(f"{self.lab.url}/lab/tree/{notebook}?{query}")
        self._arrives_at(notebook)

    def follows(self, link: str, notebook: str) -> None:
        """Click a link in the notebook that is seen, which opens another one."""
        self.panel.get_by_role("link", name=link, exact=True).first.click()
        self._arrives_at(notebook)

    def _arrives_at(self, notebook: str) -> None:
        path = "window.jupyterapp?.shell?.currentWidget?.context?.path"
        self.page.wait_for_function(f"name => {path} === name", arg=notebook)
        self.panel.locator(".jp-Cell").first.wait_for()
        until(lambda: self.lab.is_ready(notebook), f"a kernel for {notebook}")
        self.notebook = notebook

    def cell(self, text: str | re.Pattern[str]) -> "Locator":
        return self.panel.locator(".jp-CodeCell", has_text=text).first

    def runs_all(self) -> None:
        """Run every cell and wait for the last one."""
        self._does("notebook:run-all-cells")

    def runs(self, text: str) -> None:
        """Run one cell and wait for it."""
        cell = self.cell(text)
        prompt = cell.locator(".jp-InputPrompt")
        prompt.evaluate_all(_FORGET)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        expect(prompt).to_have_text(_DONE, timeout=90_000)

    def answers(self, name: str, code: str) -> None:
        """Replace the cell that defines ``name``, run it and the check below it."""
        editor = self.cell(re.compile(rf"(def|class) {name}\b")).locator(".cm-content")
        editor.scroll_into_view_if_needed()
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.evaluate("text => navigator.clipboard.writeText(text)", code)
        self.page.keyboard.press("Control+v")
        self.page.keyboard.press("Shift+Enter")
        self.page.keyboard.press("Shift+Enter")

    def types_below(self, cell: "Locator", code: str) -> None:
        """Insert a cell below another one and run it."""
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.type(code)
        self.page.keyboard.press("Shift+Enter")

    def saves(self) -> nbformat.NotebookNode:
        """Save the notebook, as Ctrl+S does; returns what JupyterLab wrote."""
        self._does("docmanager:save")
        return nbformat.read(self.lab.root / self.notebook, 4)

    def _does(self, command: str) -> None:
        """Run a command of JupyterLab's menus and wait until it is done."""
        run = f"jupyterapp.commands.execute('{command}')"
        self.page.evaluate(f"async () => {{ await {run} }}")


def looks(page: "Page", name: str, within: str = OURS) -> None:
    """Look at the page in both themes: a picture of each, and what axe-core finds.

    Only what the course renders is judged, and only serious and critical faults.
    """
    SHOTS.mkdir(parents=True, exist_ok=True)
    faults = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        light = "true" if theme == "light" else "false"
        if page.locator("#jupyter-config-data").count():
            body = page.locator(f"body[data-jp-theme-light={light}]")
            body.wait_for(state="attached")
        page.screenshot(path=SHOTS / f"{name}-{theme}.png")
        faults += [f"{theme}: {fault}" for fault in axe(page, within)]
    assert not faults, "\n".join(faults)


def axe(page: "Page", within: str) -> list[str]:
    """What axe-core calls serious or critical in those parts of the page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("where => axe.run(where)", within)
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
