"""Devices that send what nobody should: everything is stored with its quality, or refused with a cause, and nothing ends a service.

A collector with a driver that a test speaks through, over the real bus, dispatcher, hot queue and archive.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from archive import open_archive
from bus import open_bus
from collector import Collector, service
from collector.feed import Feed, Wanted
from dispatcher.service import Dispatcher
from kernel.archive import Archive, SeriesQuery
from kernel.array import ArrayConfig, Point, PointKind, PointType, Processing, Site, Source
from kernel.batches import NO_DOUBLES, NO_LONGS, NO_TEXTS, Column
from kernel.bus import Bus
from kernel.clock import DAY, SECOND, SystemClock, settle
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from kernel.meter import HopMeter, Meter
from kernel.samples import Kind
from mon_queue import open_hot
from schemas.records import DEAD_LETTERS, MONITORING_POINTS, GapCause, PointBatch
from tests.support.waiting import until

LOWEST, HIGHEST = -(2**63), 2**63 - 1
EVERYTHING = Processing(
    max_silence=60.0,
    window=(-1e300, 1e300),
    accept=("good", "uncertain"),
    resolution=0.5,
    statistics_every=1.0,
    statistics=("mean", "median", "std"),
)
KINDS = {
    "p.double": PointKind.DOUBLE,
    "p.long": PointKind.LONG,
    "p.enum": PointKind.ENUM,
    "p.bool": PointKind.BOOL,
    "p.text": PointKind.TEXT,
}


class Device:
    """A driver that hands on what a test gives it."""

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.slots: dict[str, int] = {}

    async def run(self, feed: Feed, wanted: Wanted) -> None:
        self._enroll(feed, wanted)
        feed.connected(feed.clock.now(), "hostile")
        self.feed = feed
        async for _ in wanted.changes():
            self._enroll(feed, wanted)

    def _enroll(self, feed: Feed, wanted: Wanted) -> None:
        points = list(wanted.current.values())
        self.slots |= dict(zip([p.name for p in points], feed.enroll(points), strict=True))

    def give(
        self, kind: Kind, point: str, values: Sequence[object], times: Sequence[int], *, quality: int = 0, server: int | None = None
    ) -> None:
        """Samples as a decoder hands them on."""
        assert self.feed is not None
        n = len(values)
        dtype = {Kind.DOUBLE: np.float64, Kind.LONG: np.int64, Kind.TEXT: object}[kind]
        value = np.empty(n, dtype)
        value[:] = list(values)
        at = np.array(times, np.int64)
        column = Column(
            kind, np.full(n, self.slots[point], np.int64), at, at if server is None else np.full(n, server, np.int64), value,
            np.full(n, quality, np.uint8), np.zeros(n, np.uint32),
        )  # fmt: skip
        self.feed.take([column], self.feed.clock.now())


@dataclass(slots=True)
class Running:
    """All parts, running."""

    bus: Bus
    hot: HotQueue
    archive: Archive
    config: LiveConfig
    clock: SystemClock
    device: Device
    collector: Meter = field(default_factory=lambda: Meter("collector"))
    dispatcher: Meter = field(default_factory=lambda: Meter("dispatcher"))

    @property
    def hops(self) -> list[HopMeter]:
        return [
            self.collector.hop("collector.receive", "s"), self.dispatcher.hop("dispatcher.hot"), self.dispatcher.hop("dispatcher.store"),
            self.dispatcher.hop("dispatcher.read"),
        ]  # fmt: skip

    def unexplained(self) -> list[int]:
        """What is inside each hop."""
        return [h.entered - h.left - sum(h.lost.values()) for h in self.hops]

    async def at_rest(self, others: int = 0) -> None:
        """Until everything given has been stored, or refused with a cause. others: samples that came from elsewhere."""
        receive, _, store, _ = self.hops
        await until(lambda: self.device.feed is not None and not self.device.feed.queued and not any(self.unexplained()))
        await until(lambda: store.entered >= receive.left + others and not any(self.unexplained()))


def configured(points: dict[str, PointKind], processing: Processing = Processing(), revision: int = 1) -> ArrayConfig:
    made = {n: Point(n, PointType(kind=k, processing=processing), "site", "s", "x") for n, k in points.items()}
    return ArrayConfig(revision, Site(), {}, {"s": Source("s", "hostile", "test://", "site")}, made, {})


@asynccontextmanager
async def site(folder: Path, monkeypatch: pytest.MonkeyPatch, config: ArrayConfig) -> AsyncIterator[Running]:
    clock, live, device = SystemClock(), LiveConfig(config), Device()
    monkeypatch.setattr(service, "PROTOCOLS", {"hostile": lambda *_: device})
    async with (
        open_bus(f"sqlite://{folder}/bus", clock=clock) as bus,
        open_hot("memory://", clock=clock) as hot,
        open_archive(f"sqlite://{folder}/archive", clock=clock, config=live) as archive,
        asyncio.TaskGroup() as tasks,
    ):
        made = Running(bus, hot, archive, live, clock, device)
        running = [
            tasks.create_task(Collector(bus, clock, live, made.collector).run(lambda: None)),
            tasks.create_task(
                Dispatcher(bus=bus, hot=hot, archive=archive, config=live, clock=clock, meter=made.dispatcher).run(lambda: None)
            ),
        ]
        await until(lambda: device.feed is not None)
        try:
            yield made
            assert not any(t.done() for t in running)
        finally:
            for task in running:
                task.cancel()


@pytest.mark.parametrize("processing", [Processing(), EVERYTHING], ids=["plain", "processed"])
async def test_wild_values_and_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processing: Processing) -> None:
    async with site(tmp_path, monkeypatch, configured(KINDS, processing)) as s:
        now, give = s.clock.now(), s.device.give
        wild = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, -1e308, 1e-300]
        for point in KINDS:
            give(Kind.DOUBLE, point, wild, [now + i for i in range(len(wild))])
            give(Kind.LONG, point, [0, -1, LOWEST, HIGHEST, 77], [now + 20 + i for i in range(5)])
            give(Kind.TEXT, point, ["", "\x00", "ß\U0001f52d", "x" * 1_000_000, "\ud800"], [now + 40 + i for i in range(5)])
            for quality in (0, 1, 2):
                give(Kind.DOUBLE, point, [1.0, 2.0], [now + 60, now + 60], quality=quality)  # twice the same time
            years = [LOWEST, LOWEST + 1, -62_135_596_800 * SECOND, -1, 1, now - 20_000 * DAY, now + 20_000 * DAY, HIGHEST - 1, HIGHEST]
            give(Kind.DOUBLE, point, [float(i) for i in range(len(years))], years)
            give(Kind.LONG, point, list(range(len(years))), years[::-1])
            for server in (LOWEST, -1, 1, HIGHEST):
                give(Kind.DOUBLE, point, [3.0], [now + 70], server=server)
            give(Kind.DOUBLE, point, [9.0, 8.0, 7.0], [now + 90, now + 80, now + 85])  # out of order
        give(Kind.DOUBLE, "p.double", [4.5], [now + 100])
        await s.at_rest()
        blocks = {b.series.point: b for b in await s.archive.series(SeriesQuery(tuple(KINDS), now, now + SECOND))}
        assert blocks["p.double"].series.time.tolist() == sorted(set(blocks["p.double"].series.time.tolist()))
        refused = s.dispatcher.hop("dispatcher.store").lost
        assert refused["future"] > 0
        assert refused["past"] > 0
        (later,) = await s.archive.series(SeriesQuery(("p.double",), 0, s.clock.now() + SECOND))
        assert {g.cause for g in later.gaps} == {GapCause.LATE_REJECTED}
        assert all(len(b.series) for b in blocks.values())
        (newest,) = (await s.hot.latest(["p.double"])).values()
        assert newest is not None


async def test_points_and_sources_come_and_go_while_samples_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(tmp_path, monkeypatch, configured(KINDS)) as s:
        given = 0
        for revision in range(2, 8):
            for point in [p for p in s.device.slots if p in KINDS or p.startswith("renamed")]:
                s.device.give(Kind.DOUBLE, point, [1.0, 2.0], [s.clock.now(), s.clock.now() + 1])
                given += 2
            renamed = {"p.double": PointKind.DOUBLE, f"renamed.r{revision}": PointKind.LONG, "p.text": PointKind.ENUM}
            s.config.replace(configured(renamed if revision % 2 else KINDS, revision=revision))
            await settle()
        await s.at_rest()
        without = configured(KINDS, revision=9)
        s.config.replace(ArrayConfig(9, Site(), {}, {}, without.points, {}))
        await until(lambda: s.collector.gauges.get("sources_count") == 0.0)
        receive = s.hops[0]
        assert receive.entered == given
        await until(lambda: s.hops[2].entered == given and not any(s.unexplained()))


async def test_batches_and_bytes_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another program on the bus, or from the device: dead letters with a cause, and what follows is stored."""
    async with site(tmp_path, monkeypatch, configured(KINDS)) as s:
        assert s.device.feed is not None
        s.device.feed.refuse(3, "not a message", b"\xff" * 200_000)
        s.device.give(Kind.DOUBLE, "p.double", [1.0], [s.clock.now()])
        broken = PointBatch(
            source="other", epoch=1, seq=1, received=1, published=1, covered_from=0, covered_to=0, names=("a",),
            doubles=replace(NO_DOUBLES, index=np.array([5]), time=np.array([1]), value=np.array([1.0])), longs=NO_LONGS, texts=NO_TEXTS,
        )  # fmt: skip
        await s.bus.publish(MONITORING_POINTS, [broken])
        s.device.give(Kind.DOUBLE, "p.double", [2.0], [s.clock.now() + 1])
        await s.at_rest(others=1)
        await until(lambda: s.dispatcher.hop("dispatcher.store").lost.get("malformed") == 1)
        async for letter in s.bus.tail(DEAD_LETTERS, since=0):
            assert (letter.origin, letter.reason, len(letter.data)) == ("s", "not a message", 64 * 1024)
            break
        (block,) = await s.archive.series(SeriesQuery(("p.double",), 0, s.clock.now() + SECOND))
        assert block.series.value.tolist() == [1.0, 2.0]
        assert {g.cause for g in block.gaps} == {GapCause.DECODE_ERROR}
        assert dict(s.hops[0].lost) == {"decode_error": 3}
