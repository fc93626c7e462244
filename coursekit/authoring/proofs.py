"""Gates over the exercises themselves: right is right, wrong is wrong and named."""

import linecache
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from coursekit.authoring.files import Node
from coursekit.authoring.tidy import code_cells
from coursekit.engine import NOTEBOOK_SEED, Answer, Case, Exercise, Plain, grade

SEEDS = (NOTEBOOK_SEED, 1, 20_270_101)
"""The notebook's cases, and two draws that a grader could make."""


def answers(nb: Node, name: str) -> dict[str, Any]:
    """What the code of a solutions or exercise notebook defines, checks left out.

    Args:
        name: how tracebacks name the notebook.
    """
    space: dict[str, Any] = {"__name__": "answers"}
    for cell in code_cells(nb):
        if cell.metadata.get("nbgrader", {}).get("grade"):
            continue
        place = f"<{name} {cell.id}>"  # AutoGraph and tracebacks look the source up
        lines = cell.source.splitlines(keepends=True)
        linecache.cache[place] = (len(cell.source), None, lines, place)
        exec(compile(cell.source, place, "exec"), space)
    return space


def well_made(exercise: Exercise) -> list[str]:
    """The parts of the contract that can be counted."""
    problems = []
    for part, least in (("mistakes", 3), ("variants", 2), ("hints", 2)):
        if len(found := getattr(exercise, part)) < least:
            problems.append(f"{len(found)} {part}; at least {least}")
    texts = [*exercise.hints, exercise.explain, *(m.says for m in exercise.mistakes)]
    problems += [f"says too little: {t!r}" for t in texts if len(t.split()) < 5]
    return [f"{exercise.id}: {problem}" for problem in problems]


def agrees(nb: Node, exercises: Mapping[str, Exercise]) -> list[str]:
    """What the solutions notebook says of its exercises is what the checks say."""
    problems = []
    cells = {cell.id: cell for cell in nb.cells}
    for id, exercise in exercises.items():
        task, answer, check = (
            cells.get(f"{kind}-{id.replace('.', '-')}", Node(source="", metadata={}))
            for kind in ("task", "answer", "check")
        )
        e = exercise
        line = f"*{e.difficulty} · {e.minutes} minutes · {e.points} points*"
        if line not in task.source.splitlines():
            problems.append(f"{id}: its task has no line {line}")
        if not re.search(rf"^(def|class) {e.name}\b", answer.source, re.M):
            problems.append(f"{id}: its answer cell does not define {e.name}")
        points = check.metadata.get("nbgrader", {}).get("points")
        if points != e.points:
            problems.append(f"{id}: {points} points for nbgrader, {e.points} in checks")
    return problems


def distinct(exercises: Iterable[Exercise]) -> list[str]:
    """Misconceptions with the same text, or twice the same name in an exercise."""
    rows = [(e.id, m) for e in exercises for m in e.mistakes]
    texts = Counter(" ".join(m.says.split()).lower() for _, m in rows)
    names = Counter((id, m.name) for id, m in rows)
    problems = [f"two mistakes say {t!r}" for t, n in texts.items() if n > 1]
    problems += [f"{id}: two mistakes {x!r}" for (id, x), n in names.items() if n > 1]
    return problems


def stub_problems(exercise: Exercise, stub: Any) -> list[str]:
    """As shipped, an exercise is "not attempted"."""
    state = grade(exercise, stub).state
    if state == "not attempted":
        return []
    return [f"{exercise.id}: as shipped it is {state!r}, not 'not attempted'"]


def right_problems(
    exercise: Exercise, solution: Any, seeds: Sequence[int] = SEEDS
) -> list[str]:
    """The solution and every variant are right."""
    problems = []
    rights = {"the solution": solution}
    rights |= {f"variant {k}": v for k, v in enumerate(exercise.variants, 1)}
    for seed in seeds:
        for what, answer in rights.items():
            result = grade(exercise, answer, seed)
            if result.state != "right":
                why = result.failure.difference if result.failure else ""
                problems.append(
                    f"{exercise.id}, seed {seed}: {what} is {result.state!r}. {why}"
                )
    return problems


def wrong_problems(exercise: Exercise, seeds: Sequence[int] = SEEDS) -> list[str]:
    """Every mistake is rejected, and diagnosed as itself."""
    problems = []
    for seed in seeds:
        fast = _remembering(exercise, seed)
        for mistake in exercise.mistakes:
            result = grade(fast, mistake.answer, seed)
            place = f"{exercise.id}, seed {seed}: mistake {mistake.name!r}"
            if result.state not in ("wrong", "error"):
                problems.append(f"{place} is {result.state!r}")
            elif result.misconception is None:
                problems.append(f"{place} is rejected but not named")
            elif result.misconception.name != mistake.name:
                named = result.misconception.name
                problems.append(f"{place} is named {named!r}")
    return problems


def _remembering(exercise: Exercise, seed: int) -> Exercise:
    """The same exercise on one draw of cases; runs no answer on a case many times.

    A diagnosis tries every mistake, so all of them together would try each one many
    times. On the notebook's draw each runs twice, not once: an answer that is never
    the same must not be named.
    """
    cases = exercise.cases(seed)
    often = 2 if seed == NOTEBOOK_SEED else 1
    seen: dict[tuple[int, int], list[tuple[Plain, Exception | None]]] = {}

    def probe(answer: Answer, case: Case) -> Plain:
        runs = seen.setdefault((id(answer), id(case)), [])
        if len(runs) < often:
            try:
                runs.append((exercise.probe(answer, case), None))
            except Exception as error:
                runs.append((None, error))
        got, error = runs[-1]
        if error:
            raise error
        return got

    return replace(exercise, probe=probe, inputs=lambda rng: cases)
