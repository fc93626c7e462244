"""The gradebook: what was graded, what was changed by hand, and what counts in the end.

An attempt is one grading of one notebook, written at once with the verdict on each
exercise. Marks set by hand, comments, times of receipt and late policies are kept apart
from attempts and never replace each other; what counts is worked out when it is read.
So a mark can be defended: every step that led to it is still there.
"""

import argparse
import getpass
import hashlib
import json
import math
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursekit.classroom.late import Late, Receipt
from coursekit.classroom.ledger import BadGradebook, Ledger
from coursekit.classroom.result import ExerciseResult, SubmissionResult
from coursekit.classroom.submissions import Submission

FILE = "gradebook.db"
_ATTEMPT = "student, chapter, content, source, at, checks, result"


@dataclass(frozen=True)
class Attempt:
    """The attempt that counts for a student and a chapter, with all that applies to it.

    Attributes:
        content: digest of the notebook.
        checks: for each exercise a digest of what judged it.
        name, platform: the person, where a learning platform tells.
        overrides: points set by hand, by exercise id; "" stands for the whole.
        comments: pairs of an exercise id (or "") and a text.
    """

    student: str
    chapter: str
    content: str
    source: str
    at: str
    checks: Mapping[str, str]
    result: SubmissionResult
    name: str = ""
    platform: str = ""
    receipt: Receipt = Receipt()
    late: Late = Late()
    overrides: Mapping[str, float] = field(default_factory=dict)
    comments: tuple[tuple[str, str], ...] = ()

    def earned_in(self, exercise: ExerciseResult) -> float:
        """Points for one exercise: those set by hand, if there are any."""
        return self.overrides.get(exercise.id, exercise.earned)

    @property
    def earned(self) -> float:
        """Points before lateness."""
        return round(sum(map(self.earned_in, self.result.exercises)), 2)

    @property
    def mark(self) -> float:
        """What counts in the end; a whole set by hand is final, late or not."""
        kept = 1 - self.late.penalty(self.receipt)
        return self.overrides.get("", round(self.earned * kept, 2))


class Gradebook(Ledger):
    """An open gradebook."""

    def record(
        self,
        submission: Submission,
        content: str,
        checks: Mapping[str, str],
        result: SubmissionResult,
    ) -> None:
        """Add an attempt."""
        with self.transaction():
            self.add(
                "attempts",
                **_key(submission),
                content=content,
                source=submission.source,
                state=result.state,
                checks=json.dumps(dict(checks)),
                result=json.dumps(result.to_json()),
            )

    def meet(self, submission: Submission, receipt: Receipt) -> None:
        """Note who the student is and when the notebook came, as far as that is new."""
        student = submission.student
        who = (submission.name, submission.platform)
        came = (receipt.text, receipt.marked)
        known = self.last("students", "name, platform", student=student)
        seen = self.last("receipts", "received, marked", **_key(submission))
        if any(who) and known != who:
            with self.transaction():
                self.add("students", student=student, name=who[0], platform=who[1])
        if came != ("", None) and came != seen:
            with self.transaction():
                row = {"received": came[0], "marked": came[1]}
                self.add("receipts", **_key(submission), **row)

    def override(
        self,
        student: str,
        chapter: str,
        exercise: str,
        points: float | None,
        author: str,
        reason: str,
    ) -> None:
        """Set points of an exercise or ("") of the whole; None takes it back."""
        row = {"points": points, "author": author, "reason": reason}
        with self.transaction():
            self.add(
                "overrides", student=student, chapter=chapter, exercise=exercise, **row
            )

    def comment(
        self, student: str, chapter: str, exercise: str, author: str, text: str
    ) -> None:
        """Add a comment for the student, on an exercise or ("") on the whole."""
        row = {"author": author, "text": text}
        with self.transaction():
            self.add(
                "comments", student=student, chapter=chapter, exercise=exercise, **row
            )

    def state_policy(self, chapter: str, late: Late) -> None:
        """State what lateness costs from now on."""
        text = late.to_json()
        if self.last("policies", "policy", chapter=chapter) != (text,):
            with self.transaction():
                self.add("policies", chapter=chapter, policy=text)

    def latest(self, student: str, chapter: str) -> Attempt | None:
        """The attempt that counts, by itself: without what applies to it."""
        row = self.last("attempts", _ATTEMPT, student=student, chapter=chapter)
        return _attempt(row) if row else None

    def current(self, chapter: str = "") -> list[Attempt]:
        """The attempts that count, of one chapter or of all, with all that applies."""
        names, receipts, policies = {}, {}, {}
        overrides, comments = defaultdict(dict), defaultdict(list)
        for student, *who in self.rows("students", "student, name, platform"):
            names[student] = who
        for s, c, *came in self.rows("receipts", "student, chapter, received, marked"):
            receipts[s, c] = Receipt.of(*came)
        for c, policy in self.rows("policies", "chapter, policy"):
            policies[c] = Late.from_json(policy)
        for s, c, e, p in self.rows("overrides", "student, chapter, exercise, points"):
            overrides[s, c][e] = p
        for s, c, e, t in self.rows("comments", "student, chapter, exercise, text"):
            comments[s, c].append((e, t))
        found = []
        for row in self.newest("attempts", _ATTEMPT, "chapter, student"):
            key = (row[0], row[1])
            if chapter in ("", row[1]):
                name, platform = names.get(row[0], ("", ""))
                extra: dict[str, Any] = {
                    "name": name,
                    "platform": platform,
                    "receipt": receipts.get(key, Receipt()),
                    "late": policies.get(row[1], Late()),
                    "overrides": {
                        e: p for e, p in overrides[key].items() if p is not None
                    },
                    "comments": tuple(comments[key]),
                }
                found.append(_attempt(row, **extra))
        return found


