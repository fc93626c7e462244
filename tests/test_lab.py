"""JupyterLab, started as a learner starts it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from coursekit import lab
from coursekit.spine import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str
    port: int
    home: Path

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    def again(self) -> str:
        """What a second ``coursekit lab`` of the same person says."""
        command = [sys.executable, "-m", "coursekit.cli", "lab"]
        done = subprocess.run(
            command, env=environment(self.home), capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def get(
        self, path: str, token: str | None, data: bytes | None = None
    ) -> tuple[int, str]:
        """Status and text of a page of the server; with data, what it says to them."""
        address = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(address, data)
        if token:
            request.add_header("Authorization", f"token {token}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""


def environment(home: Path) -> dict[str, str]:
    """That of somebody without a display and with an empty home."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "JUPYTER_TOKEN")
    env = {k: v for k, v in os.environ.items() if k not in hidden}
    own = {"HOME": str(home), "COURSEKIT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    return env | own


def start(home: Path, *arguments: str) -> Server:
    """Run ``coursekit lab`` without a display, for somebody with an empty home."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "coursekit.cli", "lab", "--port", str(port), *arguments],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said = []
    for line in process.stdout:  # ends when the server does; pytest's timeout watches
        said.append(line)
        if found := re.search(r"The course is at (\S+)", line):
            assert len(said) == 1, "".join(said)
            return Server(process, found.group(1), port, home)
    pytest.fail("".join(said))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    rogue = home / ".local/share/jupyter/kernels/python3"
    rogue.mkdir(parents=True)
    argv = ["/nowhere/python3", "-f", "{connection_file}"]
    kernel = {"argv": argv, "display_name": "Another", "language": "python"}
    (rogue / "kernel.json").write_text(json.dumps(kernel))
    server = start(home)
    yield server
    server.process.kill()
    server.process.wait()


def test_address_opens_the_start_page(server: Server) -> None:
    parts = urlsplit(server.address)
    assert parts.path == "/lab/tree/notebooks/00_start_here.ipynb"
    assert parts.port == server.port
    status, page = server.get(f"{parts.path}?{parts.query}", None)
    assert status == 200 and "JupyterLab" in page


def test_api_lists_the_notebooks(server: Server) -> None:
    status, answer = server.get("/api/contents/notebooks", server.token)
    assert status == 200
    names = {entry["name"] for entry in json.loads(answer)["content"]}
    there = {p.name for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert there and there <= names


@pytest.mark.parametrize("token", [None, "0" * 48])
def test_nobody_enters_without_the_token(server: Server, token: str | None) -> None:
    assert server.get("/api/contents/notebooks", token)[0] == 403


def test_it_listens_on_this_machine_only(server: Server) -> None:
    parts = urlsplit(server.address)
    assert parts.hostname in ("localhost", "127.0.0.1")


def test_no_news_and_no_updates(server: Server) -> None:
    page = server.get("/lab", server.token)[1]
    found = re.search(r'<script id="jupyter-config-data".*?>(.+?)</script>', page, re.S)
    assert found
    config = json.loads(found.group(1))
    assert config["news"] == {"disabled": True}
    assert config["buildCheck"] is config["buildAvailable"] is False
    assert "coursekit" in {e["name"] for e in config["federated_extensions"]}
    disabled = set(config["disabledExtensions"])
    assert disabled >= {
        "@jupyterlab/apputils-extension:announcements",
        "@jupyter/nbgrader",
        "@jupyterlab/extensionmanager-extension",
    }
    status, answer = server.get("/lab/api/update", server.token)
    assert (status, json.loads(answer)["notification"]) == (200, None)


def test_there_is_one_kernel_this_environment_s_by_the_course_s_name(
    server: Server,
) -> None:
    answer = server.get("/api/kernelspecs", server.token)[1]
    specs = json.loads(answer)["kernelspecs"]
    assert list(specs) == ["python3"]  # the name that the notebooks ask for
    assert specs["python3"]["spec"]["display_name"] == "TensorFlow course"
    assert specs["python3"]["spec"]["argv"][0] == "python3"  # Jupyter's own Python


def test_an_answer_to_a_quiz_is_written_down(server: Server) -> None:
    def post(token: str | None, body: object) -> tuple[int, str]:
        data = json.dumps(body).encode()
        return server.get("/coursekit/quiz", token, data)

    lesson = ROOT / "notebooks/01_tensorflow_fundamentals.ipynb"
    key = re.search(r"ck-quiz-(\w+)", lesson.read_text(encoding="utf-8"))[1]
    choice = {"question": key, "choice": "b", "right": False}
    assert post(None, choice)[0] == 403
    assert post(server.token, {"question": key})[0] == 400
    assert not (server.home / "journal.jsonl").exists()
    status, answer = post(server.token, choice)
    assert (status, json.loads(answer)["message"]) == (
        200,
        "Counted. Try another choice.",
    )
    (row,) = (server.home / "journal.jsonl").read_text().splitlines()
    assert json.loads(row).items() >= {**choice, "chapter": "01"}.items()


def test_a_second_start_finds_the_first(server: Server) -> None:
    assert server.again() == f"The course is open already, at {server.address}\n"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_and_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    server = start(tmp_path, f"--ServerApp.root_dir={ROOT}", "--no-browser")
    before = time.monotonic()
    server.process.send_signal(stop)
    out, _ = server.process.communicate(timeout=20)
    assert server.process.returncode == 0, out
    assert time.monotonic() - before < 10
    assert "Traceback" not in out
    assert "nbgrader" not in out.lower()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port))


# ------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "given", ["--ServerApp.root_dir=/srv", "--notebook-dir=/srv", "--log-level=INFO"]
)
def test_learner_s_options_replace_ours(given: str) -> None:
    """Jupyter ends with a traceback when an option comes twice."""
    chosen = lab.options([given])
    assert len(chosen) == len(lab.options([]))
    assert chosen[-1] == given


def test_no_display_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lab.sys, "platform", "linux")
    assert "--no-browser" in lab.options([])
    monkeypatch.setenv("BROWSER", "/bin/true")
    assert "--no-browser" not in lab.options([])


def test_token_can_be_given_and_is_new_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    assert lab.options([]) != lab.options([])
    monkeypatch.setenv("JUPYTER_TOKEN", "mine")
    assert "--IdentityProvider.token=mine" in lab.options([])


def test_package_without_a_course_says_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    assert lab.main([]) == 1
    assert "clone of the course" in capsys.readouterr().out
