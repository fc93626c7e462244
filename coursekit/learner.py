"""What a learner calls in an exercise notebook: check, hint, solution."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from coursekit import journal
from coursekit.atlas import next_step
from coursekit.engine import Exercise, Result, grade, load_exercise
from coursekit.engine.faults import misspelt, whereabouts
from coursekit.engine.render import Rendered, message, render
from coursekit.spine import load_course

NO_SOLUTIONS = "This edition of the course ships without solutions."
_MISSING = object()


def check(id: str) -> float | None:
    """Check your answer to an exercise; shows what was found.

    The answer is whatever has the agreed name in this notebook.

    Args:
        id: the exercise, such as ``"04.3"``.

    Returns:
        Nothing; under nbgrader, which reads the value of the cell, the points earned.

    Raises:
        KeyError: there is no such exercise.
    """
    exercise = load_exercise(id)
    answer = getattr(sys.modules["__main__"], exercise.name, _MISSING)
    try:
        result = _verdict(exercise, answer)
    except KeyboardInterrupt as stop:
        if "NBGRADER_EXECUTION" in os.environ:  # calm would be taken for full marks
            raise
        _display(_interrupted(exercise, answer, stop))
        return None
    kept = _record(result)
    note = _note(result, answer)
    if not kept:
        note += f" (Progress is not kept: {journal.journal_file()} is not writable.)"
    solution = reference_solution(exercise) if result.state == "right" else ""
    _display(render(result, note=note, solution=solution))
    return result.earned if os.environ.get("NBGRADER_EXECUTION") else None


def _verdict(exercise: Exercise, answer: Any) -> Result:
    if answer is _MISSING or answer is ...:
        return Result(exercise, "not attempted")
    return grade(exercise, answer)


def _note(result: Result, answer: Any) -> str:
    exercise = result.exercise
    if answer is _MISSING:
        return (
            f"There is no `{exercise.name}` in this notebook yet: "
            "run the cell that defines it, then check again."
            + misspelt(exercise.name, vars(sys.modules["__main__"]))
        )
    if result.state == "right":
        return next_step(load_course(), _with(exercise.id))
    if result.state == "not attempted":
        return (
            "Replace the line `raise NotImplementedError()` by your code. If you have "
            "written it, run its cell (Shift+Enter) and then this one. "
            f'`ck.hint("{exercise.id}")` helps.'
        )
    return (
        f'Stuck? `ck.hint("{exercise.id}")`, in a new cell (Esc, then B), gives the '
        "next hint."
    )


def _record(result: Result) -> bool:
    if result.state == "not attempted":
        return True
    mistake = {"mistake": result.misconception.name} if result.misconception else {}
    return journal.record(result.exercise.id, result.state, **mistake)


def _with(id: str) -> dict[str, journal.Standing]:
    """The learner's standings with this exercise solved last, written down or not."""
    done = journal.standings()
    last = max((standing.last for standing in done.values()), default=0)
    return done | {id: journal.Standing(right=True, last=last + 1)}


def _interrupted(exercise: Exercise, answer: Any, stop: BaseException) -> Rendered:
    line, source = whereabouts(stop, answer)
    where = f" It was in line {line}: `{source}`." if source else ""
    return message(
        f"You stopped the check of exercise {exercise.id}; nothing was counted.{where} "
        "If your code did not come to an end, look for a loop whose condition never "
        "changes.",
        label=f"Check of exercise {exercise.id}",
    )


def hint(id: str) -> None:
    """Show the next hint of an exercise; the last one is nearly the answer.

    Raises:
        KeyError: there is no such exercise.
    """
    text = next_hint(id, load_exercise(id).hints, f'`ck.solution("{id}")`')
    _display(message(text, label=f"Hint for exercise {id}"))


def next_hint(id: str, ladder: Sequence[str], solution: str) -> str:
    """The next hint, which is recorded as given; after the last one, that one again.

    Args:
        id: the exercise.
        ladder: its hints.
        solution: how its solution is had here.
    """
    used = journal.standings().get(id, journal.Standing()).hints
    shipped = bool(solution_source(id))
    if used >= len(ladder):
        way = f"; {solution} shows one good answer." if shipped else "."
        return f"That was the last hint{way} Once more: {ladder[-1]}"
    journal.record(id, "hint")
    text = f"Hint {used + 1} of {len(ladder)}: {ladder[used]}"
    if used + 1 == len(ladder) and shipped:
        text += f" The last resort is {solution}."
    return text


def hints_left(id: str, ladder: Sequence[str]) -> int:
    """How many hints come before the solution; none after a pass."""
    standing = journal.standings().get(id, journal.Standing())
    return 0 if standing.right else max(len(ladder) - standing.hints, 0)


def solution(id: str) -> None:
    """Show the reference solution, after a pass or once the hints are used up.

    Raises:
        KeyError: there is no such exercise.
    """
    exercise = load_exercise(id)
    source = reference_solution(exercise)
    left = hints_left(id, exercise.hints)
    label = f"Solution of exercise {id}"
    if left and source:
        _display(
            message(
                f"The solution opens after a pass or after the last hint; {left} "
                f'left: `ck.hint("{id}")`.',
                label=label,
            )
        )
        return
    if not source:
        text = NO_SOLUTIONS
        _display(message(text, label=label))
        return
    _display(message(f"{id}, one good answer:", label=label, code=source))


def reference_solution(exercise: Exercise) -> str:
    """The source of the solution, from the solutions notebook; "" if not shipped."""
    return solution_source(exercise.id)


def solution_source(id: str) -> str:
    """As :func:`reference_solution`, by the exercise's id; loads no TensorFlow."""
    path = load_course().chapter(id).solutions
    if not path.exists():
        return ""
    wanted = f"answer-{id.replace('.', '-')}"
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell.get("id") == wanted:
            lines = "".join(cell["source"]).splitlines()
            return "\n".join(line for line in lines if "### " not in line)
    return ""


def _display(rendered: Rendered) -> None:
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(rendered.text)
    else:
        display(rendered.bundle, raw=True)
