"""``coursekit watch``: check on every save, one exercise after the other."""

import re
import shutil
import signal
import sys
import time
from pathlib import Path

from coursekit import journal
from coursekit.atlas import next_section
from coursekit.seat import paper
from coursekit.seat.check import find_file, in_hand, parser_of, remember, unknown
from coursekit.seat.keys import Keys
from coursekit.seat.runner import About, Verdict, Worker, WorkerDied
from coursekit.seat.screen import View, page, title
from coursekit.seat.source import BadFile, read
from coursekit.spine import load_course

ABOUT = """\
Check a notebook or a Python file whenever it is saved, and show what was found.
Without a file: the exercises of the chapter that is next. Without a terminal to read
keys from, it checks on save and goes on to the next exercise by itself.
"""
_TICK = 0.1


class Watch:
    """One file under watch.

    ``view`` is what is to be seen; every change of it is drawn, or told line by line
    where the output is no terminal.
    """

    def __init__(self, path: Path, limit: float, first: str = "") -> None:
        self.path, self.first = path, first
        self.worker = Worker(limit)
        self.view = View(path=str(path))
        self.keys = Keys()
        self.over = False
        self._seen: object = None
        self._codes: dict[str, str] = {}
        self._written: set[str] = set()
        self._judging: list[str] = []
        self._waiting: dict[str, None] = {}  # ids without a verdict, in order
        self._began = 0.0
        self._drawing, self._fresh = sys.stdout.isatty(), True
        self._begun = False

    def run(self) -> None:
        """Watch until ``q``."""
        try:
            with self.keys:
                self.view.keys = self.keys.active
                self.worker.start()
                while not self.over:
                    self.step()
        finally:
            self.worker.close()

    def step(self) -> None:
        """Look at the file, the worker and the keys once."""
        if (stamp := _stamp(self.path)) != self._seen:
            self._seen, self._fresh = stamp, True
            self._saved()
        for event in self.worker.events():
            self._fresh = True
            self._take(event)
        self._draw()
        for key in self.keys.pressed(_TICK):
            self._fresh = True
            self._press(key)

    # --- the file

    def _saved(self) -> None:
        """The file is new or has changed: find out which answers did."""
        try:
            self._cells = read(self.path)
        except BadFile as problem:
            self.worker.stop()
            self._trouble(str(problem))
            return
        self._ask([])

    def _trouble(self, problem: str) -> None:
        if problem and problem != self.view.problem:
            self._tell(problem)
        self.view.problem = problem

    def _ask(self, only: list[str]) -> None:
        self._judging, self._began = only, time.monotonic()
        self._waiting |= dict.fromkeys(only)
        self.worker.check(self.path, self._cells, only)

    def _take(self, event: list[About] | Verdict | str) -> None:
        if isinstance(event, Verdict):
            self._judged(event)
        elif isinstance(event, list) and self._judging == []:
            self._found(event)

    def _found(self, found: list[About]) -> None:
        """These exercises are in the file: go to the one that was worked on."""
        view, known = self.view, self._codes
        self._trouble(unknown([], found, self.path))
        view.exercises = {about.id: about for about in found}
        self._codes = {about.id: about.code for about in found}
        changed = [id for id, code in self._codes.items() if known.get(id) != code]
        if not found:
            return
        if view.current not in view.exercises:
            self._go(self._start())
        if known:
            self._written |= set(changed)
        else:  # what is there at the start is looked at, but is no attempt
            changed = [view.current]
        if changed and view.current not in changed:
            self._go(changed[0])
        if changed or self._waiting:
            self._ask([*dict.fromkeys([*changed, *self._waiting])])

    def _start(self) -> str:
        if self.first in self.view.exercises:
            return self.first
        open_ = [id for id in self.view.exercises if id not in _solved()]
        return (open_ or [*self.view.exercises])[0]

    # --- verdicts

    def _judged(self, verdict: Verdict) -> None:
        view, id = self.view, verdict.id
        view.verdicts[id] = verdict
        first_pass = verdict.state == "right" and id not in _solved()
        if id in self._written or first_pass:
            view.kept = remember(verdict)
        self._written.discard(id)
        self._waiting.pop(id, None)
        if id != view.current:
            return
        view.helped = []
        self._tell(paper.told(verdict))
        if verdict.state == "right" and not view.keys:
            self._next()

    def _next(self) -> None:
        """Go to the next exercise of the file that is not solved."""
        ids, solved = [*self.view.exercises], _solved()
        here = ids.index(self.view.current)
        open_ = [id for id in ids[here + 1 :] + ids[:here] if id not in solved]
        if open_:
            self._go(open_[0])
            if self._judging != [open_[0]]:
                self._ask([open_[0]])
        elif self.view.current in solved:
            self._say(f"Every exercise in this file is solved. {self._onwards()}")
        else:
            self._say("This is the last one that is open.")

    def _onwards(self) -> str:
        section = next_section(load_course(), journal.standings())
        if section is None:
            return "So is every other one of the course."
        return f"Next: coursekit watch {section.id[:2]}"

    def _go(self, id: str) -> None:
        self._waiting.pop(self.view.current, None)
        self.view.go(id)
        self._tell(title(self.view.exercises[id]))

    def _say(self, text: str) -> None:
        self.view.say(text)
        self._tell(text)

    # --- keys

    def _press(self, key: str) -> None:
        view = self.view
        if key in "q\x04":
            self.over = True
        elif not view.current:
            return
        elif key == "h":
            view.hint()
        elif key == "s":
            view.solution()
        elif key == "n":
            self._next()
        elif key == "l":
            view.listing = not view.listing
        elif key in "r\n ":
            self._ask([view.current])
        elif key.isdigit():
            ending = [id for id in view.exercises if id.endswith(f".{key}")]
            if ending:
                self._go(ending[0])
                self._ask(ending)

    # --- what is to be seen

    def _tell(self, text: str) -> None:
        """Say it where there is no screen to draw."""
        if not self._drawing:
            print(f"{text}\n", flush=True)

    def _draw(self) -> None:
        doing = self._doing()
        if self._drawing and (self._fresh or doing != self.view.working):
            self.view.working, self._fresh = doing, False
            if not self._begun:  # what is on the screen can still be scrolled back to
                print("\n" * shutil.get_terminal_size().lines, end="")
                self._begun = True
            print(f"\x1b[H\x1b[J{page(self.view)}", end="", flush=True)

    def _doing(self) -> str:
        if not self.worker.busy:
            return ""
        what = f"checking {self.view.current}" if self.worker.ready else "loading"
        seconds = int(time.monotonic() - self._began)
        return f"{what} … {seconds} s" if seconds else f"{what} …"


def _solved() -> set[str]:
    return {id for id, standing in journal.standings().items() if standing.right}


def _stamp(path: Path) -> object:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def main(arguments: list[str]) -> int:
    """``coursekit watch [FILE|CHAPTER]``; returns the exit status."""
    parser = parser_of("watch", ABOUT)
    parser.add_argument(
        "file", nargs="?", help="a notebook or Python file, a chapter (04), 04.3"
    )
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    try:
        what = given.file or in_hand()
        first = what.zfill(4) if re.fullmatch(r"\d\d?\.\d", what) else ""
        path = find_file(what)
        read(path)
        Watch(path, given.limit, first).run()
    except (BadFile, WorkerDied) as error:
        print(f"coursekit watch: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)  # through every finally: the terminal as it was
