"""Sources around a driver that tests write: what a runner, the publisher and the service promise, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from collector import service
from collector.driver import Driver
from collector.feed import MAX_QUEUED, Feed, Wanted
from collector.health import Health
from collector.service import Collector
from kernel.array import ArrayConfig, Point, PointKind, PointType, Processing, Site, Source
from kernel.batches import size
from kernel.clock import SECOND, ManualClock, settle
from kernel.errors import SourceLost
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from kernel.samples import Kind
from schemas.records import GapCause, ServiceState, StateKind
from tests.peers.recording_bus import RecordingBus
from tests.support.points import column

Script = Callable[[Feed, Wanted], object]


class Scripted:
    """A driver that a test speaks through: `feed` while it is connected; `fail` ends the connection."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.feed: Feed | None = None
        self.wanted: list[set[str]] = []
        self.attempts: list[int] = []
        self.closed = 0
        self.refuses = ""
        self._failure: asyncio.Future[str] | None = None

    async def run(self, feed: Feed, wanted: Wanted) -> None:
        self.attempts.append(feed.clock.now())
        if self.refuses:
            raise SourceLost(self.refuses)
        self.feed = feed
        feed.enroll(list(wanted.current.values()))
        self.wanted.append(set(wanted.current))
        feed.connected(feed.clock.now(), "scripted")
        self._failure = asyncio.get_running_loop().create_future()
        following = asyncio.create_task(self._follow(wanted))
        try:
            raise SourceLost(await self._failure)
        finally:
            self.closed += 1
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def _follow(self, wanted: Wanted) -> None:
        async for points in wanted.changes():
            self.wanted.append(set(points))

    def fail(self, why: str) -> None:
        assert self._failure is not None
        self._failure.set_result(why)

    def give(self, clock: ManualClock, *values: float, slot: int = 0) -> None:
        assert self.feed is not None
        now = clock.now()
        n = len(values)
        self.feed.take([column(Kind.DOUBLE, [slot] * n, [now + i for i in range(n)], list(values))], now)


def source(name: str, url: str = "test://", *, enabled: bool = True) -> Source:
    return Source(name, "scripted", url, "site", enabled=enabled)


def config(sources: list[Source], points: dict[str, str], **settings: object) -> ArrayConfig:
    made = {n: Point(n, PointType(**settings), "site", s, "x") for n, s in points.items()}  # type: ignore[arg-type]
    return ArrayConfig(1, Site(), {}, {s.name: s for s in sources}, made, {})


