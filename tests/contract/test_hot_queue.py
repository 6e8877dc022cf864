"""What every hot queue promises (kernel/hot_queue.py)."""

from __future__ import annotations

import asyncio

import numpy as np

from kernel.clock import SECOND, ManualClock
from kernel.hot_queue import HotQueue, Measured
from kernel.samples import Kind
from tests.contract.hot_backends import hot
from tests.support.points import T0, batch


async def test_never_received_differs_from_zero(hot: HotQueue) -> None:
    await hot.put([batch(["a"], [0.0])])
    latest = await hot.latest(["a", "b"])
    assert latest.kind.tolist() == [Kind.DOUBLE, Kind.NONE]
    assert latest.values() == [0.0, None]
    assert latest.time.tolist() == [T0, 0]


async def test_kinds_keep_their_type_and_exactness(hot: HotQueue) -> None:
    await hot.put([batch(["d"], [1.5]), batch(["l"], [2**62 + 1], seq=1), batch(["t"], ["firmware 2.1"], seq=2)])
    latest = await hot.latest(["t", "l", "d"])
    assert latest.values() == ["firmware 2.1", 2**62 + 1, 1.5]


async def test_a_point_may_change_its_kind(hot: HotQueue) -> None:
    await hot.put([batch(["a"], [1.5]), batch(["a"], [7], seq=1, time=T0 + 1)])
    assert (await hot.latest(["a"])).values() == [7]


async def test_the_newer_source_time_wins_whatever_the_order(hot: HotQueue) -> None:
    await hot.put([batch(["a"], [2.0], time=T0 + 10), batch(["a"], [1.0], time=T0 + 5, seq=1)])
    assert (await hot.latest(["a"])).values() == [2.0]


async def test_within_a_batch_the_newest_wins_even_when_out_of_order(hot: HotQueue) -> None:
    await hot.put([batch(["a", "b"], [1.0, 5.0]), batch(["a", "a", "b"], [3.0, 2.0, 6.0], time=[T0 + 9, T0 + 4, T0 + 1], seq=1)])
    assert (await hot.latest(["a", "b"])).values() == [3.0, 6.0]


async def test_a_clock_from_the_future_does_not_freeze_the_point(hot: HotQueue) -> None:
    await hot.put([batch(["a"], [1.0], time=T0 + 3600 * SECOND, received=T0)])
    await hot.put([batch(["a"], [2.0], time=T0 + SECOND, received=T0 + SECOND, seq=1)])
    assert (await hot.latest(["a"])).values() == [2.0]


async def test_quality_travels_and_a_missing_value_is_not_zero(hot: HotQueue) -> None:
    await hot.put([batch(["a"], [float("nan")], quality=[2])])
    latest = await hot.latest(["a"])
    assert latest.quality.tolist() == [2]
    assert np.isnan(latest.number[0])


async def test_silence_is_confirmed_while_the_source_is_covered(hot: HotQueue) -> None:
    await hot.put([batch(["a"], [1.0], covered=(T0, T0 + SECOND))])
    await hot.put([batch([], [], seq=1, covered=(T0 + SECOND, T0 + 60 * SECOND), received=T0 + 60 * SECOND)])
    latest = await hot.latest(["a"])
    assert latest.time.tolist() == [T0]
    assert latest.confirmed is not None
    assert latest.confirmed.tolist() == [T0 + 60 * SECOND]


async def test_a_clock_that_was_in_the_future_confirms_nothing_once_it_is_set_back(hot: HotQueue) -> None:
    ahead, back = T0 + 3600 * SECOND, T0 + 2 * SECOND
    await hot.put([batch(["a"], [1.0], covered=(ahead - SECOND, ahead), received=ahead)])
    await hot.put([batch(["a"], [2.0], seq=1, time=T0 + SECOND, covered=(T0 + SECOND, back), received=back)])
    confirmed = (await hot.latest(["a"])).confirmed
    assert confirmed is not None
    assert confirmed.tolist() == [back]


