"""How far a migration is: one SQLite file, so that it goes on where it was killed, and knows at the end what has to be there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kernel.errors import BadUsage

_SCHEMA = """
CREATE TABLE plan (source TEXT NOT NULL, target TEXT NOT NULL, until INTEGER NOT NULL);
CREATE TABLE point (id INTEGER PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL UNIQUE, copied INTEGER NOT NULL DEFAULT 0, gaps TEXT);
CREATE INDEX point_left ON point (copied, source, id);
CREATE TABLE day (point INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, sum TEXT NOT NULL, PRIMARY KEY (point, day))
  WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Point:
    """A point to be copied, under one of its sources."""

    id: int
    source: str
    name: str


Day = tuple[int, int, int]
"""Day since 1970, samples, checksum."""


class Progress:
    """Every method is one transaction."""

    def __init__(self, db: sqlite3.Connection, until: int) -> None:
        self._db = db
        self.until = until
        """Samples before this moment are copied, microseconds UTC."""

    def add(self, points: Iterable[tuple[str, str]]) -> None:
        """Points to be copied, (source, name); those already known stay as they are."""
        with self._db:
            self._db.executemany("INSERT INTO point (source, name) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", points)

    def count(self, *, copied: bool) -> int:
        """How many points are copied, or how many there are."""
        text = "SELECT count(*) FROM point" + (" WHERE copied = 1" if copied else "")
        return int(self._db.execute(text).fetchone()[0])

    def samples(self) -> int:
        """Copied so far."""
        return int(self._db.execute("SELECT coalesce(sum(n), 0) FROM day").fetchone()[0])

    def next(self, count: int) -> list[Point]:
        """The next points to be copied, of one source; none when all are."""
        first = self._db.execute("SELECT source FROM point WHERE copied = 0 ORDER BY source LIMIT 1").fetchone()
        if first is None:
            return []
        found = self._db.execute("SELECT id, source, name FROM point WHERE copied = 0 AND source = ? ORDER BY id LIMIT ?", (*first, count))
        return [Point(*row) for row in found]

    def copied(self, points: Sequence[Point], days: dict[int, dict[int, tuple[int, int]]], gaps: dict[int, str]) -> None:
        """These are in the target: what each has of each day, and a digest of its gaps."""
        with self._db:
            for point in points:
                self._db.execute("DELETE FROM day WHERE point = ?", (point.id,))
                rows = [(point.id, day, n, f"{total:016x}") for day, (n, total) in days[point.id].items()]
                self._db.executemany("INSERT INTO day VALUES (?, ?, ?, ?)", rows)
                self._db.execute("UPDATE point SET copied = 1, gaps = ? WHERE id = ?", (gaps[point.id], point.id))

    def again(self, ids: Iterable[int]) -> None:
        """These are to be copied once more by the next run."""
        with self._db:
            self._db.executemany("UPDATE point SET copied = 0 WHERE id = ?", [(i,) for i in ids])

    def groups(self, count: int) -> Iterator[list[Point]]:
        """All points, so many at a time."""
        after = 0
        while found := [
            Point(*row)
            for row in self._db.execute("SELECT id, source, name FROM point WHERE id > ? ORDER BY id LIMIT ?", (after, count)).fetchall()
        ]:
            yield found
            after = found[-1].id

    def days(self, point: Point) -> dict[int, tuple[int, int]]:
        """What has to be in the target."""
        found = self._db.execute("SELECT day, n, sum FROM day WHERE point = ?", (point.id,))
        return {day: (n, int(total, 16)) for day, n, total in found}

    def gaps(self, point: Point) -> str:
        """The digest of its gaps."""
        return str(self._db.execute("SELECT gaps FROM point WHERE id = ?", (point.id,)).fetchone()[0])


@contextmanager
def open_progress(path: Path, source: str, target: str, now: int) -> Iterator[Progress]:
    """The progress in a file, which is begun where it is not there. Raises BadUsage where it is of another migration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=1.0)) as db:
        try:
            begun = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'plan'").fetchone()
            if not begun:
                db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
                with db:
                    db.execute("INSERT INTO plan VALUES (?, ?, ?)", (source, target, now))
            row = db.execute("SELECT source, target, until FROM plan").fetchone()
            if row is None or row[:2] != (source, target):
                raise BadUsage(f"{path} is the progress of another migration: remove it, or name another file with --progress")
        except sqlite3.DatabaseError as error:
            raise BadUsage(f"{path} cannot be used as a progress file: {error}; name another with --progress") from error
        yield Progress(db, row[2])
