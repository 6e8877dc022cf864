"""The archive on Cassandra as the port: a few worker threads around writer, reader and upkeep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from archive.classes import ClassBook
from archive.distributed.folder import Tools
from archive.distributed.names import Book
from archive.distributed.reader import Reader
from archive.distributed.root import Roots
from archive.distributed.tables import SCHEMA
from archive.distributed.told import Told
from archive.distributed.upkeep import Upkeep
from archive.distributed.view import Store
from archive.distributed.writer import Writer
from cql import Link, Place, migrate, open_link
from kernel.archive import AppendReport, ArchiveStats, SeriesBlock, SeriesQuery
from kernel.clock import Clock
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from kernel.samples import Samples
from schemas.records import PointBatch, StateEvent

T = TypeVar("T")
READERS = 2


class DistributedArchive:
    """Implements kernel.archive.Archive; made by open_distributed."""

    def __init__(self, reader: Reader, clock: Clock, upkeep: Upkeep | None) -> None:
        self._reader, self._clock, self._upkeep = reader, clock, upkeep
        self._reading = ThreadPoolExecutor(READERS, "ThreadPool-archive-read")
        self._writing = ThreadPoolExecutor(1, "ThreadPool-archive-write")

    @property
    def upkeep(self) -> Upkeep:
        """Folding and sealing, for those who want them done at once."""
        if self._upkeep is None:
            raise BadUsage("this archive is open for reading only: open it without read_only=True in the process that stores")
        return self._upkeep

    async def append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent] = ()) -> AppendReport:
        upkeep = self.upkeep
        await upkeep.room()
        report = await _in(self._writing, lambda: upkeep.writer.append(batches, events, self._clock.now()))
        upkeep.appended()
        return report

    async def series(self, query: SeriesQuery) -> list[SeriesBlock]:
        return await _in(self._reading, lambda: self._reader.series(query))

    async def at(self, points: Sequence[str], moment: int) -> Samples:
        return await _in(self._reading, lambda: self._reader.at(points, moment))

    async def stats(self) -> ArchiveStats:
        found = await _in(self._reading, lambda: self._reader.stats(self._clock.now()))
        return found if self._upkeep is None else replace(found, last_error=self._upkeep.last_error)

    def close(self) -> None:
        """Waits for what is under way. Blocks."""
        self._writing.shutdown()
        self._reading.shutdown()


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


@asynccontextmanager
async def open_distributed(place: Place, clock: Clock, config: LiveConfig, *, read_only: bool) -> AsyncIterator[DistributedArchive]:
    """Any number of processes store and keep up, any number read."""
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(open_link(place))
        await asyncio.to_thread(migrate, link, "archive", SCHEMA)
        book, roots, told = Book(link), Roots(link), Told(link)
        reader = Reader(Store(link, book, roots, told))
        upkeep = None
        if not read_only:
            upkeep = await asyncio.to_thread(_upkeep, link, book, roots, told, clock, config)
            await stack.enter_async_context(upkeep.running())
        archive = DistributedArchive(reader, clock, upkeep)
        stack.push_async_callback(asyncio.to_thread, archive.close)
        yield archive


def _upkeep(link: Link, book: Book, roots: Roots, told: Told, clock: Clock, config: LiveConfig) -> Upkeep:
    classes = ClassBook(book, config)
    writer = Writer(link, book, roots, told)
    upkeep = Upkeep(Tools(link, book, roots, told, classes), writer, classes, clock)
    upkeep.ensure_tables()
    book.refresh()
    writer.join()
    return upkeep
