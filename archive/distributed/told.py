"""What is kept beside the samples: the events told about a source, by 30 days, and when its batches were received, by day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import numpy as np

from archive.distributed.journal import Entry
from archive.encoding import pack
from archive.events import COLUMNS, event_of
from archive.gaps import MOST_REFUSED
from archive.ledger import pack_batches, unpack_batches
from cql import Link
from kernel.clock import DAY
from kernel.samples import Ints
from schemas.records import StateEvent, StateKind

MONTH = 30 * DAY
MOST_DAYS = 400
"""A batch that reaches over more days is found from its last ones."""
_PUT_MONTH = "INSERT INTO archive_event_months (source, refused, month) VALUES (?, ?, ?)"
_MONTHS = "SELECT month FROM archive_event_months WHERE source = ? AND refused = ?"
_PUT = (
    "INSERT INTO archive_events (source, refused, month, start, key, kind, cause, end, time, points, count, detail)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_READ = f"SELECT {COLUMNS} FROM archive_events WHERE source = ? AND refused = false AND month = ? AND start < ?"
_READ_REFUSED = (
    f"SELECT {COLUMNS} FROM archive_events"
    " WHERE source = ? AND refused = true AND month = ? AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?"
)
_PUT_LEDGER = "INSERT INTO archive_ledger (source, day, last, base, first, data, stored) VALUES (?, ?, ?, ?, ?, ?, ?)"
_LEDGER = "SELECT first, last, data FROM archive_ledger WHERE source = ? AND day = ? AND last >= ? LIMIT 4"
RANKED = 1 << 61
"""Of times of writing: later than those of every clock, also one that is hours ahead, earlier than those of deletions that are for ever."""
_CONNECTION = (StateKind.CONNECTED, StateKind.DISCONNECTED)


class Told:
    """Writes and reads both. Blocks; any thread."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._months: set[tuple[str, bool, int]] = set()

    def put(self, events: Sequence[StateEvent]) -> None:
        """An event that comes again is kept once; a gap that was told without an end is replaced when it is told with one, whatever the
        clocks of those say who write them."""
        months = {(e.source, e.kind is StateKind.REFUSED, e.start // MONTH) for e in events} - self._months
        futures = [self._link.start(_PUT_MONTH, m) for m in months]
        for event in events:
            points = json.dumps(event.points)
            noticed = 0 if event.kind is StateKind.GAP else event.time
            identity = repr((event.kind.value, event.cause.value, noticed, points, event.detail))
            key = blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=12).digest()
            refused = event.kind is StateKind.REFUSED
            where = (event.source, refused, event.start // MONTH, event.start, key)
            what = (event.kind.value, event.cause.value, event.end, event.time, points, event.count, event.detail)
            futures.append(self._link.start(_PUT, (*where, *what, RANKED + max(0, event.end or 0))))
        for future in futures:
            self._link.wait(future)
        self._months |= months

    def events(self, source: str, start: int, end: int) -> list[StateEvent]:
        """What may explain a gap of the range: from the last change of connection before it on; and what was refused within it."""
        start, end = max(start, -(1 << 62)), min(end, 1 << 62)
        found: list[StateEvent] = []
        refused = self._link.start(_MONTHS, (source, True))
        months = sorted((m for (m,) in self._link.ask(_MONTHS, (source, False)) if m <= end // MONTH), reverse=True)
        for month in months:
            found += [event_of(source, row) for row in self._link.ask(_READ, (source, month, end))]
            if month < start // MONTH and any(e.kind in _CONNECTION and e.start <= start for e in found):
                break
        months = sorted((m for (m,) in self._link.wait(refused) if start // MONTH <= m <= end // MONTH), reverse=True)
        return found + self._refused(source, months, start, end)

    def _refused(self, source: str, months: Sequence[int], start: int, end: int) -> list[StateEvent]:
        found: list[StateEvent] = []
        for month in months:
            if len(found) < MOST_REFUSED:
                rows = self._link.ask(_READ_REFUSED, (source, month, start, end, MOST_REFUSED - len(found)))
                found += [event_of(source, row) for row in rows]
        return found

    def put_ledger(self, source: str, base: UUID, entries: Sequence[Entry]) -> None:
        """When each batch of a fold was received, published and stored."""
        held = [e for e in entries if e.n]
        if not held:
            return
        data = pack_batches(np.array([[e.first, e.last, e.received, e.published] for e in held], np.int64).T)
        stored = pack(np.array([e.stored for e in held], np.int64))
        first, last = min(e.first for e in held), max(e.last for e in held)
        days = range(max(first // DAY, last // DAY - MOST_DAYS), last // DAY + 1)
        futures = [self._link.start(_PUT_LEDGER, (source, day, last, base, first, data, stored)) for day in days]
        for future in futures:
            self._link.wait(future)

    def ledger(self, source: str, time: int) -> Sequence[tuple[Ints, Ints, Ints]]:
        """First and last sample time, and time of receiving, of folded batches around a time."""
        rows = self._link.ask(_LEDGER, (source, time // DAY, time))
        return [(f, last, r) for f, last, r, _ in (unpack_batches(row[2]) for row in rows if row[0] <= time)]
