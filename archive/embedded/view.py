"""One consistent look at the embedded archive: where the samples of a point are, in head, open tier and segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archive.embedded.head import Part
from archive.embedded.segments import SegmentCache, fetch
from archive.embedded.state import NEVER, Frozen, State, meta
from archive.embedded.stats import read_stats
from archive.embedded.store import connect
from archive.events import COLUMNS, event_of
from archive.gaps import MOST_REFUSED
from archive.head_index import HeadIndex, rows_of
from archive.ledger import Spans, unpack_batches
from archive.read import Evidence, Ref, between, first_after, in_force, put, unseen
from archive.slab import Slab, open_slab, read_point, read_slab
from archive.table import Table
from kernel.archive import ArchiveStats
from kernel.samples import Ints, Kind, Samples, no_samples
from schemas.records import StateEvent

SEALED, OPEN, HEAD = 0, 1, 2
"""Tiers in the order of writing: a sample in a later one was written later than what an earlier one has of the same time."""
MANY = 100
"""Slabs opened in one look, from which on whole slabs are decoded and the last one of each section is kept for the next point."""
_EVENT = f"SELECT {COLUMNS} FROM event WHERE source = ?1 AND start < ?3"
_TOLD = f"""
{_EVENT} AND kind = 'GAP' AND end >= ?2
UNION ALL {_EVENT} AND kind = 'GAP' AND end IS NULL
UNION ALL {_EVENT} AND kind IN ('CONNECTED', 'DISCONNECTED') AND start >= coalesce(
  (SELECT max(start) FROM event WHERE source = ?1 AND kind = 'DISCONNECTED' AND start <= ?2), ?2)
UNION ALL SELECT * FROM (
  {_EVENT} AND kind = 'REFUSED' AND start >= ?2 ORDER BY start DESC LIMIT {MOST_REFUSED})
ORDER BY start, time"""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A line of the catalogue."""

    id: int
    file: str
    first: int
    last: int


class Desk:
    """What one reader thread has open."""

    def __init__(self, directory: Path) -> None:
        self.db = connect(directory)
        self.segments = SegmentCache(directory)
        self.catalogue: list[_Listed] = []
        self.version = -1

    def refresh(self) -> None:
        """Reads the catalogue anew if it has changed. Within a transaction."""
        version = meta(self.db, "catalogue", 0)
        if version != self.version:
            self.catalogue = [_Listed(*row) for row in self.db.execute("SELECT id, file, first, last FROM segment ORDER BY id")]
            self.segments.keep(s.file for s in self.catalogue)
            self.version = version

    def close(self) -> None:
        """Gives all back."""
        self.segments.close()
        self.db.close()