async def test_a_batch_that_comes_again_changes_nothing(hot: HotQueue) -> None:
    first = batch(["a"], [1.0])
    async with hot.live(["a"]) as feed:
        await hot.put([first])
        await anext(feed)
        await hot.put([first])
        await hot.put([batch(["a"], [2.0], seq=1, time=T0 + 1)])
        assert (await anext(feed)).samples.values() == [2.0]


async def test_the_window_gives_recent_samples_in_order_once(hot: HotQueue) -> None:
    await hot.put([batch(["b", "a"], [9.0, 1.0]), batch(["a"], [3.0], time=T0 + 3, seq=1), batch(["a"], [2.0], time=T0 + 2, seq=2)])
    series = await hot.recent("a", T0 + 1)
    assert series.time.tolist() == [T0 + 2, T0 + 3]
    assert series.value.tolist() == [2.0, 3.0]
    assert len(await hot.recent("never", 0)) == 0


async def test_the_window_forgets_after_its_retention_but_the_newest_stays(hot: HotQueue, clock: ManualClock) -> None:
    now = clock.now()
    await hot.put([batch(["a"], [1.0], received=now)])
    await clock.advance(61)
    await hot.put([batch(["b"], [1.0], seq=1, received=clock.now())])
    assert len(await hot.recent("a", 0)) == 0
    assert (await hot.latest(["a"])).values() == [1.0]


async def test_a_feed_begins_with_a_snapshot_then_gives_only_changes(hot: HotQueue) -> None:
    await hot.put([batch(["a", "b"], [1.0, 2.0])])
    async with hot.live(["a", "b", "c"]) as feed:
        snapshot = await anext(feed)
        assert snapshot.samples.values() == [1.0, 2.0, None]
        pull = asyncio.ensure_future(anext(feed))
        await asyncio.wait([pull], timeout=0.02)
        assert not pull.done()
        await hot.put([batch(["x", "c"], [0.0, 3.0], seq=1, time=T0 + 1)])
        change = await pull
        assert change.seq == snapshot.seq + 1
        assert change.samples.index.tolist() == [2]
        assert change.samples.values() == [3.0]


async def test_a_slow_reader_gets_the_newest_only(hot: HotQueue) -> None:
    async with hot.live(["a"]) as feed:
        await anext(feed)
        for i in range(100):
            await hot.put([batch(["a"], [float(i)], seq=i, time=T0 + i)])
        change = await anext(feed)
        assert change.samples.values() == [99.0]
        assert change.dropped == 0


async def test_a_lossless_reader_gets_every_sample(hot: HotQueue) -> None:
    async with hot.live(["b", "a"], every=True) as feed:
        await anext(feed)
        for i in range(50):
            await hot.put([batch(["a", "z"], [float(i), 0.0], seq=i, time=T0 + i)])
        change = await anext(feed)
        assert change.samples.values() == [float(i) for i in range(50)]
        assert set(change.samples.index.tolist()) == {1}
        assert change.dropped == 0


async def test_a_lossless_reader_that_falls_behind_is_told(hot: HotQueue, clock: ManualClock) -> None:
    async with hot.live(["a"], every=True) as feed:
        await anext(feed)
        await hot.put([batch(["a"], [float(i)], seq=i, time=T0 + i, received=clock.now()) for i in range(10)])
        await clock.advance(120)
        await hot.put([batch(["a"], [99.0], seq=10, time=T0 + 99, received=clock.now())])
        change = await anext(feed)
        assert change.samples.values() == [99.0]
        assert change.dropped >= 1


async def test_many_points_stay_in_bounds(hot: HotQueue) -> None:
    names = [f"ast1.camera.pixel{i:05d}" for i in range(20_000)]
    for seq in range(3):
        await hot.put([batch(names, [float(seq)] * len(names), seq=seq, time=T0 + seq)])
    latest = await hot.latest(names[::-1])
    assert set(latest.values()) == {2.0}


async def test_it_says_what_it_takes(hot: HotQueue) -> None:
    assert isinstance(hot, Measured)
    before = await hot.gauges()
    await hot.put([batch(["a", "b"], [1.0, 2.0])])
    after = await hot.gauges()
    assert after["hot_bytes"] > before["hot_bytes"]
    assert after["hot_entries_count"] == before["hot_entries_count"] + 1
