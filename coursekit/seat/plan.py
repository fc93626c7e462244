"""What an update will do to each file, decided before anything is done."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from coursekit.ipynb import dumps, parse
from coursekit.seat.editions import Edition, blob, inside
from coursekit.seat.merge import Merged, merge
from coursekit.seat.pristine import SHIPPED


class Readable(Edition, Protocol):
    """An edition whose files can be had."""

    def read(self, path: str) -> bytes: ...

    def executable(self, path: str) -> bool: ...


@dataclass
class Step:
    """One file.

    Attributes:
        data: what will be in it; None when it goes.
        theirs: the learner has changed it, so it is copied before.
        merged: how their work comes in, if it is a notebook of both.
    """

    path: str
    data: bytes | None
    theirs: bool = False
    executable: bool = False
    merged: Merged | None = None


Trouble = Literal["unreadable", "replaced"]


@dataclass
class Plan:
    """All steps, and the learner's files that need a word.

    Attributes:
        left: files of theirs that stay as they are, since the course's are the same.
        trouble: files whose new version could not be joined with theirs.
    """

    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    trouble: dict[str, Trouble] = field(default_factory=dict)

    @property
    def merged(self) -> dict[str, Merged]:
        return {step.path: step.merged for step in self.steps if step.merged}

    @property
    def copied(self) -> list[Step]:
        return [step for step in self.steps if step.theirs]


def make(root: Path, base: Edition, new: Readable, *, prune: bool) -> Plan:
    """Decide what to do.

    Args:
        root: the learner's course.
        base: what they once got.
        new: what there is now.
        prune: let files go that the course has withdrawn, unless they were changed.

    Raises:
        NoEdition: the new one would write outside the course.
    """
    plan = Plan()
    for path, sha in new.files.items():
        here = inside(root, path)
        known = base.files.get(path)
        mine = _sha(here, {sha, known})
        if mine == sha or mine is not None and sha == known:
            if mine != sha:
                plan.left.append(path)
            continue
        if mine is None and sha == known:
            continue  # they deleted it
        step = Step(path, new.read(path), executable=new.executable(path))
        if mine is not None and mine != known:
            step.theirs = True
            _join(plan, step, base, here)
        if step.data is not None:
            plan.steps.append(step)
    if prune:
        for path in base.files.keys() - new.files.keys():
            here = inside(root, path)
            if _sha(here, {base.files[path]}) == base.files[path]:
                plan.steps.append(Step(path, None))
    # By what an edition has recorded of itself the next update knows what is whose: a
    # run that is interrupted must find the old record.
    plan.steps.sort(key=lambda step: (step.path == SHIPPED, step.path))
    return plan


def _join(plan: Plan, step: Step, base: Edition, here: Path) -> None:
    """Both have changed a file: a notebook is merged, another one is replaced."""
    assert step.data is not None
    if here.suffix != ".ipynb":
        plan.trouble[step.path] = "replaced"
        return
    try:
        mine = parse(here.read_text(encoding="utf-8"))
    except ValueError:
        plan.trouble[step.path] = "unreadable"
        step.data = None  # it stays as it is
        return
    theirs = parse(step.data.decode("utf-8"))
    step.merged = merge(base.cells(step.path), mine, theirs)
    step.data = dumps(step.merged.nb).encode()


def _sha(path: Path, likely: set[str | None]) -> str | None:
    """The digest of a file, None when there is none.

    On Windows git may have given its lines other ends: that is no change.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    found = blob(data)
    even = blob(data.replace(b"\r\n", b"\n"))
    return even if found not in likely and even in likely else found


def apply(root: Path, step: Step) -> None:
    """Do one step; a reader sees the old file or the new one, nothing between."""
    here = inside(root, step.path)
    if step.data is None:
        here.unlink(missing_ok=True)
        return
    here.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if step.executable else 0o644
    if here.exists():
        mode = here.stat().st_mode & 0o777 | (0o111 if step.executable else 0)
    scratch = here.with_name(f".{here.name}.{os.getpid()}.tmp")
    try:
        with open(scratch, "wb") as file:
            file.write(step.data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(scratch, mode)
        os.replace(scratch, here)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
