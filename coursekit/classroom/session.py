"""Run one submission in a host's children, and collect what its answers give.

The cells run in order, as after "Restart and run all". An answer is what its name
stands for right after its cell. A child that hangs or dies is killed whole; the cell or
the exercise that did it is noted, and a fresh child goes on with the rest.
"""

import hashlib
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from coursekit.classroom.channel import Channel, Lost
from coursekit.classroom.extract import Cell, answer_id
from coursekit.classroom.patience import Patience, crowding
from coursekit.classroom.probes import Shipment
from coursekit.classroom.sandbox import Host, Limits
from coursekit.engine import Case, Plain, Raised

MAX_STDOUT = 10_000
_SPARE_CHILDREN = 8
_FRESH = 1.0
"""Seconds for which a child's processor time counts as known: asking takes time."""


@dataclass(frozen=True)
class Task:
    """One exercise to be run: what to call, with what."""

    id: str
    name: str
    cases: tuple[Case, ...]
    probe: Shipment


@dataclass
class Answered:
    """What came of one exercise.

    Attributes:
        got: one value for each case; empty when nothing could be called.
        lost: how the child was lost over it, if it was.
        fault: why there was nothing to call, if something went wrong.
        found: whether any cell defines the name.
        stdout: what its cell printed.
        code: digest of all code that ran.
    """

    got: list[Plain] = field(default_factory=list)
    lost: Lost | None = None
    fault: Raised | None = None
    found: bool = False
    stdout: str = ""
    code: str = ""
    seconds: float = 0.0


@dataclass
class _Step:
    """A cell that is to be run, and what is known of it."""

    cell: Cell
    seen: dict
    lost: Lost | None = None
    raised: Raised | None = None
    printed: str | None = None
    seconds: float = 0.0

    @property
    def source(self) -> str:
        return self.seen["source"]

    @property
    def is_open(self) -> bool:
        """Whether the next cell may be its second half."""
        last = self.source.rstrip().rpartition("\n")[2]
        return bool(self.seen["error"]) or last[:1] in (" ", "\t")

    def writes(self, name: str) -> bool:
        """Whether it defines the name, as more than a stub."""
        return name in self.seen["defines"] and name not in self.seen["stubs"]


