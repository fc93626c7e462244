"""Pictures of a class, as HTML that needs no other file; each says what is to be seen.

Nothing is told by colour alone: bars carry hatches and numbers.
"""

import base64
import io
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from coursekit.classroom.insight import OUTCOMES, TOP, ClassReport, Held, Item
from coursekit.classroom.pages import clean, text
from coursekit.runtime import PALETTE, STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = Callable[[ClassReport], tuple["Figure", str]]
_LOOKS = {
    "solved": (PALETTE[2], ""),
    "partly": (PALETTE[5], "//"),
    "wrong": (PALETTE[1], "xx"),
    "not attempted": ("#d5d9df", ""),
}


def _picture(draw: Drawing) -> Callable[[ClassReport], str]:
    """Turn what draws a figure and describes it into what gives HTML."""

    @wraps(draw)
    def drawn(report: ClassReport) -> str:
        import matplotlib
        from cycler import cycler

        style = {"hatch.linewidth": 0.6, "axes.prop_cycle": cycler(color=PALETTE)}
        with matplotlib.rc_context(STYLE | style):
            figure, alt = draw(report)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=144, metadata={"Software": None})
        image = base64.b64encode(buffer.getvalue()).decode()
        return (
            f'<figure><img alt="{text(alt)}" '
            f'src="data:image/png;base64,{image}"></figure>'
        )

    return drawn


def _new(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(8, height), layout="constrained")


def _label(about: Item | Held) -> str:
    id = about.id if isinstance(about, Item) else about.exercise
    return clean(f"{id} {about.name}", 60).replace("$", r"\$")  # no formulas


@_picture
def outcomes(report: ClassReport) -> tuple["Figure", str]:
    """How many solved each exercise."""
    figure = _new(1.1 + 0.42 * len(report.items))
    axes = figure.subplots()
    places = range(len(report.items))
    left = [0] * len(report.items)
    for outcome in OUTCOMES:
        color, hatch = _LOOKS[outcome]
        sizes = [item.counts[outcome] for item in report.items]
        bars = axes.barh(
            places,
            sizes,
            left=left,
            color=color,
            hatch=hatch,
            edgecolor="white",
            label=outcome,
        )
        axes.bar_label(
            bars,
            [str(n) if n else "" for n in sizes],
            label_type="center",
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"},
            fontsize="small",
        )
        left = [a + b for a, b in zip(left, sizes, strict=True)]
    axes.set_yticks(places, [_label(item) for item in report.items])
    axes.invert_yaxis()
    axes.set_xlabel("submissions")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(False)
    figure.legend(loc="outside upper left", ncols=4)
    rows = [
        f"{i.id} {', '.join(f'{i.counts[o]} {o}' for o in OUTCOMES)}"
        for i in report.items
    ]
    alt = f"Bars of how many submissions solved each exercise: {'; '.join(rows)}."
    return figure, alt


@_picture
def marks(report: ClassReport) -> tuple["Figure", str]:
    """How marks are spread."""
    figure = _new(2.4)
    axes = figure.subplots()
    bins = min(20, max(report.points, 1))
    axes.hist(report.marks, bins=bins, range=(0, max(report.points, 1)), ec="white")
    axes.axvline(report.median, color=PALETTE[1], linestyle="--")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.annotate(
        f" median {report.median:g}",
        (report.median, 1),
        xycoords=("data", "axes fraction"),
        va="top",
        color=PALETTE[1],
    )
    axes.set_xlabel(f"mark, of {report.points}")
    axes.set_ylabel("students")
    axes.yaxis.get_major_locator().set_params(integer=True)
    low, high = min(report.marks), max(report.marks)
    alt = (
        f"Histogram of the marks of {report.graded} students, from {low:g} to {high:g} "
        f"of {report.points}, with the median at {report.median:g}."
    )
    return figure, alt


@_picture
def beliefs(report: ClassReport) -> tuple["Figure", str]:
    """Which misconceptions are the most frequent."""
    top = report.held[:TOP]
    figure = _new(0.8 + 0.36 * len(top))
    axes = figure.subplots()
    bars = axes.barh(range(len(top)), [len(held.students) for held in top])
    axes.bar_label(bars, padding=3)
    axes.set_yticks(range(len(top)), [_label(held) for held in top])
    axes.invert_yaxis()
    axes.set_xlabel("students")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(False)
    rows = [f"{h.exercise} {h.name}: {len(h.students)}" for h in top]
    return figure, f"Bars of the most frequent misconceptions: {'; '.join(rows)}."
