"""Tell that nothing was written yet from the text alone, without TensorFlow."""

from collections.abc import Sequence

from coursekit.seat.finding import answer_id, checked
from coursekit.seat.hint import literals
from coursekit.seat.pristine import answer_cell
from coursekit.seat.runner import Verdict
from coursekit.seat.source import Cell, look
from coursekit.spine import load_course


def untouched(cells: Sequence[Cell], ids: Sequence[str]) -> list[Verdict]:
    """The verdicts on the exercises of a chapter where every one is still a stub.

    Args:
        cells: of a notebook.
        ids: the exercises wanted; none means all.

    Returns:
        Nothing when a check has to find out.
    """
    answers = {id: cell for cell in cells for id in cell.ids if id[:7] == "answer-"}
    every = [[section.id for section in c.sections] for c in load_course().ready]
    known = next((k for k in every if {*map(answer_id, k)} == {*answers}), [])
    if not known or {*ids, *checked(cells)} - {*known}:
        return []
    for id in known:
        stub, cell = answer_cell(id), answers[answer_id(id)]
        if stub is None or cell.source.strip() != stub.source.strip():
            return []
    facts = {id: literals(id, "name", "points") for id in known}
    names = {fact["name"] for fact in facts.values()}
    for cell in cells:
        other = look(cell)
        free = cell not in answers.values()
        if other.error or free and other.binds & {*names, "*"}:
            return []  # an answer may stand in another cell
    return [
        Verdict(
            id=id,
            state="not attempted",
            earned=0,
            points=facts[id]["points"],
            text=f"○ {id} {facts[id]['name']}: not attempted yet",
        )
        for id in known
        if id in ids or not ids
    ]
