"""The command ``coursekit``: each sub-command imports only what it needs."""

import argparse
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec

from coursekit.spine import BadSyllabus

COMMANDS = {
    "lab": ("lab", "open the course in JupyterLab (options go to jupyter lab)"),
    "status": ("journal", "the map of the course with your progress"),
    "check": ("seat.check", "check the answers in a notebook or a Python file"),
    "watch": ("seat.watch", "check on every save; hints and the next one on a key"),
    "hint": ("seat.hint", "the next hint of an exercise: hint 04.3"),
    "solution": (
        "seat.solution",
        "a reference solution, after a pass or all hints",
    ),
    "reset": ("seat.reset", "an exercise as it was; your work is kept: reset 04.3"),
    "update": ("seat.update", "a newer edition of the course, with your work in it"),
    "doctor": ("doctor", "is this machine ready?"),
    "release": ("classroom.release", "the student edition, without solutions"),
    "grade": ("classroom.batch", "grade a class: sandboxed, in parallel, resumable"),
    "report": ("classroom.report", "what the class solved and misunderstood"),
    "export": ("classroom.exports", "grades for Canvas, Moodle or a spreadsheet"),
    "gradebook": ("classroom.gradebook", "merge, override, comment"),
    "sample-class": ("classroom.sample", "make a class of simulated submissions"),
    "test": ("testrun", "test everything that the course claims"),
    "build": ("authoring.build", "run and tidy chapters, generate exercises: build 01"),
    "verify": ("authoring.verify", "say what is stale, without running anything"),
    "timings": ("authoring.timings", "cold seconds and peak memory of each notebook"),
}
"""Each command: the module whose ``main(arguments)`` it is, and what it does."""
GROUPS = {"learners": "lab", "teachers": "release", "authors": "test"}
"""For whom the commands are, by the first one of each group."""


def available() -> dict[str, tuple[str, str]]:
    """The commands of this edition: the students' has no classroom, for one."""
    return {
        name: (module, what)
        for name, (module, what) in COMMANDS.items()
        if find_spec(f"coursekit.{module.partition('.')[0]}")
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; returns its exit status."""
    commands = available()
    width = max(map(len, commands))
    listing = ""
    for name, (_, what) in commands.items():
        if who := [group for group, first in GROUPS.items() if first == name]:
            listing += f"\nfor {who[0]}:\n"
        listing += f"  {name:<{width}}  {what}\n"
    parser = argparse.ArgumentParser(
        prog="coursekit",
        description="The companion of the TensorFlow course.",
        epilog=listing.strip("\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", help="one of those below")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="its arguments")
    args = parser.parse_args(argv)
    if args.command not in commands:
        near = get_close_matches(args.command, commands, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        print(
            f"coursekit: there is no command {args.command!r}.{guess} "
            "`coursekit --help` lists them all.",
            file=sys.stderr,
        )
        return 2
    module, _ = commands[args.command]
    try:
        status = import_module(f"coursekit.{module}").main(args.rest)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # who reads has had enough: coursekit status | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BadSyllabus as error:
        print(f"coursekit {args.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
