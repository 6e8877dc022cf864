"""Folding: a closed part of the journal becomes slabs of the open tier. Slabs first, then the root, then the journal's rows go."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from archive.distributed.journal import Entry, Journal, PartKey, parts_of, read_part
from archive.distributed.lease import Silence, bury, keep_over, take_over, writers
from archive.distributed.names import Book
from archive.distributed.root import Root, Roots, Section
from archive.distributed.tables import FOREVER
from archive.distributed.told import Told
from archive.fold import Classes, Folded, fold_source
from archive.ledger import Spans
from cql import Link, Page
from kernel.clock import monotonic

BATCH = 256 << 10
"""Bytes of slabs in one mutation."""
AT_ONCE = 8
MOST = 131_072
"""Samples of one series in one slab, but for those of a single batch: a megabyte at most."""
INDEX = -1
"""In place of a slab's first series: the row that lists the first series of all slabs of its section."""
_PUT = "INSERT INTO archive_slabs (base, section, low, data) VALUES (?, ?, ?, ?)"
_DROP = f"DELETE FROM archive_slabs USING TIMESTAMP {FOREVER} WHERE base = ?"


@dataclass(frozen=True, slots=True)
class Tools:
    """What folding and sealing work with."""

    link: Link
    book: Book
    roots: Roots
    told: Told
    classes: Classes


def write_slabs(link: Link, base: uuid.UUID, pieces: Sequence[Folded], first: int = 0) -> None:
    """Writes sections `first`, `first` + 1 ... of a partition of slabs. Blocks."""
    flying: deque[Page] = deque()

    def send(rows: list[tuple[object, ...]]) -> None:
        if len(flying) >= AT_ONCE:
            link.wait(flying.popleft())
        flying.append(link.start_batch(_PUT, rows))

    held: list[tuple[object, ...]] = []
    size = 0
    for i, piece in enumerate(pieces, first):
        lows = np.array([low for low, _ in piece.slabs], dtype="<u4").tobytes()
        for low, data in ((INDEX, lows), *piece.slabs):
            held.append((base, i, low, data))
            size += len(data)
            if size >= BATCH:
                send(held)
                held, size = [], 0
    if held:
        send(held)
    for future in flying:
        link.wait(future)


def sections(base: uuid.UUID, pieces: Sequence[Folded], made: int, first: int = 0) -> list[Section]:
    """Lines of the catalogue for what write_slabs wrote."""
    return [
        Section(
            base,
            i,
            p.archive_class,
            p.window,
            p.chunk,
            p.kind,
            p.first,
            p.last,
            p.slabs[0][0],
            p.high,
            p.n,
            sum(len(d) for _, d in p.slabs),
            made,
        )
        for i, p in enumerate(pieces, first)
    ]


def fold(tools: Tools, key: PartKey, entries: Sequence[Entry], journal: Journal, now: int) -> int:
    """Folds one part; returns how many samples. May be repeated, also by another process. Blocks."""
    while True:
        base = uuid.uuid4()
        left = _not_stored(tools.roots.read(key.source), entries)
        pieces = [p for group in _groups(left) for p in fold_source(0, [t for e in group for t in e.tables], tools.classes)]
        journal.begin_fold(key, base)
        write_slabs(tools.link, base, pieces)
        tools.told.put_ledger(key.source, base, left)
        lines = sections(base, pieces, max((e.stored for e in left), default=now))
        try:
            root = tools.roots.change(key.source, now, partial(_commit, key=key, entries=left, lines=lines))
        except _StoredMeanwhile:
            tools.link.ask(_DROP, (base,))
            continue
        for attempt in {base, key.attempt} - {s.base for s in root.sections} - {None}:
            tools.link.ask(_DROP, (attempt,))  # another process was first, or had begun this and died
        journal.drop(key)
        return sum(s.n for s in root.sections if s.base == base)


def _groups(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """All at once, unless some series has too many samples for one slab: then some entries at a time."""
    tables = [t for e in entries for t in e.tables]
    if sum(map(len, tables)) <= MOST or int(np.bincount(np.concatenate([t.point for t in tables])).max()) <= MOST:
        yield entries
        return
    held: list[Entry] = []
    for made in entries:
        if held and sum(e.n for e in held) + made.n > MOST:
            yield held
            held = []
        held.append(made)
    yield held


def _commit(root: Root, key: PartKey, entries: Sequence[Entry], lines: Sequence[Section]) -> bool:
    if root.folded.get(key.writer.hex, 0) >= key.part:
        return False
    if len(_not_stored(root, entries)) < len(entries):
        raise _StoredMeanwhile
    root.folded[key.writer.hex] = key.part
    root.sections += lines
    for made in entries:
        epoch, seq = made.batch
        root.marks.setdefault(epoch, Spans()).add(seq, seq)
        if made.covered[1] > made.covered[0]:
            root.covered.add(*made.covered)
    for point, time in _tops(entries).items():
        if root.newest.get(point, time - 1) < time:
            root.newest[point] = time
    return True


class _StoredMeanwhile(Exception):
    """Another writer has folded a batch of the same part of the source: begin again without it."""


def _not_stored(root: Root, entries: Sequence[Entry]) -> list[Entry]:
    return [e for e in entries if e.batch[0] not in root.marks or e.batch[1] not in root.marks[e.batch[0]]]


def _tops(entries: Sequence[Entry]) -> dict[int, int]:
    """Newest time by series."""
    tables = [t for e in entries for t in e.tables]
    if not tables:
        return {}
    newest = np.full(1 + max(int(t.point.max()) for t in tables), -1, np.int64)
    for table in tables:
        np.maximum.at(newest, table.point, table.time)
    ids = np.flatnonzero(newest >= 0)
    return dict(zip(ids.tolist(), newest[ids].tolist(), strict=True))


def fold_of_the_dead(tools: Tools, me: uuid.UUID, now: int, silence: Silence, refreshed: Callable[[], None]) -> int:
    """Folds what writers left who are no more; returns how many samples. `refreshed` is called when new names may be known. Blocks."""
    total = 0
    journal = Journal(tools.link)
    for one in silence.gone(writers(tools.link), monotonic()):
        dead = one.writer
        if not take_over(tools.link, one, me):
            continue
        tools.book.refresh()
        refreshed()
        for key in parts_of(tools.link, [one]):
            if not keep_over(tools.link, dead, me):
                break
            total += fold(tools, key, fold_entries(tools, key), journal, now)
        else:
            bury(tools.link, dead, me)
    return total


def fold_entries(tools: Tools, key: PartKey) -> list[Entry]:
    """What the journal holds of a part, batches once each: an append that failed and was repeated may have left two. Blocks."""
    return list({e.batch: e for e in read_part(tools.link, key, tools.book.settle)}.values())
