"""Read and write notebooks as nbformat does it, byte for byte, in no time.

A test compares the bytes; importing nbformat alone takes two seconds.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


class Node(dict[str, Any]):
    """A JSON object whose members can be had as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def node(value: Any) -> Any:
    """A deep copy of JSON data in which every object is a :class:`Node`."""
    if isinstance(value, dict):
        return Node({k: node(v) for k, v in value.items()})
    if isinstance(value, list | tuple):
        return [node(v) for v in value]
    return value


def read(path: Path) -> Node:
    """Read a notebook.

    Raises:
        ValueError: the file is not a notebook of format 4.
    """
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Node:
    """A notebook from its JSON text; nothing is repaired or added.

    Raises:
        ValueError: the text is not a notebook of format 4.
    """
    nb = json.loads(text, object_hook=Node)
    if not isinstance(nb, Node) or nb.get("nbformat") != 4 or "cells" not in nb:
        raise ValueError("not a notebook of format 4")
    for holder, key in _texts(nb):
        value = holder[key]
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            holder[key] = "".join(value)
    return nb


def dumps(nb: dict[str, Any]) -> str:
    """The stored text: indent 1, keys sorted, UTF-8 as it is, newline at the end."""
    nb = node(nb)
    for holder, key in _texts(nb):
        split = key in ("source", "text", *_SPLIT) or key.startswith("text/")
        if split and isinstance(holder[key], str):
            holder[key] = holder[key].splitlines(keepends=True)
    text = json.dumps(
        nb, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": ")
    )
    return f"{text}\n"


_SPLIT = ("application/javascript", "image/svg+xml")


def _texts(nb: Node) -> list[tuple[Node, str]]:
    """Where a file may hold a text as a list of lines."""
    found = [(cell, "source") for cell in nb.cells]
    bundles = []
    for cell in nb.cells:
        bundles += cell.get("attachments", {}).values()
        for output in cell.get("outputs", []):
            bundles.append(output.get("data", {}))
            if output.output_type == "stream":
                found.append((output, "text"))
    found += [(b, mime) for b in bundles for mime in b if not mime.endswith("json")]
    return found


def write(path: Path, text: str) -> bool:
    """Write atomically, only if something changes; whether it did."""
    if path.exists() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())  # whole, even after a power cut
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return True


def label(cell: dict[str, Any], index: int) -> str:
    """How messages name a cell: ``cell 7 (s2-trace)``."""
    return f"cell {index} ({cell.get('id', 'no id')})"
