"""What the learner has done, in one small local file.

The file is a log, one JSON object a line, only ever appended to: two notebooks can
write at once, and a torn line costs that line alone. It lives in ``.coursekit/``
beside the notebooks, or in the folder named by ``COURSEKIT_HOME``.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from coursekit.spine import ROOT

_STATES = ("right", "wrong", "error")


@dataclass
class Standing:
    """How far the learner is with one exercise.

    Attributes:
        right: solved at least once; this lasts, whatever comes later.
        attempts: checks of an answer, not counting the untouched stub.
        hints: how many rungs of the ladder were shown.
        misconceptions: names of those met, oldest first.
        revisit: the misconception met last, unless it has been overcome since.
        slipped: a later check of the solved exercise was not right.
        changed: an update of the course has changed its task since it was solved.
        last: the place of its last event in the journal.
    """

    right: bool = False
    attempts: int = 0
    hints: int = 0
    misconceptions: list[str] = field(default_factory=list)
    revisit: str = ""
    slipped: bool = False
    changed: bool = False
    last: int = 0

    def take(self, event: str, mistake: str) -> None:
        """Take in one event; kinds that are not known change nothing."""
        if event == "hint":
            self.hints += 1
        elif event == "changed":
            self.changed = self.right
        elif event in _STATES:
            self.attempts += 1
            self.slipped = self.right and event != "right"
            self.right = self.right or event == "right"
            self.changed = False
            if event == "right" or mistake:  # an error says nothing of what was before
                self.revisit = mistake
            if mistake and mistake not in self.misconceptions:
                self.misconceptions.append(mistake)


def home() -> Path:
    """The folder of what is the learner's own: the journal, and kept work."""
    named = os.environ.get("COURSEKIT_HOME")
    return Path(named) if named else ROOT / ".coursekit"


def journal_file() -> Path:
    return home() / "journal.jsonl"


def record(exercise: str, event: str, **details: str) -> bool:
    """Append one event; False when the file cannot be written."""
    return _append({"exercise": exercise, "event": event, **details})


def record_quiz(chapter: str, question: str, choice: str, right: bool) -> bool:
    """Append one choice in a quiz; False when the file cannot be written.

    Args:
        chapter: its number, ``"04"``.
        question: what names the question within the chapter for good.
        choice: what names the choice within the question.
        right: whether it is a right one.
    """
    # Without "exercise", so that older readers of the file pass over it.
    row = {"event": "quiz", "chapter": chapter, "question": question}
    return _append({**row, "choice": choice, "right": right})


def _append(details: Mapping[str, object]) -> bool:
    row = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **details}
    line = (json.dumps(row) + "\n").encode()
    path = journal_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        descriptor = os.open(path, flags, 0o644)
        try:
            size = os.lseek(descriptor, 0, os.SEEK_END)
            if size:  # a killed writer left half a line, or another is just writing
                os.lseek(descriptor, size - 1, os.SEEK_SET)
                if os.read(descriptor, 1) != b"\n":
                    line = b"\n" + line
            # One call that appends: lines of two writers do not mix.
            return os.write(descriptor, line) == len(line)
        finally:
            os.close(descriptor)
    except OSError:
        return False


def _rows() -> Iterator[dict]:
    """The events, oldest first; what is torn or foreign is passed over."""
    try:
        text = journal_file().read_bytes().decode("utf-8", "replace")
    except OSError:
        return
    for line in text.split("\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("event"), str):
            yield row


def standings() -> dict[str, Standing]:
    """Where the learner stands, by exercise id; empty for a fresh learner."""
    found: dict[str, Standing] = {}
    for number, row in enumerate(_rows(), 1):
        id, mistake = row.get("exercise"), row.get("mistake")
        if isinstance(id, str):
            standing = found.setdefault(id, Standing())
            standing.take(row["event"], mistake if isinstance(mistake, str) else "")
            standing.last = number
    return found


def quizzes() -> dict[str, dict[str, bool]]:
    """The questions answered, by chapter: whether a right choice was ever made."""
    found: dict[str, dict[str, bool]] = {}
    for row in _rows():
        chapter, question = row.get("chapter"), row.get("question")
        if row["event"] == "quiz" and isinstance(chapter, str):
            asked = found.setdefault(chapter, {})
            before = asked.get(str(question), False)
            asked[str(question)] = before or row.get("right") is True
    return found


def progress() -> None:
    """Show the map of the course with what you have done and what is next."""
    from IPython.display import display

    from coursekit.atlas import course_map
    from coursekit.spine import load_course

    display(course_map(load_course(), standings(), quizzes()).bundle, raw=True)


def main(arguments: Sequence[str] = ()) -> int:
    """``coursekit status``: the map in plain text."""
    import argparse

    from coursekit.atlas import course_map
    from coursekit.seat.paper import wrapped
    from coursekit.spine import load_course

    about = "The map of the course: what is solved, what is in progress, what is next."
    argparse.ArgumentParser("coursekit status", description=about).parse_args(arguments)
    print(wrapped(course_map(load_course(), standings(), quizzes()).text))
    return 0
