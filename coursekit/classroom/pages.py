"""Pages that open offline and in which nothing can run, whatever text they show.

Every text is escaped, there is no script and no link, and the policy in the page's head
forbids the browser to load or to run anything but the one style sheet it names.
"""

import base64
import hashlib
import html
import os
import re
import unicodedata
from pathlib import Path

from coursekit.engine.render import inline as _inline

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6472; --paper: #fff;
  --panel: #f5f6f8; --line: #d9dde3; --right: #00795a; --wrong: #b84a00;
  --open: #6b7280; --note: #0065a0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaee; --soft: #a7afbb;
  --paper: #14171c; --panel: #1e232b; --line: #363d48; --right: #3fc79d;
  --wrong: #ff9350; --open: #a7afbb; --note: #63b8f0; } }
body { color: var(--ink); background: var(--paper); max-width: 52rem;
  margin: 0 auto; padding: 2rem 1.2rem; font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 0 0 .4rem; }
h3 { font-size: 1rem; margin: .8rem 0 .2rem; }
p { margin: .4rem 0; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
code { background: var(--panel); border-radius: .25em; padding: .1em .3em; }
pre { background: var(--panel); padding: .7em 1em; border-radius: .4em;
  overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
pre code { background: none; padding: 0; }
section { border: 1px solid var(--line); border-left: .35rem solid var(--open);
  border-radius: .5rem; padding: .9rem 1.2rem; margin: 1.1rem 0; }
section.right { border-left-color: var(--right); }
section.wrong { border-left-color: var(--wrong); }
section.note { border-left-color: var(--note); }
.soft { color: var(--soft); }
.mark { font-size: 1.25rem; margin: .6rem 0; }
.state { font-weight: 600; }
.right .state { color: var(--right); } .wrong .state { color: var(--wrong); }
ul.groups { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem;
  padding: 0; margin: .5rem 0; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--note); }
table { border-collapse: collapse; margin: .6rem 0; display: block; overflow-x: auto; }
th[scope=row] { white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; background: #fff;
  border-radius: .4rem; }
footer { margin-top: 2rem; color: var(--soft); font-size: .9rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def document(title: str, body: str) -> str:
    """A whole page.

    Args:
        title: plain text.
        body: HTML in which every foreign text has been escaped.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def clean(value: str, limit: int = 4000) -> str:
    """Text without characters that hide, reverse or control what is shown."""
    kept = value[: limit + 1]
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn")
    kept = "".join(
        c if c in "\n\t" or unicodedata.category(c) not in hidden else "�" for c in kept
    )
    return kept if len(value) <= limit else kept[:limit] + "…"


def text(value: str, limit: int = 4000) -> str:
    """HTML that shows a text as it is."""
    return html.escape(clean(value, limit), quote=True)


def prose(value: str) -> str:
    """HTML of prose in which only `code` is marked up."""
    return _inline(clean(value))


def plain_markdown(source: str) -> str:
    """HTML of an author's Markdown; links become their text, pictures vanish."""
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def link(self, text: str, url: str, title: str | None = None) -> str:
            return text

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return text

    markdown = mistune.Markdown(Renderer(escape=True))
    from mistune.plugins.table import table

    table(markdown)
    return re.sub(r' style="text-align:\w+"', "", str(markdown(source)))


def write(path: Path, page: str) -> None:
    """Write a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.write(page)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
