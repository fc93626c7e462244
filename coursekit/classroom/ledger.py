"""Tables that only grow, in one SQLite file; the gradebook is made of them.

Rows are added, never changed: triggers see to that. Each row has a ``uid`` of its own,
so that two ledgers can be merged, and merged again, without anything counted twice. A
transaction is on the disk when it returns, or has not happened.
"""

import os
import secrets
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

VERSION = 1
TABLES = {
    "attempts": "student, chapter, content, source, state, checks, result",
    "students": "student, name, platform",
    "receipts": "student, chapter, received, marked",
    "overrides": "student, chapter, exercise, points, author, reason",
    "comments": "student, chapter, exercise, author, text",
    "policies": "chapter, policy",
}
"""The columns of each table, beside its id, its uid and the time of each row."""


class BadGradebook(Exception):
    """The file is no gradebook, or one of another version."""


class Ledger:
    """An open file of tables that only grow."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open a file, and make it where there is none.

        Raises:
            BadGradebook: the file is something else, or missing and not to be made.
        """
        self.path = path
        if not path.exists():
            if not create:
                raise BadGradebook(f"there is no gradebook at {path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # marks, a secret
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            self._db.execute("PRAGMA synchronous=FULL")
            if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                self._db.executescript(_schema())
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            self.close()
            raise BadGradebook(f"{path}: {error}") from error
        if version != VERSION:
            self.close()
            raise BadGradebook(f"{path}: no gradebook of version {VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @property
    def seed(self) -> int:
        """A secret number, drawn when the file was made; hidden cases come from it."""
        return self.seeds[0]

    @property
    def seeds(self) -> tuple[int, ...]:
        """This file's own seed, and then those of the files merged into it."""
        rows = self._db.execute("SELECT seed FROM secret ORDER BY rowid")
        return tuple(int(seed) for (seed,) in rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add(self, table: str, **row: object) -> None:
        """Add a row."""
        row = {"uid": uuid.uuid4().hex, "at": now()} | row
        marks = ", ".join("?" * len(row))
        query = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
        self._db.execute(query, tuple(row.values()))

    def rows(self, table: str, columns: str) -> list[tuple]:
        """All rows of a table, oldest first."""
        query = f"SELECT {columns} FROM {table} ORDER BY at, id"
        return self._db.execute(query).fetchall()

    def last(self, table: str, columns: str, **where: str) -> tuple | None:
        """The newest row in which these columns have these values."""
        tests = " AND ".join(f"{name} = ?" for name in where)
        newest = "ORDER BY at DESC, id DESC LIMIT 1"
        query = f"SELECT {columns} FROM {table} WHERE {tests} {newest}"
        return self._db.execute(query, tuple(where.values())).fetchone()

    def newest(self, table: str, columns: str, by: str) -> list[tuple]:
        """The newest row for each value of the columns ``by``."""
        over = f"PARTITION BY {by} ORDER BY at DESC, id DESC"
        inner = f"SELECT *, row_number() OVER ({over}) AS place FROM {table}"
        query = f"SELECT {columns} FROM ({inner}) WHERE place = 1 ORDER BY {by}"
        return self._db.execute(query).fetchall()

    def count(self, table: str) -> int:
        return self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def merge(self, other: Path) -> int:
        """Take over the rows that this file lacks; returns how many.

        The other's seeds come along: a verdict on cases that another seed drew stands.

        Raises:
            BadGradebook: the other file is no gradebook.
        """
        with Ledger(other, create=False) as theirs, self.transaction():
            before = self._db.total_changes
            for table, columns in TABLES.items():
                names = f"uid, at, {columns}"
                marks = ", ".join("?" * len(names.split(", ")))
                query = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
                self._db.executemany(query, theirs.rows(table, names))
            found = self._db.total_changes - before
            new = [(seed,) for seed in theirs.seeds if seed not in self.seeds]
            self._db.executemany("INSERT INTO secret VALUES (?)", new)
            return found


def _schema() -> str:
    lines = ["BEGIN"]
    for table, columns in TABLES.items():
        lines.append(
            f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, "
            f"uid TEXT NOT NULL UNIQUE, at TEXT NOT NULL, {columns})"
        )
        for verb in ("UPDATE", "DELETE"):
            lines.append(
                f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the gradebook only grows'); END"
            )
    lines.append("CREATE INDEX by_student ON attempts (student, chapter)")
    lines.append("CREATE TABLE secret (seed INTEGER NOT NULL)")
    lines.append(f"INSERT INTO secret VALUES ({secrets.randbits(62)})")
    lines += [f"PRAGMA user_version = {VERSION}", "COMMIT"]
    return ";\n".join(lines) + ";"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
