"""Silence that is not "unchanged": what filters hold back, and what a connected device does not deliver, is told as gaps."""

from __future__ import annotations

import numpy as np
import pytest

from collector.feed import Feed
from collector.health import Health
from kernel.array import Point, PointType, Processing, WindowMode
from kernel.clock import SECOND, ManualClock
from kernel.meter import Meter
from kernel.samples import Kind
from schemas.records import GapCause, StateKind
from tests.support.points import column

FILTERED = Processing(accept=("good",))


class Bench:
    """A feed that is connected, with points `a` and `b` of one processing, on a clock that a test moves."""

    def __init__(self, processing: Processing) -> None:
        self.clock = ManualClock()
        self.meter = Meter("c")
        self.feed = Feed("s", self.clock, self.meter, Health(self.meter))
        self.points = [Point(n, PointType(processing=processing), "site", "s", "x") for n in ("a", "b")]
        self.feed.enroll(self.points)
        self.feed.connected(self.clock.now())
        self.began = self.clock.now()
        self.feed.drain()

    async def second(self, *values: tuple[int, float, int]) -> None:
        """A second passes; then samples (slot, value, quality) come, and the source says that this was all."""
        await self.clock.advance(1.0)
        now = self.clock.now()
        if values:
            slots, numbers, qualities = zip(*values, strict=True)
            self.feed.take([column(Kind.DOUBLE, list(slots), [now] * len(slots), list(numbers), quality=list(qualities))], now)
        self.feed.covered(now)
        self.feed.tick(now)

    def told(self) -> list[tuple[GapCause, tuple[str, ...], float, float | None, int | None]]:
        """Gaps since the last call, times in seconds since the beginning."""

        def seconds(t: int | None) -> float | None:
            return None if t is None else (t - self.began) / SECOND

        found = [e for e in self.feed.drain().events if e.kind is StateKind.GAP]
        return [(e.cause, e.points, seconds(e.start) or 0.0, seconds(e.end), e.count) for e in found]


async def test_what_the_status_filter_holds_back_is_a_gap_of_its_points() -> None:
    bench = Bench(FILTERED)
    await bench.second((0, 1.0, 0), (1, 1.0, 0))
    for _ in range(10):
        await bench.second((0, 2.0, 2), (1, 2.0, 2))
    assert bench.told() == [(GapCause.FILTERED, ("a", "b"), 2.0, None, None)]
    await bench.second((0, 3.0, 0), (1, 2.0, 2))
    assert bench.told() == [(GapCause.FILTERED, ("a",), 2.0, 12.0, 10)]
    await bench.second((1, 3.0, 0))
    assert bench.told() == [(GapCause.FILTERED, ("b",), 2.0, 13.0, 11)]
    hop = bench.meter.hop("collector.receive", "s")
    assert (hop.entered, dict(hop.lost)) == (25, {"status": 21})


async def test_a_value_that_dances_around_a_window_makes_no_gaps() -> None:
    bench = Bench(Processing(window=(-1.0, 1.0), window_mode=WindowMode.OUTSIDE))
    for i in range(20):
        await bench.second((0, 5.0 * (i % 2), 0))
    assert bench.told() == []
    for _ in range(6):
        await bench.second((0, 0.0, 0))
    assert bench.told() == [(GapCause.FILTERED, ("a",), 21.0, None, None)]


async def test_suppressed_repetitions_are_no_gap() -> None:
    bench = Bench(Processing(max_silence=3600.0))
    for _ in range(20):
        await bench.second((0, 1.0, 0))
    assert bench.told() == []


async def test_a_filter_that_is_taken_away_ends_its_gap() -> None:
    bench = Bench(FILTERED)
    for _ in range(8):
        await bench.second((0, 2.0, 2))
    assert [(c, s, e) for c, _, s, e, _ in bench.told()] == [(GapCause.FILTERED, 1.0, None)]
    bench.feed.processor.configure({p.name: Point(p.name, PointType(), "site", "s", "x") for p in bench.points})
    await bench.second((0, 2.0, 2))
    assert [(c, s, e) for c, _, s, e, _ in bench.told()] == [(GapCause.FILTERED, 1.0, 8.0)]
    await bench.second((0, 2.0, 2))
    assert bench.told() == []


async def test_a_lost_source_ends_what_lasts() -> None:
    bench = Bench(FILTERED)
    for _ in range(8):
        await bench.second((0, 2.0, 2))
    bench.feed.lost("no route to host")
    bench.told()
    bench.feed.connected(bench.clock.now())
    await bench.second((0, 2.0, 0))
    assert bench.told() == []


async def test_an_item_that_never_delivers_is_stale() -> None:
    bench = Bench(Processing())
    bench.feed.silence.expect(np.array([0, 1]), 5.0, bench.clock, once=True)
    await bench.second((1, 1.0, 0))
    for _ in range(10):
        await bench.second()
    assert bench.told() == [(GapCause.STALE, ("a",), 0.0, None, None)]
    await bench.second((0, 1.0, 0))
    assert bench.told() == [(GapCause.STALE, ("a",), 0.0, 12.0, None)]
    for _ in range(30):
        await bench.second()
    assert bench.told() == []  # from now on silence means: unchanged


async def test_a_device_that_owes_every_sample_is_stale_when_it_falls_silent() -> None:
    bench = Bench(Processing())
    bench.feed.silence.expect(np.array([0]), 20.0, bench.clock, once=False)
    await bench.second((0, 1.0, 0))
    for _ in range(20):
        await bench.second()
    assert bench.told() == []
    await bench.second()
    assert bench.told() == [(GapCause.STALE, ("a",), 1.0, None, None)]
    await bench.second((0, 1.0, 0))
    assert bench.told() == [(GapCause.STALE, ("a",), 1.0, 23.0, None)]


@pytest.mark.parametrize("dropped", [True, False])
async def test_nothing_is_stale_that_nobody_could_hear_or_wants(dropped: bool) -> None:
    bench = Bench(Processing())
    bench.feed.silence.expect(np.array([0]), 5.0, bench.clock, once=False)
    if dropped:
        bench.feed.silence.drop(np.array([0]), bench.clock.now())
    for _ in range(60):  # the bus is behind, so the device is not asked: the source covers nothing
        await bench.clock.advance(1.0)
        if dropped:
            bench.feed.covered(bench.clock.now())
        bench.feed.tick(bench.clock.now())
    assert bench.told() == []
