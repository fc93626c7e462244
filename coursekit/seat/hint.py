"""``coursekit hint``: the next hint of an exercise, as ``ck.hint`` gives it."""

import argparse
import ast
import json
import re
import sys
from typing import Any

from coursekit.learner import next_hint
from coursekit.seat import paper
from coursekit.spine import load_course


class Unknown(ValueError):
    """There is no such exercise; the text says what there is."""


def exercise_id(text: str) -> str:
    """The id that a learner means: ``4.3`` is ``"04.3"``.

    Raises:
        Unknown: it names no exercise.
    """
    course = load_course()
    if not re.fullmatch(r"\d\d?\.\d", text):
        raise Unknown(f"{text!r} is no exercise: they are called 01.1, 04.3 and so on.")
    try:
        section = course.section(text.zfill(4))
    except KeyError as error:
        raise Unknown(f"There is {error.args[0]}.") from None
    if not course.chapter(section.id).ready:
        raise Unknown(f"Chapter {section.id[:2]} has no exercises yet.")
    return section.id


def ladder(id: str) -> tuple[str, ...]:
    """The hints of an exercise.

    Raises:
        Unknown: it has none.
    """
    return tuple(literals(id, "hints")["hints"])


def literals(id: str, *parts: str) -> dict[str, Any]:
    """Parts of an exercise, read from its check without loading TensorFlow.

    A check is written with literals (the student edition's is a recording in JSON).

    Raises:
        Unknown: they are not there.
    """
    folder = load_course().chapter(id).checks
    for path in sorted(folder.glob("*.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        if row["id"] == id:
            return {part: row[part] for part in parts}
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                if _literal(given.get("id")) == id and given.keys() >= {*parts}:
                    return {part: ast.literal_eval(given[part]) for part in parts}
    raise Unknown(f"{id} has no {' and no '.join(parts)}.")


def _literal(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def parsed(name: str, about: str, arguments: list[str]) -> str:
    """The exercise that a command was given.

    Raises:
        Unknown: it names no exercise.
    """
    parser = argparse.ArgumentParser(prog=f"coursekit {name}", description=about)
    parser.add_argument("id", metavar="ID", help="an exercise such as 04.3")
    return exercise_id(parser.parse_args(arguments).id)


def main(arguments: list[str]) -> int:
    """``coursekit hint ID``; returns the exit status."""
    try:
        id = parsed("hint", "The next hint of an exercise.", arguments)
        text = next_hint(id, ladder(id), f"`coursekit solution {id}`")
    except Unknown as error:
        print(f"coursekit hint: {error}", file=sys.stderr)
        return 2
    print(paper.wrapped(text))
    return 0
