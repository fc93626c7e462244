"""The process that runs a learner's code: TensorFlow is loaded once, then it waits.

A job is a line of JSON on the standard input; what comes of it are lines of JSON on the
standard output. Each job runs in a forked child, which the line ``stop`` ends; where
there is no fork, the process does one job and ends. The learner's own code has neither
of the two streams: it reads nothing, and what it prints is part of the verdict.
"""

import json
import logging
import os
import select
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

FORKS = hasattr(os, "fork")


def main() -> int:
    """Serve jobs until the standard input ends."""
    from coursekit.runtime import quiet_import

    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sink = os.open(os.devnull, os.O_RDWR)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this
    tf = quiet_import()
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot  # noqa: F401  # what every setup cell would load

    tf.get_logger().setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    say(out, kind="ready")
    serve = _fork_for if FORKS else _do
    for line in _lines():
        if line != "stop":
            serve(json.loads(line), out)
            if not FORKS:
                break
    return 0


def say(out: TextIO, **message: Any) -> None:
    # A child that was killed may have left half a line: begin a new one.
    out.write("\n" + json.dumps(message) + "\n")
    out.flush()


_unread = bytearray()


def _lines() -> Iterator[str]:
    """The lines of the standard input, as they come."""
    while True:
        while b"\n" in _unread:
            line, _, rest = bytes(_unread).partition(b"\n")
            _unread[:] = rest
            yield line.decode()
        if not _receive():
            return


def _receive() -> bool:
    data = os.read(0, 1 << 16)
    _unread.extend(data)
    return bool(data)


def _do(job: dict, out: TextIO) -> None:
    _run(job, out)
    say(out, kind="done", of=job["number"])


def _run(job: dict, out: TextIO) -> None:
    from coursekit.seat import jobs

    try:
        jobs.run(job, out)
    except Exception as error:  # ours, not the learner's
        fault = f"{type(error).__name__}: {error}"
        say(out, kind="fault", text=fault, of=job["number"])


def _fork_for(job: dict, out: TextIO) -> None:
    """Do the job in a child; kill it when ``stop`` or the end of the input comes."""
    from coursekit.seat import jobs

    jobs.prepare(job)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            _run(job, out)
        finally:
            os._exit(0)
    while True:
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if select.select([0], [], [], 0.01)[0]:
            if not _receive() or b"stop\n" in _unread:
                _kill(child)
                break
    say(out, kind="done", of=job["number"])


def _kill(child: int) -> None:
    """End a child and what it started."""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it is not yet a group of its own
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    sys.exit(main())
