"""The one stored form of a notebook, and what must never be stored."""

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coursekit.authoring.files import Node, label, node

KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
KEPT_METADATA = ("tags", "why", "nbgrader")
ASKS = {"jupyter": {"source_hidden": True}, "transient": {"remove_source": True}}
"""Metadata of a quiz cell, whose source tells the answers: JupyterLab folds it away,
and what nbconvert exports leaves it out."""
IGNORED = "nbval-ignore-output"
"""The tag of a cell whose output nbval does not compare."""

_GOOD_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){0,3}(-?[0-9a-f]{12})?")
_OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)


def tidy(nb: dict[str, Any]) -> Node:
    """The notebook in its stored form; pure, and a second pass changes nothing.

    Cell ids are stable and unique, kernel and metadata are reduced to what is meant
    by the author, executed cells count from 1, neighbouring stream outputs are one.
    Blank cells that carry no nbgrader role go.
    """
    nb = node(nb)
    cells = [cell for cell in nb.cells if _has_content(cell)]
    _name(cells)
    count = 0
    for cell in cells:
        cell.source = cell.source.rstrip("\n")
        cell.metadata = _metadata(cell)
        if cell.cell_type != "code":
            cell.pop("outputs", None)
            cell.pop("execution_count", None)
            continue
        if cell.get("execution_count") is None:
            cell.execution_count = None
        else:
            count += 1
            cell.execution_count = count
        outputs = _merged(cell.get("outputs", []))
        cell.outputs = [_output(o, cell.execution_count) for o in outputs]
    metadata = dict(KERNEL)
    if "coursekit" in nb.metadata:  # the seal
        metadata["coursekit"] = nb.metadata.coursekit
    stored = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return node(stored)


def _has_content(cell: Node) -> bool:
    return bool(cell.source.strip()) or "nbgrader" in cell.get("metadata", {})


def _name(cells: list[Node]) -> None:
    """Keep the author's ids; replace missing, repeated, ill-formed and random ones."""
    kept: set[str] = set()
    unnamed = []
    for cell in cells:
        id = str(cell.get("id", ""))
        good = _GOOD_ID.fullmatch(id) and not _RANDOM_ID.fullmatch(id)
        if good and id not in kept:
            kept.add(id)
        else:
            unnamed.append(cell)
    for cell in unnamed:
        stem = "c-" + hashlib.sha256(cell.source.encode()).hexdigest()[:6]
        id, k = stem, 1
        while id in kept:
            k += 1
            id = f"{stem}-{k}"
        kept.add(id)
        cell["id"] = id


def _metadata(cell: Node) -> Node:
    metadata = cell.get("metadata", {})
    kept = {k: metadata[k] for k in KEPT_METADATA if metadata.get(k)}
    if cell.cell_type == "code" and cell.source.startswith("ck.quiz("):
        kept |= ASKS
    return node(kept)


def _merged(outputs: list[Node]) -> list[Node]:
    merged: list[Node] = []
    for output in outputs:
        last = merged[-1] if merged else None
        stream = output.output_type == "stream"
        if last and stream and last.get("name") == output.name:
            last.text += output.text
        else:
            merged.append(output)
    for output in merged:
        if output.output_type == "stream":  # what a carriage return overwrote is gone
            output.text = _OVERWRITTEN.sub("", output.text)
    return merged


def _output(output: Node, count: int | None) -> Node:
    if output.output_type == "execute_result":
        output.execution_count = count
    if "metadata" in output:
        output.metadata = node({})
    return output


def seal(nb: Node) -> None:
    """Note in the notebook which code and outputs belong together."""
    nb.metadata["coursekit"] = {"built": _whole(nb), **_ignored(nb)}


def sealed(nb: Node) -> bool:
    """Whether code and outputs are what the last build stored."""
    return nb.metadata.get("coursekit", {}).get("built") == _whole(nb)


def still_sealed(nb: Node) -> set[str]:
    """Ids of the ignored cells whose output, and all code down to it, is as built."""
    now = _ignored(nb).get("ignored", {})
    built = nb.metadata.get("coursekit", {}).get("ignored", {})
    return {id for id, mark in now.items() if built.get(id) == mark}


def _whole(nb: Node) -> str:
    rows = [(c.source, tags(c), c.execution_count, c.outputs) for c in code_cells(nb)]
    return _hash(rows, 16)


def _ignored(nb: Node) -> dict[str, dict[str, str]]:
    above: list[str] = []
    marks = {}
    for cell in code_cells(nb):
        above.append(cell.source)
        if IGNORED in tags(cell):
            marks[cell.id] = _hash([above, cell.outputs], 8)
    return {"ignored": marks} if marks else {}


def _hash(value: Any, digits: int) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[
        :digits
    ]


def code_cells(nb: Node) -> list[Node]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def tags(cell: Node) -> list[str]:
    return list(cell.metadata.get("tags", []))


_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}|\b0x(?:7f|55|56)[0-9a-f]{10}\b", re.I)
_FOREIGN = re.compile(
    r"(?<![\w/.])(?:/(?:home|Users)/\w|/tmp/\w|/root/\w|/var/folders/)|"
    r"\bsite-packages\b|\bdist-packages\b|[A-Z]:\\Users\\|\bipykernel_\d+"
)
_BASE64 = re.compile(r"base64,[A-Za-z0-9+/=\s]+")


def noise(nb: Node) -> list[str]:
    """What in the outputs is not for a reader: errors, stderr, paths, addresses."""
    found = []
    for index, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            found += [f"{label(cell, index)}: {what}" for what in _noise_in(output)]
    return found


def _noise_in(output: Node) -> Iterator[str]:
    if output.output_type == "error":
        yield f"stored error {output.ename}: {output.evalue}"
    if output.get("name") == "stderr":
        yield f"wrote to stderr: {output.text.strip()}"
    text = _BASE64.sub("", _text(output))
    if match := _ADDRESS.search(text):
        yield f"memory address in the output: {_around(text, match)}"
    here = [re.escape(place) for place in _places()]
    paths = re.compile("|".join([_FOREIGN.pattern, *here]))
    if match := paths.search(text):
        yield f"path of this machine in the output: {_around(text, match)}"


def _text(output: Node) -> str:
    data = output.get("data", {})
    shown = [str(v) for mime, v in data.items() if not _is_raster(mime)]
    return "\n".join([output.get("text", ""), *shown])


def _is_raster(mime: str) -> bool:
    return mime.startswith("image/") and mime != "image/svg+xml"


def _places() -> set[str]:
    """Folders whose names tell where a notebook ran."""
    course = Path(__file__).resolve().parents[2]
    home, temporary = Path.home(), Path(tempfile.gettempdir())
    places = {str(p) for p in (course, Path(sys.prefix), Path(sys.base_prefix))}
    places |= {f"{p}/" for p in (home, temporary)}
    # "/usr" or "/" alone would match ordinary text
    return {p for p in places if p.rstrip("/").count("/") >= 2}


def _around(text: str, match: re.Match[str]) -> str:
    start = text.rfind("\n", 0, match.start()) + 1
    line = text[start:].splitlines()[0]
    at = match.start() - start
    return line[max(0, at - 40) : at + 60].strip()
