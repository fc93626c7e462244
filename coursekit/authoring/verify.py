"""``coursekit verify``: what is stale, told without running anything.

What only a run can tell (do the outputs still come out?) is nbval's business.
"""

from pathlib import Path

from coursekit.authoring import files, readme
from coursekit.authoring.exercises import BadMarkers, generate
from coursekit.authoring.tidy import code_cells, noise, sealed, tidy
from coursekit.spine import ROOT, load_course


def main(chapters: list[str], root: Path = ROOT) -> int:
    """Print one line for each problem of the chapters (all, if none is named)."""
    wanted = chapters or files.numbers(root)
    problems = [problem for chapter in wanted for problem in verify(chapter, root)]
    if not chapters:
        problems += strays(root)
    if root == ROOT and readme.stale():
        problems.append("README.md: its map is stale; run `coursekit build`")
    print(*problems, sep="\n", end="\n" if problems else "")
    if not problems:
        print(f"{len(wanted)} chapters verified: nothing is stale")
    return 1 if problems else 0


def verify(chapter: str, root: Path = ROOT) -> list[str]:
    """What is stale in one chapter."""
    try:
        paths = files.sources(chapter, root)
    except FileNotFoundError as error:
        return [str(error)]
    problems = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            found = stale(path)
            if path.parent.name == "solutions":
                found += stale_exercises(path)
        except (ValueError, KeyError, AttributeError) as error:
            found = [f"not a notebook: {error}"]
        problems += [f"{name}: {problem}" for problem in found]
    return problems


def stale(path: Path) -> list[str]:
    """Why a lesson or solutions notebook must be built again."""
    text = path.read_text(encoding="utf-8")
    nb = files.parse(text)
    problems = noise(nb)
    stored = tidy(nb)
    if any(c.execution_count is None for c in code_cells(stored) if c.source.strip()):
        problems.append("not executed; run `coursekit build`")
    elif not sealed(stored):
        problems.append("changed since its last build; run `coursekit build`")
    elif files.dumps(stored) != text:
        problems.append("not tidy; run `coursekit build`")
    return problems


def stale_exercises(solutions: Path) -> list[str]:
    """How the exercise notebook differs from what its solutions generate."""
    target = files.exercises_of(solutions)
    shown = f"exercises/{target.name}"
    if not target.exists():
        return [f"{shown} is missing; run `coursekit build`"]
    try:
        wanted = generate(files.read(solutions))
    except BadMarkers as error:
        return [str(error)]
    text = target.read_text(encoding="utf-8")
    if text == wanted:
        return []
    return [f"{shown} is not what the solutions generate{_where(text, wanted)}"]


def _where(text: str, wanted: str) -> str:
    try:
        pair = files.parse(text).cells, files.parse(wanted).cells
    except (ValueError, KeyError, AttributeError):
        return ""
    for index, (a, b) in enumerate(zip(*pair, strict=False)):
        if a != b:
            return f", from {files.label(b, index)} on"
    return ""


def strays(root: Path = ROOT) -> list[str]:
    """Notebooks and other files that belong to no chapter of the course."""
    stems = {chapter.stem for chapter in load_course().chapters} | {"00_start_here"}
    known = {f"{stem}.ipynb" for stem in stems}
    found = []
    for folder in (*files.FOLDERS, "exercises"):
        for path in sorted((root / folder).glob("*")):
            sourceless = (
                folder == "exercises" and not (root / "solutions" / path.name).exists()
            )
            if path.name.startswith("."):
                continue
            if path.name not in known or sourceless:
                found.append(f"{folder}/{path.name}: belongs to no chapter")
    return found
