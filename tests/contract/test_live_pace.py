"""How soon a change in a hot queue is given to a screen, and how often: nothing waits but for the pace that the screen asked for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise

from hmi_backend.live import paced
from kernel.clock import SECOND, ManualClock, settle
from kernel.hot_queue import HotQueue
from tests.contract.hot_backends import hot
from tests.support.points import T0, batch

HZ = 4.0
PAUSE = round(SECOND / HZ)


async def test_the_first_change_after_quiet_is_given_at_once(hot: HotQueue, clock: ManualClock) -> None:
    async with hot.live(["a"]) as changes, aclosing(paced(changes, clock, HZ)) as feed:
        await anext(feed)
        await clock.advance(10)
        now = clock.now()
        pull = asyncio.ensure_future(anext(feed))
        await settle()
        await hot.put([batch(["a"], [1.0])])
        assert (await pull).samples.values() == [1.0]
        assert clock.now() == now


async def test_what_comes_sooner_waits_for_the_pace_and_only_the_newest_of_it_is_given(
    hot: HotQueue,
    clock: ManualClock,
) -> None:
    async with hot.live(["a"]) as changes, aclosing(paced(changes, clock, HZ)) as feed:
        await anext(feed)
        begun = clock.now()
        pull = asyncio.ensure_future(anext(feed))
        for i in range(3):
            await hot.put([batch(["a"], [float(i)], seq=i, time=T0 + i)])
        await clock.advance((PAUSE - 1) / SECOND)
        assert not pull.done()
        await clock.advance(1 / SECOND)
        assert (await pull).samples.values() == [2.0]
        assert clock.now() == begun + PAUSE


async def test_under_steady_change_it_keeps_the_pace_and_each_change_is_the_newest(hot: HotQueue, clock: ManualClock) -> None:
    given: list[tuple[int, float]] = []

    async def read() -> None:
        async with hot.live(["a"]) as changes, aclosing(paced(changes, clock, HZ)) as feed:
            async for c in feed:
                given.append((clock.now(), c.samples.values()[0] or 0.0))

    reader = asyncio.ensure_future(read())
    await settle()
    begun = clock.now()
    for i in range(200):
        await hot.put([batch(["a"], [float(i)], seq=i, time=T0 + i)])
        await clock.advance(0.01)
    reader.cancel()
    await asyncio.wait([reader])
    times = [t for t, _ in given]
    assert len(given) == 2 * HZ + 1  # the snapshot, then as many as two seconds have
    assert min(b - a for a, b in pairwise(times)) >= PAUSE
    assert [v for _, v in given[1:]] == [(t - begun) // 10_000 - 1 for t in times[1:]]
