"""A dispatcher that comes back after an outage and finds a topic full of what it has missed; and several that share the work."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cdb
from bench.flow import Told, mixes
from bench.load import Mix
from bench.places import Places, places
from bench.result import Result, cores, per_million, rss_mb
from bus import open_bus
from dispatcher.service import GROUP
from kernel.bus import Bus
from kernel.clock import SECOND, Clock, SystemClock, monotonic
from kernel.errors import BadUsage
from mla.cli.progress import bars
from schemas.records import MONITORING_POINTS

RATE = 20_000
"""Points per second that came while nobody stored them."""
PER_BATCH = 500
"""Points of a batch: many small sources, whose keys spread over the partitions."""
CONSUMERS = (1, 2, 4)
WARM = 6_000_000
"""Points of a first round on engines that were just started."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What some dispatchers did together."""

    points: int
    lost: int
    """Refused for a cause."""
    again: int
    """Came twice, since a partition changed hands, and were stored once."""
    seconds: float
    """From the start of reading to the last point stored."""
    joined: float
    """Of these, seconds until the first was stored: joining the group."""
    cpu: tuple[float, ...]
    """CPU seconds of each dispatcher."""
    engines: Mapping[str, float]
    rss_mb: float

    @property
    def per_million(self) -> float:
        """CPU seconds of our side per million points."""
        return sum(self.cpu) / self.points * 1e6

    @property
    def engines_per_million(self) -> float:
        """The same of the engines."""
        return sum(self.engines.values()) / self.points * 1e6


async def catchup(seconds: float, points: int, rate: float | None, *, engines: bool = False) -> Result:
    """The outage lasted as long as 20 000 points/s (or --rate) give `seconds` × 100 000 points."""
    clock, total = SystemClock(), round(seconds * 100_000)
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder), engines) as at, bars() as told:
        if engines:
            await _warm(at, clock, points, told)
        filled = await fill(at, clock, points, total, rate or RATE, told)
        caught = await catch_up(at, points, filled, 1, told)
    return Result(
        "catchup",
        caught.points / caught.seconds,
        "points/s",
        lost=caught.lost,
        setup=f"a topic of {caught.points} points, {caught.points / (rate or RATE):.0f} s of {rate or RATE:g} points/s in batches of "
        f"{PER_BATCH}, {points} points configured, a dispatcher process, {at.about}, {cores()}",
        cpu_s_per_million=caught.per_million,
        rss_mb=caught.rss_mb,
        extra={
            "points": caught.points,
            "seconds": caught.seconds,
            "seconds_to_join": caught.joined,
            **per_million(caught.engines, caught.points),
        },
    )


async def scale(seconds: float, points: int, rate: float | None, *, engines: bool = False) -> Result:
    """1, 2 and 4 dispatcher processes on equally filled topics; the value is how much faster four are than one."""
    if not engines:
        raise BadUsage("benchmark scale needs --engines: one process at a time reads the embedded bus")
    clock, total = SystemClock(), round(seconds * 100_000)
    found: dict[int, Caught] = {}
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder), engines) as at, bars() as told:
        await _warm(at, clock, points, told)
        for n in CONSUMERS:
            own = _apart(at, f"n{n}.")
            filled = await fill(own, clock, points, total, rate or RATE, told)
            found[n] = await catch_up(own, points, filled, n, told)
    one, most = found[CONSUMERS[0]], found[CONSUMERS[-1]]
    return Result(
        "scale",
        one.seconds / most.seconds,
        f"times faster with {CONSUMERS[-1]} than with 1",
        lost=sum(c.lost for c in found.values()),
        setup=f"topics of {one.points} points in batches of {PER_BATCH}, {points} points configured, {at.about}, {cores()}",
        cpu_s_per_million=one.per_million,
        rss_mb=most.rss_mb,
        extra={k: v for n, c in found.items() for k, v in _told(n, c).items()} | _model(one, found[CONSUMERS[1]]),
    )


async def _warm(at: Places, clock: Clock, points: int, told: Told) -> None:
    """Engines that have run for a while have compiled what they do all day: a first round is not measured."""
    own = _apart(at, "warm.")
    await catch_up(own, points, await fill(own, clock, points, WARM, RATE, told), 1, told)


