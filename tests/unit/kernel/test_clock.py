from __future__ import annotations

import asyncio

from kernel.clock import SECOND, ManualClock, SystemClock, sleep


async def test_a_manual_clock_wakes_sleepers_in_order_at_their_own_moments(clock: ManualClock) -> None:
    start, seen = clock.now(), []

    async def wait(seconds: float) -> None:
        await sleep(clock, seconds)
        seen.append((seconds, clock.now() - start))

    async with asyncio.TaskGroup() as tasks:
        for s in (3.0, 1.0, 2.0):
            tasks.create_task(wait(s))
        await clock.advance(2.5)
        assert seen == [(1.0, SECOND), (2.0, 2 * SECOND)]
        await clock.advance(1)
    assert [s for s, _ in seen] == [1.0, 2.0, 3.0]


async def test_the_system_clock_returns_at_once_for_the_past() -> None:
    clock = SystemClock()
    await clock.sleep_until(clock.now() - SECOND)
