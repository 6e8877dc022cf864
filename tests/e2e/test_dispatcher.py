"""The dispatcher over the real bus, hot queue and archive, with an archive that sometimes has no room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from archive import open_archive
from bus import open_bus
from dispatcher.service import Dispatcher
from kernel.archive import AppendReport, Archive, ArchiveStats, SeriesBlock, SeriesQuery
from kernel.array import ArrayConfig, Point, PointType, Site
from kernel.bus import Bus
from kernel.clock import SECOND, SystemClock
from kernel.errors import NotAvailable
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from kernel.samples import Samples
from mon_queue import open_hot
from schemas.records import MONITORING_POINTS, MONITORING_STATE, GapCause, PointBatch, ServiceState, StateEvent, StateKind
from tests.support.points import batch
from tests.support.waiting import until


class Sometimes:
    """The real archive, which takes nothing while `full`, and says nothing of itself while `away`."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.full, self.tried = archive, False, 0
        self.away = False

    async def append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent] = ()) -> AppendReport:
        self.tried += 1
        if self.full:
            raise NotAvailable("no space left on device: free some, samples wait on the bus")
        return await self.archive.append(batches, events)

    async def series(self, query: SeriesQuery) -> list[SeriesBlock]:
        return await self.archive.series(query)

    async def at(self, points: Sequence[str], moment: int) -> Samples:
        return await self.archive.at(points, moment)

    async def stats(self) -> ArchiveStats:
        if self.away:
            raise NotAvailable("the archive does not answer")
        return await self.archive.stats()


@dataclass(slots=True)
class Rooms:
    bus: Bus
    hot: HotQueue
    archive: Sometimes
    config: LiveConfig
    clock: SystemClock
    meter: Meter = field(default_factory=lambda: Meter("dispatcher"))


@asynccontextmanager
async def rooms(folder: Path, config: LiveConfig | None = None) -> AsyncIterator[Rooms]:
    clock, live = SystemClock(), config or LiveConfig()
    async with (
        open_bus(f"sqlite://{folder}/bus", clock=clock) as bus,
        open_hot("memory://", clock=clock) as hot,
        open_archive(f"sqlite://{folder}/archive", clock=clock, config=live) as archive,
    ):
        yield Rooms(bus, hot, Sometimes(archive), live, clock)


@asynccontextmanager
async def dispatching(r: Rooms) -> AsyncIterator[None]:
    ready = asyncio.Event()
    service = Dispatcher(bus=r.bus, hot=r.hot, archive=r.archive, config=r.config, clock=r.clock, meter=r.meter)
    task = asyncio.create_task(service.run(ready.set))
    await ready.wait()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def count(r: Rooms, point: str) -> int:
    [block] = await r.archive.series(SeriesQuery((point,), 0, r.clock.now() + SECOND))
    return len(block.series)


def some(now: int, seq: int) -> PointBatch:
    return batch(["ast1.mount.azimuth"], [float(seq)], time=now + seq, seq=seq, received=now)