class World:
    """A collector on a manual clock with scripted drivers by source name."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bus = RecordingBus()
        self.meter = Meter("collector")
        self.drivers: dict[str, list[Scripted]] = {}
        self.config = LiveConfig()

    def make(self, made: Source, clock: object, pki: object) -> Driver:
        driver = Scripted(made)
        self.drivers.setdefault(made.name, []).append(driver)
        return driver

    def driver(self, name: str = "s1") -> Scripted:
        return self.drivers[name][-1]

    def hop(self, name: str = "s1") -> tuple[int, int, dict[str, int]]:
        line = self.meter.hop("collector.receive", name)
        return line.entered, line.left, dict(line.lost)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(service, "PROTOCOLS", {"scripted": made.make})
    return made


@asynccontextmanager
async def running(world: World, first: ArrayConfig) -> AsyncIterator[None]:
    def ready() -> None:
        world.meter.state = ServiceState.RUNNING

    world.config.replace(first)
    task = asyncio.create_task(Collector(world.bus, world.clock, world.config, world.meter).run(ready))
    await settle()
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


ONE = config([source("s1")], {"p.a": "s1"})


async def test_samples_become_numbered_batches(world: World) -> None:
    async with running(world, ONE):
        world.driver().give(world.clock, 1.0, 2.0)
        await world.clock.advance(0.2)
        world.driver().give(world.clock, 3.0)
        await world.clock.advance(0.2)
        assert [(b.source, b.seq, size(b)) for b in world.bus.batches] == [("s1", 0, 2), ("s1", 1, 1)]
        assert len({b.epoch for b in world.bus.batches}) == 1
        assert [v for _, v, _, _ in world.bus.values("p.a")] == [1.0, 2.0, 3.0]
        assert world.hop() == (3, 3, {})
        feed = world.driver().feed
        assert feed is not None
        assert feed.accepted == feed.taken == 2


async def test_retries_grow_and_one_event_tells_of_an_outage(world: World) -> None:
    async with running(world, ONE):
        world.driver().give(world.clock, 1.0)
        await world.clock.advance(5)
        world.driver().refuses = "nobody there"
        world.driver().fail("cable pulled")
        await world.clock.advance(300)
        attempts = world.driver().attempts[1:]
        pauses = [(b - a) / 1e6 for a, b in pairwise(attempts)]
        assert pauses[0] < 1
        assert 20 < max(pauses) <= 31
        (lost,) = world.bus.of(StateKind.DISCONNECTED)
        assert lost.cause is GapCause.DISCONNECTED
        assert lost.detail == "cable pulled"
        assert world.meter.state is ServiceState.DEGRADED
        assert "nobody there" in world.meter.last_error
        world.driver().refuses = ""
        await world.clock.advance(31)
        assert [e.kind for e in world.bus.events] == [StateKind.CONNECTED, StateKind.DISCONNECTED, StateKind.CONNECTED]
        assert world.meter.state is not ServiceState.DEGRADED


async def test_the_ledger_balances_with_processing(world: World) -> None:
    processing = Processing(max_silence=60.0, statistics_every=1.0, statistics=("count",))
    async with running(world, config([source("s1")], {"p.a": "s1"}, processing=processing)):
        for value in (1.0, 1.0, 1.0, 2.0):
            world.driver().give(world.clock, value)
            await world.clock.advance(1)
        await world.clock.advance(5)
        entered, left, lost = world.hop()
        assert lost == {"suppressed": 2}
        assert entered == left + 2
        assert [v for _, v, _, _ in world.bus.values("p.a.count")] == [1.0] * 4
        assert left == world.bus.samples


async def test_only_what_changed_is_touched(world: World) -> None:
    two = [source("s1"), source("s2")]
    async with running(world, config(two, {"p.a": "s1", "q.a": "s2"})):
        first, second = world.driver("s1"), world.driver("s2")
        world.config.replace(config(two, {"p.a": "s1", "p.b": "s1", "q.a": "s2"}))
        await settle()
        assert first.wanted == [{"p.a"}, {"p.a", "p.b"}]
        assert second.wanted == [{"q.a"}]
        world.config.replace(config([source("s1"), source("s2", "test://elsewhere")], {"p.a": "s1", "p.b": "s1", "q.a": "s2"}))
        await world.clock.advance(1)
        assert (first.closed, second.closed) == (0, 1)
        assert world.driver("s2") is not second
        world.config.replace(config([source("s1"), source("s2", enabled=False)], {"p.a": "s1"}))
        await world.clock.advance(1)
        assert (first.closed, world.driver("s2").closed) == (0, 1)
        assert first.wanted[-1] == {"p.a"}
        assert len(world.drivers["s1"]) == 1


async def test_one_source_fails_alone(world: World) -> None:
    async with running(world, config([source("s1"), source("s2")], {"p.a": "s1", "q.a": "s2"})):
        world.driver("s1").fail("broken")
        world.driver("s2").give(world.clock, 5.0)
        await world.clock.advance(0.2)
        assert world.bus.last("q.a") == 5.0
        assert world.driver("s2").closed == 0


async def test_an_unknown_protocol_is_told_and_the_rest_works(world: World) -> None:
    odd = Source("s9", "carrier pigeon", "x://", "site")
    async with running(world, config([source("s1"), odd], {"p.a": "s1"})):
        assert "carrier pigeon" in world.meter.last_error
        assert "scripted" in world.meter.last_error
        world.driver().give(world.clock, 1.0)
        await world.clock.advance(0.2)
        assert world.bus.samples == 1
        world.config.replace(ONE)
        await settle()
        assert world.meter.state is not ServiceState.DEGRADED


async def test_a_refusing_bus_holds_the_driver_and_loses_nothing(world: World) -> None:
    async with running(world, ONE):
        driver = world.driver()
        assert driver.feed is not None
        world.bus.refuses = "full"
        driver.give(world.clock, 0.0)
        await world.clock.advance(1)
        driver.give(world.clock, *map(float, range(1, MAX_QUEUED + 1)))
        waiting = asyncio.create_task(driver.feed.room())
        await world.clock.advance(60)
        assert not waiting.done()
        assert world.meter.state is ServiceState.DEGRADED
        world.bus.refuses = ""
        await world.clock.advance(10)
        assert waiting.done()
        assert world.bus.samples == MAX_QUEUED + 1
        assert [b.seq for b in world.bus.batches] == list(range(len(world.bus.batches)))
        assert world.hop() == (MAX_QUEUED + 1, MAX_QUEUED + 1, {})


async def test_undecodable_bytes_become_a_dead_letter_and_a_gap(world: World) -> None:
    async with running(world, ONE):
        feed = world.driver().feed
        assert feed is not None
        feed.refuse(3, "nonsense at byte 4", b"\x00\x01")
        await world.clock.advance(0.2)
        (letter,) = world.bus.records["dead.letters"]
        assert (letter.origin, letter.reason, letter.data) == ("s1", "nonsense at byte 4", b"\x00\x01")
        (gap,) = world.bus.of(StateKind.GAP)
        assert (gap.cause, gap.count) == (GapCause.DECODE_ERROR, 3)
        assert world.hop() == (3, 0, {"decode_error": 3})


async def test_coverage_is_claimed_without_holes_and_never_while_disconnected(world: World) -> None:
    async with running(world, ONE):
        driver, clock = world.driver(), world.clock
        for _ in range(12):
            await clock.advance(1)
            assert driver.feed is not None
            driver.feed.covered(clock.now())
        await clock.advance(1)
        claims = [(b.covered_from, b.covered_to) for b in world.bus.batches]
        assert len(claims) >= 2
        assert all(a[1] == b[0] for a, b in pairwise(claims))
        assert all(0 < b - a <= 5_200_000 for a, b in claims)
        driver.refuses = "gone"
        driver.fail("gone")
        await clock.advance(20)
        after = len(world.bus.batches)
        await clock.advance(20)
        assert len(world.bus.batches) == after
        assert max(b.covered_to for b in world.bus.batches) == world.bus.of(StateKind.DISCONNECTED)[0].start


async def test_stopping_hands_in_what_is_left(world: World) -> None:
    async with running(world, ONE):
        world.driver().give(world.clock, 1.0, 2.0)
    assert world.bus.samples == 2
    assert world.hop() == (2, 2, {})
    assert world.bus.events[-1].kind is StateKind.DISCONNECTED
    assert world.driver().closed == 1


def test_health_names_the_newest_problem() -> None:
    meter = Meter("collector")
    meter.state = ServiceState.RUNNING
    health = Health(meter)
    health.bad("a", "one")
    health.bad("b", "two")
    health.good("b")
    assert (meter.state, meter.last_error) == (ServiceState.DEGRADED, "a: one")
    health.good("a")
    health.good("never")
    assert meter.state is ServiceState.RUNNING


def test_integers_of_a_double_point_become_doubles() -> None:
    meter = Meter("c")
    feed = Feed("s", ManualClock(), meter, Health(meter))
    feed.table.slots([("d", PointKind.DOUBLE), ("l", PointKind.LONG)])
    feed.take([column(Kind.LONG, [0, 1, 0], [1, 2, 3], [7, 8, 9])], 10)
    (lane,) = feed.drain().lanes
    assert [(c.kind, c.index.tolist(), c.value.tolist()) for c in lane] == [(Kind.DOUBLE, [0, 0], [7.0, 9.0]), (Kind.LONG, [1], [8])]


def test_times_that_are_missing_are_filled_in() -> None:
    meter = Meter("c")
    feed = Feed("s", ManualClock(), meter, Health(meter))
    feed.table.slots([("d", PointKind.DOUBLE)])
    given = column(Kind.DOUBLE, [0, 0, 0], [0, 5, 0], [1.0, 2.0, 3.0])
    feed.take([replace(given, server=np.array([0, 0, 7], np.int64))], 10)
    ((found,),) = feed.drain().lanes
    assert found.time.tolist() == [10, 5, 7]
    assert found.server.tolist() == [10, 5, 7]


async def test_changed_processing_acts_at_once_and_forgets_nothing(world: World) -> None:
    def one(**settings: object) -> ArrayConfig:
        return config([source("s1")], {"p.a": "s1"}, processing=Processing(**settings))  # type: ignore[arg-type]

    async with running(world, one(max_silence=60.0)):
        driver = world.driver()
        driver.give(world.clock, 1.0)
        world.config.replace(one(max_silence=60.0, resolution=0.5))
        await settle()
        driver.give(world.clock, 1.1, 1.6)  # 1.0 again, then 1.5
        world.config.replace(one())
        await settle()
        driver.give(world.clock, 1.6)
        await world.clock.advance(1)
        assert [v for _, v, _, _ in world.bus.values("p.a")] == [1.0, 1.5, 1.6]
        assert world.hop() == (4, 3, {"suppressed": 1})
        assert driver.attempts == driver.attempts[:1]  # the connection was not touched


async def test_refused_points_degrade_until_none_is_refused_or_the_source_is_gone(world: World) -> None:
    async with running(world, ONE):
        feed = world.driver().feed
        assert feed is not None
        feed.refused(2, "p.a: BadNodeIdUnknown")
        feed.connected(world.clock.now())  # the connection is well, and says nothing of the points
        assert world.meter.state is ServiceState.DEGRADED
        assert world.meter.last_error == "source s1: 2 points refused, first p.a: BadNodeIdUnknown"
        world.config.replace(config([source("s1")], {"p.a": "s1", "p.b": "s1"}))  # after which the collector says that it is ready
        await settle()
        assert world.meter.state is ServiceState.DEGRADED
        feed.refused(0)
        assert world.meter.state is not ServiceState.DEGRADED
        feed.refused(1, "p.a: BadNodeIdUnknown")
        world.config.replace(config([source("s1", enabled=False)], {}))
        await world.clock.advance(1)
        assert world.meter.state is not ServiceState.DEGRADED


async def test_a_device_clock_that_jumps_forward_and_back_stops_no_statistics(world: World) -> None:
    processing = Processing(statistics_every=10.0, statistics=("count", "median"))
    async with running(world, config([source("s1")], {"p.a": "s1"}, processing=processing)):
        feed = world.driver().feed
        assert feed is not None
        await world.clock.advance(10 - world.clock.now() / SECOND % 10)

        def give(value: float, ahead: float = 0.0) -> None:
            now = world.clock.now()
            feed.take([column(Kind.DOUBLE, [0], [now + round(ahead * SECOND)], [value])], now)

        give(1.0)
        give(99.0, 86_400.0)
        give(2.0)
        await world.clock.advance(11)
        give(3.0)
        give(99.0, -11.0)
        await world.clock.advance(20)
        assert [v for _, v, _, _ in world.bus.values("p.a")] == [1.0, 99.0, 2.0, 3.0, 99.0]
        assert [v for _, v, _, _ in world.bus.values("p.a.count")] == [2.0, 1.0]
        assert [v for _, v, _, _ in world.bus.values("p.a.median")] == [1.5, 3.0]
        line = world.meter.hop("collector.statistics", "s1")
        assert (line.entered, line.left, dict(line.lost)) == (5, 3, {"late": 1, "future": 1})
        assert world.hop() == (9, 9, {})


async def test_our_own_clock_set_back_stops_no_statistics(world: World) -> None:
    processing = Processing(statistics_every=10.0, statistics=("count",))
    async with running(world, config([source("s1")], {"p.a": "s1"}, processing=processing)):
        feed = world.driver().feed
        assert feed is not None
        start = world.clock.now() // (10 * SECOND) * 10 * SECOND
        for now in (start + 3600 * SECOND, start, start + 1, start + 10 * SECOND):
            feed.take([column(Kind.DOUBLE, [0], [now], [1.0])], now)
        await world.clock.advance(1)
        assert [v for _, v, _, _ in world.bus.values("p.a.count")] == [1.0, 2.0]


async def test_an_unchanged_value_of_the_future_keeps_no_later_ones_back(world: World) -> None:
    async with running(world, config([source("s1")], {"p.a": "s1"}, processing=Processing(max_silence=5.0))):
        feed = world.driver().feed
        assert feed is not None
        now = world.clock.now()
        for second in (0, 86_400, 1, 2, 7):
            feed.take([column(Kind.DOUBLE, [0], [now + second * SECOND], [1.0])], now)
        await world.clock.advance(1)
        assert [t - now for t, *_ in world.bus.values("p.a")] == [0, 86_400 * SECOND, SECOND, 7 * SECOND]
        assert world.hop() == (5, 4, {"suppressed": 1})
