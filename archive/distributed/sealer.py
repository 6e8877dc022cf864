"""Sealing: the open tier's sections of a window that is over become one chunk per series, kind and window, in the partitions of buckets.

Chunks first, then the root; the slabs go a while later, so that readers who are at them can finish. Points with few samples in a window
wait in the open tier for the day to end, so that a chunk row is never a handful of samples.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archive.distributed.buckets import Bucket, Buckets
from archive.distributed.folder import Tools, sections, write_slabs
from archive.distributed.root import PERIOD, Root, Section, Total
from archive.distributed.tables import FOREVER, chunk_table
from archive.fold import Folded
from archive.slab import cut, open_slab, pack_slab, read_slab
from archive.table import Table, concat, ordered, resolved, starts, take
from archive.tending import Stopped
from kernel.clock import DAY, SECOND
from kernel.samples import Kind

GRACE = 120 * SECOND
"""A window is sealed so long after its end: what is under way has then arrived and been folded."""
QUIET = 10 * SECOND
LATE_WAIT = 1800 * SECOND
"""Late data of sealed windows is collected for so long, unless it is much."""
MUCH = 100_000
MOST = 131_072
"""Samples in one row: a megabyte at most."""
FEW = 256
"""Samples in a window below which a point waits for the day's end."""
AT_ONCE = 400_000
"""Samples merged at once: some 20 MB."""
SAMPLES_PER_SLAB = 4096
FLYING = 64
LINGER = 60 * SECOND
"""Sealed sections stay so long for readers who are at them."""
_RANGE = "SELECT data FROM archive_slabs WHERE base = ? AND section = ? AND low > ? AND low <= ?"
_DROP = f"DELETE FROM archive_slabs USING TIMESTAMP {FOREVER} WHERE base = ? AND section = ?"


@dataclass(frozen=True, slots=True)
class Due:
    """What is sealed at once."""

    archive_class: str
    window: int
    chunk: int
    sections: tuple[Section, ...]
    again: bool
    """Whether the window was sealed before: there may be chunks to merge with."""
    waits: bool
    """Whether a part of it waits for the day's end already: what has no chunk waits with it, so that the order of writing is kept."""


def due(root: Root, now: int, *, everything: bool = False) -> list[Due]:
    """What is to be sealed now; `everything`: all windows that are over."""
    groups: dict[tuple[str, int, int], list[Section]] = defaultdict(list)
    for section in root.sections:
        groups[section.archive_class, section.window, section.chunk].append(section)
    found = []
    for (name, window, chunk), lines in sorted(groups.items()):
        again = window + chunk <= root.sealed.get(_mark(name, chunk), 0)
        grace = 0 if everything else GRACE
        quiet = max(s.made for s in lines) + QUIET <= now
        worth = not again or sum(s.n for s in lines) >= MUCH or min(s.made for s in lines) + LATE_WAIT <= now
        if window + chunk + grace <= now and (everything or (quiet and worth)):
            found.append(Due(name, window, chunk, tuple(lines), again, _waits(root, name, window, chunk)))
    return found


def _waits(root: Root, name: str, window: int, chunk: int) -> bool:
    longer = (s for s in root.sections if s.archive_class == name and s.chunk == DAY > chunk)
    return any(s.first < window + chunk and s.last >= window for s in longer)


def _mark(name: str, chunk: int) -> str:
    return f"{name}/{chunk}"


class _Stream:
    """The slabs of one section in ascending order of series, a range at a time."""

    def __init__(self, tools: Tools, section: Section) -> None:
        self._link, self.section = tools.link, section
        self._cursor = -1
        self._left: Table | None = None
        self._future: Any = None

    def ask(self, high: int) -> None:
        """Sends for the slabs that begin up to a series."""
        self._future = None
        if high >= self.section.low and self._cursor < self.section.high:
            self._future = self._link.start(_RANGE, (*self.section.key, self._cursor, high))
            self._cursor = high

    def take(self, high: int) -> Table | None:
        """The samples of the series up to `high` that were not taken before."""
        tables = [] if self._left is None else [self._left]
        if self._future is not None:
            tables += [read_slab(open_slab(data)) for (data,) in self._link.wait(self._future)]
        self._left = None
        if not tables:
            return None
        table = concat(tables)
        at = int(np.searchsorted(table.point, high, side="right"))
        if at < len(table):
            self._left = take(table, slice(at, None))
        return take(table, slice(0, at)) if at else None


