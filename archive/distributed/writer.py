"""Appending: batches into the journal, durably, and what is appended and not yet folded, in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from archive.distributed.journal import Entry, Journal, PartKey, entry, parts_of, summaries
from archive.distributed.lease import WriterLease, writers
from archive.distributed.names import Book
from archive.distributed.root import Roots, newest_of
from archive.distributed.told import Told
from archive.intake import Checked, check
from archive.ledger import Spans
from cql import Link
from kernel.archive import AppendReport
from kernel.batches import size
from kernel.clock import SECOND
from kernel.errors import NotAvailable
from kernel.samples import Ints
from schemas.records import PointBatch, StateEvent

PART_BYTES = 4 << 20
"""A part of the journal is closed at this size: readers of the newest samples read it whole."""
SET_BACK = 300 * SECOND
NEVER = np.iinfo(np.int64).min


@dataclass(slots=True)
class Part:
    """A part that is written now, or waits to be folded."""

    key: PartKey
    opened: int
    row: int = 0
    bytes: int = 0
    n: int = 0
    entries: list[Entry] = field(default_factory=list)
    doubtful: bool = False
    """Writing to it failed: rows may be there that `entries` does not hold."""


@dataclass(slots=True)
class _Source:
    """What this writer knows of a source: which batches are stored. Another writer may have stored more meanwhile."""

    marks: dict[int, Spans] = field(default_factory=dict)
    last: tuple[int, int] | None = None
    """Epoch and number of the batch appended last by this writer."""


@dataclass(slots=True)
class _Plan:
    """What one append will do."""

    offered: int = 0
    duplicate: int = 0
    checked: list[tuple[Checked, Ints]] = field(default_factory=list)
    seen: set[tuple[str, int, int]] = field(default_factory=set)


class Writer:
    """Synchronous; append is called by one worker thread, folding by another."""

    def __init__(self, link: Link, book: Book, roots: Roots, told: Told) -> None:
        self._link, self._book, self._roots, self._told = link, book, roots, told
        self.journal = Journal(link)
        self.lease = WriterLease(link)
        self.lock = threading.Lock()
        """Held while parts are opened, closed and taken."""
        self.closed: list[Part] = []
        """To be folded, oldest first."""
        self._appending = threading.Lock()
        self._open: dict[str, Part] = {}
        self._sources: dict[str, _Source] = {}
        self._newest: Ints = np.full(1024, NEVER, np.int64)
        self._next_part = 1
        self._stored = 0
        """Time of the last append, microseconds UTC, always greater than that of what is there of its sources already: the last write wins,
        also where clocks differ."""

    def join(self) -> None:
        """Becomes a writer."""
        self.lease.join()

    def samples(self) -> int:
        """Appended and not folded."""
        with self.lock:
            return sum(p.n for p in (*self._open.values(), *self.closed))

    def append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent], now: int) -> AppendReport:
        """Durable when it returns. When it raises, some may be stored: what comes again is recognised."""
        with self._appending:
            return self._append(batches, events, now)

    def _append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent], now: int) -> AppendReport:
        if not self.lease.sure and not self.lease.renew():
            self._begin_anew()
        plan = self._plan(batches, now)
        self._told.put([*events, *(e for checked, _ in plan.checked for e in checked.events)])
        written = self._write(plan, now)
        if not self.lease.sure:
            self._begin_anew()
            raise NotAvailable(f"{self._link.place.shown}: this process was held up for so long that others took over; append again")
        return self._report(plan, written)

    def _begin_anew(self) -> None:
        """Others take this writer for dead and fold what it left: it becomes another one."""
        with self.lock:
            self._open.clear()
            self.closed.clear()
        self._sources.clear()
        self.lease = WriterLease(self._link)
        self._next_part = 1
        self.lease.join()
        if not self.lease.sure:
            raise NotAvailable(f"{self._link.place.shown} is too slow now: joining the writers took too long; try again")

    def _plan(self, batches: Sequence[PointBatch], now: int) -> _Plan:
        plan = _Plan()
        refreshed: set[str] = set()
        for batch in batches:
            count = size(batch)
            plan.offered += count
            key = (batch.source, batch.epoch, batch.seq)
            if key in plan.seen or self._is_stored(batch, refreshed):
                plan.duplicate += count
                continue
            plan.seen.add(key)
            checked = check(batch, now)
            names = checked.batch.names
            ids = self._book.ids(batch.source, names)
            plan.checked.append((checked, self._book.settle(batch.source, names) if ids is None else ids))
        return plan

    def _is_stored(self, batch: PointBatch, refreshed: set[str]) -> bool:
        """A batch that does not simply continue what this writer appended may have been stored by another: that is looked up."""
        known = self._sources.get(batch.source)
        if batch.source not in refreshed and (known is None or (batch.epoch, batch.seq - 1) != known.last):
            known = self._refresh(batch.source)
            refreshed.add(batch.source)
        assert known is not None
        known.last = (batch.epoch, batch.seq)
        spans = known.marks.get(batch.epoch)
        return spans is not None and batch.seq in spans

    def _refresh(self, source: str) -> _Source:
        known = self._sources.setdefault(source, _Source())
        # what a dead writer left is folded, perhaps without a row that a node wrote late; what is appended twice is stored once by folding
        trusted = [one for one in writers(self._link) if one.itself or one.left]
        keys = [key for key in parts_of(self._link, trusted) if key.source == source]
        with self.lock:  # what others hold; one's own rows may be of an append that failed
            mine = {(p.key.writer, p.key.part): p for p in (*self._open.values(), *self.closed) if p.key.source == source}
        for key, lines in summaries(self._link, [k for k in keys if k.writer != self.lease.writer]):
            for line in lines:
                known.marks.setdefault(line.epoch, Spans()).add(line.seq, line.seq)
                self._stored = max(self._stored, line.stored)
            assert (key.writer, key.part) not in mine
        root = self._roots.read(source)
        self._stored = max(self._stored, root.version)
        for epoch, spans in root.marks.items():
            for low, high in spans.all():
                known.marks.setdefault(epoch, Spans()).add(low, high)
        for part in mine.values():
            for made in part.entries:
                known.marks.setdefault(made.batch[0], Spans()).add(made.batch[1], made.batch[1])
        ids, times = newest_of(root)
        if len(ids):
            self._room_for(int(ids.max()))
            np.maximum.at(self._newest, ids, times)
        return known

    def _write(self, plan: _Plan, now: int) -> list[tuple[Part, list[Entry]]]:
        """Each source's batches into its part, or into several where one would become too large."""
        by_source: dict[str, list[tuple[Checked, Ints]]] = {}
        for checked, ids in plan.checked:
            by_source.setdefault(checked.batch.source, []).append((checked, ids))
        self._stored = max(now, self._stored + 1)
        written = []
        wanted = []
        for source, waiting in by_source.items():
            while waiting:
                part = self._part(source, now)
                room, taken = PART_BYTES - part.bytes, 0
                while taken < len(waiting) and room > 0:
                    room -= _about(waiting[taken][0].batch)
                    taken += 1
                made = [(c.batch, entry(c.batch, c.tables, ids, self._stored)) for c, ids in waiting[:taken]]
                waiting = waiting[taken:]
                self._stored += 1
                wanted.append(self.journal.mutations(part.key, part.row, made))
                part.row += len(made)  # also where writing fails: what is half there is never written again
                part.bytes = max(part.bytes + sum(len(r[-1]) for m in wanted[-1] for r in m), PART_BYTES if waiting else 0)
                written.append((part, [e for _, e in made]))
        try:
            self.journal.write(wanted)
        except NotAvailable:
            self._doubt([part for part, _ in written])
            raise
        return written

    def _doubt(self, parts: Sequence[Part]) -> None:
        """Nodes may still write what they did not answer for, and others may have seen it: such a part is folded as it stands there."""
        with self.lock:
            for part in parts:
                part.doubtful = True
                if self._open.get(part.key.source) is part:
                    self.closed.append(self._open.pop(part.key.source))

    def _part(self, source: str, now: int) -> Part:
        with self.lock:
            part = self._open.get(source)
            if part is not None and part.bytes >= PART_BYTES:
                self.closed.append(self._open.pop(source))
                part = None
        if part is None:
            part = Part(PartKey(self.lease.writer, self._next_part, source), now)
            self._next_part += 1
            self.journal.open(part.key)
            with self.lock:
                self._open[source] = part
        return part

    def _report(self, plan: _Plan, written: Sequence[tuple[Part, list[Entry]]]) -> AppendReport:
        stored = late = 0
        refused: dict[str, int] = {}
        with self.lock:
            for part, made in written:
                part.entries += made
                part.n += sum(e.n for e in made)
        for _, made in written:
            stored += sum(e.n for e in made)
            late += sum(self._note_newest(e) for e in made)
        for checked, _ in plan.checked:
            known = self._sources[checked.batch.source]
            known.marks.setdefault(checked.batch.epoch, Spans()).add(checked.batch.seq, checked.batch.seq)
            for cause, count in checked.refused.items():
                refused[cause] = refused.get(cause, 0) + count
        return AppendReport(plan.offered, stored, plan.duplicate, refused, late)

    def _room_for(self, top: int) -> None:
        if top >= len(self._newest):
            self._newest = np.concatenate([self._newest, np.full(top + len(self._newest), NEVER, np.int64)])

    def _note_newest(self, made: Entry) -> int:
        late = 0
        for table in made.tables:
            self._room_for(int(table.point.max()))
            late += int((table.time < self._newest[table.point]).sum())
            np.maximum.at(self._newest, table.point, table.time)
        return late

    def take(self, before: int, many: int) -> list[Part]:
        """Parts to be folded: those that are full, and those opened before a moment, which are closed now; and the largest, where `many`
        samples or more are in the others, until half are left. A part that was opened long after that moment was opened before our clock
        was set back."""
        with self._appending, self.lock:
            due = [s for s, p in self._open.items() if not before < p.opened < before + SET_BACK or p.bytes >= PART_BYTES]
            self.closed += [self._open.pop(source) for source in due]
            left = sum(p.n for p in self._open.values())
            if left >= many:
                for source in sorted(self._open, key=lambda s: -self._open[s].n):
                    if left <= many // 2:
                        break
                    left -= self._open[source].n
                    self.closed.append(self._open.pop(source))
            return list(self.closed)

    def low(self) -> int:
        """Parts before this one are folded."""
        with self._appending, self.lock:
            return min((p.key.part for p in (*self._open.values(), *self.closed)), default=self._next_part)

    def folded(self, part: Part) -> None:
        """A part is in the open tier."""
        with self.lock:
            self.closed = [p for p in self.closed if p is not part]


def _about(batch: PointBatch) -> int:
    """Bytes that a batch takes in the journal, about: its names are mostly there already."""
    return 12 * size(batch) + sum(map(len, batch.texts.value))
