"""The command ``coursekit``: each sub-command imports only what it needs."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

COMMANDS = {
    "lab": ("lab", "open the course in JupyterLab (options go to jupyter lab)"),
    "status": ("journal", "the map of the course with your progress"),
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
    listing = "\n".join(f"  {n:<{width}}  {what}" for n, (_, what) in commands.items())
    parser = argparse.ArgumentParser(
        prog="coursekit",
        description="The companion of the TensorFlow course.",
        epilog=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=commands, metavar="command")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="its arguments")
    args = parser.parse_args(argv)
    module, _ = commands[args.command]
    return import_module(f"coursekit.{module}").main(args.rest)


if __name__ == "__main__":
    sys.exit(main())
