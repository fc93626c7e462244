"""The locks, pyproject.toml and environment.yml say the same."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from coursekit.spine import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def project() -> dict:
    return tomllib.loads(text("pyproject.toml"))["project"]


def pins(lines: str) -> dict[str, Requirement]:
    """Requirements of the form ``name==version``, by canonical name."""
    found = {}
    for line in lines.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.rstrip("\\ "))
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice"
            found[name] = requirement
    return found


def version(requirement: Requirement) -> str:
    return str(requirement.specifier).removeprefix("==")


def uv(*arguments: str, folder: Path) -> str:
    """What ``uv pip compile`` prints; skips where there is no uv or no network."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which(
        "uv"
    )
    if not found:
        pytest.skip("uv is not installed: `make test` installs it")
    done = subprocess.run(
        [found, "pip", "compile", "--no-config", "--quiet", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "20"},
    )
    if done.returncode and re.search(
        "error sending request|dns error|timed out|Failed to fetch", done.stderr
    ):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_pyproject(lock: str) -> None:
    wanted = [*project()["dependencies"]]
    if lock != LOCKS[0]:
        wanted += project()["optional-dependencies"]["dev"]
    locked = pins(text(lock))
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not in {lock}: run `make lock`"
        fits = requirement.specifier.contains(version(locked[name]))
        assert fits, f"{lock} has {locked[name]}, pyproject wants {requirement}"


def test_core_pins_are_exact_where_they_must_be() -> None:
    exact = {
        r.name: str(r.specifier) for r in map(Requirement, project()["dependencies"])
    }
    assert exact["keras"] == "==3.15.1"
    assert exact["tensorflow"] == "==2.21.0"
    assert exact["setuptools"] == "==80.8.0"


def test_dev_lock_holds_the_core_lock() -> None:
    core, dev = (pins(text(lock)) for lock in LOCKS)
    assert core.keys() < dev.keys()
    differing = [
        name
        for name in core
        if core[name].specifier != dev[name].specifier
        or dev[name].marker not in (None, core[name].marker)
    ]
    assert not differing


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text(lock))[1:]
    assert len(blocks) == len(pins(text(lock)))
    bare = [b.split()[0] for b in blocks if not re.search(r"--hash=sha256:\w{64}", b)]
    assert not bare


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_index_and_no_folder(lock: str) -> None:
    assert not re.search(r"https?:|file:|://", text(lock))
    assert not re.search(r"--(extra-)?index-url|--find-links|^-[if] ", text(lock), re.M)
    assert not re.search(r"(^|[\s=])/\w", text(lock))
    header = text(lock).splitlines()[:2]
    assert header[1].strip("# ") == "make lock"


def test_locked_python_range_is_the_bootstrap_s() -> None:
    from coursekit import bootstrap

    low, high = bootstrap.python_range()
    written = SpecifierSet(project()["requires-python"])
    assert ["{}.{}".format(*low), PYTHONS[-1]] == [PYTHONS[0], f"3.{high[1] - 1}"]
    assert all(Version(f"{python}.0") in written for python in PYTHONS)
    assert Version("{}.{}.0".format(*high)) not in written


@pytest.mark.network
@pytest.mark.parametrize("lock", LOCKS)
def test_make_lock_would_change_nothing(lock: str, tmp_path: Path) -> None:
    """Every input of the lock is in it: a recompilation gives the same file."""
    for name in ("pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    recipe = re.search(
        r"\$\(UV\) pip compile (.+?) pyproject.toml\n", text("Makefile"), re.S
    )
    assert recipe
    words = recipe.group(1).replace("\\\n", " ")
    for given in ("$(UPGRADE)", "--no-config", "--quiet"):
        words = words.replace(given, "")
    options = words.replace('"make lock"', "make\0lock").split()
    options = [option.replace("\0", " ") for option in options]
    if lock != LOCKS[0]:
        options += ["--extra", "dev", "--constraint", LOCKS[0]]
    uv(*options, "pyproject.toml", "--output-file", lock, folder=tmp_path)
    assert (tmp_path / lock).read_text("utf-8") == text(lock)


