"""What lateness costs: a policy that the teacher states, and the collector's clock.

Only what the collector noted counts as the time of a submission: a table of times that
the platform exports, or its mark that a file was late. The times of files and what a
student's own submit command wrote are the student's to choose.
"""

import csv
import json
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


class BadTimes(ValueError):
    """A time, or a table of times, that cannot be understood."""


@dataclass(frozen=True)
class Receipt:
    """When a submission came in, as far as the collector says.

    Attributes:
        received: in UTC.
        marked: the platform marked it late or on time, without the time.
    """

    received: datetime | None = None
    marked: bool | None = None

    @property
    def text(self) -> str:
        return self.received.isoformat() if self.received else ""

    @classmethod
    def of(cls, received: str, marked: int | None) -> "Receipt":
        """The receipt as the gradebook keeps it."""
        time = parse_time(received) if received else None
        return cls(time, None if marked is None else bool(marked))


@dataclass(frozen=True)
class Late:
    """The policy of a chapter; the default is that lateness costs nothing.

    Attributes:
        deadline: ISO 8601, or "" for none.
        per_day: percent of the earned points for each day begun.
        at_most: percent, the most that lateness costs.
        grace: minutes after the deadline that do not count.
    """

    deadline: str = ""
    per_day: float = 0.0
    at_most: float = 100.0
    grace: float = 0.0

    def __post_init__(self) -> None:
        if self.deadline:
            parse_time(self.deadline)
        if not (0 <= self.per_day <= 100 and 0 <= self.at_most <= 100):
            raise BadTimes("a penalty is a percentage, from 0 to 100")

    def days(self, receipt: Receipt) -> int:
        """Days late, each begun day a whole one; 0 in time or when nobody can tell."""
        if not self.deadline:
            return 0
        if receipt.received is None:
            return int(bool(receipt.marked))  # late, but not by how much: one day
        limit = parse_time(self.deadline) + timedelta(minutes=self.grace)
        return max(0, math.ceil((receipt.received - limit) / timedelta(days=1)))

    def penalty(self, receipt: Receipt) -> float:
        """The share of the earned points that is lost, 0 to 1."""
        return min(self.days(receipt) * self.per_day, self.at_most) / 100

    def says(self, receipt: Receipt) -> str:
        """What is to be told about it; "" when there is nothing to tell."""
        if not self.deadline:
            return ""
        if receipt.received is None and receipt.marked is None:
            return "The time of submission is not known, so nothing is deducted."
        if not (days := self.days(receipt)):
            return ""
        late = f"{days} day{'s' * (days > 1)} late"
        if receipt.received is None:
            late = "Late, by how much is not known; counted as one day"
        return f"{late}: {100 * self.penalty(receipt):g} % is deducted."

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Late":
        return cls(**json.loads(text))


def parse_time(text: str) -> datetime:
    """A time in UTC; one without an offset is taken to be in UTC.

    Raises:
        BadTimes: it is not ISO 8601.
    """
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadTimes(f"{text!r}: write times like 2026-03-01T23:59+01:00") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def read_times(path: Path) -> dict[tuple[str, str], datetime]:
    """The collector's times: a CSV with the columns student, received and, if there is
    more than one, chapter.

    Returns:
        Times by student and chapter; the chapter is "" where the table has none.

    Raises:
        BadTimes: the table cannot be read; the text says which line.
    """
    times: dict[tuple[str, str], datetime] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                if not row.get("student") or not row.get("received"):
                    raise BadTimes(f"line {number}: needs student and received")
                chapter = (row.get("chapter") or "").strip()[:2]
                times[row["student"].strip(), chapter] = parse_time(row["received"])
    except (OSError, UnicodeDecodeError, csv.Error, BadTimes) as error:
        raise BadTimes(f"{path}: {error}") from error
    return times