class Run:
    """One submission on its way; ``answers`` and ``remarks`` hold what came of it.

    Attributes:
        complete: nothing hung or died.
        unsure: something did for which the machine may be to blame.
    """

    def __init__(self, limits: Limits, tasks: Sequence[Task]) -> None:
        self.answers = {task.id: Answered() for task in tasks}
        self.remarks: list[str] = []
        self.complete = True
        self.unsure = False
        self._limits, self._tasks = limits, tasks
        self._host: Host
        self._channel: Channel | None = None
        self._children = 0
        self._began = self._asked = time.monotonic()
        self._used = 0.0
        self._steps: list[_Step] = []
        self._bound: dict[str, _Step] = {}

    def go(self, host: Host, cells: Sequence[Cell]) -> None:
        """Run the cells and call the answers, in children of the host's.

        Raises:
            NoSandbox, WorkerLost: as the host's ``open`` and ``end``.
        """
        self._host = host
        try:
            self._look(cells)
            self._plan()
            self._call_all()
        finally:
            self._end()

    # --- children

    def _ask(self, request: Plain, seconds: float) -> Plain:
        try:
            if over := self._over():
                raise over
            if self._channel is None:
                if self._children > len(self._tasks) + _SPARE_CHILDREN:
                    raise Lost(False, "too many processes were lost over this notebook")
                self._children += 1
                self._channel = self._host.open()
                self._used, self._asked = 0.0, time.monotonic()
            if time.monotonic() - self._asked > _FRESH:
                self._used, self._asked = self._host.computed(), time.monotonic()
            patience = Patience(seconds, self._host.computed, self._used)
            return self._channel.ask(request, patience)
        except Lost as lost:
            how = self._end()
            self.unsure |= lost.unsure
            if lost.hung:
                raise
            raise Lost(False, how or lost.why) from lost

    def _over(self) -> Lost | None:
        """What to say when the notebook as a whole has had its time."""
        passed, crowded = time.monotonic() - self._began, crowding()
        if passed < self._limits.submission * crowded:
            return None
        why = "the time for the whole notebook was used up"
        return Lost(True, why + ", on a busy machine" * (crowded > 1), crowded > 1)

    def _end(self) -> str:
        channel, self._channel = self._channel, None
        if channel is None:
            return ""
        channel.close()
        return self._host.end()

    # --- cells

    def _look(self, cells: Sequence[Cell]) -> None:
        """Ask a child what each cell defines; parsing is not for this process."""
        for cell in cells:
            seen = self._seen(cell.source)
            before = self._steps[-1] if self._steps else None
            if seen["error"] and before is not None and before.is_open:
                whole = self._seen(f"{before.source}\n{cell.source}")
                if not whole["error"]:  # a cell that was split in two
                    pair = f"cells {before.cell.number} and {cell.number}"
                    self.remarks.append(f"{pair} were run as one")
                    ids = before.cell.ids | cell.ids
                    merged = Cell(before.cell.number, whole["source"], ids)
                    self._steps[-1] = _Step(merged, whole)
                    continue
            if seen["error"] and cell.source[:1] in (" ", "\t"):
                even = self._seen(textwrap.dedent(cell.source))  # as Jupyter does
                seen = seen if even["error"] else even
            self._steps.append(_Step(cell, seen))
        for step in self._steps:
            where = f"cell {step.cell.number}"
            if magic := step.seen["magic"]:
                self.remarks.append(f"{where}: left out {magic[0][:40]!r}")
            if step.seen["error"]:
                self.remarks.append(f"{where}: {step.seen['error'][:100]}")

    def _seen(self, source: str) -> dict:
        try:
            seen = self._ask(("look", source), self._limits.cell)
        except Lost as lost:
            self.complete = False
            return _unseen(source, f"Python cannot read this cell ({lost.why})")
        if not isinstance(seen, dict) or not isinstance(seen.get("source"), str):
            return _unseen(source, "Python cannot read this cell")
        return seen

    def _plan(self) -> None:
        """Decide which cell answers which exercise: by id, then by name."""
        for task in self._tasks:
            name, id = task.name, answer_id(task.id)
            writers = [step for step in self._steps if step.writes(name)]
            named = [step for step in writers if id in step.cell.ids]
            broken = [
                step
                for step in self._steps
                if step.seen["error"]
                and (id in step.cell.ids or f"def {name}(" in step.source)
            ]
            answer = self.answers[task.id]
            answer.found = any(name in step.seen["defines"] for step in self._steps)
            if named or writers:
                self._bound[task.id] = (named or writers)[-1]
            elif broken:
                seen = broken[-1].seen
                line = seen["line"] if isinstance(seen["line"], int) else None
                kind, _, message = seen["error"].rpartition("SyntaxError: ")
                answer.fault = Raised("SyntaxError", message, line, "")
                answer.found = True

    def _run_cells(self) -> None:
        """Run every cell in a fresh child; what kills it is left out from then on.

        Raises:
            Lost: a cell was lost; run them again.
        """
        for step in self._steps:
            if step.lost or step.seen["error"] or not step.source.strip():
                continue
            began = time.monotonic()
            try:
                request = ("cell", step.cell.label, step.source)
                reply = self._ask(request, self._limits.cell)
            except Lost as lost:
                step.lost = lost
                self.complete = False
                self.remarks.append(f"cell {step.cell.number}: {lost.why}")
                raise
            assert self._channel is not None
            printed = self._channel.printed()
            if step.printed is None:
                step.printed = printed[:MAX_STDOUT]
                step.raised = reply if isinstance(reply, Raised) else None
                step.seconds = time.monotonic() - began
            for task in self._tasks:
                called = self.answers[task.id].got
                if self._bound.get(task.id) is step and not called:
                    self._bind(task)

    def _bind(self, task: Task) -> None:
        probe = task.probe
        request = ("bind", task.id, task.name, probe.entry, probe.source)
        try:
            reply = self._ask((*request, probe.constants), self._limits.call)
        except Lost as lost:
            self._bound[task.id].lost = lost
            self.complete = False
            raise
        if isinstance(reply, str) and reply == "bound":
            return
        answer, step = self.answers[task.id], self._bound.pop(task.id)
        answer.stdout, answer.fault = step.printed or "", step.raised
        if not (isinstance(reply, str) and reply == "missing"):
            odd = Raised("RuntimeError", "the notebook broke Python itself")
            answer.fault = reply if isinstance(reply, Raised) else odd

    # --- calls

    def _call_all(self) -> None:
        waiting = [task for task in self._tasks if task.id in self._bound]
        ready = False
        while waiting:
            if not ready:
                try:
                    self._run_cells()
                except Lost:
                    waiting = [task for task in waiting if self._still(task)]
                    continue
                ready = True
                waiting = [task for task in waiting if task.id in self._bound]
                continue
            ready = self._call(waiting.pop(0))
        code = hashlib.sha256()
        for step in self._steps:
            code.update(step.source.encode("utf-8", "replace") + b"\0")
        for task in self._tasks:
            answer, step = self.answers[task.id], self._bound.get(task.id)
            if step is not None:
                answer.code = code.hexdigest()
                answer.stdout = step.printed or ""
                answer.seconds = round(answer.seconds + step.seconds, 3)

    def _still(self, task: Task) -> bool:
        """Whether an exercise can go on after a cell was lost."""
        answer = self.answers[task.id]
        answer.lost = self._bound[task.id].lost
        answer.lost = answer.lost or self._over()
        return answer.lost is None

    def _call(self, task: Task) -> bool:
        """Call one answer with each case; whether the child is still good."""
        answer = self.answers[task.id]
        began = time.monotonic()
        for case in task.cases:
            try:
                request = ("call", task.id, case.group, case.args)
                answer.got.append(self._ask(request, self._limits.call))
            except Lost as lost:
                answer.lost = lost
                self.complete = False
                missing = len(task.cases) - len(answer.got)
                answer.got += [Raised("Stopped", lost.why)] * missing
                break
            assert self._channel is not None
            self._channel.printed()  # what hidden calls print stays hidden
        answer.seconds = time.monotonic() - began
        return answer.lost is None


def _unseen(source: str, error: str) -> dict:
    seen = {"source": source, "defines": [], "stubs": [], "magic": [], "line": None}
    return seen | {"error": error}
