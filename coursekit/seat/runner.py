"""Talk to the worker: start it, give it a file, hear what comes of it, stop it."""

import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coursekit.seat.source import Cell
from coursekit.seat.worker import FORKS

LIMIT = 60.0
"""Seconds that one exercise, or one cell before it, may take."""
GRACE = 5.0
"""Seconds until a worker that does not stop by itself is stopped from outside."""
START = 300.0
"""Seconds until TensorFlow has surely been loaded."""


class WorkerDied(RuntimeError):
    """Nothing can be checked; the text says why."""


@dataclass(frozen=True)
class About:
    """An exercise that a file answers; ``code`` changes when its answer does."""

    id: str
    name: str
    points: int
    minutes: int
    difficulty: str
    hints: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class Verdict:
    """What a check found, as a notebook would say it; see ``engine.Result``."""

    id: str
    state: str
    earned: float
    points: int
    text: str
    printed: str = ""
    mistake: str = ""

    @property
    def headline(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def body(self) -> str:
        return self.text.partition("\n")[2]


Event = list[About] | Verdict | str
"""The exercises found, a verdict, or the id of the exercise that is judged now."""


class Worker:
    """A process that has loaded TensorFlow and runs one file at a time."""

    def __init__(self, limit: float = LIMIT) -> None:
        self.limit = limit
        self._process: subprocess.Popen | None = None
        self._inbox: queue.Queue[dict] = queue.Queue()
        self._number = 0
        self._job: dict[str, Any] | None = None
        self._found: dict[str, About] = {}
        self._open: list[str] = []
        self._now = ""
        self._deadline = 0.0
        self._deaths = 0
        self.ready = False

    @property
    def busy(self) -> bool:
        return self._job is not None

    def start(self) -> None:
        """Begin to load TensorFlow, unless that has begun."""
        if self._process is not None and self._process.poll() is None:
            return
        self.ready = False
        self._process = subprocess.Popen(
            # -P: a file random.py of the learner's must not stand in for Python's own
            [sys.executable, "-P", "-m", "coursekit.seat.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._inbox = queue.Queue()
        threading.Thread(
            target=_listen, args=(self._process, self._inbox), daemon=True
        ).start()

    def check(
        self, path: Path, cells: Sequence[Cell], only: Sequence[str] | None
    ) -> None:
        """Begin to check a file; what was being checked is dropped.

        Args:
            path: the file; its name may tell the chapter, its folder is where it runs.
            cells: what is in it.
            only: ids of exercises; None is all, and an empty list asks merely which
                exercises there are.
        """
        self.stop()
        found = re.match(r"(\d\d)_", path.name)
        job = {
            "cells": [asdict(cell) for cell in cells],
            "only": only,
            "hint": found[1] if found else "",
            "folder": str(path.resolve().parent),
            "limit": self.limit,
        }
        self._submit(job)

    def _submit(self, job: dict[str, Any]) -> None:
        self.start()
        self._number += 1
        self._job = {**job, "number": self._number}
        self._open, self._now = list(job["only"] or ()), ""
        self._deadline = time.monotonic() + START
        self._send(json.dumps(self._job))

    def _send(self, line: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has died, which events() will notice

    def stop(self) -> None:
        """Drop what is being checked."""
        if self._job is None:
            return
        self._job = None
        if FORKS and self.ready:
            self._send("stop")
        elif self.ready:
            self.close()

    def close(self) -> None:
        """End the worker and whatever it runs."""
        self._job = None
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            try:
                process.stdin.close()  # it kills its child, then ends
            except OSError:
                pass
        try:
            process.wait(timeout=2 if FORKS and self.ready else 0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.ready = False

    def events(self, wait: float = 0.0) -> Iterator[Event]:
        """What has come in since, waiting up to ``wait`` seconds for the first of it.

        Raises:
            WorkerDied: it cannot be kept alive.
        """
        end = time.monotonic() + wait
        while True:
            try:
                left = max(end - time.monotonic(), 0)
                message = self._inbox.get(timeout=left) if left else self._inbox.get(0)
            except queue.Empty:
                yield from self._overdue()
                return
            end = 0
            yield from self._take(message)

    def _take(self, message: dict) -> Iterator[Event]:
        kind = message.pop("kind")
        if kind == "ready":
            self.ready = True
            self._tick()
        elif kind == "ended":
            yield from self._ended(message)
        elif self._job is None or message.pop("of") != self._job["number"]:
            return  # of a check that was dropped
        elif kind == "begun":
            self._tick()
        elif kind == "found":
            rows = [About(**r | {"hints": tuple(r["hints"])}) for r in message["rows"]]
            self._found = {row.id: row for row in rows}
            if self._job["only"] is None:
                self._open = list(self._found)
            self._deaths = 0
            yield rows
        elif kind == "judging":
            self._now = message["id"]
            self._tick()
            yield self._now
        elif kind == "verdict":
            verdict = Verdict(**message)
            self._drop(verdict.id)
            yield verdict
        elif kind == "fault":
            self._job = None
            raise WorkerDied(f"The check itself failed: {message['text']}")
        elif kind == "done":
            yield from self._done()

    def _tick(self) -> None:
        self._deadline = time.monotonic() + self.limit + GRACE

    def _drop(self, id: str) -> None:
        self._open = [other for other in self._open if other != id]
        self._now = ""

    def _done(self) -> Iterator[Event]:
        job, self._job = self._job, None
        yield from self._after(job)

    def _after(self, job: dict[str, Any] | None) -> Iterator[Event]:
        """A job has ended: go on after what it broke down over, if it did."""
        if job is not None and self._open:
            yield from self._give_up(job, "Python itself broke down over it: a crash.")

    def _overdue(self) -> Iterator[Event]:
        """Stop from outside what does not stop by itself, and go on with the rest."""
        if self._job is None or time.monotonic() < self._deadline:
            return
        if not self.ready:
            raise WorkerDied("TensorFlow does not load: see `coursekit doctor`.")
        job = self._job
        self.stop()
        yield from self._give_up(
            job,
            f"Stopped after {self.limit:g} s: is there a loop that does not end, or "
            "one that catches every exception?",
        )

    def _give_up(self, job: dict[str, Any], why: str) -> Iterator[Event]:
        for id in [self._now] if self._now else list(self._open):
            yield self._lost(id, why)
            self._drop(id)
        if self._open:
            self._submit(job | {"only": list(self._open)})

    def _ended(self, message: dict) -> Iterator[Event]:
        if message["process"] is not self._process:
            return  # it was meant to end
        self._process, job, self._job = None, self._job, None
        if not FORKS:
            yield from self._after(job)
            self.start()  # the next one loads TensorFlow meanwhile
        elif job is not None:
            self._deaths += 1
            if self._deaths > 2:
                raise WorkerDied("TensorFlow cannot be loaded: see `coursekit doctor`.")
            self._submit(job)

    def _lost(self, id: str, why: str) -> Verdict:
        about = self._found.get(id)
        name, points = (about.name, about.points) if about else ("", 0)
        head = f"✗ {id} {name}: stopped by an error (0 of {points} points)"
        return Verdict(id, "error", 0, points, f"{head}\n{why}")


def _listen(process: subprocess.Popen, inbox: "queue.Queue[dict]") -> None:
    for line in process.stdout or ():
        try:
            inbox.put(json.loads(line))
        except ValueError:
            continue  # half a line, of a child that was killed
    inbox.put({"kind": "ended", "process": process})
