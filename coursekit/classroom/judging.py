"""The trusted side of an exercise: cases, truth, verdict.

Oracles and mistakes are run once for each exercise and seed; judging a submission then
only compares. One thread at a time, for they run TensorFlow and reset its seeds.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from coursekit.engine import Answer, Case, Exercise, Opaque, Plain, Result, judge

_ONE_AT_A_TIME = threading.RLock()


class Truth:
    """What is right, and what each mistake gives, for the cases of one seed."""

    def __init__(self, exercise: Exercise, seed: int) -> None:
        with _ONE_AT_A_TIME:
            self.cases: tuple[Case, ...] = exercise.cases(seed)
        self._known: dict[tuple[int, int], Callable[[], Plain]] = {}
        self._exercise = replace(
            exercise,
            expected=lambda case: self._once(exercise.expected, case),
            probe=lambda answer, case: self._once(answer, case, exercise.probe),
        )

    def verdict(self, got: Sequence[Plain]) -> Result:
        """Judge what came back; never raises, whatever that is."""
        with _ONE_AT_A_TIME:
            try:
                return judge(self._exercise, self.cases, got)
            except Exception:  # something that NumPy cannot even compare
                safe = [
                    self._comparable(g, c) for g, c in zip(got, self.cases, strict=True)
                ]
                return judge(self._exercise, self.cases, safe)

    def _comparable(self, got: Plain, case: Case) -> Plain:
        try:
            judge(self._exercise, (case,), (got,))
        except Exception as error:
            return Opaque("value that cannot be compared", type(error).__name__)
        return got

    def _once(
        self,
        what: Callable,
        case: Case,
        probe: Callable[[Answer, Case], Any] | None = None,
    ) -> Plain:
        place = next(i for i, known in enumerate(self.cases) if known is case)
        key = (id(what), place)
        if key not in self._known:
            self._known[key] = _outcome(what, case, probe)
        return self._known[key]()


def _outcome(
    what: Callable, case: Case, probe: Callable[[Answer, Case], Any] | None
) -> Callable[[], Plain]:
    """Do it once; the result gives the same value, or raises the same, every time."""
    try:
        value = probe(what, case) if probe else what(case)
    except (Exception, SystemExit) as error:
        raised, trace = error, error.__traceback__

        def again() -> Plain:
            raise raised.with_traceback(trace)

        return again
    return lambda: value


@lru_cache(maxsize=256)
def truth(exercise: Exercise, seed: int) -> Truth:
    """The truth of an exercise for a seed, made once."""
    return Truth(exercise, seed)
