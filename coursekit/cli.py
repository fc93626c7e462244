"""The command ``coursekit``: each sub-command imports only what it needs."""

import argparse
import sys
from collections.abc import Sequence


def _lab(rest: list[str]) -> int:
    from coursekit.lab import main

    return main(rest)


def _doctor(rest: list[str]) -> int:
    from coursekit.doctor import main

    return main()


def _status(rest: list[str]) -> int:
    from coursekit.journal import course_map, standings
    from coursekit.spine import load_course

    print(course_map(load_course(), standings()).text)
    return 0


def _build(rest: list[str]) -> int:
    from coursekit.authoring.build import main

    return main(rest)


def _verify(rest: list[str]) -> int:
    from coursekit.authoring.verify import main

    return main(rest)


def _timings(rest: list[str]) -> int:
    from coursekit.authoring.timings import main

    return main(rest)


def _test(rest: list[str]) -> int:
    from coursekit.testrun import main

    return main(rest)


COMMANDS = {
    "lab": (_lab, "open the course in JupyterLab (options go to jupyter lab)"),
    "status": (_status, "the map of the course with your progress"),
    "doctor": (_doctor, "is this machine ready?"),
    "test": (_test, "test everything that the course claims"),
    "build": (_build, "run and tidy chapters, generate their exercises: build 01 …"),
    "verify": (_verify, "say what is stale, without running anything"),
    "timings": (_timings, "cold seconds and peak memory of each notebook"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a sub-command; returns its exit status."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {n:<{width}}  {what}" for n, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="coursekit",
        description="The companion of the TensorFlow course.",
        epilog=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="its arguments")
    args = parser.parse_args(argv)
    return COMMANDS[args.command][0](args.rest)


if __name__ == "__main__":
    sys.exit(main())
