"""The hot queue in this process's memory: columns of newest samples, a bounded ring of recent batches, versions for live readers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import numpy as np

from kernel.batches import Column, columns
from kernel.clock import Clock
from kernel.samples import Changes, Ints, Kind, Samples, Series, empty_series
from mon_queue.snapshot import Snapshot, restore, taken
from mon_queue.table import SUSPECT, NewestTable
from schemas.records import PointBatch

REMEMBERED_NAMES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """A batch in the window."""

    number: int
    received: int
    arrived: float
    """Steady seconds."""
    bytes: int
    rows: tuple[Ints, ...]
    """Per column, the row numbers of its samples."""
    columns: tuple[Column, ...]


class MemoryHotQueue:
    """Serves one process; `mla` refuses it where another process would need it."""

    def __init__(self, clock: Clock, *, retention: float, max_bytes: int) -> None:
        self._clock = clock
        self._retention = retention
        self._max_bytes = max_bytes
        self._table = NewestTable()
        self._window: deque[_Entry] = deque()
        self._bytes = 0
        self._number = 0
        self._names: dict[int, tuple[tuple[str, ...], Ints]] = {}
        self._sources: dict[str, int] = {}
        self._covered: list[int] = []
        self._stored: dict[tuple[str, int], int] = {}
        self._wake = asyncio.Event()

    def knows(self, source: str, epoch: int, seq: int) -> bool:
        """Whether a batch with this number came before: order holds per source, so one number per source and epoch tells."""
        return self._stored.get((source, epoch), -1) >= seq

    def snapshots(self, sources: Collection[str]) -> Iterator[Snapshot]:
        """The newest samples of each of the sources that has any."""
        n = len(self._table)
        names = self._table.names()
        order = np.argsort(self._table.source[:n], kind="stable")
        of_row = self._table.source[:n][order]
        for source in sources:
            number = self._sources.get(source)
            if number is None:
                continue
            start, end = np.searchsorted(of_row, [number, number + 1])
            rows = order[start:end]
            yield taken(self._table, names, rows[self._table.kind[rows] != Kind.NONE], source, self._covered[number])

    def restore(self, snapshot: Snapshot) -> None:
        """Takes newest samples from elsewhere, where they are newer than what is here; live readers get them as changes."""
        self._number += 1
        restore(self._table, snapshot, self._number_of(snapshot.source, snapshot.covered), self._number)
        self._changed()

    def forget_window(self, lost: int) -> None:
        """The window has a hole: it begins anew, and readers of every sample are told how many batches they missed."""
        self._window.clear()
        self._bytes = 0
        self._number += max(1, lost)
        self._changed()

    def sources(self) -> Collection[str]:
        """Every source heard of."""
        return self._sources.keys()

    async def put(self, batches: Sequence[PointBatch]) -> None:
        for batch in batches:
            if self._seen(batch):
                continue
            self._number += 1
            source = self._number_of(batch.source, batch.covered_to, batch.received)
            parts = columns(batch)
            rows = self._rows(batch.names)
            spread = tuple(rows[c.index] for c in parts)
            for at, column in zip(spread, parts, strict=True):
                self._table.update(at, column, batch.received, source, self._number)
            if parts:
                held = 60 + sum(34 * len(c) for c in parts)
                self._remember(_Entry(self._number, batch.received, self._clock.steady(), held, spread, tuple(parts)))
        self._changed()

    async def latest(self, points: Sequence[str]) -> Samples:
        return self._confirmed(self._table.take(self._table.find(points), np.arange(len(points), dtype=np.int64)), self._table.find(points))

    async def gauges(self) -> Mapping[str, float]:
        """See Measured: bytes and entries of the window."""
        return {"hot_bytes": float(self._bytes), "hot_entries_count": float(len(self._window))}

    async def recent(self, point: str, since: int) -> Series:
        row = int(self._table.find([point])[0])
        parts = [
            (c, np.flatnonzero((at == row) & (c.time >= since)))
            for entry in self._window
            for at, c in zip(entry.rows, entry.columns, strict=True)
        ]
        found = [(c, at) for c, at in parts if len(at)]
        return _series(point, found) if found and row >= 0 else empty_series(point)

    @asynccontextmanager
    async def live(self, points: Sequence[str], *, every: bool = False) -> AsyncIterator[AsyncIterator[Changes]]:
        feed = self._every(tuple(points)) if every else self._newest(tuple(points))
        try:
            yield feed
        finally:
            await feed.aclose()  # type: ignore[attr-defined]  # an async generator

    async def _newest(self, points: tuple[str, ...]) -> AsyncIterator[Changes]:
        seen = known = -1
        seq = 0
        everything = np.arange(len(points), dtype=np.int64)
        while True:
            wake = self._wake
            if known != len(self._table):
                rows, known = self._table.find(points), len(self._table)
            index = everything if seen < 0 else np.flatnonzero((rows >= 0) & (self._table.version[np.maximum(rows, 0)] > seen))
            if len(index) or seen < 0:
                seen = self._number
                at = rows[index]
                yield Changes(seq, self._confirmed(self._table.take(at, index), at), 0)
                seq += 1
            else:
                await wake.wait()

    async def _every(self, points: tuple[str, ...]) -> AsyncIterator[Changes]:
        rows = self._table.add(points)
        position = np.full(len(self._table), -1, np.int64)
        position[rows] = np.arange(len(points))
        seen, seq = self._number, 0
        yield Changes(seq, self._confirmed(self._table.take(rows, np.arange(len(points), dtype=np.int64)), rows), 0)
        while True:
            wake = self._wake
            if self._number == seen:
                await wake.wait()
                continue
            dropped = max(0, (self._window[0].number if self._window else self._number + 1) - seen - 1)
            if len(position) < len(self._table):
                position = np.concatenate([position, np.full(len(self._table) - len(position), -1, np.int64)])
            samples = _since(self._window, seen, position)
            seen = self._number
            if len(samples) or dropped:
                seq += 1
                yield Changes(seq, samples, dropped)

    def _seen(self, batch: PointBatch) -> bool:
        if self.knows(batch.source, batch.epoch, batch.seq):
            return True
        self._stored[batch.source, batch.epoch] = batch.seq
        return False

    def _number_of(self, source: str, covered: int, received: int = 0) -> int:
        """The source's number. What it covers grows, unless the clock that said so was in the future and has been set back."""
        number = self._sources.setdefault(source, len(self._sources))
        if number == len(self._covered):
            self._covered.append(0)
        known = self._covered[number]
        self._covered[number] = covered if received and known > received + SUSPECT else max(known, covered)
        return number

    def _changed(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()

    def _rows(self, names: tuple[str, ...]) -> Ints:
        """Row numbers of a batch's names; decoded batches of one source share one tuple, so identity finds them."""
        found = self._names.get(id(names))
        if found is not None and found[0] is names:
            return found[1]
        if len(self._names) >= REMEMBERED_NAMES:
            self._names.clear()
        rows = self._table.add(names)
        self._names[id(names)] = (names, rows)
        return rows

    def _confirmed(self, samples: Samples, rows: Ints) -> Samples:
        """Adds until when each value is known to hold: its source was connected and would have told of a change."""
        if not len(self._table):
            return samples
        source = np.where(rows >= 0, self._table.source[np.maximum(rows, 0)], -1)
        covered = np.array([*self._covered, 0], dtype=np.int64)
        return replace(samples, confirmed=np.where(samples.kind == Kind.NONE, 0, np.maximum(samples.received, covered[source])))

    def _remember(self, entry: _Entry) -> None:
        self._window.append(entry)
        self._bytes += entry.bytes
        oldest = self._clock.steady() - self._retention
        while self._window and (self._bytes > self._max_bytes or self._window[0].arrived < oldest):
            self._bytes -= self._window.popleft().bytes


def _series(point: str, parts: Sequence[tuple[Column, Ints]]) -> Series:
    time = np.concatenate([c.time[at] for c, at in parts])
    kinds = {c.kind for c, _ in parts}
    dtype = object if Kind.TEXT in kinds else np.int64 if kinds == {Kind.LONG} else np.float64
    value = np.concatenate([np.asarray(c.value)[at].astype(dtype) for c, at in parts])
    order = np.argsort(time, kind="stable")
    last = np.append(time[order][1:] != time[order][:-1], True)
    chosen = order[last]
    quality = np.concatenate([c.quality[at] for c, at in parts])
    status = np.concatenate([c.status[at] for c, at in parts])
    return Series(point, time[chosen], value[chosen], quality[chosen], status[chosen])


def _since(window: Sequence[_Entry], seen: int, position: Ints) -> Samples:
    """All samples of batches after number `seen` whose row has a position, in the order they came."""
    picked = []
    for entry in window:
        if entry.number <= seen:
            continue
        for at, c in zip(entry.rows, entry.columns, strict=True):
            where = position[at]
            keep = np.flatnonzero(where >= 0)
            if len(keep):
                picked.append((where[keep], c, keep, entry.received))
    n = sum(len(k) for _, _, k, _ in picked)
    number, integer, text = np.full(n, np.nan), np.zeros(n, np.int64), np.full(n, None, dtype=object)
    start = 0
    for _, c, keep, _ in picked:
        target = number if c.kind is Kind.DOUBLE else integer if c.kind is Kind.LONG else text
        target[start : start + len(keep)] = np.asarray(c.value)[keep]
        start += len(keep)

    def join(parts: list[Ints]) -> Ints:
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    received = join([np.full(len(k), r, np.int64) for _, _, k, r in picked])
    return Samples(
        index=join([w for w, _, _, _ in picked]),
        time=join([c.time[k] for _, c, k, _ in picked]),
        received=received,
        kind=join([np.full(len(k), c.kind, np.int64) for _, c, k, _ in picked]).astype(np.uint8),
        number=number,
        integer=integer,
        text=text,
        quality=join([c.quality[k].astype(np.int64) for _, c, k, _ in picked]).astype(np.uint8),
        status=join([c.status[k].astype(np.int64) for _, c, k, _ in picked]).astype(np.uint32),
        confirmed=received,
    )
