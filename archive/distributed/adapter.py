"""The archive on Cassandra as the port: its writer, reader and upkeep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

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
from archive.pooled import PooledArchive
from cql import Link, Place, migrate, open_link
from kernel.clock import Clock
from kernel.live_config import LiveConfig


class DistributedArchive(PooledArchive[Upkeep]):
    """Made by open_distributed."""


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
        archive = DistributedArchive(reader, clock, config, upkeep)
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
