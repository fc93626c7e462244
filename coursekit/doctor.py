"""Is this machine ready? Versions, the machine, and one second of training."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.spine import ROOT

REINSTALL = (
    "run `python3 coursekit/bootstrap.py`, or with conda: "
    "`python -m pip install -r requirements.lock`"
)
MEMORY_GIB = 4.0
DISK_GB = 0.5
ACCURACY = 0.90


@dataclass
class Report:
    """What is wrong, under what to do about it."""

    problems: dict[str, list[str]] = field(default_factory=dict)

    def line(self, name: str, found: str, verdict: str = "") -> None:
        print(f"{name:<18} {found:<15} {verdict}".rstrip(), flush=True)

    def require(self, good: bool, problem: str, fix: str) -> str:
        """``"ok"``, or the problem, which then also counts."""
        if not good:
            self.problems.setdefault(fix, []).append(problem)
        return "ok" if good else problem

    @property
    def conclusion(self) -> str:
        """``ready``, or in one line what is wrong and what to do."""
        whole = [f"{', '.join(bad)}: {fix}" for fix, bad in self.problems.items()]
        return "not ready: " + "; ".join(whole) if whole else "ready"


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def locked() -> Iterator[tuple[str, str]]:
    """Name and version of each package that the lock wants on this machine."""
    from packaging.requirements import Requirement

    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            requirement = Requirement(line.rstrip("\\ "))
            if not requirement.marker or requirement.marker.evaluate():
                yield requirement.name, str(requirement.specifier).removeprefix("==")


def versions(report: Report) -> None:
    """Python and the dependencies against pyproject, then all against the lock."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    project = _project()
    wanted = project["requires-python"]
    here = ".".join(map(str, sys.version_info[:3]))
    fits = here in SpecifierSet(wanted)
    verdict = report.require(fits, f"Python {wanted} is needed", REINSTALL)
    report.line("python", here, verdict)
    for requirement in map(Requirement, project["dependencies"]):
        version = _version(requirement.name)
        good = version is not None and version in requirement.specifier
        verdict = report.require(good, f"{requirement} is needed", REINSTALL)
        report.line(requirement.name, version or "missing", verdict)
    pins = list(locked())
    other = [name for name, version in pins if _version(name) != version]
    verdict = "" if not other else "not at the locked version: " + ", ".join(other[:5])
    report.line("lock", f"{len(pins) - len(other)} of {len(pins)}", verdict or "ok")


def memory_gib() -> float:
    """Memory that this process may use, in GiB; a container's limit counts."""
    import psutil

    total = psutil.virtual_memory().total
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
    return total / 2**30


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine(report: Report) -> None:
    """Cores, memory, disk. Little memory is said, but stops nobody."""
    report.line("cores", str(cores()), "ok" if cores() > 1 else "slow, but enough")
    memory = memory_gib()
    scarce = f"lessons use up to {MEMORY_GIB:.0f} GiB: close other programs first"
    report.line("memory", f"{memory:.1f} GiB", "ok" if memory >= MEMORY_GIB else scarce)
    free = shutil.disk_usage(ROOT).free / 1e9
    problem = f"less than {DISK_GB} GB of disk is free"
    verdict = report.require(free >= DISK_GB, problem, "make room")
    report.line("disk", f"{free:.1f} GB free", verdict)


def compiled(package: str) -> bool:
    """Whether the package's modules lie compiled on the disk."""
    spec = importlib.util.find_spec(package)
    if not spec or not spec.origin:
        return False
    folder = Path(spec.origin).parent
    modules = list(folder.glob("*.py"))
    return all(
        Path(importlib.util.cache_from_source(str(module))).is_file()
        for module in modules
    )


def bytecode(report: Report) -> None:
    """Uncompiled, importing TensorFlow costs 20 seconds every time instead of five."""
    bare = [name for name in ("tensorflow", "keras", "numpy") if not compiled(name)]
    fix = f"every start is slow: run `{sys.executable} -m compileall -q {{}}`"
    folder = Path(importlib.metadata.distribution("pip").locate_file(""))
    verdict = fix.format(folder) if bare else "ok"
    report.line("bytecode", "missing" if bare else "compiled", verdict)


def accelerator(report: Report) -> None:
    from coursekit.runtime import quiet_import, silenced_stderr

    tf = quiet_import()
    with silenced_stderr():
        devices = tf.config.list_physical_devices("GPU")
        names = [
            tf.config.experimental.get_device_details(device).get("device_name", "GPU")
            for device in devices
        ]
    report.line("accelerator", ", ".join(names) or "none: every lesson runs on the CPU")


def train() -> float:
    """Train a small network on the handwritten digits for about a second.

    Returns:
        Its accuracy on the 360 digits that it has not seen, 0 to 1.
    """
    from coursekit.data import digits
    from coursekit.runtime import quiet_import, reseed, silenced_stderr

    quiet_import()
    import keras

    reseed()
    data = digits()
    with silenced_stderr():
        model = keras.Sequential(
            [
                keras.Input((8, 8)),
                keras.layers.Flatten(),
                keras.layers.Dense(48, activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(0.01),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,
        )
        model.fit(data.x_train, data.y_train, 64, epochs=10, verbose=0)
        return model.evaluate(data.x_test, data.y_test, 360, verbose=0)[1]


def training(report: Report) -> None:
    start = time.perf_counter()
    accuracy = train()
    problem = f"training got {accuracy:.0%} of the digits right, not {ACCURACY:.0%}"
    verdict = report.require(accuracy >= ACCURACY, problem, REINSTALL)
    seconds = time.perf_counter() - start
    found = f"{accuracy:.0%} right"
    report.line(
        "training", found, f"{verdict} (in {seconds:.1f} s; {ACCURACY:.0%} needed)"
    )


EXAMINATIONS: tuple[Callable[[Report], None], ...] = (
    versions,
    machine,
    bytecode,
    accelerator,
    training,
)


def main(arguments: Sequence[str] = ()) -> int:
    """Examine, and say ``ready`` or what to fix in the last line.

    Returns:
        0 when ready, else 1.
    """
    report = Report()
    for examine in EXAMINATIONS:
        try:
            examine(report)
        except Exception as error:  # a broken install can fail in any way
            reason = " ".join(str(error).split())[:200]
            problem = f"{type(error).__name__} ({reason})"
            verdict = report.require(False, problem, REINSTALL)
            report.line(examine.__name__, "failed", verdict)
    print(report.conclusion)
    return 1 if report.problems else 0
