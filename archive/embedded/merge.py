"""Many slabs into few: the samples of several sections merged by point into the sections of a new segment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from archive.embedded.segments import Section, SegmentWriter
from archive.fold import windows
from archive.slab import cut, open_slab, pack_slab, read_slab
from archive.table import Table, concat, ordered, resolved, starts, take
from archive.tending import Stopped
from kernel.samples import Kind

SAMPLES_PER_SLAB = 4096
"""In sealed files: an hour of one 1 Hz point fills one; of slower points several share one."""
MOST_PER_POINT = 131_072
"""A point with more in a section is split by time, so that a short stretch of it can be read without the rest."""
PARTS = 16
AT_ONCE = 400_000
"""Samples merged at once: some 20 MB."""
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Input:
    """A section to be merged, of the open tier or of a segment."""

    db: sqlite3.Connection
    section: int
    low: int
    high: int
    n: int

    def tables(self, low: int, high: int) -> Iterator[Table]:
        """The samples of points low to high."""
        if high < self.low or low > self.high:
            return
        base = self.section << 32
        first = self.db.execute("SELECT max(id) FROM slab WHERE id BETWEEN ? AND ?", (base, base | low)).fetchone()[0]
        rows = self.db.execute("SELECT data FROM slab WHERE id BETWEEN ? AND ? ORDER BY id", (first or base | low, base | high))
        for (data,) in rows.fetchall():
            table = read_slab(open_slab(data), self._slab)
            if table.point[0] < low or table.point[-1] > high:
                table = take(table, (table.point >= low) & (table.point <= high))
            if len(table):
                yield table

    def _slab(self, number: int) -> bytes:
        data: bytes = self.db.execute("SELECT data FROM slab WHERE id = ?", (number,)).fetchone()[0]
        return data


class Merger:
    """Fills the sections of one new segment."""

    def __init__(self, writer: SegmentWriter, stopping: Callable[[], bool]) -> None:
        self._writer, self._stopping = writer, stopping
        self._sections: dict[tuple[Kind, int, int], Section] = {}
        self._times: dict[tuple[int, bytes], int] = {}

    def merge(self, window: int, length: int, inputs: Sequence[Input]) -> None:
        """Merges inputs, given in the order of writing, that lie within a window of `length` microseconds."""
        low, high = min(i.low for i in inputs), max(i.high for i in inputs)
        step = max(1, (high - low + 1) * AT_ONCE // max(1, sum(i.n for i in inputs)))
        for begin in range(low, high + 1, step):
            if self._stopping():
                raise Stopped
            tables = resolved([t for i in inputs for t in i.tables(begin, min(begin + step - 1, high))])
            for kind in sorted({t.kind for t in tables}):
                self._write(ordered(concat([t for t in tables if t.kind is kind])), kind, window, length)

    def _write(self, table: Table, kind: Kind, window: int, length: int) -> None:
        counts = np.diff(starts(table.point))
        if int(counts.max()) > MOST_PER_POINT:
            busy = np.repeat(counts > MOST_PER_POINT, counts)
            for part, piece in windows(take(table, busy), max(1, length // PARTS)):
                self._slabs(piece, kind, part, length // PARTS)
            table = take(table, ~busy)
        if len(table):
            self._slabs(table, kind, window, length)

    def _slabs(self, table: Table, kind: Kind, window: int, length: int) -> None:
        key = (kind, window, length)
        section = self._sections.get(key)
        if section is None:
            number = len(self._sections) + 1
            section = Section(number, window, kind, int(table.time[0]), int(table.time[0]), int(table.point[0]), 0, 0, 0)
        size = 0
        for c in cut(table, SAMPLES_PER_SLAB):
            point = int(c.table.point[0])
            times = (section.id, blake2b(c.table.time.tobytes(), digest_size=16).digest()) if len(c.first) == 2 else None
            same = self._times.get(times) if times is not None else None
            data = pack_slab(c.table, c.first, same)
            number = self._writer.slab(section.id, point, data)
            size += len(data)
            if times is not None and same is None:
                if len(self._times) >= REMEMBERED:
                    self._times.clear()
                self._times[times] = number
        self._sections[key] = replace(
            section,
            first=min(section.first, int(table.time.min())),
            last=max(section.last, int(table.time.max())),
            high=max(section.high, int(table.point[-1])),
            n=section.n + len(table),
            bytes=section.bytes + size,
        )

    def finish(self) -> tuple[int, int, int, int]:
        """Makes the segment durable; returns its first and last time, its samples and its bytes."""
        found = list(self._sections.values())
        for section in found:
            self._writer.section(section)
        size = self._writer.finish()
        return min(s.first for s in found), max(s.last for s in found), sum(s.n for s in found), size
