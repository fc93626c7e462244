"""The doctor: what it says of a machine that is well, and of one that is not."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from coursekit import doctor


def test_this_machine_is_ready_and_nothing_is_noisy() -> None:
    """The one slow test: in a process of its own, with TensorFlow and training."""
    done = subprocess.run(
        [sys.executable, "-c", "from coursekit.doctor import main; exit(main())"],
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert lines[-1] == "ready", done.stdout
    assert done.returncode == 0
    assert done.stderr == ""
    said = {line.split()[0] for line in lines}
    assert said >= {"python", "tensorflow", "keras", "numpy", "jupyterlab"}
    assert said >= {"lock", "cores", "memory", "disk", "accelerator", "training"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without what needs TensorFlow."""
    examinations = (doctor.versions, doctor.machine, doctor.bytecode)
    monkeypatch.setattr(doctor, "EXAMINATIONS", examinations)
    return monkeypatch


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_wrong_version_says_what_to_run(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = doctor._version
    wrong = {"keras": "3.12.0", "numpy": None}
    quick.setattr(doctor, "_version", lambda name: wrong.get(name, real(name)))
    assert doctor.main() == 1
    out = capsys.readouterr().out
    assert "3.12.0" in out and "missing" in out
    line = out.splitlines()[-1]
    assert line.startswith("not ready: keras==3.15.1 is needed, numpy")
    assert line.count("bootstrap.py") == 1


def test_full_disk(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = SimpleNamespace(free=100_000_000)
    quick.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert doctor.main() == 1
    assert last_line(capsys).endswith("disk is free: make room")


def test_little_memory_is_said_and_stops_nobody(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick.setattr(doctor, "memory_gib", lambda: 3.5)
    assert doctor.main() == 0
    out = capsys.readouterr().out
    assert "close other programs" in out
    assert out.endswith("ready\n")


def test_missing_bytecode_is_said_with_the_command(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick.setattr(doctor, "compiled", lambda package: package != "keras")
    assert doctor.main() == 0
    assert "-m compileall -q" in capsys.readouterr().out


def test_bad_training_and_crash_are_problems(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def accelerator(report: doctor.Report) -> None:
        raise ImportError("libcuda.so is\nbroken")

    monkeypatch.setattr(doctor, "train", lambda: 0.5)
    monkeypatch.setattr(doctor, "EXAMINATIONS", (accelerator, doctor.training))
    assert doctor.main() == 1
    line = last_line(capsys)
    assert "ImportError (libcuda.so is broken)" in line
    assert "50% of the digits" in line


def test_compiled_looks_at_the_disk() -> None:
    assert doctor.compiled("numpy")
    assert not doctor.compiled("a_package_that_is_not_here")


def test_lock_is_read_for_this_machine() -> None:
    pins = dict(doctor.locked())
    assert pins["tensorflow"] == "2.21.0"
    assert ("pywinpty" in pins) == (sys.platform == "win32")
