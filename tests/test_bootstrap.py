"""bootstrap.py on a tiny course whose lock holds one wheel, without a network."""

import ast
import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from coursekit import bootstrap
from coursekit.spine import ROOT

fcntl = pytest.importorskip("fcntl", reason="the environment is laid out as on Unix")

SOURCE = Path(bootstrap.__file__)

# A build backend of its own: setuptools would have to be installed first.
BACKEND = """
import os, zipfile
INFO = "tiny-1.dist-info/"
def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(folder, "tiny-1-py3-none-any.whl"), "w") as file:
        file.writestr("tiny.pth", os.getcwd())
        file.writestr(INFO + "METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n")
        file.writestr(INFO + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr(INFO + "RECORD", "")
    return "tiny-1-py3-none-any.whl"
"""  # noqa: E501
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1"
requires-python = ">=3.11,<3.14"
"""


def wheel(folder: Path, name: str) -> str:
    """Write a wheel with one module; returns the line that locks it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    files = {
        f"{name}.py": "ANSWER = 42\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\n"
        "Version: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = f"{name}-1.0.dist-info/RECORD"
    rows = [f"{record},,"]
    with zipfile.ZipFile(path, "w") as file:
        for inside, content in files.items():
            file.writestr(inside, content)
            sha = hashlib.sha256(content.encode()).digest()
            code = base64.urlsafe_b64encode(sha).decode().rstrip("=")
            rows.append(f"{inside},sha256={code},{len(content)}")
        file.writestr(record, "\n".join(rows) + "\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}==1.0 \\\n    --hash=sha256:{digest}\n"


class Course:
    """A folder with bootstrap.py and what it installs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wheels = root / "wheels"
        self.wheels.mkdir(parents=True)
        (root / "coursekit").mkdir()
        shutil.copy(SOURCE, root / "coursekit")
        (root / "pyproject.toml").write_text(PROJECT)
        (root / "backend.py").write_text(BACKEND)
        core = wheel(self.wheels, "alpha")
        (root / "requirements.lock").write_text(core)
        dev = core + wheel(self.wheels, "beta")
        (root / "requirements-dev.lock").write_text(dev)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def site(self) -> Path:
        (found,) = self.venv.glob("lib/python3*/site-packages")
        return found

    def command(self, *arguments: str, **extra: str) -> dict:
        names = ("CI", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
        env = {k: v for k, v in os.environ.items() if k not in names}
        env |= {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),  # pip splits at spaces
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        script = str(self.root / "coursekit" / "bootstrap.py")
        return {"args": [sys.executable, script, *arguments], "env": env | extra}

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            **self.command(*arguments, **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def python(self, code: str) -> str:
        command = [str(self.venv / "bin" / "python"), "-c", code]
        return subprocess.check_output(command, text=True, cwd="/").strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course after the first run."""
    course = Course(tmp_path_factory.mktemp("with space") / "course")
    course.first = course.run()
    assert course.first.returncode == 0, course.first.stdout
    return course


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course before the first run."""
    return Course(tmp_path / "course")


# ------------------------------------------------------------------- a whole run


def test_first_run_installs_the_lock_and_the_course(built: Course) -> None:
    where = built.python("import alpha, sys; print(alpha.ANSWER, sys.prefix)")
    assert where == f"42 {built.venv}"
    assert str(built.root) in built.python("import sys; print(sys.path)")
    assert "Making an environment" in built.first.stdout
    assert built.first.stdout.rstrip().endswith("is complete")


def test_bytecode_is_compiled_although_the_caller_forbids_it(built: Course) -> None:
    assert list(built.site.glob("__pycache__/alpha.*.pyc"))


def test_second_run_returns_at_once_and_is_silent(built: Course) -> None:
    start = time.monotonic()
    again = built.run()
    assert (again.returncode, again.stdout) == (0, "")
    assert time.monotonic() - start < 1


def test_stamp_holds_the_digests(built: Course) -> None:
    stamp = json.loads((built.venv / "coursekit-stamp.json").read_text())
    lock = (built.root / "requirements.lock").read_bytes()
    assert stamp["core"] == hashlib.sha256(lock).hexdigest()
    assert stamp["dev"] is None


def test_killed_run_is_continued(built: Course) -> None:
    """pip was killed while it unpacked: no stamp, half a package, a half RECORD."""
    (built.venv / "coursekit-stamp.json").unlink()
    (built.site / "alpha.py").unlink()
    record = built.site / "alpha-1.0.dist-info" / "RECORD"
    rows = [r for r in record.read_text().splitlines() if "INSTALLER" not in r]
    record.write_text("\n".join(rows))
    (built.site / "~lpha").mkdir()
    inode = os.stat(built.venv / "pyvenv.cfg").st_ino
    again = built.run()
    assert again.returncode == 0, again.stdout
    assert built.python("import alpha; print(alpha.ANSWER)") == "42"
    assert not (built.site / "~lpha").exists()
    assert os.stat(built.venv / "pyvenv.cfg").st_ino == inode  # not built anew


def test_tools_without_a_network_are_left_out_but_not_in_ci(built: Course) -> None:
    offline = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    offline |= {"PIP_FIND_LINKS": "", "PIP_RETRIES": "1"}
    lenient = built.run("--dev", **offline)
    assert lenient.returncode == 0
    assert "will be skipped" in lenient.stdout
    strict = built.run("--dev", **offline, CI="true")
    assert strict.returncode == 1
    assert "No package index could be reached" in strict.stdout
    assert str(built.venv / "bootstrap.log") in strict.stdout
    assert "127.0.0.1" in (built.venv / "bootstrap.log").read_text()
    assert built.run().stdout == ""  # the core is as complete as before


def test_tools_come_on_top_and_stay(built: Course) -> None:
    assert built.run("--dev").returncode == 0
    assert built.python("import beta; print(beta.ANSWER)") == "42"
    assert built.run("--dev").stdout == built.run().stdout == ""


def test_changed_project_is_linked_again_and_nothing_more(built: Course) -> None:
    with (built.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    again = built.run()
    assert again.returncode == 0 and "requirements" not in again.stdout
    assert built.run("--dev").stdout == ""  # it still has the tools


def test_folder_that_moved_gets_a_new_environment(built: Course) -> None:
    moved = built.root.with_name("moved")
    built.root.rename(moved)
    try:
        script = str(moved / "coursekit" / "bootstrap.py")
        command = built.command()
        command["args"][1] = script
        command["env"]["PIP_FIND_LINKS"] = (moved / "wheels").as_uri()
        done = subprocess.run(**command, capture_output=True, text=True)
        assert done.returncode == 0 and "building it anew" in done.stdout
        start = (moved / ".venv" / "bin" / "pip").read_text().splitlines()[:2]
        assert str(moved) in "\n".join(start)
    finally:
        moved.rename(built.root)


def test_broken_environment_is_built_anew(course: Course) -> None:
    folder = course.venv / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to("/nowhere/python3")
    done = course.run()
    assert done.returncode == 0, done.stdout
    assert "building it anew" in done.stdout
    assert course.python("import alpha; print(alpha.ANSWER)") == "42"


def test_run_waits_for_another_and_ctrl_c_stops_it(course: Course) -> None:
    holder = os.open(course.root, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    for stop in (signal.SIGINT, signal.SIGTERM):
        run = subprocess.Popen(**course.command(), stdout=subprocess.PIPE, text=True)
        assert run.stdout and "waiting" in run.stdout.readline()
        run.send_signal(stop)
        assert "goes on from here" in run.communicate(timeout=10)[0]
        assert run.returncode == 130
    os.close(holder)


def test_wrong_download_is_refused(course: Course) -> None:
    wheel(course.wheels, "alpha")  # the same module in another file
    with zipfile.ZipFile(course.wheels / "alpha-1.0-py3-none-any.whl", "a") as file:
        file.writestr("evil.py", "")
    done = course.run()
    assert done.returncode == 1
    assert "not the file that the lock names" in done.stdout
    assert not (course.site / "evil.py").exists()


# ------------------------------------------------------------------- which Python


def described(version: str, **other: object) -> dict:
    numbers = [int(part) for part in version.split(".")]
    return {
        "version": numbers,
        "path": f"/opt/python{version}",
        "cpython": True,
        "bits": 64,
        "platform": "linux-x86_64",
        "glibc": "2.36",
        "venv": True,
        "pip": True,
    } | other


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict]:
    """The Pythons on this machine: command → what it says of itself."""
    found: dict[str, dict | None] = {}
    monkeypatch.setattr(bootstrap, "candidates", lambda: [[name] for name in found])
    monkeypatch.setattr(bootstrap, "probe", lambda command: found[command[0]])
    yield found


@pytest.mark.parametrize("version", ["3.9.18", "3.10.13", "3.14.0", "4.0.0"])
def test_unsuitable_python_is_named(pythons: dict, version: str) -> None:
    pythons["python3"] = described(version)
    with pytest.raises(bootstrap.Refusal) as refusal:
        bootstrap.choose_python()
    text = str(refusal.value)
    assert f"needs Python 3.11, 3.12 or 3.13, and found only {version}" in text
    assert "make lab PYTHON=" in text


def test_suitable_python_is_found_behind_an_unsuitable_one(pythons: dict) -> None:
    pythons["python3"] = described("3.9.18")
    pythons["python3.11"] = None  # a shim that starts nothing
    pythons["python3.12"] = described("3.12.1", venv=False)
    pythons["python3.13"] = described("3.13.0")
    assert bootstrap.choose_python()["path"] == "/opt/python3.13.0"


def test_other_interpreters_are_passed_over(pythons: dict) -> None:
    pythons["python3"] = described("3.11.9", cpython=False)
    with pytest.raises(bootstrap.Refusal, match="3.11.9"):
        bootstrap.choose_python()


@pytest.mark.parametrize(
    ("apt", "words"),
    [("/usr/bin/apt-get", "sudo apt install python3-venv"), (None, "in full")],
)
def test_python_without_venv(
    pythons: dict, monkeypatch: pytest.MonkeyPatch, apt: str | None, words: str
) -> None:
    pythons["python3"] = described("3.11.2", venv=False)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: apt)
    with pytest.raises(bootstrap.Refusal, match=words):
        bootstrap.choose_python()


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ({"bits": 32}, "64-bit"),
        ({"platform": "macosx-14.0-x86_64"}, "Intel"),
        ({"platform": "win-arm64"}, "WSL"),
        ({"glibc": "2.17"}, "glibc 2.28"),
        ({"glibc": ""}, "Alpine"),
    ],
)
def test_system_without_tensorflow(pythons: dict, system: dict, words: str) -> None:
    pythons["python3"] = described("3.11.9", **system)
    with pytest.raises(bootstrap.Refusal, match=words):
        bootstrap.choose_python()


@pytest.mark.parametrize(
    "platform", ["macosx-14.0-arm64", "win-amd64", "linux-aarch64"]
)
def test_system_with_tensorflow(platform: str) -> None:
    assert bootstrap.no_wheels(described("3.11.9", platform=platform)) == ""


def test_probe_describes_this_python() -> None:
    found = bootstrap.probe([sys.executable])
    assert tuple(found["version"]) == sys.version_info[:3]
    assert found["venv"] and found["bits"] == 64
    assert bootstrap.probe(["/nowhere/python3"]) is None


def test_source_is_python_3_6() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 6))


OLD = [
    path
    for pattern in ("/usr/bin/python3.[6-9]", "/usr/bin/python3.10")
    for path in Path("/").glob(pattern.lstrip("/"))
]
OLD += Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python3")


@pytest.mark.skipif(not OLD, reason="no Python older than 3.11 is installed here")
@pytest.mark.parametrize("python", OLD, ids=lambda path: str(path))
def test_old_python_says_one_sentence(course: Course, python: Path) -> None:
    command = course.command(PATH="/nowhere")
    command["args"][0] = str(python)
    done = subprocess.run(
        **command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 1
    assert done.stdout.startswith("This course needs Python 3.11, 3.12 or 3.13, and")
    assert done.stdout.count("\n") == 1
    assert not course.venv.exists()


# ------------------------------------------------------------------- pip and the disk


def test_full_disk_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(
        bootstrap.shutil, "disk_usage", lambda path: SimpleNamespace(free=2_000_000_000)
    )
    with pytest.raises(bootstrap.Refusal, match=r"about 4\.5 GB of disk and only 2\.0"):
        bootstrap.check_disk()


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "lock names"),
        ("WARNING: Retrying (Retry(total=0", "No package index"),
        ("ERROR: one\nERROR: something else", "pip failed: something else"),
        ("", "pip failed: without a word"),
    ],
)
def test_pip_s_failure_becomes_a_sentence(log: str, words: str) -> None:
    with pytest.raises(bootstrap.Refusal, match=words) as refusal:
        bootstrap.explain("\n" + log)
    assert "bootstrap.log" in str(refusal.value)


def test_progress_reads_pip_s_log(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = bootstrap.Progress(3)
    log = "\nCollecting alpha==1 (from -r x)\n  Downloading alpha-1.whl (572.4 MB)\n"
    assert progress.line(log) == "fetching 1/3: alpha, 572.4 MB"
    log += "WARNING: Retrying (Retry(total=4"
    assert "no answer from the network" in progress.line(log)
    monkeypatch.setattr(bootstrap, "installed", lambda: ["x/alpha_one-1.dist-info"])
    log += "\nInstalling collected packages: alpha-one, beta\n"
    assert progress.line(log) == "installing 1/3: beta"


def test_a_step_that_takes_long_is_said_to_be_at_work(monkeypatch, capsys) -> None:
    clock = [1000.0]
    monkeypatch.setattr(bootstrap.time, "time", lambda: clock[0])
    progress = bootstrap.Progress(0)
    for _ in range(3):
        progress.show("")
        clock[0] += 10
    first, second, third = capsys.readouterr().out.splitlines()
    assert "still working" not in first + second
    assert third.endswith("package (still working)")


def test_wishes_that_would_mislead_pip_are_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "SCRATCH", str(tmp_path / "tmp"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror.invalid")
    kept = bootstrap.pip_environment()
    assert "PIP_USER" not in kept
    assert kept["PIP_INDEX_URL"] == "http://mirror.invalid"
    assert kept["TMPDIR"] == str(tmp_path / "tmp")


def test_lock_and_course_are_where_bootstrap_looks() -> None:
    assert Path(bootstrap.ROOT) == ROOT
    assert all((ROOT / name).is_file() for name in (bootstrap.CORE, bootstrap.DEV))
