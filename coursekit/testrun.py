"""The whole test run: ``make test``, or ``coursekit test`` in a conda environment.

Every part runs even when an earlier one failed; the table at the end has them all.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coursekit.spine import ROOT

SOURCES = ("coursekit", "tests", "bench", "notebooks", "solutions", "conftest.py")
PYTEST = ("-m", "pytest")
# Two at a time, a file each (loadfile): the cells of a notebook share a kernel, and
# the tests of a module what it starts. The conftest of `tests` makes an exception.
PAIRED = (*PYTEST, "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider")
NBVAL = ("--nbval", "--nbval-current-env", "notebooks", "solutions")
NOTEBOOKS = (*PAIRED, *NBVAL)
THROUGH = ("--continue-on-collection-errors", "--durations=9", "--durations-min=20")
PARTS: dict[str, tuple[str, ...]] = {
    "style": ("-m", "ruff", "check", *SOURCES),
    "format": ("-m", "ruff", "format", "--check", *SOURCES),
    "package": (*PAIRED, *THROUGH, "tests"),
    "notebooks": NOTEBOOKS,
}

MACHINES: tuple[dict[str, str], ...] = (
    {"TF_ENABLE_ONEDNN_OPTS": "0"},
    {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    {"COURSEKIT_THREADS": "1"},
    {"COURSEKIT_THREADS": "4"},
)
"""Settings that make this processor count like another one."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CLOSING = re.compile(r"^=+ (?P<counts>.+) in [\d.]+s(?: \(.+\))? =+$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)")


@dataclass(frozen=True)
class Result:
    """How one part went."""

    name: str
    status: int
    seconds: float
    output: str

    @property
    def closing(self) -> str:
        """pytest's closing line without its frame, else the last line printed."""
        lines = [m.group().strip("= ") for m in _CLOSING.finditer(self.output)]
        return (lines or self.output.strip().splitlines() or [""])[-1]

    @property
    def counts(self) -> Counter[str]:
        """Tests by outcome; a part that is not pytest's counts only when it fails."""
        found: Counter[str] = Counter()
        if closings := [*_CLOSING.finditer(self.output)]:
            for number, outcome in _COUNT.findall(closings[-1]["counts"]):
                found[outcome.removesuffix("s")] += int(number)
        if self.status and not found["failed"] and not found["error"]:
            found["error"] += 1
        return found


def environment(home: str, **extra: str) -> dict[str, str]:
    """This one, with a learner who has done nothing and no IPython start-up files."""
    folders = {"COURSEKIT_HOME": home, "IPYTHONDIR": os.path.join(home, "ipython")}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **folders, **extra}


def run(name: str, arguments: Iterable[str], *, echo: bool, **extra: str) -> Result:
    """Run this Python with those arguments in the course's folder.

    Args:
        echo: pass the output on while it appears.
        extra: environment variables.
    """
    start = time.monotonic()
    received = bytearray()
    with tempfile.TemporaryDirectory(prefix="coursekit-test-") as home:
        with subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(home, **extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            assert child.stdout
            while chunk := os.read(child.stdout.fileno(), 65536):
                received += chunk
                if echo:
                    os.write(1, chunk)
    output = _ANSI.sub("", received.decode("utf-8", "replace")).replace("\r\n", "\n")
    return Result(name, child.returncode, time.monotonic() - start, output)


def table(results: list[Result]) -> str:
    """One line for each part, then all tests together in the form that pytest uses."""
    lines = [
        f"{r.name:<10} {'FAILED' if r.status else 'ok':<7} {r.seconds:6.1f} s   "
        f"{r.closing[:200]}"
        for r in results
    ]
    counts = sum((r.counts for r in results), Counter())
    order = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
    told = ", ".join(f"{counts[o]} {o}" for o in order if counts[o]) or "no tests ran"
    seconds = sum(r.seconds for r in results)
    return "\n".join([*lines, f" {told} in {seconds:.2f}s ".center(80, "=")])


def test(parts: list[str]) -> int:
    """Run those parts; returns 0 when all of them passed, else 1."""
    results: list[Result] = []
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    try:
        for number, name in enumerate(parts, 1):
            print(f"\n[{number}/{len(parts)}] {name}", flush=True)
            arguments = [*PARTS[name]]
            arguments += colour if "pytest" in arguments else []
            results.append(run(name, arguments, echo=True))
    except KeyboardInterrupt:
        print("\nstopped; so far:")
        print(table(results))
        return 130
    print("\n" + table(results))
    return int(any(result.status for result in results))


def portability() -> int:
    """Compare the notebooks' outputs under each of `MACHINES`.

    Returns:
        0 when all agree, else 1; ``build/portability-*.log`` then say where not.
    """
    logs = ROOT / "build"
    logs.mkdir(exist_ok=True)
    failures = 0
    for number, settings in enumerate(MACHINES, 1):
        ((key, value),) = settings.items()
        print(f"{key + '=' + value:<28} ", end="", flush=True)
        # Slowing the processor down is the point: no budget.
        extra = {**settings, "COURSEKIT_BUDGET_SECONDS": "600"}
        result = run(f"{key}={value}", NOTEBOOKS, echo=False, **extra)
        log = Path(logs, f"portability-{number}.log")
        log.write_text(result.output, encoding="utf-8")
        failures += bool(result.status)
        where = f"   see {log.relative_to(ROOT)}" if result.status else ""
        print(f"{'FAILED' if result.status else 'ok':<7} {result.closing}{where}")
    return int(bool(failures))


def main(arguments: list[str]) -> int:
    """``coursekit test [--portability] [part ...]``; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="coursekit test", description="Test everything that the course claims."
    )
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--portability",
        action="store_true",
        help="compare the stored outputs under settings of other processors",
    )
    args = parser.parse_args(arguments)
    if unknown := [part for part in args.parts if part not in PARTS]:
        parser.error(
            f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}"
        )
    if args.portability:
        return portability()
    return test(args.parts or list(PARTS))