@dataclass(slots=True)
class _Work:
    """What one sealing has done so far."""

    due: Due
    stamp: int
    now: int
    retention: int | None
    base: uuid.UUID = field(default_factory=uuid.uuid4)
    flying: deque[Any] = field(default_factory=deque)
    totals: dict[tuple[str, int], Total] = field(default_factory=dict)
    waiting: list[Table] = field(default_factory=list)
    slow: list[Section] = field(default_factory=list)

    def count(self, n: int, size: int, first: int, last: int) -> None:
        """A chunk more, or with negative numbers one less."""
        self.totals.setdefault((self.due.archive_class, self.due.window // PERIOD), Total()).add(n, size, first, last)


@dataclass(frozen=True, slots=True)
class _Old:
    """A chunk that is there already."""

    bucket: Bucket
    kind: Kind
    piece: int
    n: int
    size: int
    made: int
    table: Table


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk to be written."""

    number: int
    kind: Kind
    piece: int
    first: int
    last: int
    n: int
    data: bytes
    ttl: int


class Sealer:
    """Synchronous; one thread of one process at a time."""

    def __init__(self, tools: Tools, ensure: Callable[[str], None]) -> None:
        """ensure makes the table of a class, if it is not there."""
        self._tools, self._link, self._ensure = tools, tools.link, ensure
        self._buckets = Buckets(tools.link)
        self.stopping = threading.Event()

    def forget(self) -> None:
        """Another process has sealed meanwhile."""
        self._buckets.forget()

    def seal(self, source: str, now: int, retention: dict[str, int | None], *, everything: bool = False) -> int:
        """Seals what is due of a source; returns the number of windows."""
        done = 0
        while found := due(self._tools.roots.read(source), now, everything=everything):
            for one in found:
                self._ensure(one.archive_class)
                self._seal(source, one, now, retention.get(one.archive_class))
            done += len(found)
        self._tidy(source, now)
        return done

    def _seal(self, source: str, one: Due, now: int, retention: int | None) -> None:
        work = _Work(one, max(now, self._tools.roots.read(source).version), now, retention)
        streams = [_Stream(self._tools, s) for s in sorted(one.sections, key=lambda s: s.made)]
        low, high = min(s.low for s in one.sections), max(s.high for s in one.sections)
        step = max(1, (high - low + 1) * AT_ONCE // max(1, sum(s.n for s in one.sections)))
        for begin in range(low, high + 1, step):
            if self.stopping.is_set():
                raise Stopped
            end = min(begin + step - 1, high)
            for at in range(0, len(streams), FLYING):
                for stream in streams[at : at + FLYING]:
                    stream.ask(end)
            tables = [t for stream in streams if (t := stream.take(end)) is not None]
            if tables:
                self._merge(work, tables)
        self._keep_open(work)
        while work.flying:
            self._link.wait(work.flying.popleft())
        self._commit(source, work)

    def _merge(self, work: _Work, tables: Sequence[Table]) -> None:
        ids = np.unique(np.concatenate([t.point for t in tables])).tolist()
        self._buckets.load(ids)
        old = self._existing(work, ids) if work.due.again else {}
        merged = resolved([*(o.table for found in old.values() for o in found), *tables])
        by_kind = {k: ordered(concat([t for t in merged if t.kind is k])) for k in sorted({t.kind for t in merged})}
        chunks: list[_Chunk] = []
        for table in by_kind.values():
            first = starts(table.point)
            for a, b in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
                number = int(table.point[a])
                if number not in old and work.due.chunk < DAY and (b - a < FEW or work.due.waits):
                    work.waiting.append(take(table, slice(a, b)))
                elif (ttl := _ttl(work, int(table.time[b - 1]))) >= 0:
                    chunks += _pieces(number, take(table, slice(a, b)), ttl)
        self._write(work, chunks, old)
        if sum(map(len, work.waiting)) >= AT_ONCE:
            self._keep_open(work)

    def _existing(self, work: _Work, ids: Sequence[int]) -> dict[int, list[_Old]]:
        one = work.due
        text = (
            f"SELECT kind, piece, n, made, data FROM {chunk_table(one.archive_class)}"
            " WHERE id = ? AND bucket = ? AND window = ? AND chunk = ?"
        )
        asked: deque[tuple[int, Bucket, Any]] = deque()
        found: dict[int, list[_Old]] = defaultdict(list)

        def collect() -> None:
            number, bucket, future = asked.popleft()
            for kind, piece, n, made, data in self._link.wait(future):
                found[number].append(_Old(bucket, Kind(kind), piece, n, len(data), made, read_slab(open_slab(data))))

        for number in ids:
            for bucket in self._buckets.holding(number, one.archive_class, one.window):
                if len(asked) >= FLYING:
                    collect()
                asked.append((number, bucket, self._link.start(text, (number, bucket.start, one.window, one.chunk))))
        while asked:
            collect()
        return found

    def _write(self, work: _Work, found: Sequence[_Chunk], old: dict[int, list[_Old]]) -> None:
        """Chunks, after their buckets; what was there and is not written again goes."""
        one = work.due
        text = (
            f"INSERT INTO {chunk_table(one.archive_class)} (id, bucket, window, chunk, kind, piece, first, last, n, made, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL ?"
        )
        places = self._places(work, found, old)
        written = set()
        for c in found:
            made = max([*(s.made for s in one.sections), *(o.made for o in old.get(c.number, ()))])
            key = (c.number, places[c.number].start, one.window, one.chunk, int(c.kind), c.piece)
            self._send(work, text, (*key, c.first, c.last, c.n, made, c.data, work.stamp, c.ttl))
            work.count(c.n, len(c.data), c.first, c.last)
            written.add(key)
        for number, gone in ((number, o) for number, before in old.items() for o in before):
            key = (number, gone.bucket.start, one.window, one.chunk, int(gone.kind), gone.piece)
            work.count(-gone.n, -gone.size, 1 << 62, 0)
            if key not in written:
                self._delete(work, key)

    def _places(self, work: _Work, found: Sequence[_Chunk], old: dict[int, list[_Old]]) -> dict[int, Bucket]:
        one = work.due
        sizes: dict[int, int] = defaultdict(int)
        for c in found:
            sizes[c.number] += len(c.data)
        ttl = {c.number: c.ttl for c in found}
        places = {
            number: old[number][0].bucket
            if number in old
            else self._buckets.choose(number, one.archive_class, one.window, one.chunk, size, ttl[number])
            for number, size in sizes.items()
        }
        self._buckets.write()
        return places

    def _delete(self, work: _Work, key: tuple[int, ...]) -> None:
        text = (
            f"DELETE FROM {chunk_table(work.due.archive_class)} USING TIMESTAMP ?"
            " WHERE id = ? AND bucket = ? AND window = ? AND chunk = ? AND kind = ? AND piece = ?"
        )
        self._send(work, text, (work.stamp, *key))

    def _send(self, work: _Work, text: str, values: Sequence[Any]) -> None:
        if len(work.flying) >= FLYING:
            self._link.wait(work.flying.popleft())
        work.flying.append(self._link.start(text, values))

    def _keep_open(self, work: _Work) -> None:
        """Points with few samples stay in the open tier, in slabs that several share, until the day is over."""
        one = work.due
        day = one.window - one.window % DAY
        pieces = []
        for kind in sorted({t.kind for t in work.waiting}):
            table = concat([t for t in work.waiting if t.kind is kind])
            slabs = tuple((int(c.table.point[0]), pack_slab(c.table, c.first)) for c in cut(table, SAMPLES_PER_SLAB))
            first, last = int(table.time.min()), int(table.time.max())
            pieces.append(Folded(0, one.archive_class, day, DAY, kind, first, last, int(table.point[-1]), len(table), slabs))
        work.waiting = []
        if not pieces:
            return
        write_slabs(self._link, work.base, pieces, len(work.slow))
        made = max(s.made for s in one.sections)
        work.slow += sections(work.base, pieces, made, len(work.slow))

    def _commit(self, source: str, work: _Work) -> None:
        one = work.due
        keys = {s.key for s in one.sections}

        def commit(root: Root) -> bool:
            if not keys <= {s.key for s in root.sections}:
                return False
            root.sections = [s for s in root.sections if s.key not in keys] + work.slow
            root.garbage += [(*key, work.now) for key in keys]
            mark = _mark(one.archive_class, one.chunk)
            root.sealed[mark] = max(root.sealed.get(mark, 0), one.window + one.chunk)
            for key, more in work.totals.items():
                root.totals.setdefault(key, Total()).add(more.n, more.bytes, more.first, more.last)
            if work.retention is not None:
                old = (work.now - work.retention) // PERIOD
                root.totals = {k: t for k, t in root.totals.items() if k[0] != one.archive_class or k[1] >= old}
            return True

        self._tools.roots.change(source, max(work.now, work.stamp + 1), commit)

    def _tidy(self, source: str, now: int) -> None:
        """Removes sealed sections that no reader is at any more."""
        gone = [g for g in self._tools.roots.read(source).garbage if g[2] + LINGER <= now]
        if not gone:
            return
        for base, number, _ in gone:
            self._link.ask(_DROP, (base, number))

        def commit(root: Root) -> bool:
            before = len(root.garbage)
            root.garbage = [g for g in root.garbage if g not in gone]
            return len(root.garbage) < before

        self._tools.roots.change(source, now, commit)


def _pieces(number: int, table: Table, ttl: int) -> list[_Chunk]:
    """A series' samples of a window: one chunk, or several where a node would not take it as one."""
    found = []
    for piece, at in enumerate(range(0, len(table), MOST)):
        mine = take(table, slice(at, at + MOST))
        data = pack_slab(mine, np.array([0, len(mine)], np.int64))
        found.append(_Chunk(number, table.kind, piece, int(mine.time[0]), int(mine.time[-1]), len(mine), data, ttl))
    return found


def _ttl(work: _Work, last: int) -> int:
    """Seconds that a chunk lives; 0 for ever, negative: it is over already."""
    if work.retention is None:
        return 0
    left = (last + work.retention + work.due.chunk - work.now) // SECOND
    return left if left > 0 else -1
