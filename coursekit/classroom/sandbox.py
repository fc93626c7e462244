"""The grader's side of the sandbox: a warm worker behind bubblewrap, or none at all.

``Walled`` keeps one zygote inside bubblewrap and gets a fresh, walled-in child from it
for each submission in a few hundredths of a second. ``Unwalled`` starts a plain process
each time and protects nothing. Both open channels.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coursekit.classroom import cage, walls, wire
from coursekit.classroom.cage import WORLD, NoSandbox
from coursekit.classroom.channel import Channel, Lost
from coursekit.classroom.patience import Patience

_ENTRY = (
    "import sys; sys.path.insert(0, {place!r}); "
    "from coursekit.classroom.worker import main; main()"
)
# With one thread per operation only graphs show that TensorFlow's threads are missing.
_SELF_TEST = """
import tensorflow as tf
double = tf.function(lambda x: 2 * x + tf.sin(0.0 * x))
data = tf.data.Dataset.range(4).map(lambda x: x + 1, num_parallel_calls=2).prefetch(1)
assert [int(double(float(x))) for x in data] == [2, 4, 6, 8]
"""
# bubblewrap dies with the thread that started it, so that thread has to live on.
_STARTER = ThreadPoolExecutor(1, "sandbox-starter")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one submission may use.

    Seconds of processor time, and of waiting while the machine is not busy (see
    ``patience``); the submission's are by the clock of such a machine.
    """

    call: float = 20
    cell: float = 30
    submission: float = 120
    cpu: int = 240
    """The kernel's own limit for a child."""
    memory: int = 4 << 30
    tmp: int = 64 << 20
    start: float = 180
    """To import TensorFlow, once per worker, on a busy machine."""
    self_test: float = 30
    """For a worker's first operation; a worker that cannot be forked hangs."""

    def for_child(self) -> dict[str, int]:
        cpu = max(1, int(self.cpu))
        return {"memory": self.memory, "tmp_bytes": self.tmp, "cpu_seconds": cpu}


class Host(Protocol):
    """Whoever opens channels to fresh children, one at a time."""

    isolated: bool

    def start(self) -> None:
        """Get ready to serve; ``close`` from another thread breaks it off."""

    def open(self) -> Channel: ...
    def computed(self) -> float:
        """The seconds of processor time that the child has used."""

    def end(self) -> str:
        """Kill the child; in words how it ended, if it did so by itself."""

    def close(self) -> None: ...


class WorkerLost(RuntimeError):
    """The worker itself is gone (out of memory?); a new one is needed."""


class Walled:
    """A zygote inside bubblewrap; refuses to exist where it could not serve."""

    isolated = True

    def __init__(self, limits: Limits, preload: tuple[str, ...]) -> None:
        """
        Raises:
            NoSandbox: the walls cannot be had.
        """
        drop_root = cage.drops_root()
        self._limits, self._ready = limits, False
        self._course = tempfile.TemporaryDirectory(prefix="coursekit-sandbox-")
        cage.library(Path(self._course.name))
        command = cage.bubblewrap(Path(self._course.name), drop_root=drop_root)
        self._process, self._control = _start(command, "/course", limits, preload)

    def start(self) -> None:
        """Wait until the worker has imported everything, and try it.

        Raises:
            NoSandbox: it is not fit to serve.
        """
        if not self._ready:
            _await(self._control, self._process, self._limits)
            self._self_test()
            self._ready = True

    def _self_test(self) -> None:
        """Work in a forked child, which hangs if the zygote has run an operation."""
        request = ("cell", "self-test", _SELF_TEST)
        try:
            channel = self.open()
            try:
                patience = Patience(self._limits.self_test, self.computed)
                said = channel.ask(request, patience)
            finally:
                channel.close()
                self.end()
        except (Lost, WorkerLost) as error:
            why = f"a forked child cannot run TensorFlow: {error}"
            raise NoSandbox(f"the worker is not fit to serve: {why}") from error
        if said is not None:
            raise NoSandbox(f"the worker is not fit to serve: {said}")

    def open(self) -> Channel:
        """A channel to a fresh child.

        Raises:
            NoSandbox: a wall could not be raised.
            WorkerLost: the worker is gone.
        """
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        try:
            fds = [end.fileno() for end in theirs]
            socket.send_fds(self._control, [b"F"], fds)
            said = _hear(self._control, 30)
        except OSError as error:
            raise WorkerLost("the sandbox's worker is gone") from error
        finally:
            for end in theirs:
                end.close()
        channel = Channel(*ours)
        if said == "forked":
            try:
                said = channel.hear(Patience(30, self.computed))
            except Lost as error:
                raise WorkerLost("a fresh process died") from error
        if said != "ready":
            raise NoSandbox(f"a wall could not be raised: {said}")
        return channel

    def computed(self) -> float:
        try:
            self._control.sendall(b"T")
            said = _hear(self._control, 30)
        except OSError as error:
            raise WorkerLost("the sandbox's worker is gone") from error
        return said if isinstance(said, float) else 0.0

    def end(self) -> str:
        try:
            self._control.sendall(b"K")
            status = _hear(self._control, 30)
        except OSError as error:
            raise WorkerLost("the sandbox's worker is gone") from error
        return _ending(status)

    def close(self) -> None:
        """Let go; whatever runs in there dies."""
        self._control.close()
        _finish(self._process)
        self._course.cleanup()


