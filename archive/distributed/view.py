"""One look at the distributed archive: where the samples of a point are, in the journal, the open tier and the chunks.

The order of looking makes it whole: the journal first, then the roots, then the chunks. What moves on between two looks is seen twice,
and merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import numpy as np

from archive.distributed.chunks import NEVER, SEALED, Chunks
from archive.distributed.fetch import Slabs
from archive.distributed.journal import Entry, Follower, PartKey, parts_of
from archive.distributed.lease import writers
from archive.distributed.names import Book
from archive.distributed.root import Root, Roots, Section
from archive.distributed.told import Told
from archive.head_index import HeadIndex, rows_of
from archive.ledger import Spans
from archive.read import EVER, Evidence, Ref, first_after, in_force, put, unseen
from archive.slab import Slab, read_point, read_slab
from archive.table import Table
from cql import Link
from kernel.samples import Ints, Samples, no_samples
from schemas.records import StateEvent

OPEN, HEAD = SEALED + 1, SEALED + 2
TOGETHER = 256
"""Points looked up at once."""
MANY = 100
"""Slabs opened in one look, from which on whole slabs are decoded and the last one of each section is kept for the next point."""


class Store:
    """What all looks of a process share."""

    def __init__(self, link: Link, book: Book, roots: Roots, told: Told) -> None:
        self.link, self.book, self.roots, self.told = link, book, roots, told
        self.slabs = Slabs(link)
        self.follower = Follower(link, book.look_up)


class View:
    """Lives for one question. Blocks; one thread."""

    def __init__(self, store: Store, points: Sequence[str], origins: Mapping[str, str]) -> None:
        """origins: the configured sources of points, which tell why there is no sample of one."""
        self._store, self._link, self._book = store, store.link, store.book
        self._book.refresh()
        self._numbers = {p: self._book.numbers.get(p, ()) for p in set(points)}
        """As of now: a series that is seen first while this look goes on belongs to the next one."""
        self._origins = {p: s for p, s in origins.items() if s and not self._numbers.get(p)}
        sources = {self._book.sources[i] for ids in self._numbers.values() for i in ids} | set(self._origins.values())
        keys = [k for k in parts_of(self._link, writers(self._link)) if k.source in sources] if sources else []
        entries = store.follower.read(keys)
        self._chunks = Chunks(self._link)
        self._roots: dict[str, Root] = {s: store.roots.read(s) for s in sources}
        self._head: dict[str, list[Entry]] = {}
        self._indexes: dict[str, list[tuple[int, HeadIndex]]] = {}
        """By source: the parts of the journal, each with the time of its last append."""
        for source in sources:
            parts = self._unfolded(source, entries)
            self._head[source] = [e for part in parts for e in part]
            self._indexes[source] = [(part[-1].stored, HeadIndex([t for e in part for t in e.tables])) for part in parts]
        self._whole: dict[tuple[UUID, int], tuple[Slab, Table]] = {}
        self._opens = 0
        self._ledgers: dict[str, Sequence[tuple[Ints, Ints, Ints]]] = {}
        self._coverage: dict[str, list[tuple[int, int]]] = {}
        self._told: dict[tuple[str, int, int], list[StateEvent]] = {}

    def _unfolded(self, source: str, entries: dict[PartKey, list[Entry]]) -> list[list[Entry]]:
        folded = self._roots[source].folded
        found = [es for k, es in entries.items() if es and k.source == source and k.part > folded.get(k.writer.hex, 0)]
        return sorted(found, key=lambda es: es[-1].stored)

    def evidence(self, point: str, start: int, end: int) -> Evidence:
        """What there is of a point with start <= time < end."""
        ids = self._numbers.get(point, ())
        if not ids:
            source = self._origins.get(point)
            return unseen(point, self._covered(source), lambda a, b: self._events(source, a, b)) if source else unseen(point)
        sources = sorted({self._book.sources[i] for i in ids})
        covered = Spans(span for s in sources for span in self._covered(s)).all()
        newest = max(self._newest(i) for i in ids)
        after = min(2 * end - start, EVER)
        return Evidence(
            point,
            self._refs(ids, start, end),
            covered,
            lambda a, b: [e for s in sources for e in self._events(s, a, b)],
            covered[-1][1] if covered else newest,
            lambda: in_force(self._before(ids, start - 1), start - 1),
            lambda: first_after(self._refs(ids, end, after), end, after),
        )

    def expect(self, points: Sequence[str]) -> None:
        """Evidence of each of these points will be asked for."""
        self._chunks.learn(i for point in points for i in self._numbers.get(point, ()))

    def at(self, points: Sequence[str], moment: int) -> Samples:
        """The sample of each point in force at a moment."""
        out = no_samples(len(points))
        for begin in range(0, len(points), TOGETHER):
            group = [self._numbers.get(point, ()) for point in points[begin : begin + TOGETHER]]
            rows = [self._newest_row(ids, moment) for ids in group]
            older = [i for i, (ids, row) in enumerate(zip(group, rows, strict=True)) if ids and row is None]
            if len(older) > 1:
                self._chunks.prefetch([n for i in older for n in group[i]], moment)
            for i in older:
                rows[i] = in_force(self._before(group[i], moment), moment)
            for i, row in enumerate(rows, begin):
                if row is not None:
                    out.received[i] = self._when_received(int(row.point[0]), int(row.time[0]))
                    put(out, i, row)
        return out

    def _newest_row(self, ids: tuple[int, ...], moment: int) -> Table | None:
        """The newest time of each point is known, so that for most questions the chunks need not be looked at."""
        newest = max((self._newest(i) for i in ids), default=NEVER)
        if not NEVER < newest <= moment:
            return None
        row = in_force(self._unsealed(ids, newest, newest + 1), moment)
        return row if row is not None and int(row.time[0]) == newest else None

    def _covered(self, source: str) -> list[tuple[int, int]]:
        """The same for all points of a source."""
        if source not in self._coverage:
            self._coverage[source] = self._covered_by(source)
        return self._coverage[source]

    def _covered_by(self, source: str) -> list[tuple[int, int]]:
        spans = Spans(self._roots[source].covered.all())
        for made in self._head[source]:
            if made.covered[1] > made.covered[0]:
                spans.add(*made.covered)
        return spans.all()

    def _events(self, source: str, start: int, end: int) -> list[StateEvent]:
        found = self._told.get((source, start, end))
        if found is None:
            found = self._told[source, start, end] = self._store.told.events(source, start, end)
        return found

    def _newest(self, number: int) -> int:
        source = self._book.sources[number]
        known = self._roots[source].newest.get(number, NEVER)
        return max([known, *(int(t.time[-1]) for _, index in self._indexes[source] for t in index.of(number))])

    def _refs(self, ids: tuple[int, ...], start: int, end: int) -> list[Ref]:
        return [*self._chunks.within(ids, start, end), *self._unsealed(ids, start, end)]

    def _before(self, ids: tuple[int, ...], moment: int) -> list[Ref]:
        return [*self._chunks.before(ids, moment), *self._unsealed(ids, -EVER, moment + 1)]

    def _unsealed(self, ids: tuple[int, ...], start: int, end: int) -> list[Ref]:
        return [r for i in ids for r in (*self._opened(i, start, end), *self._in_head(i, start, end))]

    def _in_head(self, number: int, start: int, end: int) -> list[Ref]:
        refs = []
        for stored, index in self._indexes[self._book.sources[number]]:
            for table in index.of(number):
                first, last = int(table.time[0]), int(table.time[-1])
                if first < end and last >= start:
                    refs.append(Ref((stored, HEAD), table.kind, first, last, lambda t=table: t))  # type: ignore[misc]
        return refs

    def _opened(self, number: int, start: int, end: int) -> list[Ref]:
        lines = [
            s for s in self._roots[self._book.sources[number]].sections if s.low <= number <= s.high and s.first < end and s.last >= start
        ]
        slabs = self._store.slabs.find([s.key for s in lines], number)
        return [
            Ref((s.made, OPEN), s.kind, s.first, s.last, self._opener(s, slab, number))
            for s, slab in zip(lines, slabs, strict=True)
            if slab is not None and _holds(slab, number)
        ]

    def _opener(self, section: Section, slab: Slab, number: int) -> Callable[[], Table | None]:
        def load() -> Table | None:
            held = self._whole.get(section.key)
            if held is None or held[0].points[0] != slab.points[0]:
                self._opens += 1
                if self._opens < MANY:
                    return read_point(slab, number)
                held = self._whole[section.key] = (slab, read_slab(slab))
            return rows_of(held[1], number)

        return load

    def _when_received(self, number: int, time: int) -> int:
        """When the sample of that time was received: with the first batch whose samples reach over it."""
        source = self._book.sources[number]
        for made in self._head[source]:
            if made.first <= time <= made.last and any(bool(((t.point == number) & (t.time == time)).any()) for t in made.tables):
                return made.received
        found = _received(self._ledgers.get(source, ()), time)
        if found is None:
            self._ledgers[source] = self._store.told.ledger(source, time)
            found = _received(self._ledgers[source], time)
        return found or 0


def _received(ledgers: Sequence[tuple[Ints, Ints, Ints]], time: int) -> int | None:
    for first, last, received in ledgers:
        hits = np.flatnonzero((first <= time) & (last >= time))
        if len(hits):
            return int(received[hits[0]])
    return None


def _holds(slab: Slab, number: int) -> bool:
    """Whether a point is in a slab: another kind's slab may span its number, and its kind must not become this point's."""
    at = int(np.searchsorted(slab.points, number))
    return at < len(slab.points) and int(slab.points[at]) == number
