"""What an update brings, in words for the learner."""

import re
import tomllib
from pathlib import Path

from coursekit.seat import paper
from coursekit.seat.merge import Merged
from coursekit.seat.plan import Plan, Readable, Trouble

_ENVIRONMENT = ("requirements.lock", "environment.yml", "pyproject.toml")
_FEW = 5


def ready(syllabus: bytes) -> dict[str, str]:
    """The chapters that an edition has: stems and titles."""
    try:
        modules = tomllib.loads(syllabus.decode())["modules"]
        chapters = [chapter for module in modules for chapter in module["chapters"]]
        return {c["stem"]: c["title"] for c in chapters if c.get("ready")}
    except (ValueError, KeyError, TypeError):
        return {}


def told(root: Path, plan: Plan, new: Readable, *, dry: bool = False) -> str:
    """What an update does, or would do, for a person to read."""
    number = len(plan.steps)
    files = "1 file" if number == 1 else f"{number} files"
    verb = "would be" if dry else "was" if number == 1 else "were"
    lines = [f"{files} of the course {verb} renewed."]
    here = ready((root / "coursekit" / "syllabus.toml").read_bytes())
    there = ready(new.read("coursekit/syllabus.toml"))
    fresh = [f"{s[:2]} {title}" for s, title in there.items() if s not in here]
    if fresh:
        lines.append(f"New: {', '.join(fresh)}.")
    for path, merged in plan.merged.items():
        if merged.kept or merged.own:
            lines.append(f"{path}: {_counted(merged)} stayed.")
    for id in new_tasks(plan):
        lines.append(
            f"The task of {id} has changed, and your answer was kept: check it again. "
            f"(`coursekit reset {id}` shows the new stub.)"
        )
    troubles = list(plan.trouble.items())
    lines += [_trouble(path, trouble) for path, trouble in troubles[:_FEW]]
    if more := len(troubles) - _FEW:
        lines += [f"So it is with {more} more files."] if more > 0 else []
    changed = {step.path for step in plan.steps}
    if changed & set(_ENVIRONMENT):
        lines.append(
            "The environment has changed too: stop JupyterLab and start it with "
            "`make lab` (conda: `conda env update -f environment.yml` first)."
        )
    if any(re.search(r"\.ipynb$", path) for path in changed):
        lines.append(
            "Notebooks that are open in JupyterLab: reload them from disk (File menu) "
            "before you save them, and restart their kernels."
        )
    return "\n".join(paper.wrapped(line) for line in lines)


def _counted(merged: Merged) -> str:
    parts = []
    if answers := len(merged.kept):
        parts.append(f"your {answers} answers" if answers > 1 else "your answer")
    if merged.own:
        cells = "cells" if merged.own > 1 else "cell"
        parts.append(f"{merged.own} {cells} of your own")
    return " and ".join(parts)


def _trouble(path: str, trouble: Trouble) -> str:
    if trouble == "unreadable":
        return (
            f"{path} is not a notebook that can be read, so it was left as it is. The "
            "new one lies beside your copies; take from it what you need."
        )
    return f"You had changed {path}: the course's new one took its place."


def new_tasks(plan: Plan) -> list[str]:
    """The exercises that were worked on and whose task or stub has changed."""
    found: set[str] = set()
    for merged in plan.merged.values():
        tasks = {id.removeprefix("task-") for id in merged.tasks}
        stubs = {id.removeprefix("answer-") for id in merged.stubs}
        worked = {id.removeprefix("answer-") for id in merged.kept}
        found |= (tasks | stubs) & worked
    return sorted(id.replace("-", ".") for id in found)
