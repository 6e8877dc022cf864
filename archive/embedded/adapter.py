"""The embedded archive as the port: worker threads around the writer and the readers, and the upkeep that runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from archive.embedded.reader import Reader
from archive.embedded.state import State
from archive.embedded.store import only_writer
from archive.embedded.upkeep import Upkeep
from archive.embedded.writer import Writer
from kernel.archive import AppendReport, ArchiveStats, SeriesBlock, SeriesQuery
from kernel.clock import Clock
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from kernel.samples import Samples
from schemas.records import PointBatch, StateEvent

T = TypeVar("T")
READERS = 2


class EmbeddedArchive:
    """Implements kernel.archive.Archive; made by open_embedded."""

    def __init__(self, reader: Reader, clock: Clock, upkeep: Upkeep | None) -> None:
        self._reader, self._clock, self._upkeep = reader, clock, upkeep
        self._reading = ThreadPoolExecutor(READERS, "ThreadPool-archive-read")
        self._writing = ThreadPoolExecutor(1, "ThreadPool-archive-write")

    @property
    def upkeep(self) -> Upkeep:
        """Folding, sealing, compaction and retention, for those who want them done at once."""
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
        """Waits for what is under way."""
        self._writing.shutdown()
        self._reading.shutdown()
        self._reader.close()


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


@asynccontextmanager
async def open_embedded(directory: Path, clock: Clock, config: LiveConfig, *, read_only: bool) -> AsyncIterator[EmbeddedArchive]:
    """One process stores and keeps up; any number of others read."""
    if read_only:
        archive = EmbeddedArchive(Reader(directory, State(), follows=True), clock, None)
        try:
            yield archive
        finally:
            archive.close()
        return
    with only_writer(directory), ExitStack() as stack:
        writer = await asyncio.to_thread(Writer, directory, config)
        stack.callback(writer.close)
        upkeep = Upkeep(writer, clock)
        async with upkeep.running():
            archive = EmbeddedArchive(Reader(directory, writer.state, follows=False), clock, upkeep)
            stack.callback(archive.close)
            yield archive
