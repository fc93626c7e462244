"""Show a verdict: HTML for the notebook, and the same in plain text.

Nothing is said by colour alone. Only edges are coloured, so that the text keeps the
colours of the page, light or dark, and styles are written in place, in the few words
that JupyterLab leaves in outputs it does not trust.
"""

import html
import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from coursekit.engine.grading import Failure, Result
from coursekit.engine.picture import is_picture, pictures
from coursekit.engine.places import Place, places
from coursekit.engine.plain import Raised
from coursekit.spine import load_course

EDGES = {
    "right": "#009E73",
    "wrong": "#D55E00",
    "error": "#D55E00",
    "not attempted": "#8a8a8a",
    "note": "#0072B2",
}
_FEW = 6
_LEFT = 'style="text-align: left; vertical-align: top"'
_HEADING = 'style="font-size: 1em; font-weight: bold; margin: 0.3em 0"'
_TIGHT = 'style="margin: 0"'
_CODE = 'style="white-space: pre-wrap; overflow-wrap: anywhere"'
_BLOCK = _CODE[:-1] + '; word-break: normal; margin: 0 0 0.8em"'


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


def linked(text: str) -> str:
    """HTML of the course's own prose: "section 04.3" and "exercise 04.3" are links."""
    return re.sub(r"\b(section|exercise) (\d\d\.\d)\b", _link, inline(text))


def _link(match: re.Match[str]) -> str:
    try:
        chapter = load_course().chapter(match[2])
        title = load_course().section(match[2]).title
    except KeyError:
        return match[0]
    folder = "notebooks" if match[1] == "section" else "exercises"
    heading = quote(f"{match[2]} {title}".replace(" ", "-"), safe="(),.:'")
    target = f"../{folder}/{chapter.stem}.ipynb#{heading}"
    underlined = 'style="text-decoration: underline"'  # not known by colour alone
    return f'<a href="{html.escape(target)}" {underlined}>{match[0]}</a>'


def box(edge: str, body: str, label: str) -> str:
    """A region with a coloured edge; screen readers list it by its label."""
    style = f"border-left: 4px solid {edge}; padding: 0.2em 1em; max-width: 52em"
    name = html.escape(label)
    return f'<section aria-label="{name}" style="{style}">{body}</section>'


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


def _groups(result: Result) -> list[str]:
    passed = [name for name, good in result.groups if good]
    failed = [name for name, good in result.groups if not good]
    told = [f"✓ Passed: {', '.join(passed)}."] if passed else []
    return [*told, f"✗ Not yet: {', '.join(failed)}."]


def _diagnosis(result: Result) -> str:
    if result.misconception is None:
        return ""
    lead = "" if result.sure else "Your failing cases look like this misconception: "
    return lead + result.misconception.says


def render(result: Result, *, note: str = "", solution: str = "") -> Rendered:
    """The verdict as HTML and as text.

    Args:
        result: what the check found.
        note: what to do next, in the course's own words.
        solution: source of the reference solution, shown after a pass.
    """
    headline = _headline(result)
    # announced when it comes, and a heading to jump to
    head = f"<h3 {_HEADING}>{inline(headline)}</h3>"
    parts = [f'<div role="status">{head}</div>']
    lines = [headline.replace("`", "")]
    if result.state == "right":
        explain = result.exercise.explain
        parts.append(f"<p>{inline(explain)}</p>")
        lines.append(explain)
        if solution:
            parts.append(
                "<details><summary>Reference solution, to compare</summary>"
                f"{block(solution)}</details>"
            )
            lines += ["Reference solution, to compare:", solution]
    elif result.failure is not None:
        _explain_failure(result, result.failure, parts, lines)
    if note:
        parts.append(f"<p>{linked(note)}</p>")
        lines.append(note)
    label = f"Verdict on exercise {result.exercise.id}"
    body = box(EDGES[result.state], "".join(parts), label)
    return Rendered(body, "\n".join(lines))


def message(text: str, *, label: str, code: str = "") -> Rendered:
    """A remark of the course to the learner, with a piece of code if need be."""
    body = f'<p role="status">{linked(text)}</p>{block(code) if code else ""}'
    plain = text.replace("`", "")
    return Rendered(
        box(EDGES["note"], body, label), f"{plain}\n{code}" if code else plain
    )


def block(code: str) -> str:
    """HTML of lines of code, which wrap where the page is narrow."""
    return f"<pre {_BLOCK}>{html.escape(code, quote=False)}</pre>"


def _explain_failure(
    result: Result, failure: Failure, parts: list[str], lines: list[str]
) -> None:
    call = failure.case.shown(result.exercise.name)
    parts.append(f"<p>{inline(failure.difference)}</p>")
    parts.append(f"<p {_TIGHT}>The call that shows it:</p>{block(call)}")
    lines += [failure.difference, f"  Call:     {call}"]
    if isinstance(failure.got, Raised):  # the error has just been told
        expected = failure.shown[0]
        parts.append(f"<p {_TIGHT}>Expected:</p>{block(expected)}")
        lines.append(f"  Expected: {expected}")
    else:
        _contrast(result, failure, parts, lines)
    if diagnosis := _diagnosis(result):
        parts.append(f"<p><strong>What is behind it.</strong> {inline(diagnosis)}</p>")
        lines.append(f"What is behind it. {diagnosis}")
    if len(result.groups) > 1:
        told = _groups(result)
        parts.append(f"<p>{'<br>'.join(map(inline, told))}</p>")
        lines += told


def _contrast(
    result: Result, failure: Failure, parts: list[str], lines: list[str]
) -> None:
    """What was expected and what came side by side, and as pictures where it helps."""
    exercise = result.exercise

    def same(got: object, want: object) -> bool:
        return exercise.judge(got, want) is None

    differing = list(islice(places(failure.want, failure.got, same), 100))
    if not differing:  # the exercise judges the whole, not its members
        differing = [Place("", failure.want, failure.got)]
    shown = differing[:_FEW]
    parts.append(_table(shown))
    for place in shown:
        expected, got = place.shown
        if place.at:
            lines.append(f"  {place.at}: expected {expected}, got {got}")
        else:
            lines += [f"  Expected: {expected}", f"  Got:      {got}"]
    if more := len(differing) - len(shown):
        told = f"and {'many' if len(differing) == 100 else more} more places."
        parts.append(f"<p>… {told}</p>")
        lines.append(f"  … {told}")
    for place in differing:
        alike = is_picture(place.want) and is_picture(place.got)
        if alike and place.want.shape == place.got.shape:
            parts.append(
                pictures(place.want, place.got, rtol=exercise.rtol, atol=exercise.atol)
            )
            break


def _table(shown: list[Place]) -> str:
    named = any(place.at for place in shown)
    head = f'<th scope="col" {_LEFT}>Expected</th><th scope="col" {_LEFT}>Got</th>'
    rows = [f"<tr>{'<td></td>' if named else ''}{head}</tr>"]
    for place in shown:
        cells = "".join(
            f"<td {_LEFT}><code {_CODE}>{html.escape(text, quote=False)}</code></td>"
            for text in place.shown
        )
        at = html.escape(place.at, quote=False)
        name = f'<th scope="row" {_LEFT}><code>{at}</code></th>' if named else ""
        rows.append(f"<tr>{name}{cells}</tr>")
    return f"<table>{''.join(rows)}</table>"
