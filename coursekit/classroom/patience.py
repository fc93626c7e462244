"""How long to wait for code that may have hung: processor time decides.

On a busy machine a minute may pass in which a process computes for a second. So the
limit is one of processor time. What uses none, because it sleeps or waits for ever, is
stopped by the clock, which runs slower the busier the machine is.
"""

import os
import time
from collections.abc import Callable

MOST = 6.0
"""How many times its limit code may take by the clock, however busy the machine."""
_CROWDED = 1.5
"""Waiting processes for each core, from which on a machine counts as busy."""


def crowding() -> float:
    """How many times longer things take by the clock: 1 unless the machine is busy."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return 1.0 if load < _CROWDED else min(MOST, 2 * load)


class Patience:
    """Waits for one reply.

    Attributes:
        why: what to say once it has run out.
        unsure: it ran out on a busy machine, before the code had had its time.
    """

    def __init__(
        self, seconds: float, computed: Callable[[], float], before: float = 0.0
    ) -> None:
        """
        Args:
            seconds: of processor time, or of waiting on a quiet machine.
            computed: tells the processor time, in seconds, used so far.
            before: what it told a moment ago.
        """
        self._seconds, self._computed, self._before = seconds, computed, before
        self._began = time.monotonic()
        self.why, self.unsure = "", False

    def left(self) -> float:
        """How many seconds to go on waiting before this is asked again; 0 for none."""
        passed = time.monotonic() - self._began
        if passed < self._seconds:
            return self._seconds - passed
        computed = self._computed() - self._before
        crowded = crowding()
        rest = self._seconds * crowded - passed
        if computed < self._seconds and rest > 0:
            return min(rest, max(self._seconds - computed, 0.1))
        if computed > 0.8 * self._seconds:
            self.why = f"stopped after {computed:.0f} s of computing"
        else:
            self.unsure = crowded > 1
            self.why = f"stopped after {passed:.0f} s, {computed:.0f} s of it computing"
            self.why += ", on a busy machine" if self.unsure else ""
        return 0.0
