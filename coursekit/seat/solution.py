"""``coursekit solution``: a reference solution, after a pass or the last hint."""

import sys

from coursekit.learner import NO_SOLUTIONS, hints_left, solution_source
from coursekit.seat.hint import Unknown, ladder, parsed


def main(arguments: list[str]) -> int:
    """``coursekit solution ID``; returns the exit status, 1 while it is closed."""
    try:
        id = parsed("solution", "A reference solution of an exercise.", arguments)
        left = hints_left(id, ladder(id))
    except Unknown as error:
        print(f"coursekit solution: {error}", file=sys.stderr)
        return 2
    if left:
        print(
            "The solution opens after a pass or after the last hint; "
            f"{left} left: `coursekit hint {id}`."
        )
        return 1
    source = solution_source(id)
    print(f"{id}, one good answer:\n\n{source}" if source else NO_SOLUTIONS)
    return 0
