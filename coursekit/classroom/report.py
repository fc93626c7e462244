"""``coursekit report``: the class at a glance, a page with pictures and a table."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from coursekit.classroom import charts
from coursekit.classroom.gradebook import FILE, Attempt, Gradebook
from coursekit.classroom.insight import OUTCOMES, TOP, ClassReport, Item, look_at
from coursekit.classroom.ledger import BadGradebook
from coursekit.classroom.pages import document, prose, text, write
from coursekit.spine import load_course

_SIGNS = {"solved": "#", "partly": "+", "wrong": "-", "not attempted": "."}


def terminal(report: ClassReport, title: str, width: int = 24) -> str:
    """The report in plain text."""
    lines = [title, _summary(report), ""]
    lines.append(f"{'exercise':<24}{'':<{width + 2}}{_heads()}  points  discr.")
    for item in report.items:
        total = sum(item.counts.values())
        bar = "".join(
            _SIGNS[o] * round(width * item.counts[o] / total) for o in OUTCOMES
        )
        counts = "".join(f"{item.counts[o]:>7}" for o in OUTCOMES)
        name = f"{item.id} {item.name}"[:23]
        lines.append(
            f"{name:<24}{bar[:width]:<{width + 2}}{counts}  {item.easiness:>5.0%}  "
            f"{_figure(item.discrimination):>6}"
        )
    lines.append(f"{'':<24}{'  '.join(f'{s} {o}' for o, s in _SIGNS.items())}")
    if report.held:
        lines += ["", "misconceptions"]
    for held in report.held[:TOP]:
        lines.append(f"{len(held.students):>5}  {held.exercise} {held.name}")
    if len(report.held) > TOP:
        lines.append(f"       and {len(report.held) - TOP} more on the page")
    return "\n".join(lines)


def _heads() -> str:
    return "".join(
        f"{o.split()[-1][:6]:>7}" for o in ("solved", "partly", "wrong", "none")
    )


def _summary(report: ClassReport) -> str:
    parts = [f"{report.graded} graded", f"median {report.median:g} of {report.points}"]
    if report.unreadable:
        parts.append(f"{len(report.unreadable)} unreadable")
    parts.append(f"{report.median_seconds:.2f} s to grade one (median)")
    if not report.isolated:
        parts.append("NOT ISOLATED")
    return ", ".join(parts)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def page(reports: Sequence[tuple[str, ClassReport]]) -> str:
    """The report as one HTML page with its pictures in it."""
    body = ["<header><h1>The class at a glance</h1></header>"]
    for title, report in reports:
        body += _chapter(title, report)
    return document("The class at a glance", "\n".join(body))


def _chapter(title: str, report: ClassReport) -> Iterator[str]:
    yield f"<h2>{text(title)}</h2><p>{text(_summary(report))}</p>"
    if not report.isolated:
        yield (
            '<section class="wrong"><p><strong>Not isolated.</strong> Some code of '
            "students ran without a sandbox and could have changed any of these marks."
            "</p></section>"
        )
    if report.items:
        yield charts.outcomes(report)
        yield _table(report.items)
        yield charts.marks(report)
    if report.held:
        yield "<h3>What the class believes</h3>"
        yield charts.beliefs(report)
        for held in report.held:
            who = ", ".join(held.students)
            yield (
                f"<details><summary>{len(held.students)} × {text(held.exercise)} "
                f"{text(held.name)}</summary><p>{prose(held.says)}</p>"
                f'<p class="soft">{text(who)}</p></details>'
            )
    if report.unreadable:
        rows = "".join(
            f"<tr><td>{text(who)}</td><td>{text(why)}</td></tr>"
            for who, why in report.unreadable
        )
        yield f"<h3>Could not be read</h3><table>{rows}</table>"
    if report.seconds:
        slow = max(report.seconds)
        yield (
            f'<p class="soft">Grading took {sum(report.seconds):.0f} s of worker time: '
            f"{report.median_seconds:.2f} s for the median submission, {slow:.1f} s "
            "for the slowest.</p>"
        )


def _table(items: Sequence[Item]) -> str:
    heads = [*OUTCOMES, "points", "discrimination", "hung"]
    head = "".join(f'<th class="number">{name}</th>' for name in heads)
    rows = []
    for item in items:
        values = [str(item.counts[o]) for o in OUTCOMES]
        values += [
            f"{item.easiness:.0%}",
            _figure(item.discrimination),
            str(item.stuck),
        ]
        cells = "".join(f'<td class="number">{text(v)}</td>' for v in values)
        name = f"{text(item.id)} <code>{text(item.name)}</code>"
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return (
        f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"
        '<p class="soft">Points: the mean share earned. Discrimination: correlation '
        "with the rest of the chapter; near 0 or below, an exercise tells strong and "
        "weak students apart badly and deserves a look.</p>"
    )


def reports(attempts: Sequence[Attempt]) -> list[tuple[str, ClassReport]]:
    """A report, with its title, on each chapter that has attempts."""
    found = []
    for chapter in sorted({a.chapter for a in attempts}):
        own = [a for a in attempts if a.chapter == chapter]
        try:
            title = f"{chapter} {load_course().chapter(chapter).title}"
        except KeyError:
            title = f"Chapter {chapter or 'unknown'}"
        found.append((title, look_at(chapter, own)))
    return found


def main(args: list[str]) -> int:
    """``coursekit report``: what a class solved, and what it misunderstood."""
    parser = argparse.ArgumentParser(prog="coursekit report", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="the folder that grading wrote")
    parser.add_argument("--chapter", default="", help="only this one (01)")
    given = parser.parse_args(args)
    try:
        with Gradebook(given.folder / FILE, create=False) as book:
            found = reports(book.current(given.chapter))
    except BadGradebook as error:
        print(f"coursekit report: {error}", file=sys.stderr)
        return 2
    if not found:
        print("coursekit report: nothing has been graded yet", file=sys.stderr)
        return 2
    write(given.folder / "report.html", page(found))
    for title, report in found:
        print(terminal(report, title), end="\n\n")
    print(f"With pictures: {given.folder / 'report.html'}")
    return 0
