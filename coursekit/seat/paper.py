"""How the seat's commands print: wrapped to the terminal, coloured where that helps."""

import os
import shutil
import sys
import textwrap

from coursekit.seat.runner import Verdict

_COLOURS = {"✓": "32", "✗": "31", "○": "2"}
MAX_LINES = 12
"""Lines shown of what an answer prints."""


def coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def styled(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if coloured() else text


def bold(text: str) -> str:
    return styled(text, "1")


def dim(text: str) -> str:
    return styled(text, "2")


def width() -> int:
    return min(shutil.get_terminal_size().columns, 92)


def wrapped(text: str) -> str:
    """Prose wrapped to the terminal; a line that is indented keeps its place."""
    lines = []
    for line in text.split("\n"):
        if not line.startswith("  "):
            lines += textwrap.wrap(line, width(), break_on_hyphens=False) or [""]
            continue
        head, colon, rest = line.partition(":")
        margin = len(line) - len(line[len(head + colon) :].lstrip()) if colon else 2
        margin = margin if margin < 16 else 4
        lines += textwrap.wrap(
            line,
            max(width(), margin + 20),
            subsequent_indent=" " * margin,
            break_on_hyphens=False,
            drop_whitespace=True,
            replace_whitespace=False,
        )
    return "\n".join(lines)


def headline(verdict: Verdict) -> str:
    """Its first line: what came of it can be told from the sign alone."""
    sign = verdict.headline[:1]
    return styled(verdict.headline, f"1;{_COLOURS.get(sign, '0')}")


_BREAKS = ("What is behind it.", "✓ Passed:", "✗ Not yet:")
"""How the parts of a verdict begin that stand apart from what comes before."""


def told(verdict: Verdict, *, whole: bool = True) -> str:
    """A verdict as a text of several paragraphs, or its first line alone."""
    parts = [headline(verdict)]
    if not whole:
        return parts[0]
    if verdict.body:
        body = verdict.body.replace(" ✗ Not yet:", "\n✗ Not yet:")
        for line in body.split("\n"):
            if (
                line.startswith(_BREAKS[0])
                or line.startswith(_BREAKS[1:])
                and (not parts[-1].startswith(_BREAKS[1]))
            ):
                parts.append("")
            parts.append(wrapped(line))
    if verdict.printed.strip():
        parts += ["", printed(verdict.printed)]
    return "\n".join(parts)


def printed(text: str) -> str:
    """What the answer printed, indented, the first lines of it."""
    lines = text.strip("\n").split("\n")
    shown = [f"  | {line[: width() - 4]}" for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(f"  | … and {len(lines) - MAX_LINES} more lines")
    return "\n".join(["Your code printed:", *shown])


def helped(text: str) -> str:
    """A hint or a remark; code in it, which is indented, stays as it is."""
    first, newline, rest = text.partition("\n")
    return f"{wrapped(first)}{newline}{rest}"


def code(source: str) -> str:
    return textwrap.indent(source.rstrip(), "    ")
