"""Contents of the archive on Cassandra, read beside the processes that store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from archive.distributed.journal import Follower, parts_of
from archive.distributed.lease import writers
from archive.distributed.names import Book
from archive.distributed.root import Roots
from archive.distributed.tables import SCHEMA
from archive.events import COLUMNS, event_of
from archive.ledger import Coverage
from cql import Link, Place, migrate, open_link
from schemas.records import StateEvent

_TOLD_MONTHS = "SELECT DISTINCT source, refused FROM archive_event_months"
_MONTHS = "SELECT month FROM archive_event_months WHERE source = ? AND refused = ?"
_EVENTS = f"SELECT {COLUMNS} FROM archive_events WHERE source = ? AND refused = ? AND month = ?"


class DistributedContents:
    """Implements archive.contents.Contents."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._book, self._coverage = Book(link), Coverage()
        self._book.refresh()
        told = {source for source, _ in link.ask(_TOLD_MONTHS)}
        self._sources = tuple(sorted({*self._book.sources[1:], *told} - {""}))
        self._read_coverage()

    def _read_coverage(self) -> None:
        """The journal first, then the roots: what is folded between the two looks is seen twice, and never missed."""
        follower = Follower(self._link, self._book.look_up)
        for key in parts_of(self._link, writers(self._link)):
            for entry in follower.read([key])[key]:
                self._coverage.add(key.source, *entry.covered)
        roots = Roots(self._link)
        for source in self._sources:
            for low, high in roots.read(source).covered.all():
                self._coverage.add(source, low, high)

    def sources(self) -> Sequence[str]:
        return self._sources

    def points(self) -> Sequence[tuple[str, str]]:
        book = self._book
        numbered = sorted((book.sources[i], i) for i in range(1, len(book.names)) if book.names[i])
        return list(dict.fromkeys((source, book.names[i]) for source, i in numbered))

    def covered(self, source: str) -> Sequence[tuple[int, int]]:
        return self._coverage.spans(source)

    def events(self, source: str) -> Iterator[StateEvent]:
        for refused in (False, True):
            for (month,) in self._link.ask(_MONTHS, (source, refused)):
                for row in self._link.ask(_EVENTS, (source, refused, month)):
                    yield event_of(source, row)


@asynccontextmanager
async def open_distributed_contents(place: Place) -> AsyncIterator[DistributedContents]:
    """Its tables are made where they are not there: an empty archive has no contents."""
    async with open_link(place) as link:
        await asyncio.to_thread(migrate, link, "archive", SCHEMA)
        yield await asyncio.to_thread(DistributedContents, link)