def compiled_packages() -> list[str]:
    """Pins of packages with a wheel for each system; the others have one for all."""
    locked = pins(text(LOCKS[1]))
    compiled = {"pywinpty"}
    for distribution in importlib.metadata.distributions():
        if "Root-Is-Purelib: false" in (distribution.read_text("WHEEL") or ""):
            compiled.add(canonicalize_name(distribution.name))
    return [str(pin) for name, pin in locked.items() if name in compiled]


@pytest.mark.network
@pytest.mark.parametrize("python", PYTHONS)
def test_every_platform_has_wheels(python: str, tmp_path: Path) -> None:
    (tmp_path / "compiled.txt").write_text("\n".join(compiled_packages()))
    for platform in PLATFORMS:
        resolved = uv(
            "compiled.txt",
            *("--python-version", python, "--python-platform", platform),
            *("--no-deps", "--only-binary", ":all:", "--no-annotate"),
            folder=tmp_path,
        )
        assert pins(resolved).keys() >= {"tensorflow", "ai-edge-litert", "numpy"}


# ------------------------------------------------------------------- environment.yml


@cache
def conda() -> dict:
    return yaml.safe_load(text("environment.yml"))


def pip_section() -> list[str]:
    (section,) = [d["pip"] for d in conda()["dependencies"] if isinstance(d, dict)]
    return section


def test_conda_environment_is_python_pip_and_the_lock() -> None:
    assert conda().keys() == {"name", "channels", "dependencies"}
    assert conda()["name"] == "coursekit"
    assert conda()["channels"] == ["conda-forge"]
    plain = [d for d in conda()["dependencies"] if isinstance(d, str)]
    assert plain == ["python=3.11", "pip"]
    assert Version("3.11") in SpecifierSet(project()["requires-python"])


def test_conda_pip_section_names_files_that_are_here() -> None:
    for line in pip_section():
        option, _, name = line.partition(" ")
        assert option == "-r" and (ROOT / name).is_file()


@pytest.mark.network
def test_conda_pip_section_resolves_to_the_lock(tmp_path: Path) -> None:
    """Conda writes the section into a file beside environment.yml, for pip -r."""
    (tmp_path / "condaenv.requirements.txt").write_text("\n".join(pip_section()))
    shutil.copy(ROOT / LOCKS[0], tmp_path)
    resolved = pins(
        uv(
            "condaenv.requirements.txt",
            *("--universal", "--python-version", "3.11", "--no-annotate"),
            folder=tmp_path,
        )
    )
    locked = pins(text(LOCKS[0]))
    assert {n: version(r) for n, r in resolved.items()} == {
        n: version(r) for n, r in locked.items()
    }
    for requirement in map(Requirement, project()["dependencies"]):
        pin = resolved[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version(pin))


def test_pip_accepts_hashes_only_without_the_folder(tmp_path: Path) -> None:
    """Why environment.yml needs a second command: see the comment there."""
    lines = ["-e .", "nothing==1.0 --hash=sha256:" + "0" * 64]
    (tmp_path / "both.txt").write_text("\n".join(lines))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
        + ["--no-build-isolation", "-r", "both.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode and "hash" in done.stderr


# ------------------------------------------------------------------- make and CI


def make(*arguments: str) -> str:
    if not shutil.which("make"):
        pytest.skip("there is no make")
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_make_alone_lists_the_targets() -> None:
    listed = set(re.findall(r"^make (\w+)", make(), re.M))
    declared = re.search(r"^\.PHONY: (.+)$", text("Makefile"), re.M)
    assert declared
    assert listed == set(declared.group(1).split()) - {"help", "core", "tools"}


def test_make_says_when_there_is_no_python() -> None:
    assert "There is no python3.99 on PATH" in make("lab", "PYTHON=python3.99")


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().rstrip().endswith("make test")
    subprocess.run(["bash", "-n", script], check=True)


def test_no_module_hides_one_of_python_s() -> None:
    """bootstrap.py runs by path, and then its folder comes first in the search."""
    names = {path.stem for path in (ROOT / "coursekit").iterdir()}
    assert not names & set(sys.stdlib_module_names)
