"""One topic as one SQLite file: a contiguous stretch of numbered records. Blocking; callers bring the thread.

Beside the records stands one row of state (the stretch and its bytes), and for every 256 records the newest time among them, so that
the first record at or after a moment is found without an index entry per record, whatever order the times come in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.envelope import Packed
from bus.retention import Retention, Slice, evictable
from bus.sqlite.files import BUSY_MS, File, topic_path, transaction

SCHEMA = """
CREATE TABLE records (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, stored INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE marks (block INTEGER PRIMARY KEY, newest INTEGER NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), first INTEGER NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO state VALUES (1, 0, 0, 0);
"""
MARK = "INSERT INTO marks VALUES (?, ?) ON CONFLICT (block) DO UPDATE SET newest = max(newest, excluded.newest)"
FIRST_SINCE = "SELECT min(seq) FROM records WHERE seq >= ? AND seq < ? AND time >= ?"
PAGE = 16_384
"""Bytes per page; measured: a third less CPU for batches of points than with 4 096, which need long chains of pages."""
BLOCK_BITS = 8
CHECKPOINT_BYTES = 4 << 20
LARGE_WAL_BYTES = 64 << 20
READ_RECORDS = 5000
READ_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a topic begins and ends: it holds records first ... next - 1."""

    first: int
    next: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was read: rows of (sequence number, bytes), where reading goes on, and how many were evicted before they were read."""

    rows: list[tuple[int, bytes]]
    next: int
    evicted: int


class Log(File):
    """A topic's file."""

    def __init__(self, folder: Path, topic: str) -> None:
        super().__init__(topic_path(folder, topic), SCHEMA, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4096", page=PAGE)
        self.topic = topic
        self._unmoved = 0

    def extent(self) -> Extent:
        """The stretch held now."""
        with self.use() as db:
            return _extent(db)

    def append(self, records: Sequence[Packed], stored: int) -> Extent:
        """Adds records, all or none, and returns once the disk has them."""
        with self.use() as db:
            if not records:
                return _extent(db)
            with transaction(db):
                before = _extent(db)
                seq, size = before.next, 0
                rows, newest = [], dict[int, int]()
                for time, data in records:
                    rows.append((seq, time, stored, data))
                    block = seq >> BLOCK_BITS
                    newest[block] = max(time, newest.get(block, time))
                    size += len(data)
                    seq += 1
                db.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
                db.executemany(
                    MARK,
                    newest.items(),
                )
                after = Extent(before.first, seq, before.bytes + size)
                db.execute("UPDATE state SET next = ?, bytes = ?", (after.next, after.bytes))
            self._unmoved += size + 256 * len(records)
            return after

    def read(self, position: int, *, records: int = READ_RECORDS, size: int = READ_BYTES) -> Stretch:
        """Records from a position on: as many as fit in `size` bytes, at least one where there is one."""
        with self.use() as db:
            rows: list[tuple[int, bytes]] = []
            cursor = db.execute("SELECT seq, data FROM records WHERE seq >= ? ORDER BY seq LIMIT ?", (position, records))
            try:
                for row in cursor:
                    rows.append(row)
                    size -= len(row[1])
                    if size <= 0:
                        break
            finally:
                cursor.close()  # ends the read snapshot, which would keep the write-ahead log from being reused
            first = rows[0][0] if rows else max(position, _extent(db).first)
            return Stretch(rows, rows[-1][0] + 1 if rows else first, first - position)

    def find(self, since: int) -> int:
        """The first record whose time is >= since (microseconds UTC); the end where there is none."""
        with self.use() as db:
            extent = _extent(db)
            for (block,) in db.execute("SELECT block FROM marks WHERE newest >= ? ORDER BY block", (since,)).fetchall():
                low, high = block << BLOCK_BITS, (block + 1) << BLOCK_BITS
                found = db.execute("SELECT min(seq) FROM records WHERE seq >= ? AND seq < ? AND time >= ?", (low, high, since)).fetchone()[
                    0
                ]
                if found is not None:
                    return int(found)
            return extent.next

    def times(self) -> tuple[int, int]:
        """Times of the oldest and of the last record kept, 0 where there is none."""
        with self.use() as db:
            oldest = db.execute("SELECT time FROM records ORDER BY seq LIMIT 1").fetchone()
            last = db.execute("SELECT time FROM records ORDER BY seq DESC LIMIT 1").fetchone()
            return (oldest[0], last[0]) if oldest and last else (0, 0)

    def evict(self, rule: Retention, now: int, limit: Slice) -> bool:
        """Removes one slice of what the rule no longer keeps; whether there may be more. Freed pages are used again."""
        if rule.seconds is None and rule.bytes is None:
            return False
        with self.use() as db:
            count, _ = _overdue(db, rule, now, limit)
            if not count:
                return False
            with transaction(db):
                extent = _extent(db)
                count, freed = _overdue(db, rule, now, limit)
                first = extent.first + count
                db.execute("DELETE FROM records WHERE seq < ?", (first,))
                db.execute("DELETE FROM marks WHERE block < ?", (first >> BLOCK_BITS,))
                db.execute("UPDATE state SET first = ?, bytes = ?", (first, extent.bytes - freed))
            self._unmoved += 128 * count
            return count > 0

    def tidy(self) -> None:
        """Moves the write-ahead log into the file once enough has gathered; done after publishers were answered."""
        if self._unmoved < CHECKPOINT_BYTES:
            return
        with self.use() as db:
            self._unmoved = 0
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            wal = self.path.with_name(self.path.name + "-wal")
            if wal.exists() and wal.stat().st_size > LARGE_WAL_BYTES:
                db.execute("PRAGMA busy_timeout=20")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                db.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _extent(db: sqlite3.Connection) -> Extent:
    return Extent(*db.execute("SELECT first, next, bytes FROM state").fetchone())


def _overdue(db: sqlite3.Connection, rule: Retention, now: int, limit: Slice) -> tuple[int, int]:
    oldest = db.execute("SELECT stored, length(data) FROM records ORDER BY seq LIMIT ?", (limit.records,))
    try:
        return evictable(rule, oldest, held=_extent(db).bytes, now=now, limit=limit)
    finally:
        oldest.close()
