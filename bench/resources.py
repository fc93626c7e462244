"""What the sandbox itself costs: seconds for each submission, memory for each child."""

import subprocess
import time
from pathlib import Path
from statistics import median

from coursekit.classroom.grader import PRELOAD
from coursekit.classroom.patience import Patience
from coursekit.classroom.sandbox import Limits, Walled

_BUSY = """
rng = np.random.default_rng(1)
x = rng.normal(size=(20, 1)).astype("float32")
q = rng.normal(size=(8, 16)).astype("float32")
kept = attention(tf.constant(q), tf.constant(q), tf.constant(q)), train_linear(
    tf.constant(x), tf.constant(2 * x + 1), 20, 0.1)
"""


def isolation(rounds: int = 40) -> float:
    """Median seconds to raise the walls around a fresh child, and to take it down."""
    host = _host()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        channel = host.open()
        channel.close()
        host.end()
        taken.append(time.perf_counter() - began)
    host.close()
    return median(taken)


def busy_child(cells: list[str]) -> tuple[float, float]:
    """MB that a child has for itself, and its proportional share, after real work.

    Args:
        cells: of a notebook with right answers to both exercises.
    """
    host = _host()
    channel = host.open()
    for source in [*cells, _BUSY]:
        request = ("cell", "<cell>", source)
        said = channel.ask(request, Patience(60, host.computed))
        if said is not None:
            raise RuntimeError(f"the answer failed: {said}")
    sizes = _sizes(family(host._process.pid)[-1])
    channel.close()
    host.end()
    host.close()
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return private / 1000, sizes["Pss"] / 1000


def _host() -> Walled:
    host = Walled(Limits(), PRELOAD)
    host.start()
    return host


def _sizes(pid: int) -> dict[str, float]:
    """kB by name, of all that a process has mapped."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: float(line.split()[1]) for line in lines}


def family(pid: int) -> list[int]:
    """A process, its children, theirs and so on: in a sandbox one after the other."""
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
    found = [pid]
    for one in found:
        found += [child for child, parent in pairs if parent == one]
    return found
