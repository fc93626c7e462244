"""``coursekit timings``: cold seconds and peak memory of each notebook.

Each is run in a process of its own, and set beside ``import tensorflow`` in the same
run: the ratio travels between machines, the seconds do not.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from coursekit.authoring import files, offline
from coursekit.authoring.conditions import QUIET
from coursekit.spine import ROOT

BUDGET_SECONDS = 60
BUDGET_GIB = 4.0


@dataclass(frozen=True)
class Cost:
    """What one run cost; ``error`` says why there is no figure.

    Attributes:
        seconds: from starting the kernel to the end of the last cell.
        gib: the largest resident set of the kernel, in GiB; 0 where unknown.
    """

    name: str
    seconds: float
    gib: float
    error: str = ""

    @property
    def over(self) -> str:
        """Which budget is exceeded, or ""."""
        limits = []
        if self.seconds > BUDGET_SECONDS:
            limits.append(f"over {BUDGET_SECONDS} s")
        if self.gib > BUDGET_GIB:
            limits.append(f"over {BUDGET_GIB:g} GiB")
        return ", ".join(limits)


def main(chapters: list[str]) -> int:
    """Print a table for the chapters (all, if none is named); 1 if over budget."""
    offline.cut_network()  # for the children, too
    return table(chapters)


def table(chapters: list[str], root: Path = ROOT) -> int:
    """Print the table of a course that lives in ``root``; 1 if over budget."""
    try:
        wanted = chapters or files.numbers(root)
        paths = [path for chapter in wanted for path in files.sources(chapter, root)]
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    measure("import tensorflow")  # fills the disk cache; the second run counts
    base = measure("import tensorflow")
    width = max(len(p.relative_to(root).as_posix()) for p in paths)
    print(f"{'':<{width}}  seconds  x import  peak GiB")
    print(row(base, base, width), flush=True)
    costs = []
    for path in paths:
        costs.append(measure(path.relative_to(root).as_posix(), path))
        print(row(costs[-1], base, width), flush=True)
    return 1 if any(cost.error or cost.over for cost in costs) else 0


def row(cost: Cost, base: Cost, width: int) -> str:
    """One line of the table."""
    if cost.error:
        return f"{cost.name:<{width}}  failed: {cost.error}"
    ratio = cost.seconds / base.seconds
    figures = f"{cost.seconds:7.1f}  {ratio:8.1f}  {cost.gib:8.2f}"
    return f"{cost.name:<{width}}  {figures}  {cost.over}".rstrip()


def measure(name: str, notebook: Path | None = None) -> Cost:
    """The cost of a notebook, or of importing TensorFlow, in a fresh process."""
    module = [sys.executable, "-m", "coursekit.authoring.timings"]
    child = subprocess.run(
        [*module, str(notebook or "")], capture_output=True, text=True, check=False
    )
    try:
        figures = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Cost(name, 0, 0, child.stderr.strip() or f"exit {child.returncode}")
    return Cost(name, **figures)


def _in_this_process(notebook: str) -> dict[str, float | str]:
    """Run it as a child, so that its peak is the largest of this process's children."""
    from coursekit.authoring.run import RunFailed, execute

    error = ""
    nb = files.read(Path(notebook)) if notebook else None
    started = time.perf_counter()
    if nb is None:
        command = [sys.executable, "-c", "import tensorflow"]
        env = {**os.environ, **QUIET}
        subprocess.run(command, env=env, stderr=subprocess.DEVNULL, check=True)
    else:
        try:
            execute(nb, Path(notebook).parent)
        except RunFailed as failure:
            error = str(failure)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "gib": _children_peak(), "error": error}


def _children_peak() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


if __name__ == "__main__":
    print(json.dumps(_in_this_process(sys.argv[1])))
