"""``coursekit build NN``: run and tidy a chapter's notebooks, generate its exercises.

Building twice changes no byte. A notebook whose code, package and lock are as they
were at its last build is not run again; ``build/authoring/`` remembers that, and may
be deleted at any time.
"""

import base64
import hashlib
import io
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursekit.authoring import files, offline, readme
from coursekit.authoring.exercises import BadMarkers, generate
from coursekit.authoring.files import Node
from coursekit.authoring.tidy import noise, seal, sealed, still_sealed, tidy
from coursekit.spine import PACKAGE, ROOT


class BuildFailed(Exception):
    """A notebook could not be built; its file is as it was. The text says why."""


def main(chapters: list[str]) -> int:
    """Build chapters (all that have notebooks, if none is named); 1 if one fails.

    This process loses the network, as the notebooks do when they are tested.
    """
    offline.cut_network()
    status = build_chapters(chapters)
    print(f"{'generated' if readme.update() else 'fresh':<9} README.md's map")
    return status


def build_chapters(chapters: list[str], root: Path = ROOT) -> int:
    """Build chapters of the course that lives in ``root``; 1 if one fails."""
    status = 0
    for chapter in chapters or files.numbers(root):
        try:
            paths = files.sources(chapter, root)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            status = 1
            continue
        for path in paths:
            try:
                print(build(path, root), flush=True)
                if path.parent.name == "solutions":
                    print(generate_exercises(path, root), flush=True)
            except (BuildFailed, BadMarkers) as error:
                print(error, file=sys.stderr)
                status = 1
    return status


def build(path: Path, root: Path = ROOT) -> str:
    """Build one notebook in place; returns a line that says what was done.

    Raises:
        BuildFailed: it is no notebook, does not run, or its outputs are not for a
            reader. The file is left as it was.
    """
    name = path.relative_to(root).as_posix()
    try:
        old = tidy(files.read(path))
    except ValueError as error:
        raise BuildFailed(f"{name}: not a notebook: {error}") from None
    key, record = _key(path, root), _record(path, root)
    if sealed(old) and record.exists() and record.read_text() == _entry(key, old):
        changed = files.write(path, files.dumps(old))
        return f"{'tidied' if changed else 'fresh':<9} {name}"
    started = time.perf_counter()
    new = _run(old, path, name)
    seal(new)
    changed = files.write(path, files.dumps(new))
    files.write(record, _entry(key, new))
    seconds = time.perf_counter() - started
    return f"{'built' if changed else 'same':<9} {name}  ({seconds:.1f} s)"


def generate_exercises(solutions: Path, root: Path = ROOT) -> str:
    """Write the exercise notebook of a solutions notebook; says what was done.

    Raises:
        BadMarkers: a solution region is not well formed.
    """
    target = files.exercises_of(solutions)
    try:
        text = generate(files.read(solutions))
    except BadMarkers as error:
        raise BadMarkers(f"{solutions.relative_to(root).as_posix()}: {error}") from None
    changed = files.write(target, text)
    name = target.relative_to(root).as_posix()
    return f"{'generated' if changed else 'fresh':<9} {name}"


def _run(old: Node, path: Path, name: str) -> Node:
    from coursekit.authoring.run import RunFailed, execute

    before = _litter(path.parent)
    try:
        ran = execute(old, path.parent, progress=_progress(name))
    except RunFailed as error:
        raise BuildFailed(f"{name}: {error}") from None
    new = keep_stored(old, tidy(ran))
    problems = [*dict.fromkeys(noise(ran) + noise(new))]
    left = sorted(_litter(path.parent) - before)
    problems += [f"left behind in {path.parent.name}/: {file}" for file in left]
    if problems:
        raise BuildFailed("\n".join(f"{name}: {problem}" for problem in problems))
    return new


def keep_stored(old: Node, new: Node) -> Node:
    """``new`` with those outputs of ``old`` that a second run need not repeat.

    Those of cells whose figures depend on the machine, while all code down to them is
    as it was built and the new outputs are of the same kinds; and every image whose
    pixels are as before.
    """
    keep = still_sealed(old)
    for was, now in zip(old.cells, new.cells, strict=True):
        if now.cell_type != "code":
            continue
        if now.id in keep and _kinds(was) == _kinds(now):
            now.outputs = was.outputs
        for a, b in zip(was.outputs, now.outputs, strict=False):
            _keep_image(a, b)
    return new


def _kinds(cell: Node) -> list[tuple[str, list[str]]]:
    return [(o.output_type, sorted(o.get("data", {}))) for o in cell.outputs]


_EMBEDDED = re.compile(r"data:image/(?:png|webp);base64,([A-Za-z0-9+/=]+)")


def _keep_image(old: Node, new: Node) -> None:
    before, after = old.get("data", {}), new.get("data", {})
    if "text/html" in before.keys() & after.keys():
        was, now = (_EMBEDDED.split(d["text/html"]) for d in (before, after))
        if was != now and _drawn(was) == _drawn(now):
            after["text/html"] = before["text/html"]


def _drawn(parts: list[str]) -> list[Any]:
    """The text around embedded images, and in turn the size and pixels of each."""
    return [_pixels(part) if k % 2 else part for k, part in enumerate(parts)]


def _pixels(image: str) -> tuple[tuple[int, ...], bytes]:
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(image))) as picture:
        return picture.size, picture.convert("RGBA").tobytes()


def _litter(folder: Path) -> set[str]:
    """Names in a folder that notebooks, Jupyter and editors do not account for."""
    names = {p.name for p in folder.iterdir()}
    return {n for n in names if not n.startswith(".") and not n.endswith(".ipynb")}


def _record(path: Path, root: Path) -> Path:
    return root / "build" / "authoring" / f"{path.parent.name}-{path.stem}.txt"


def _entry(key: str, nb: Node) -> str:
    return f"{key} {nb.metadata['coursekit']['built']}"


_NOT_RUN = ("authoring/", "classroom/", "cli.py", "testrun.py", "bootstrap.py")


def _key(path: Path, root: Path) -> str:
    """A hash of what a notebook's outputs depend on beside its own code."""
    digest = hashlib.sha256(sys.version.encode())
    own = f"checks/c{path.stem}"
    parts = [p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".toml")]
    for part in sorted([*parts, root / "requirements.lock"]):
        inside = part.relative_to(PACKAGE).as_posix() if part in parts else part.name
        foreign = inside.startswith("checks/c") and not inside.startswith(own)
        if not (foreign or inside.startswith(_NOT_RUN)) and part.exists():
            digest.update(json.dumps([inside, part.read_text("utf-8")]).encode())
    return digest.hexdigest()


def _progress(name: str) -> Callable[[int, int], None] | None:
    if not sys.stdout.isatty():
        return None

    def show(cell: int, total: int) -> None:
        line = f"running   {name}  cell {cell} of {total}"
        print(
            f"\r{line:<78}", end="\r" if cell < total else f"\r{'':<78}\r", flush=True
        )

    return show
