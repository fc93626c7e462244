"""What runs inside the sandbox: the zygote, and the child that serves one submission.

The zygote imports TensorFlow once and never runs an operation, for a process with
TensorFlow's threads cannot be forked. Told to, it forks a child with two sockets: one
for requests, answered one at a time in the wire form, one that takes all output.
Nothing here knows a solution, an oracle, a seed or a second case.
"""

import gc
import importlib
import json
import linecache
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from typing import Any

from coursekit.classroom import look, walls, wire
from coursekit.engine.exercise import Case
from coursekit.engine.grading import run
from coursekit.engine.plain import Opaque, Plain, Raised

FORK, KILL, TIME = b"F", b"K", b"T"
_REQUESTS = 3
_MISSING = object()


def main() -> None:
    """Entry of the process; ``argv[1]`` is its settings as JSON."""
    settings = json.loads(sys.argv[1])
    walled = settings["walled"]
    if walled:
        walls.become_outcast()
    control = socket.socket(fileno=settings["control"])
    try:
        _warm_up(settings["preload"])
    except BaseException as error:
        control.sendall(wire.frame(f"{type(error).__name__}: {error}"))
        raise
    control.sendall(wire.frame("ready"))
    if walled:
        _serve_forks(control, settings["limits"])
    else:
        _, fds, _, _ = socket.recv_fds(control, 1, 2)
        limits = settings["limits"]
        walls.limit(None, limits["cpu_seconds"], limits["tmp_bytes"])
        _become_child(control, fds)
        _serve_requests(socket.socket(fileno=_REQUESTS))


def _warm_up(preload: list[str]) -> None:
    from coursekit.runtime import quiet_import

    gc.disable()  # what is collected between imports would only be copied later
    tf = quiet_import()
    tf.config.threading.set_intra_op_parallelism_threads(1)  # a core per worker
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    for name in preload:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()


def _serve_forks(control: socket.socket, limits: dict[str, int]) -> None:
    """Fork, kill and time one child at a time, until the grader hangs up."""
    child = 0
    while True:
        order, fds, _, _ = socket.recv_fds(control, 1, 2)
        if order == FORK and len(fds) == 2 and not child:
            try:
                child = walls.spawn(lambda fds=fds: _child(control, fds, limits))
                answer: Plain = "forked"
            except OSError as error:
                answer = str(error)
            for fd in fds:
                os.close(fd)
        elif order == TIME:
            answer = walls.computed(child)
        elif order == KILL and child:
            answer, child = walls.kill(child), 0
        else:
            return  # the grader is gone; what still runs here dies with this process
        control.sendall(wire.frame(answer))


def _child(control: socket.socket, fds: list[int], limits: dict[str, int]) -> None:
    _become_child(control, fds)
    requests = socket.socket(fileno=_REQUESTS)
    try:
        walls.raise_walls(**limits)
    except BaseException as error:
        requests.sendall(wire.frame(f"{error}"))
        os._exit(1)
    requests.sendall(wire.frame("ready"))
    _serve_requests(requests)


def _become_child(control: socket.socket, fds: list[int]) -> None:
    """Keep three descriptors: nothing to read, the output, the requests."""
    control.detach()
    requests, output = (os.dup(fd) for fd in fds)
    nothing = os.open(os.devnull, os.O_RDWR)
    high = 100  # out of the way of the numbers that are to be filled
    requests, output, nothing = (
        os.dup2(fd, high + k) for k, fd in enumerate((requests, output, nothing))
    )
    for number, fd in enumerate((nothing, output, output, requests)):
        os.dup2(fd, number, inheritable=False)
    os.closerange(4, 4096)
    for name in ("stdout", "stderr"):
        fd = 1 if name == "stdout" else 2
        stream = open(fd, "w", encoding="utf-8", errors="backslashreplace")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.stdin = open(0, encoding="utf-8")
    sys.argv = ["notebook"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _serve_requests(requests: socket.socket) -> None:
    session = _Session()
    with requests.makefile("rb") as incoming:
        while header := incoming.read(wire.HEADER.size):
            body = incoming.read(wire.body_length(header))
            reply = session.answer(wire.decode(body))
            for stream in (sys.stdout, sys.stderr):
                with suppress(BaseException):
                    stream.flush()
            requests.sendall(_fit(reply))
    os._exit(0)


def _fit(reply: Plain) -> bytes:
    try:
        return wire.frame(reply)
    except (wire.WireError, MemoryError) as error:
        return wire.frame(Opaque("value too large to hand over", str(error)))


class _Session:
    """One notebook: its namespace, the answers found in it, their probes."""

    def __init__(self) -> None:
        self.main = ModuleType("__main__")
        self.main.__dict__.update(display=print, get_ipython=lambda: None)
        sys.modules["__main__"] = self.main
        self.bound: dict[str, tuple[Any, SimpleNamespace]] = {}

    def answer(self, request: Plain) -> Plain:
        """Do what is asked; whatever the student's code throws comes back as data."""
        what, *rest = request
        try:
            return getattr(self, what)(*rest)
        except BaseException as error:
            return _raised(error, "")

    def look(self, source: str) -> Plain:
        return look.look(source)

    def cell(self, label: str, source: str) -> Plain:
        """Run one cell; None or what it raised."""
        lines = source.splitlines(keepends=True)
        # inspect and AutoGraph ask linecache for the source of what is defined here.
        linecache.cache[label] = (len(source), None, lines, label)
        try:
            exec(compile(source, label, "exec", dont_inherit=True), vars(self.main))
        except BaseException as error:
            return _raised(error, label)
        return None

    def bind(
        self, key: str, name: str, entry: str, source: str, constants: dict
    ) -> Plain:
        """Remember what a name stands for now, to be called later."""
        value = vars(self.main).get(name, _MISSING)
        if value is _MISSING or value is ...:
            return "missing"
        scope = {"__name__": "probe", **constants}
        label = f"<probe {key}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[label] = (len(source), None, lines, label)
        exec(compile(source, label, "exec", dont_inherit=True), scope)
        self.bound[key] = (value, SimpleNamespace(probe=scope[entry]))
        return "bound"

    def call(self, key: str, group: str, args: tuple) -> Plain:
        """What the answer gives for one case."""
        value, probing = self.bound[key]
        return run(probing, value, Case(group, args))


def _raised(error: BaseException, label: str) -> Raised:
    try:
        message = " ".join(str(error).split())[:300]
    except BaseException:  # a student's exception may fail to speak
        message = ""
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename == label:
        return Raised(kind, message, error.lineno, (error.text or "").strip()[:200])
    found = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == label and frame.lineno
    ]
    if not found:
        return Raised(kind, message)
    line = found[-1].lineno
    return Raised(kind, message, line, linecache.getline(label, line).strip()[:200])
