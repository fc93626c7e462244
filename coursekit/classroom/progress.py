"""What grading says while it works: a line on the screen, or JSON lines."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

Tell = Callable[..., None]
"""``tell("graded", student=…, …)``."""


class Screen:
    """One line that moves on a terminal; in a file, a line for every tenth part."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.live = self.out.isatty()
        self.began = time.monotonic()
        self.total = self.done = self.tenth = 0

    def __call__(self, event: str, **data: Any) -> None:
        if event == "start":
            self.total = data["submissions"]
            self._line(f"{self.total} submissions, {data['workers']} workers", True)
        elif event in ("graded", "unchanged", "unreadable"):
            self.done += 1
            tenth = 10 * self.done // max(self.total, 1)
            if self.live or tenth > self.tenth:
                self._line(self._state(data), not self.live)
            self.tenth = tenth
        elif event == "end" and self.live:
            self._line("", False)

    def _state(self, data: dict[str, Any]) -> str:
        passed = time.monotonic() - self.began
        left = round(passed / self.done * (self.total - self.done))
        who = f"{data['student']} {data['chapter']}"
        rate = f"{60 * self.done / passed:.0f} a minute" if passed > 1 else ""
        return (
            f"{self.done}/{self.total}  {who[:40]}: {data['earned']:g} of "
            f"{data['points']}  {rate}  {left // 60}:{left % 60:02} left"
        )

    def _line(self, line: str, keep: bool) -> None:
        start = "\r\x1b[K" if self.live else ""
        self.out.write(start + line + ("\n" if keep else ""))
        self.out.flush()


class JsonLines:
    """One JSON object a line: ``{"event": "graded", "student": …}``."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout

    def __call__(self, event: str, **data: Any) -> None:
        self.out.write(json.dumps({"event": event, **data}) + "\n")
        self.out.flush()
