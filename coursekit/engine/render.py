"""Show a verdict: HTML for the notebook, and the same in plain text.

Nothing is said by colour alone, and every colour reads on light and dark pages.
"""

import html
import re
from dataclasses import dataclass

from coursekit.engine.grading import Result
from coursekit.engine.plain import brief

_EDGE = {"right": "#009E73", "not attempted": "#8a8a8a"}
_WAITING = "#D55E00"


@dataclass(frozen=True)
class Rendered:
    """One message in two forms; ``bundle`` is what ``display(raw=True)`` takes."""

    html: str
    text: str

    @property
    def bundle(self) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def inline(text: str) -> str:
    """HTML of prose in which only `code` is marked up."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def box(edge: str, body: str) -> str:
    return (
        f'<section style="border-left: 4px solid {edge}; padding: 0.2em 1em; '
        f'margin: 0.4em 0; max-width: 52em">{body}</section>'
    )


def _headline(result: Result) -> str:
    exercise = result.exercise
    name = f"{exercise.id} `{exercise.name}`"
    earned, points = f"{result.earned:g}", exercise.points
    match result.state:
        case "right":
            return f"✓ {name}: right ({points} of {points} points)"
        case "not attempted":
            return f"○ {name}: not attempted yet"
        case "error":
            return f"✗ {name}: stopped by an error ({earned} of {points} points)"
        case _:
            return f"✗ {name}: not right yet ({earned} of {points} points)"


def _groups(result: Result) -> str:
    return ", ".join(f"{'✓' if good else '✗'} {name}" for name, good in result.groups)


def _diagnosis(result: Result) -> str:
    if result.misconception is None:
        return ""
    lead = "" if result.sure else "Your failing cases look like this misconception: "
    return lead + result.misconception.says


def render(result: Result, *, note: str = "", solution: str = "") -> Rendered:
    """The verdict as HTML and as text.

    Args:
        result: what the check found.
        note: what to do next, one sentence.
        solution: source of the reference solution, shown after a pass.
    """
    headline = _headline(result)
    parts = [f"<p><strong>{inline(headline)}</strong></p>"]
    lines = [headline.replace("`", "")]
    if result.state == "right":
        explain = result.exercise.explain
        parts.append(f"<p>{inline(explain)}</p>")
        lines.append(explain)
        if solution:
            parts.append(
                "<details><summary>Reference solution, to compare</summary>"
                f"<pre>{html.escape(solution, quote=False)}</pre></details>"
            )
            lines += ["Reference solution, to compare:", solution]
    elif result.failure is not None:
        _explain_failure(result, parts, lines)
    if note:
        parts.append(f"<p>{inline(note)}</p>")
        lines.append(note)
    edge = _EDGE.get(result.state, _WAITING)
    return Rendered(box(edge, "".join(parts)), "\n".join(lines))


def _explain_failure(result: Result, parts: list[str], lines: list[str]) -> None:
    failure = result.failure
    assert failure is not None
    rows = {
        "Call": failure.case.shown(result.exercise.name),
        "Expected": brief(failure.want),
        "Got": brief(failure.got),
    }
    parts.append(f"<p>{inline(failure.difference)}</p>")
    lines.append(failure.difference)
    if result.state == "error":
        del rows["Got"]  # the error has just been told
    cells = "".join(
        f'<tr><th scope="row" style="text-align: left">{name}</th>'
        f'<td style="text-align: left"><code>{html.escape(value, quote=False)}</code>'
        "</td></tr>"
        for name, value in rows.items()
    )
    parts.append(f"<table>{cells}</table>")
    lines += [f"  {name + ':':<10}{value}" for name, value in rows.items()]
    if diagnosis := _diagnosis(result):
        parts.append(f"<p><strong>What is behind it.</strong> {inline(diagnosis)}</p>")
        lines.append(f"What is behind it. {diagnosis}")
    if len(result.groups) > 1:
        parts.append(f"<p>{inline(_groups(result))}</p>")
        lines.append(_groups(result))
