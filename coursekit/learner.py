"""What a learner calls in an exercise notebook: check, hint, solution."""

import json
import os
import sys
from typing import Any

from coursekit import journal
from coursekit.engine import Exercise, Result, grade, load_exercise
from coursekit.engine.render import Rendered, box, inline, render
from coursekit.spine import load_course

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
    result = _verdict(exercise, answer)
    note = _note(result, answer)
    if result.state != "not attempted":
        mistake = {"mistake": result.misconception.name} if result.misconception else {}
        if not journal.record(id, result.state, **mistake):
            note += (
                f" (Progress is not kept: {journal.journal_file()} is not writable.)"
            )
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
        )
    if result.state == "right":
        return journal.next_step(load_course(), _with(exercise.id))
    if result.state == "not attempted":
        return (
            "Replace the line `raise NotImplementedError()` by your code, run the "
            f'cell, then check again. `ck.hint("{exercise.id}")` helps.'
        )
    return f'Stuck? `ck.hint("{exercise.id}")` gives the next hint.'


def _with(id: str) -> dict[str, journal.Standing]:
    """The learner's standings once this exercise is solved."""
    return journal.standings() | {id: journal.Standing(right=True)}


def hint(id: str) -> None:
    """Show the next hint of an exercise; the last one is nearly the answer.

    Raises:
        KeyError: there is no such exercise.
    """
    exercise = load_exercise(id)
    ladder = exercise.hints
    used = journal.standings().get(id, journal.Standing()).hints
    rung = min(used, len(ladder) - 1)
    journal.record(id, "hint")
    text = f"Hint {rung + 1} of {len(ladder)}: {ladder[rung]}"
    if rung == len(ladder) - 1:
        text += f' The last resort is `ck.solution("{id}")`.'
    _display(_message(text))


def solution(id: str) -> None:
    """Show the reference solution, after a pass or once the hints are used up.

    Raises:
        KeyError: there is no such exercise.
    """
    exercise = load_exercise(id)
    standing = journal.standings().get(id, journal.Standing())
    left = len(exercise.hints) - standing.hints
    if not standing.right and left > 0:
        _display(
            _message(
                f"The solution opens after a pass or after the last hint; {left} "
                f'left: `ck.hint("{id}")`.'
            )
        )
        return
    source = reference_solution(exercise)
    if not source:
        _display(_message("This edition of the course ships without solutions."))
        return
    _display(_message(f"{id}, one good answer:", code=source))


def reference_solution(exercise: Exercise) -> str:
    """The source of the solution, from the solutions notebook; "" if not shipped."""
    path = load_course().chapter(exercise.id).solutions
    if not path.exists():
        return ""
    wanted = f"answer-{exercise.id.replace('.', '-')}"
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell.get("id") == wanted:
            lines = "".join(cell["source"]).splitlines()
            return "\n".join(line for line in lines if "### " not in line)
    return ""


def _message(text: str, code: str = "") -> Rendered:
    import html

    block = f"<pre>{html.escape(code, quote=False)}</pre>" if code else ""
    return Rendered(
        box("#0072B2", f"<p>{inline(text)}</p>{block}"),
        text.replace("`", "") + (f"\n{code}" if code else ""),
    )


def _display(rendered: Rendered) -> None:
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(rendered.text)
    else:
        display(rendered.bundle, raw=True)
