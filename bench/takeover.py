"""How long sources go unread when one of two collectors dies: from `kill -9` to values of every source by the other one.

Needs a checkout with `npm ci` done in tests/peers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

import cdb
from bench.places import Places, places
from bench.result import Result, cores
from bench.services import opcua_peer, service
from bus import open_bus
from kernel.batches import size
from kernel.bus import Bus
from kernel.clock import SECOND, SystemClock, monotonic, sleep
from mla.cli.progress import bars
from schemas.records import HEARTBEATS, MONITORING_POINTS

SOURCES = 8
POINTS = 10
"""Of each source, at 1 Hz: up to a second of what is measured is the wait for the next value."""
PATIENCE = 120.0
"""Seconds that any step may take."""
FRESH = 3 * SECOND
"""A heartbeat older than this is of one who is gone."""


class _Watch:
    """What the bus says: how many sources each collector reads, and the newest value of each source."""

    def __init__(self, bus: Bus) -> None:
        self._bus, self._clock = bus, SystemClock()
        self._reads: dict[int, tuple[int, int]] = {}
        self.newest: dict[str, int] = {}
        """Source to the time at which its last value was received, microseconds UTC."""

    async def heartbeats(self) -> None:
        """Follows the collectors."""
        async for beat in self._bus.tail(HEARTBEATS):
            self._reads[beat.pid] = (beat.time, int(beat.gauges.get("sources_count", 0)))

    async def values(self) -> None:
        """Follows the sources."""
        async for batch in self._bus.tail(MONITORING_POINTS):
            if size(batch):
                self.newest[batch.source] = batch.received

    def divided(self) -> bool:
        """Whether two collectors share all sources, and values of all come."""
        now = self._clock.now()
        counts = [n for time, n in self._reads.values() if now - time < FRESH]
        shared = len(counts) == 2 and min(counts) > 0 and sum(counts) == SOURCES
        return shared and self.all_after(now - FRESH)

    def all_after(self, moment: int) -> bool:
        """Whether values of every source were received after a moment."""
        return len(self.newest) == SOURCES and min(self.newest.values()) > moment


async def takeover(seconds: float, points: int, rate: float | None, *, engines: bool = False) -> Result:
    """The value is the longest of the kills that fit into --seconds, at least one; --points and --rate change nothing."""
    took: list[float] = []
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder) / "data", engines) as at, bars() as told:
        async with _site(Path(folder), at) as (data, watch), AsyncExitStack() as stack:
            collectors = [await stack.enter_async_context(service("collector", at, data)) for _ in range(2)]
            begun = monotonic()
            while not took or (elapsed := monotonic() - begun) < seconds:
                told("killing collectors", round(elapsed) if took else 0, round(seconds))
                await _until(watch.divided, "two collectors share the sources")
                took.append(await _kill(collectors.pop(0), watch))
                collectors.append(await stack.enter_async_context(service("collector", at, data)))
    return Result(
        "takeover",
        max(took),
        "s",
        lost=0,
        setup=f"`kill -9` of one of two collectors of {SOURCES} sources at 1 Hz, to values of every source, {at.about}, {cores()}",
        extra={"kills": len(took), "median_s": sorted(took)[len(took) // 2]},
    )


async def _kill(victim: psutil.Process, watch: _Watch) -> float:
    killed = SystemClock().now()
    victim.kill()
    await _until(lambda: watch.all_after(killed), "values of every source")
    return (SystemClock().now() - killed) / SECOND


@asynccontextmanager
async def _site(root: Path, at: Places) -> AsyncIterator[tuple[Path, _Watch]]:
    """A node-opcua server, its sources configured, and somebody who watches the bus."""
    clock, data = SystemClock(), root / "data"
    async with opcua_peer()(root / "peer", doubles=POINTS, rate=1) as server:
        async with cdb.open_config(f"sqlite://{data}/cdb", clock=clock) as store:
            documents = {"site.yaml": _document(server.url)}
            await cdb.Editor(store, clock).publish(documents, base=0, author="bench", comment="benchmark")
        async with open_bus(at.bus, clock=clock) as bus, asyncio.TaskGroup() as tasks:
            watch = _Watch(bus)
            watching = [tasks.create_task(watch.heartbeats()), tasks.create_task(watch.values())]
            try:
                yield data, watch
            finally:
                for task in watching:
                    task.cancel()


def _document(url: str) -> str:
    lines = [
        "site:",
        "  name: peer",
        "  sources:",
        *(f"    s{i}: {{protocol: opcua, url: {url}}}" for i in range(SOURCES)),
        "  assemblies:",
    ]
    for i in range(SOURCES):
        lines += [f"    a{i}:", "      points:"]
        for p in range(POINTS):
            node = f"ns=1;s=d{p:05d}"
            lines.append(f'        d{p}: {{unit: V, sampling: 1s, source: s{i}, node: "{node}", description: A point of the benchmark}}')
    return "\n".join(lines) + "\n"


async def _until(condition: Callable[[], bool], what: str) -> None:
    end = monotonic() + PATIENCE
    while not condition():
        if monotonic() > end:
            raise RuntimeError(f"not within {PATIENCE:g} s: {what}")
        await sleep(SystemClock(), 0.01)
