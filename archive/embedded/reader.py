"""Reads a consistent view: head, open tier and sealed segments as of one transaction of open.db. Synchronous; called in worker threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from archive.answer import answer
from archive.embedded.head import Part
from archive.embedded.segments import SegmentCache, fetch
from archive.embedded.state import NEVER, Frozen, State, meta
from archive.embedded.stats import read_stats
from archive.embedded.store import connect, transaction, translated
from archive.ledger import unpack_batches
from archive.read import Evidence, Ref, first_after, in_force, latest_first
from archive.slab import open_slab, read_point
from archive.table import Table, resolved, take
from kernel.archive import ArchiveStats, SeriesBlock, SeriesQuery
from kernel.errors import BadUsage, NotAvailable
from kernel.samples import Kind, Samples, no_samples
from schemas.records import GapCause, StateEvent, StateKind

T = TypeVar("T")
SEALED, OPEN, HEAD = 0, 1, 2
"""Tiers in the order of writing: a sample in a later one was written later than what an earlier one has of the same time."""
EVER = 1 << 62


@dataclass(frozen=True, slots=True)
class _Listed:
    """A line of the catalogue."""

    id: int
    file: str
    first: int
    last: int


class _Desk:
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
        self.segments.close()
        self.db.close()


class Reader:
    """`state` is the writer's in its own process; a reader elsewhere has one of its own and follows open.db (`follows`)."""

    def __init__(self, directory: Path, state: State, *, follows: bool) -> None:
        self.directory = directory
        self.state = state
        self._follows = follows
        self._sync = threading.Lock()
        self._local = threading.local()
        self._desks: list[_Desk] = []

    def close(self) -> None:
        """After the last read has ended."""
        for desk in self._desks:
            desk.close()

    def _desk(self) -> _Desk:
        desk: _Desk | None = getattr(self._local, "desk", None)
        if desk is None:
            desk = self._local.desk = _Desk(self.directory)
            self._desks.append(desk)
        return desk

    def series(self, query: SeriesQuery) -> list[SeriesBlock]:
        """One block per point."""
        if query.end < query.start:
            raise BadUsage(f"the range ends ({query.end}) before it starts ({query.start})")
        if query.limit <= 0:
            raise BadUsage(f"limit is {query.limit}: it must be positive")
        return [self._view(lambda view, p=p: answer(view.evidence(p, query.start, query.end), query)) for p in query.points]  # type: ignore[misc]

    def at(self, points: Sequence[str], moment: int) -> Samples:
        """The sample of each point in force at a moment."""
        return self._view(lambda view: view.at(points, moment))

    def stats(self, now: int) -> ArchiveStats:
        """Size and health."""
        return self._view(lambda view: view.stats(self.directory, now))

    def _view(self, use: Callable[[View], T]) -> T:
        """Runs a read within one transaction; again if a segment was merged away between two looks."""
        for _ in range(5):
            with translated(self.directory):
                desk = self._desk()
                try:
                    with self._frozen(desk) as view:
                        return use(view)
                except FileNotFoundError as error:
                    missing = error
        raise NotAvailable(f"the archive lists a file that is not there: {missing}; restore it from a backup")

    @contextmanager
    def _frozen(self, desk: _Desk) -> Iterator[View]:
        """The head is looked at before the transaction begins, or within one that no later sync can overtake."""
        frozen = self.state.freeze()
        with ExitStack() as stack:
            if self._follows:
                with self._sync:
                    stack.enter_context(transaction(desk.db, "DEFERRED"))
                    self.state.sync(desk.db)
                    frozen = self.state.freeze()
            else:
                stack.enter_context(transaction(desk.db, "DEFERRED"))
            folded = meta(desk.db, "folded", 0)
            desk.refresh()
            yield View(desk, self.state, frozen, folded)


