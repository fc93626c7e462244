"""Run a piece of somebody's code within a time limit, and collect what it prints."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

MAX_PRINTED = 20_000
"""Bytes."""


class TimeLimit(BaseException):
    """The answer took too long; not an Exception, so that few answers catch it."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in what runs too long; without a limit when it is 0."""
    if not hasattr(signal, "setitimer"):
        yield  # who started the worker counts the seconds
        return

    def over(number: int, frame: FrameType | None) -> None:
        raise TimeLimit

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Collect what is printed, by Python or by TensorFlow itself."""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

        def written() -> str:
            sys.stdout.flush()
            sys.stderr.flush()
            file.seek(0)
            return file.read(MAX_PRINTED).decode("utf-8", "replace")

        try:
            yield written
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in enumerate(saved, 1):
                os.dup2(copy, descriptor)
                os.close(copy)
