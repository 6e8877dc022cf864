"""Everything in memory that open.db says, kept in step with it: by the writer as it writes, by readers in other processes as they read."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from archive.embedded.head import Head, Names, Part
from archive.encoding import pack, unpack
from archive.intake import tables, take_tables
from archive.ledger import Coverage, Marks
from archive.table import Table
from kernel.samples import Bytes, Ints
from schemas.codec import codec
from schemas.records import PointBatch

NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Frozen:
    """Head and coverage as of one moment, for a reader."""

    head: dict[int, list[Part]]
    covered: dict[str, list[tuple[int, int]]]


class State:
    """Names, head, what was stored and what is covered. `sync` brings it up to date within a transaction of the connection given."""

    def __init__(self) -> None:
        self.names = Names()
        self.head = Head()
        self.marks = Marks()
        self.coverage = Coverage()
        self.newest: Ints = np.full(1024, NEVER, np.int64)
        """Newest source time of each point id."""
        self.kinds: Bytes = np.zeros(1024, np.uint8)
        """The kinds of value each point id ever had, a bit each."""
        self.lock = threading.Lock()
        """Held while head and coverage change together."""
        self.journal = 0
        """The last journal row that is in here."""
        self.folded = -1

    def sync(self, db: sqlite3.Connection) -> None:
        """Takes in what was written since the last time."""
        folded = meta(db, "folded", 0)
        if folded > self.folded:
            self._load_snapshot(db)
            self.head.drop(folded)
            self.folded = folded
            self.journal = max(self.journal, folded)
        self._load_names(db)
        lists = self.names.lists
        for number, data in db.execute("SELECT id, data FROM names WHERE id > ?", (max(lists, default=0),)):
            lists[number] = data
        found = db.execute("SELECT id, stored, names, at, data FROM journal WHERE id > ? ORDER BY id", (self.journal,))
        parts = []
        for row, stored, number, at, data in found:
            batch = codec(PointBatch).decode(data if number is None else data[:at] + lists[number] + data[at:])
            parts.append(self.take(batch, tables(batch), row, stored)[0])
            self.journal = row
        self.head.add([p for p in parts if p.n])

    def freeze(self) -> Frozen:
        """For a reader, who then starts a transaction: what is folded in between is seen in both places, and never missed."""
        with self.lock:
            return Frozen(self.head.all(), self.coverage.all())

    def take(self, batch: PointBatch, found: tuple[Table, ...], row: int, stored: int) -> tuple[Part, int]:
        """Marks a journaled batch, whose names are known, as stored. Returns the part that is to be added to the head, and how many
        of its samples are late: older than what was there."""
        self.marks.add(batch.source, batch.epoch, batch.seq, batch.seq)
        self.coverage.add(batch.source, batch.covered_from, batch.covered_to)
        ids = self.names.ids(batch.source, batch.names)
        if ids is None:
            ids = self.names.look_up(batch.names)
            self.names.remember(batch.source, batch.names, ids)
        part = Part(
            row,
            self.names.sources[batch.source],
            take_tables(found, ids),
            sum(map(len, found)),
            batch.received,
            batch.published,
            stored,
        )
        return part, self._note_newest(part)

    def _note_newest(self, part: Part) -> int:
        late = 0
        for table in part.tables:
            top = int(table.point.max())
            if top >= len(self.newest):
                self.newest = np.concatenate([self.newest, np.full(top + len(self.newest), NEVER, np.int64)])
                self.kinds = np.concatenate([self.kinds, np.zeros(len(self.newest) - len(self.kinds), np.uint8)])
            self.kinds[table.point] |= 1 << table.kind
            late += int((table.time < self.newest[table.point]).sum())
            np.maximum.at(self.newest, table.point, table.time)
        return late

    def _load_snapshot(self, db: sqlite3.Connection) -> None:
        self.marks, self.coverage = Marks(), Coverage()
        for source, epoch, low, high in db.execute("SELECT source, epoch, low, high FROM mark"):
            self.marks.add(source, epoch, low, high)
        for source, low, high in db.execute("SELECT source, low, high FROM coverage"):
            self.coverage.add(source, low, high)
        self.marks.changed.clear()
        self.coverage.changed.clear()
        packed = meta(db, "newest", b"")
        if packed:
            n = meta(db, "newest_count", 0)
            newest, kinds = np.full(max(1024, 2 * n), NEVER, np.int64), np.zeros(max(1024, 2 * n), np.uint8)
            newest[:n] = unpack(packed, n, np.int64)
            kinds[:n] = unpack(meta(db, "kinds", b""), n, np.uint8)
            self.newest, self.kinds = newest, kinds

    def _load_names(self, db: sqlite3.Connection) -> None:
        names = self.names
        for number, name in db.execute("SELECT id, name FROM source WHERE id >= ? ORDER BY id", (len(names.source_names),)):
            names.source(name, number)
        for number, name in db.execute("SELECT id, name FROM point WHERE id >= ? ORDER BY id", (len(names.names),)):
            names.point(name, number)
        for row, point, source in db.execute("SELECT id, point, source FROM origin WHERE id > ? ORDER BY id", (names.last_origin,)):
            names.origin(row, point, source)

    def snapshot(self, db: sqlite3.Connection, folded: int) -> None:
        """Writes what the journal rows up to `folded` have changed, and removes these rows. Within a transaction."""
        for source, epoch in self.marks.changed:
            db.execute("DELETE FROM mark WHERE source = ? AND epoch = ?", (source, epoch))
            db.executemany("INSERT INTO mark VALUES (?, ?, ?, ?)", [(source, epoch, a, b) for a, b in self.marks.spans(source, epoch)])
        for source in self.coverage.changed:
            db.execute("DELETE FROM coverage WHERE source = ?", (source,))
            db.executemany("INSERT INTO coverage VALUES (?, ?, ?)", [(source, a, b) for a, b in self.coverage.spans(source)])
        n = len(self.names.names)
        newest, kinds = np.full(n, NEVER, np.int64), np.zeros(n, np.uint8)
        newest[: len(self.newest)] = self.newest[:n]
        kinds[: len(self.kinds)] = self.kinds[:n]
        set_meta(db, "newest", pack(newest))
        set_meta(db, "kinds", pack(kinds))
        set_meta(db, "newest_count", n)
        set_meta(db, "folded", folded)
        db.execute("DELETE FROM journal WHERE id <= ?", (folded,))


def meta(db: sqlite3.Connection, key: str, default: Any) -> Any:
    """A value of the table meta."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else row[0]


def set_meta(db: sqlite3.Connection, key: str, value: int | bytes) -> None:
    """Writes it."""
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))