class View:
    """Lives within one transaction. What it has worked out for one point serves the next of the same source."""

    def __init__(self, desk: Desk, state: State, frozen: Frozen, folded: int) -> None:
        self._desk, self._db, self._state = desk, desk.db, state
        self._covered = frozen.covered
        self._head = {s: [p for p in parts if p.journal > folded] for s, parts in frozen.head.items()}
        self._indexes: dict[tuple[int, ...], HeadIndex] = {}
        self._slabs: dict[int, tuple[Slab, Table]] = {}
        self._opens = 0
        self._sections: dict[int, list[tuple[int, ...]]] = {}
        self._ledgers: dict[int, Any] = {}
        self._received: dict[int, tuple[Ints, Ints, Ints]] = {}

    def evidence(self, point: str, start: int, end: int, origin: str) -> Evidence:
        """What there is of a point with start <= time < end. origin: its configured source, which tells why there is nothing."""
        number = self._state.names.points.get(point)
        sources = self._state.names.origins.get(number, ()) if number is not None else ()
        if number is None or not sources:
            return unseen(point, self._covered.get(origin, []), lambda a, b: self._events(origin, a, b)) if origin else unseen(point)
        names = [self._state.names.source_names[s] for s in sources]
        covered = self._covered.get(names[0], [])
        if len(names) > 1:
            covered = Spans(span for n in names for span in self._covered.get(n, ())).all()
        newest = int(self._state.newest[number]) if number < len(self._state.newest) else NEVER
        return Evidence(
            point,
            self._refs(number, sources, start, end),
            covered,
            lambda a, b: [e for n in names for e in self._events(n, a, b)],
            max([covered[-1][1]] if covered else [newest]),
            lambda: in_force(self._refs(number, sources, 0, start), start - 1),
            lambda: first_after(self._refs(number, sources, end, 2 * end - start), end, 2 * end - start),
        )

    def at(self, points: Sequence[str], moment: int) -> Samples:
        """The sample of each point in force at a moment."""
        out = no_samples(len(points))
        for i, point in enumerate(points):
            number = self._state.names.points.get(point)
            if number is None:
                continue
            sources = self._state.names.origins.get(number, ())
            row = self._in_force(number, sources, moment)
            if row is not None:
                out.received[i] = self._when_received(sources, int(row.time[0]))
                put(out, i, row)
        return out

    def _in_force(self, point: int, sources: tuple[int, ...], moment: int) -> Table | None:
        """The newest time of each point is known, so that for most questions only one place need be looked at."""
        newest = int(self._state.newest[point]) if point < len(self._state.newest) else NEVER
        if newest <= moment:
            row = in_force(self._refs(point, sources, newest, newest + 1), moment)
            if row is not None:  # else it was appended after this look began
                return row
        return in_force(self._refs(point, sources, 0, moment + 1), moment)

    def stats(self, directory: Path, now: int) -> ArchiveStats:
        """From the catalogue, the open tier's lines and the head."""
        return read_stats(self._db, directory, [p for parts in self._head.values() for p in parts], now)

    def _refs(self, point: int, sources: tuple[int, ...], start: int, end: int) -> list[Ref]:
        kinds = int(self._state.kinds[point]) if point < len(self._state.kinds) else 0
        found = [
            *self._sealed(point, kinds, start, end),
            *self._opened(point, kinds, sources, start, end),
            *self._in_head(point, sources, start, end),
        ]
        # Of a point whose kind has changed, only loading shows which of its kinds are in the range.
        return (
            found if kinds & (kinds - 1) == 0 else [r for r in found if (t := r.load()) is not None and between(t, start, end) is not None]
        )

    def _sealed(self, point: int, kinds: int, start: int, end: int) -> list[Ref]:
        segments = self._desk.segments
        return [
            Ref((SEALED, listed.id << 20 | s.id), s.kind, s.first, s.last, _loader(segments, listed.file, s.id, point))
            for listed in self._desk.catalogue
            if listed.first < end and listed.last >= start
            for s in segments.sections(listed.file)
            if s.low <= point <= s.high and s.first < end and s.last >= start and kinds >> s.kind & 1
        ]

    def _opened(self, point: int, kinds: int, sources: Sequence[int], start: int, end: int) -> list[Ref]:
        found = []
        for source in sources:
            rows = self._sections.get(source)
            if rows is None:
                rows = self._sections[source] = self._db.execute(
                    "SELECT id, kind, first, last, low, high FROM section WHERE source = ?", (source,)
                ).fetchall()
            for section, kind, first, last, low, high in rows:
                if low <= point <= high and first < end and last >= start and kinds >> kind & 1:
                    found.append(Ref((OPEN, section), Kind(kind), first, last, self._opener(section, point)))
        return found

    def _opener(self, section: int, point: int) -> Callable[[], Table | None]:
        def load() -> Table | None:
            held = self._slabs.get(section)
            if held is None or not held[0].points[0] <= point <= held[0].points[-1]:
                data = fetch(self._db, section, point)
                if data is None:
                    return None
                slab = open_slab(data)
                self._opens += 1
                if self._opens < MANY:
                    return read_point(slab, point)
                held = self._slabs[section] = (slab, read_slab(slab))
            return rows_of(held[1], point)

        return load

    def _in_head(self, point: int, sources: tuple[int, ...], start: int, end: int) -> list[Ref]:
        index = self._indexes.get(sources)
        if index is None:
            parts: list[Part] = [p for s in sources for p in self._head.get(s, ())]
            index = self._indexes[sources] = HeadIndex([t for p in sorted(parts, key=lambda p: p.journal) for t in p.tables])
        refs = []
        for table in index.of(point):
            first, last = int(table.time[0]), int(table.time[-1])
            if first < end and last >= start:
                refs.append(Ref((HEAD, int(table.kind)), table.kind, first, last, lambda t=table: t))  # type: ignore[misc]
        return refs

    def _events(self, source: str, start: int, end: int) -> list[StateEvent]:
        """What may explain a gap of the range: from the last disconnection before it on; and what was refused within it."""
        return [event_of(source, row) for row in self._db.execute(_TOLD, (source, start, end))]

    def _when_received(self, sources: Sequence[int], time: int) -> int:
        """When the sample of that time was received: with the first batch whose samples reach over it."""
        for source in sources:
            row = self._db.execute(
                "SELECT id FROM ledger WHERE source = ? AND last >= ? AND first <= ? ORDER BY last LIMIT 1", (source, time, time)
            ).fetchone()
            for first, last, received in ((self._ledger(row[0]),) if row else ()) + (self._head_ledger(source),):
                hits = np.flatnonzero((first <= time) & (last >= time))
                if len(hits):
                    return int(received[hits[0]])
        return 0

    def _ledger(self, row: int) -> tuple[Ints, Ints, Ints]:
        found = self._ledgers.get(row)
        if found is None:
            data = self._db.execute("SELECT data FROM ledger WHERE id = ?", (row,)).fetchone()[0]
            found = self._ledgers[row] = unpack_batches(data)[:3]
        first, last, received = found
        return first, last, received

    def _head_ledger(self, source: int) -> tuple[Ints, Ints, Ints]:
        found = self._received.get(source)
        if found is None:
            parts = self._head.get(source, ())
            rows = [(min(int(t.time.min()) for t in p.tables), max(int(t.time.max()) for t in p.tables), p.received) for p in parts]
            first, last, received = np.array(rows, np.int64).reshape(-1, 3).T
            found = self._received[source] = (first, last, received)
        return found


def _loader(segments: SegmentCache, file: str, section: int, point: int) -> Callable[[], Table | None]:
    return lambda: segments.read(file, section, point)
