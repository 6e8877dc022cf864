"""Time: the only file that reads the clock or sleeps. Times are integer microseconds UTC everywhere."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Clock(Protocol):
    """Now, and waiting. `now` and `sleep_until` are for the times that people and devices mean; it may be stepped, by hours, either way.
    How long something took or may take is measured with `steady` and waited for with `sleep`, which are never stepped."""

    def now(self) -> int:
        """Microseconds UTC."""
        ...

    def steady(self) -> float:
        """Seconds from an arbitrary start."""
        ...

    async def sleep_until(self, moment: int) -> None:
        """Returns once now() >= moment; always gives other tasks a turn."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits for a duration; always gives other tasks a turn."""
        ...


class SystemClock:
    """The computer's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def steady(self) -> float:
        return time.monotonic()

    async def sleep_until(self, moment: int) -> None:
        while True:
            left = (moment - self.now()) / SECOND
            await asyncio.sleep(max(0.0, min(left, 1.0)))  # at most a second, so that a stepped clock is noticed
            if left <= 1.0:
                return

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that a test moves."""

    def __init__(self, now: int = 1_800_000_000 * SECOND) -> None:
        self._now = now
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self._now

    def steady(self) -> float:
        return self._now / SECOND

    async def sleep_until(self, moment: int) -> None:
        if moment <= self._now:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (moment, next(self._order), wake))
        await wake

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now + round(seconds * SECOND))

    async def advance(self, seconds: float) -> None:
        """Moves time on, waking each sleeper at its own moment and letting it run."""
        end = self._now + round(seconds * SECOND)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, wake = heapq.heappop(self._sleepers)
            self._now = max(self._now, moment)
            if not wake.done():
                wake.set_result(None)
            await settle()
        self._now = end
        await settle()


async def settle(turns: int = 20) -> None:
    """Lets every runnable task run until it waits."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def sleep(clock: Clock, seconds: float) -> None:
    """Waits for a duration in seconds, however the clock is stepped meanwhile."""
    await clock.sleep(seconds)


def monotonic() -> float:
    """Seconds from an arbitrary start, never stepped: for measuring durations only."""
    return time.monotonic()


def cpu_seconds() -> float:
    """CPU time of this process so far, seconds."""
    return time.process_time()


def pause(seconds: float) -> None:
    """Blocks this thread: for worker threads and child processes without an event loop."""
    time.sleep(seconds)
