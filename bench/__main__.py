"""``make bench``: coursekit's grader beside nbgrader and otter, in one run.

One class is drawn from the small chapter of the fixtures (attention with a mask, a
linear model trained by hand). The graders take turns, so that whatever else the machine
does meets all of them; compare the ratios within a row, not seconds between machines.
"""

import argparse
import json
import os
import sys
import tempfile
from itertools import islice
from pathlib import Path
from statistics import median

from bench import graders, material, resources
from coursekit.classroom.sample import Answers
from coursekit.spine import OWN, ROOT, load_course

CHAPTERS = ROOT / "tests" / "fixtures" / "chapters"
RESULT = ROOT / "build" / "bench" / "result.json"
TARGETS = {
    "times nbgrader": ("at least", 12.0),
    "times otter": ("at least", 16.0),
    "a minute on one core": ("at least", 60.0),
    "seconds to isolate one": ("at most", 0.1),
    "MB for a busy child": ("at most", 100.0),
    "dearest size : cheapest": ("at most", 1.5),
}


class Bench:
    """A class, ready for each grader, in a folder that goes away afterwards."""

    def __init__(self, folder: Path, number: int, nbgrader: int, otter: int) -> None:
        self.folder, self.runs = folder, 0
        self.answers = Answers(load_course().chapter("99"))
        self.stem = self.answers.chapter.stem
        drawn = material.students(self.answers, number)
        self.texts = {s.id: material.notebook(self.answers, s) for s in drawn}
        self.nbgrader, self.otter = nbgrader, otter
        self._hand_in("nbgrader", nbgrader)
        self._hand_in("otter", otter)
        material.nbgrader_source(folder / "nbgrader", self.answers)
        material.otter_zip(folder / "autograder.zip", self.answers)

    def _hand_in(self, name: str, number: int) -> Path:
        """The submissions of the first of the class, in a folder of their own."""
        chosen = dict(islice(self.texts.items(), number))
        material.hand_in(self.folder / name, self.answers.chapter, chosen)
        return self.folder / name / "submitted"

    def coursekit(self, number: int, workers: int = 0) -> graders.Timed:
        """Grade the first of the class into a new gradebook."""
        self.runs += 1
        place = self._hand_in(f"coursekit-{self.runs}", number)
        return graders.coursekit(place, self.folder / f"graded-{self.runs}", workers)

    def round(self, students: int) -> dict[str, graders.Timed]:
        """Each grader once, on its part of the class; their verdicts must agree."""
        ours = self.coursekit(students)
        found = {"coursekit": ours}
        if self.nbgrader:
            found["nbgrader"] = graders.nbgrader(self.folder / "nbgrader", self.stem)
        if self.otter:
            submitted = self.folder / "otter" / "submitted"
            paths = {p.parents[1].name: p for p in submitted.rglob("*.ipynb")}
            zipped, to = self.folder / "autograder.zip", self.folder / "graded-otter"
            found["otter"] = graders.otter(paths, zipped, to)
        full = [float(one.points) for one in self.answers.exercises.values()]
        for name, timed in found.items():
            for student, points in timed.points.items():
                whole = [p == f for p, f in zip(points, full, strict=True)]
                same = [p == f for p, f in zip(ours.points[student], full, strict=True)]
                if whole != same:
                    raise RuntimeError(f"{name} and coursekit disagree on {student}")
        return found


def main() -> int:
    """Measure, print the table, keep the figures in ``build/bench/result.json``."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=2, help="each grader takes so many turns")
    add("--students", type=int, default=200, help="for coursekit, in each round")
    add("--nbgrader", type=int, default=12, help="of them for nbgrader; 0 for none")
    add("--otter", type=int, default=6, help="of them for otter; 0 for none")
    add("--sizes", type=int, nargs="*", default=[10, 100, 1000])
    given = parser.parse_args()
    if given.otter:
        graders.environment(sys.executable)
    number = max([given.students, *given.sizes])
    with tempfile.TemporaryDirectory(prefix="coursekit-bench-") as folder:
        bench = Bench(Path(folder), number, given.nbgrader, given.otter)
        row = measure(bench, given.rounds, given.students, given.sizes)
    print(table(row))
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(bench: Bench, rounds: int, students: int, sizes: list[int]) -> dict:
    """All figures, by name."""
    rates: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        found = bench.round(students)
        said = []
        for name, timed in found.items():
            rates.setdefault(name, []).append(timed.rate)
            if name != "coursekit":
                ratio = found["coursekit"].rate / timed.rate
                ratios.setdefault(f"times {name}", []).append(ratio)
            said.append(f"{name} {timed.rate:.1f} a minute ({timed.number})")
        print(f"round {number}: {', '.join(said)}", flush=True)
    row = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    row["submissions a minute"] = {n: median(values) for n, values in rates.items()}
    row |= {name: median(values) for name, values in ratios.items()}
    one = bench.coursekit(min(60, students), workers=1)
    row["a minute on one core"] = 60 / one.steady
    print(f"one worker: {60 / one.steady:.0f} a minute", flush=True)
    row["seconds to isolate one"] = resources.isolation()
    cells = [
        "".join(cell["source"])
        for cell in json.loads(bench.answers.chapter.solutions.read_text())["cells"]
        if cell["cell_type"] == "code" and not cell["id"].startswith("check-")
    ]
    private, share = resources.busy_child(["import numpy as np", *cells])
    row["MB for a busy child"], row["its proportional MB"] = private, share
    costs = {}
    for size in sizes:
        timed = bench.coursekit(size)
        costs[size] = timed.steady
        print(f"{size} submissions: {timed.seconds:.0f} s in all", flush=True)
    row["seconds each, by size"] = costs
    if costs:
        row["dearest size : cheapest"] = max(costs.values()) / min(costs.values())
    return row


def table(row: dict) -> str:
    """The figures as Markdown, each beside its target."""
    lines = [
        f"{row['cores']} cores, load {row['load']:.1f}. Rates are of whole commands,",
        "start-up included; sizes and one core once the first verdict is there.",
        "",
        "| | measured | target |",
        "| --- | ---: | --- |",
    ]
    for name, rate in row["submissions a minute"].items():
        lines.append(f"| {name}, submissions a minute | {rate:.1f} | |")
    for size, seconds in row["seconds each, by size"].items():
        lines.append(f"| seconds for each of {size} submissions | {seconds:.2f} | |")
    for name, (way, limit) in TARGETS.items():
        if name in row:
            good = row[name] >= limit if way == "at least" else row[name] <= limit
            sign = "✓" if good else "✗"
            lines.append(f"| {name} | {row[name]:.3g} | {way} {limit:g} {sign} |")
    return "\n".join(lines)


if __name__ == "__main__":
    os.environ[OWN] = str(CHAPTERS)
    sys.exit(main())