def _apart(at: Places, prefix: str) -> Places:
    """The same engines with topics and a hot queue of their own."""
    return replace(at, bus=f"{at.bus}?prefix={prefix}", hot=f"{at.hot}?prefix={prefix}")


def _told(n: int, c: Caught) -> dict[str, Any]:
    return {
        f"seconds_with_{n}": c.seconds,
        f"seconds_to_join_with_{n}": c.joined,
        f"points_that_came_twice_with_{n}": c.again,
        f"cpu_s_per_million_with_{n}": c.per_million,
        f"engines_cpu_s_per_million_with_{n}": c.engines_per_million,
    }


def _model(one: Caught, two: Caught) -> dict[str, float]:
    """What follows for other numbers: each consumer pays for storing its share, and for following everything for the hot queue.

    With s and f CPU seconds per million points: one consumer uses s + f, two use s + 2f together.
    """
    follow = max(0.0, two.per_million - one.per_million)
    store = max(1e-6, one.per_million - follow)
    return {
        "model_store_s_per_million": store,
        "model_follow_s_per_million_each": follow,
        "model_points_per_s_1_core_each": 1e6 / (store + follow),
        "model_points_per_s_with_4_on_4_cores": 1e6 / (store / 4 + follow),
        "model_points_per_s_of_4_cores_engines_included": 4e6 / (one.per_million + follow + one.engines_per_million),
    }


async def fill(at: Places, clock: Clock, points: int, total: int, rate: float, told: Told) -> int:
    """Publishes at least `total` points that came, one scan of all points after the other, at a rate until now; how many."""
    flow: Sequence[Mix] = mixes(cdb.compile(cdb.scaled(points), 1), PER_BATCH)
    per_scan = sum(len(m.names) for m in flow)
    scans, every = -(-total // per_scan), round(per_scan / rate * SECOND)
    epoch = clock.now()
    async with open_bus(at.bus, clock=clock) as bus:
        for s in range(scans):
            time = epoch - (scans - s) * every
            await bus.publish(MONITORING_POINTS, [m.batch(s, epoch, time, time) for m in flow])
            told("filling the topic", (s + 1) * per_scan, scans * per_scan)
    return scans * per_scan


async def catch_up(at: Places, points: int, total: int, consumers: int, told: Told) -> Caught:
    """Lets dispatcher processes loose on a filled topic."""
    async with AsyncExitStack() as stack:
        members = [await stack.enter_async_context(_consumer(at, points)) for _ in range(consumers)]
        for m in members:
            await m.next()
        before, begun, joined = at.cpu(), monotonic(), 0.0
        for m in members:
            m.write("go")
        bus = await stack.enter_async_context(open_bus(at.bus, clock=SystemClock()))
        while (come := sum(m.done + m.lost for m in members)) < total or await _behind(bus):
            told(f"catching up with {consumers}", min(come, total), total)
            async with asyncio.TaskGroup() as tasks:
                for m in members:
                    tasks.create_task(m.next())
            joined = joined or (monotonic() - begun if any(m.done for m in members) else 0.0)
        took = monotonic() - begun
        return Caught(
            total,
            sum(m.lost for m in members),
            sum(m.again for m in members),
            took,
            joined,
            tuple(m.cpu for m in members),
            {name: after - before[name] for name, after in at.cpu().items()},
            rss_mb([m.process.pid for m in members]),
        )


async def _behind(bus: Bus) -> bool:
    """Whether something on the topic is not committed yet."""
    return any(s.lag.get(GROUP, 0) > 0 for s in await bus.stats() if s.topic == MONITORING_POINTS.name)


class _Member:
    """A consumer process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.done = self.lost = self.again = 0
        self.cpu = 0.0

    def write(self, line: str) -> None:
        """Tells it something."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def next(self) -> None:
        """Hears what it says next."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a consumer ended early: what it printed is above")
        said = json.loads(line)
        self.done, self.lost, self.again = (said.get(k, 0) for k in ("done", "lost", "again"))
        self.cpu = said.get("cpu", 0.0)


@asynccontextmanager
async def _consumer(at: Places, points: int) -> AsyncIterator[_Member]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.consumer", stdin=pipe, stdout=pipe)
    member = _Member(process)
    member.write(json.dumps({"bus": at.bus, "hot": at.hot, "archive": at.archive, "points": points}))
    try:
        yield member
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if process.stdout is not None:
            await process.stdout.read()
        await process.wait()
