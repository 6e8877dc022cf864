"""An archive as the port: a few worker threads around a writer and readers that block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from archive.kinds import by_fitting
from kernel.archive import AppendReport, ArchiveStats, SeriesBlock, SeriesQuery
from kernel.clock import Clock
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from kernel.samples import Samples
from schemas.records import PointBatch, StateEvent

T = TypeVar("T")
READERS = 2


class Reads(Protocol):
    """Answers questions. Blocks; any thread."""

    def series(self, query: SeriesQuery, origins: Mapping[str, str]) -> list[SeriesBlock]:
        """origins: the configured sources of points. Where no sample of one was ever stored, it tells why."""
        ...

    def at(self, points: Sequence[str], moment: int) -> Samples: ...
    def stats(self, now: int) -> ArchiveStats: ...


class Writes(Protocol):
    """Stores. Blocks; one thread."""

    def append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent], now: int) -> AppendReport: ...


class Keeps(Protocol):
    """Folds and seals beside the writer."""

    @property
    def writer(self) -> Writes: ...
    @property
    def last_error(self) -> str: ...
    async def room(self) -> None: ...
    def appended(self) -> None: ...


K = TypeVar("K", bound=Keeps)


class PooledArchive(Generic[K]):
    """Implements kernel.archive.Archive; upkeep is None where it is open for reading only."""

    def __init__(self, reader: Reads, clock: Clock, config: LiveConfig, upkeep: K | None) -> None:
        self._reader, self._clock, self._config, self._upkeep = reader, clock, config, upkeep
        self._reading = ThreadPoolExecutor(READERS, "ThreadPool-archive-read")
        self._writing = ThreadPoolExecutor(1, "ThreadPool-archive-write")

    @property
    def upkeep(self) -> K:
        """Folding, sealing and retention, for those who want them done at once."""
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
        known = self._config.current.points
        queries = by_fitting(query, known)
        origins = {name: known[name].source for name in query.points if name in known}
        blocks = [b for q in queries for b in await _in(self._reading, lambda q=q: self._reader.series(q, origins))]  # type: ignore[misc]
        if len(queries) > 1:
            of = {b.series.point: b for b in blocks}
            blocks = [of[name] for name in query.points]
        return blocks

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