class Unwalled:
    """A plain process for each submission: it can read, write and reach everything."""

    isolated = False

    def __init__(self, limits: Limits, preload: tuple[str, ...]) -> None:
        if os.name != "posix":
            raise NoSandbox("even unsafe grading needs a POSIX system, such as WSL 2")
        self._limits, self._preload = limits, preload
        self._course = tempfile.TemporaryDirectory(prefix="coursekit-unsafe-")
        cage.library(Path(self._course.name))
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """There is nothing to be got ready."""

    def computed(self) -> float:
        return walls.computed(self._process.pid) if self._process else 0.0

    def open(self) -> Channel:
        ours, theirs = zip(socket.socketpair(), socket.socketpair(), strict=True)
        limits, place = self._limits, self._course.name
        self._process, control = _start([], place, limits, self._preload)
        with control:
            socket.send_fds(control, [b"F"], [end.fileno() for end in theirs])
            _await(control, self._process, limits)
        for end in theirs:
            end.close()
        return Channel(*ours)

    def end(self) -> str:
        process, self._process = self._process, None
        if process is None:
            return ""
        status = process.poll()
        _finish(process)
        return "" if status is None else _ending(status)

    def close(self) -> None:
        self.end()
        self._course.cleanup()


def _start(
    command: list[str],
    place: str,
    limits: Limits,
    preload: tuple[str, ...],
) -> tuple[subprocess.Popen, socket.socket]:
    control, theirs = socket.socketpair()
    walled, log = bool(command), tempfile.TemporaryFile()
    settings = {"walled": walled, "limits": limits.for_child(), "preload": preload}
    with theirs:
        settings["control"] = theirs.fileno()  # bubblewrap hands it through
        entry = _ENTRY.format(place=place)
        inside = [sys.executable, "-I", "-c", entry, json.dumps(settings)]
        process = _STARTER.submit(
            subprocess.Popen,
            [*command, *inside],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            cwd="/" if walled else place,
            env=None if walled else os.environ | _unsafe_world(),
        ).result()
    process.stderr = log  # a file, for nobody reads it unless the start fails
    return process, control


def _await(control: socket.socket, process: subprocess.Popen, limits: Limits) -> None:
    """Until the worker has imported everything.

    Raises:
        NoSandbox: it could not; with what it said.
    """
    try:
        said = _hear(control, limits.start)
    except OSError as error:
        words = []
        with suppress(ValueError):  # it has been closed meanwhile
            process.stderr.seek(0)
            words = process.stderr.read().decode(errors="replace").split()[-40:]
        said = " ".join(words) or str(error)
    if said != "ready":
        raise NoSandbox(f"the grader's worker cannot start: {said}")


def _unsafe_world() -> dict[str, str]:
    kept = ("PYTHONHASHSEED", "COURSEKIT_THREADS", "TF_CPP_MIN_LOG_LEVEL", "MPLBACKEND")
    return {name: WORLD[name] for name in kept}


def _hear(control: socket.socket, seconds: float) -> object:
    """One short frame from a worker.

    Raises:
        OSError: it hung up or was silent for too long.
    """
    control.settimeout(seconds)
    with control.makefile("rb") as stream:
        header = stream.read(wire.HEADER.size)
        if len(header) < wire.HEADER.size:
            raise ConnectionError("the worker hung up")
        return wire.decode(stream.read(wire.body_length(header)))


def _ending(status: object) -> str:
    if not isinstance(status, int) or status in (0, signal.SIGKILL):
        return ""
    code = os.waitstatus_to_exitcode(status) if status > 0 else status
    if code < 0:
        with suppress(ValueError):
            return f"the process was ended by {signal.Signals(-code).name}"
    return f"the process left with status {code}"


def _finish(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