def _key(submission: Submission) -> dict[str, str]:
    return {"student": submission.student, "chapter": submission.chapter}


def _attempt(row: tuple, **extra: Any) -> Attempt:
    *plain, checks, result = row
    verdict = SubmissionResult.from_json(json.loads(result))
    return Attempt(*plain, json.loads(checks), verdict, **extra)


def digest(data: bytes) -> str:
    """What identifies the content of a notebook."""
    return hashlib.sha256(data).hexdigest()


def main(args: list[str]) -> int:
    """``coursekit gradebook``: merge another one, set marks, comment."""
    parser = argparse.ArgumentParser(
        prog="coursekit gradebook", description=main.__doc__
    )
    parser.add_argument("folder", type=Path, help="the folder that grading wrote")
    verbs = parser.add_subparsers(dest="verb", required=True)
    merge = verbs.add_parser("merge", help="take over what other gradebooks have")
    merge.add_argument("others", type=Path, nargs="+", help="gradebook.db of others")
    override = verbs.add_parser("override", help="set points by hand")
    comment = verbs.add_parser("comment", help="say something to a student")
    for verb in (override, comment):
        verb.add_argument("student")
        verb.add_argument("item", help="an exercise (01.3) or a whole chapter (01)")
    override.add_argument("points", help='the points, or "none" to take it back')
    override.add_argument("--reason", required=True)
    comment.add_argument("text")
    given = parser.parse_args(args)
    try:
        with Gradebook(given.folder / FILE, create=False) as book:
            return _act(book, given)
    except (BadGradebook, ValueError) as error:
        print(f"coursekit gradebook: {error}", file=sys.stderr)
        return 2


def _act(book: Gradebook, given: argparse.Namespace) -> int:
    if given.verb == "merge":
        for other in given.others:
            print(f"{other}: {book.merge(other)} new entries")
        return 0
    chapter, exercise = given.item[:2], given.item if "." in given.item else ""
    attempt = book.latest(given.student, chapter)
    ids = {one.id for one in attempt.result.exercises} if attempt else set()
    if attempt is None or (exercise and exercise not in ids):
        raise ValueError(f"{given.student!r} has no {given.item}")
    author = getpass.getuser()
    if given.verb == "comment":
        book.comment(given.student, chapter, exercise, author, given.text)
    else:
        points = None if given.points == "none" else float(given.points)
        if points is not None and not math.isfinite(points):
            raise ValueError("points are a plain number")
        book.override(given.student, chapter, exercise, points, author, given.reason)
    print("Noted. The pages and tables follow with: coursekit export", given.folder)
    return 0
