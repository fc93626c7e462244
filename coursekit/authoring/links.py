"""Gate: every relative link, in Markdown and in notebooks, leads somewhere."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from coursekit.authoring import files
from coursekit.authoring.gates import prose

_LINK = re.compile(
    r"(?<!\\)\]\(\s*<?((?:[^()\s<>]|\([^()\s]*\))+)>?(?:\s+\"[^\"]*\")?\s*\)"
)
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$", re.M)
_HTML = re.compile(r"""\b(?:href|src)=["']([^"']+)["']""")
_ANCHOR = re.compile(r"""<\w+[^>]*\b(?:id|name)=["']([^"']+)["']""")
_ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)


def broken_links(path: Path) -> list[str]:
    """The relative links of a file that lead nowhere."""
    text = _markdown(path)
    plain = re.sub(r"`[^`\n]*`", "", text)
    targets = [
        *_LINK.findall(plain),
        *_REFERENCE.findall(plain),
        *_HTML.findall(plain),
    ]
    return [p for t in dict.fromkeys(targets) if (p := _problem(path, unquote(t)))]


def _problem(path: Path, target: str) -> str | None:
    if _ELSEWHERE.match(target):
        return None
    place, _, anchor = target.partition("#")
    if place.startswith("/"):
        return f"link to {target}: not relative"
    file = (path.parent / place).resolve() if place else path.resolve()
    if not file.exists():
        return f"link to {target}: there is no such file"
    if anchor and file.suffix in (".md", ".ipynb") and anchor not in _anchors(file):
        return f"link to {target}: {file.name} has no such heading"
    return None


def _markdown(path: Path) -> str:
    """The Markdown of a file, without code blocks."""
    if path.suffix != ".ipynb":
        return prose(path.read_text(encoding="utf-8"))
    cells = files.read(path).cells
    return "\n\n".join(prose(c.source) for c in cells if c.cell_type == "markdown")


@cache
def _anchors(path: Path) -> frozenset[str]:
    """The anchors that Jupyter, or GitHub for Markdown, gives to headings."""
    text = _markdown(path)
    found = set(_ANCHOR.findall(text))
    for heading in re.findall(r"^#{1,6} +(.+?)(?: +#+)?\s*$", text, re.M):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).strip()
        if path.suffix == ".ipynb":
            found.add(shown.replace(" ", "-"))
        else:
            slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
            while slug in found:
                slug += "-1"
            found.add(slug)
    return frozenset(found)