class View:
    """One consistent look at the archive."""

    def __init__(self, desk: _Desk, state: State, frozen: Frozen, folded: int) -> None:
        self._desk, self._db, self._state = desk, desk.db, state
        self._covered = frozen.covered
        self._head = {s: [p for p in parts if p.journal > folded] for s, parts in frozen.head.items()}

    def evidence(self, point: str, start: int, end: int) -> Evidence:
        """What there is of a point with start <= time < end."""
        number = self._state.names.points.get(point)
        sources = self._state.names.origins.get(number, ()) if number is not None else ()
        if number is None or not sources:
            return Evidence(point, (), (), (), EVER, lambda: None, lambda: None)
        names = [self._state.names.source_names[s] for s in sources]
        covered = [span for n in names for span in self._covered.get(n, ())]
        events = [e for n in names for e in self._events(n, start, end)]
        newest = int(self._state.newest[number]) if number < len(self._state.newest) else NEVER
        known = max([high for _, high in covered], default=newest)
        return Evidence(
            point,
            self._refs(number, sources, start, end),
            covered,
            events,
            known,
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
            row = in_force(self._refs(number, sources, 0, moment + 1), moment)
            if row is not None:
                out.received[i] = self._received(sources, int(row.time[0]))
                _put(out, i, row)
        return out

    def stats(self, directory: Path, now: int) -> ArchiveStats:
        """From the catalogue, the open tier's lines and the head."""
        return read_stats(self._db, directory, [p for parts in self._head.values() for p in parts], now)

    def _refs(self, point: int, sources: Sequence[int], start: int, end: int) -> list[Ref]:
        parts = sorted((p for s in sources for p in self._head.get(s, ())), key=lambda p: p.journal)
        return [*self._sealed(point, start, end), *self._opened(point, sources, start, end), *_head_refs(point, parts, start, end)]

    def _sealed(self, point: int, start: int, end: int) -> list[Ref]:
        found = []
        for listed in self._desk.catalogue:
            if listed.first < end and listed.last >= start:
                for s in self._desk.segments.sections(listed.file):
                    if s.low <= point <= s.high and s.first < end and s.last >= start:
                        found.append(
                            Ref(
                                (SEALED, listed.id << 20 | s.id),
                                s.kind,
                                s.first,
                                s.last,
                                _loader(self._desk.segments, listed.file, s.id, point),
                            )
                        )
        return found

    def _opened(self, point: int, sources: Sequence[int], start: int, end: int) -> list[Ref]:
        found = []
        for source in sources:
            rows = self._db.execute(
                "SELECT id, kind, first, last FROM section WHERE source = ? AND low <= ? AND high >= ? AND first < ? AND last >= ?",
                (source, point, point, end, start),
            )
            for section, kind, first, last in rows.fetchall():
                data = fetch(self._db, section, point)
                if data is not None:
                    found.append(Ref((OPEN, section), Kind(kind), first, last, _unpacker(data, point)))
        return found

    def _events(self, source: str, start: int, end: int) -> list[StateEvent]:
        rows = self._db.execute(
            "SELECT kind, cause, start, end, time, points, count, detail FROM event WHERE source = ? AND start < ? AND kind <> 'REFUSED'"
            " ORDER BY start, time",
            (source, end),
        )
        return [
            StateEvent(
                source=source,
                time=time,
                kind=StateKind(kind),
                cause=GapCause(cause),
                points=tuple(json.loads(points)),
                start=first,
                end=last,
                count=count,
                detail=detail,
            )
            for kind, cause, first, last, time, points, count, detail in rows
        ]

    def _received(self, sources: Sequence[int], time: int) -> int:
        """When the sample of that time was received: with the first batch that reached over it."""
        for source in sources:
            for part in self._head.get(source, ()):
                if any(bool((t.time == time).any()) for t in part.tables):
                    return part.received
            rows = self._db.execute(
                "SELECT data FROM ledger WHERE source = ? AND last >= ? AND first <= ? ORDER BY last LIMIT 1", (source, time, time)
            )
            for (data,) in rows:
                first, last, received, _ = unpack_batches(data)
                hits = np.flatnonzero((first <= time) & (last >= time))
                if len(hits):
                    return int(received[hits[0]])
        return 0


def _loader(segments: SegmentCache, file: str, section: int, point: int) -> Callable[[], Table | None]:
    return lambda: segments.read(file, section, point)


def _unpacker(data: bytes, point: int) -> Callable[[], Table | None]:
    return lambda: read_point(open_slab(data), point)


def _head_refs(point: int, parts: Sequence[Part], start: int, end: int) -> list[Ref]:
    mine: list[Table] = []
    for part in parts:
        for table in part.tables:
            rows = np.flatnonzero(table.point == point)
            if len(rows):
                mine.append(take(table, rows))
    refs = []
    mine = resolved(mine)
    for kind in {t.kind for t in mine}:
        table = latest_first([t for t in mine if t.kind is kind])
        first, last = int(table.time[0]), int(table.time[-1])
        if first < end and last >= start:
            refs.append(Ref((HEAD, int(kind)), kind, first, last, lambda t=table: t))  # type: ignore[misc]
    return refs


def _put(out: Samples, i: int, row: Table) -> None:
    out.time[i], out.kind[i] = row.time[0], row.kind
    if row.kind is Kind.DOUBLE:
        out.number[i] = row.value[0]
    elif row.kind is Kind.LONG:
        out.integer[i] = row.value[0]
    else:
        out.text[i] = row.value[0]
    out.quality[i] = 0 if row.quality is None else row.quality[0]
    out.status[i] = 0 if row.status is None else row.status[0]