async def test_samples_reach_hot_queue_and_archive(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r, dispatching(r):
        now = r.clock.now()
        await r.bus.publish(MONITORING_POINTS, [some(now, s) for s in range(10)])
        await until(lambda: r.meter.hop("dispatcher.store").left == 10)
        assert await count(r, "ast1.mount.azimuth") == 10
        await until(lambda: r.meter.hop("dispatcher.hot").left == 10)
        assert (await r.hot.latest(["ast1.mount.azimuth"])).values() == [9.0]


async def test_what_a_collector_publishes_whose_clock_was_set_back_counts_live_too(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r, dispatching(r):
        now = r.clock.now()
        before = batch(["ast1.mount.azimuth"], [1.0], time=now, received=now, epoch=now)
        back = now - 3600 * SECOND
        same = batch(["ast1.mount.azimuth"], [2.0], time=now + SECOND, received=back, epoch=now, seq=1)
        restarted = batch(["ast1.mount.azimuth"], [3.0], time=now + 2 * SECOND, received=back + SECOND, epoch=back)
        await r.bus.publish(MONITORING_POINTS, [before, same, restarted])
        await until(lambda: r.meter.hop("dispatcher.store").left == 3)
        await until(lambda: r.meter.hop("dispatcher.hot").left == 3)


async def test_live_goes_on_while_the_archive_has_no_room_and_nothing_is_lost(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r, dispatching(r):
        now = r.clock.now()
        r.archive.full = True
        await r.bus.publish(MONITORING_POINTS, [some(now, 0)])
        await until(lambda: r.archive.tried >= 1)
        await r.bus.publish(MONITORING_POINTS, [some(now, 1)])
        await until(lambda: r.meter.hop("dispatcher.hot").left == 2)
        assert (await r.hot.latest(["ast1.mount.azimuth"])).values() == [1.0]
        await until(lambda: r.meter.state is ServiceState.DEGRADED)
        assert "no space left" in r.meter.last_error
        r.archive.full = False
        await until(lambda: r.meter.hop("dispatcher.store").left == 2)
        assert await count(r, "ast1.mount.azimuth") == 2
        await until(lambda: r.meter.state is not ServiceState.DEGRADED)


async def test_an_archive_that_was_away_is_well_again_although_nothing_comes(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r:
        r.archive.away = True
        async with dispatching(r):
            await until(lambda: r.meter.state is ServiceState.DEGRADED)
            assert r.meter.last_error == "archive: the archive does not answer"
            r.archive.away = False
            await until(lambda: r.meter.state is not ServiceState.DEGRADED)


async def test_a_dispatcher_stopped_before_it_could_store_goes_on_where_it_was(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r:
        now = r.clock.now()
        async with dispatching(r):
            r.archive.full = True
            await r.bus.publish(MONITORING_POINTS, [some(now, 0)])
            await until(lambda: r.archive.tried >= 1)
        r.archive.full = False
        async with dispatching(r):
            await until(lambda: r.meter.hop("dispatcher.store").left == 1)
        assert await count(r, "ast1.mount.azimuth") == 1


async def test_what_comes_again_is_stored_once_and_explained(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r, dispatching(r):
        now = r.clock.now()
        await r.bus.publish(MONITORING_POINTS, [some(now, 0), some(now, 0)])
        hop = r.meter.hop("dispatcher.store")
        await until(lambda: hop.left + hop.lost["duplicate"] == 2)
        assert (hop.entered, hop.left, dict(hop.lost)) == (2, 1, {"duplicate": 1})
        assert await count(r, "ast1.mount.azimuth") == 1


async def test_explained_gaps_are_stored(tmp_path: Path) -> None:
    async with rooms(tmp_path) as r, dispatching(r):
        now = r.clock.now()
        await r.bus.publish(MONITORING_POINTS, [some(now - 10 * SECOND, 0)])
        event = StateEvent(
            source="ast1.opcua", time=now, kind=StateKind.GAP, cause=GapCause.OVERFLOW, points=("ast1.mount.azimuth",),
            start=now - 5 * SECOND,
            end=now - 3 * SECOND, count=7, detail="server queue",
        )  # fmt: skip
        await until(lambda: r.meter.hop("dispatcher.store").left == 1)
        await r.bus.publish(MONITORING_STATE, [event])
        await until(lambda: r.meter.hop("dispatcher.state").left == 1)
        [block] = await r.archive.series(SeriesQuery(("ast1.mount.azimuth",), now - 20 * SECOND, now))
        [gap] = [g for g in block.gaps if g.cause is GapCause.OVERFLOW]
        assert (gap.start, gap.end, gap.count) == (now - 5 * SECOND, now - 3 * SECOND, 7)


async def test_a_restart_shows_the_last_archived_values_at_once(tmp_path: Path) -> None:
    point = Point("ast1.mount.azimuth", PointType(), "ast1", "ast1.opcua", "ns=2;s=ast1.mount.azimuth")
    config = LiveConfig(ArrayConfig(1, Site(), {}, {}, {point.name: point}, {}))
    async with rooms(tmp_path, config) as r:
        await r.archive.append([some(r.clock.now() - 3600 * SECOND, 5)])
        async with dispatching(r):

            async def seeded() -> bool:
                return (await r.hot.latest([point.name])).values() == [5.0]

            await until(seeded)
