"""OPC-UA device to live subscriber: a node-opcua server, a collector process, bus, dispatcher, hot queue.

Needs a checkout with `npm ci` done in tests/peers.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

import cdb
from archive import open_archive
from bench.result import Result, cores, percentiles, rss_mb
from bus import open_bus
from dispatcher.service import Dispatcher
from kernel.batches import columns, size
from kernel.clock import SECOND, Clock, SystemClock, sleep
from kernel.errors import BadUsage
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from mon_queue import open_hot
from schemas.records import MONITORING_POINTS

SITE = """site:
  name: peer
  sources:
    opcua: {{protocol: opcua, url: {url}}}
  assemblies:
    bench:
      points:
{points}"""
POINT = '        d{i:05d}: {{unit: V, sampling: 1s, node: "ns=1;s=d{i:05d}", description: A point of the benchmark}}\n'


@dataclass(slots=True)
class Seen:
    """What a live subscriber saw."""

    delay_ms: list[float] = field(default_factory=list)
    """Reception at the collector to the subscriber, per change."""
    age_ms: list[float] = field(default_factory=list)
    """Source time to the subscriber, per change: holds the server's own sampling and publishing."""


async def opcua(seconds: float, points: int, rate: float | None) -> Result:
    """20 000 doubles at 1 Hz unless --points says otherwise."""
    peer = _peer()
    clock = SystemClock()
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        root = Path(folder)
        async with peer(root / "peer", doubles=points, rate=1) as server:
            documents = {"site.yaml": SITE.format(url=server.url, points="".join(POINT.format(i=i) for i in range(points)))}
            live = LiveConfig(cdb.compile(documents, 1))
            async with (
                cdb.open_config(f"sqlite://{root}/data/cdb", clock=clock) as store,
                open_bus(f"sqlite://{root}/data/bus", clock=clock) as bus,
                open_hot("memory://", clock=clock) as hot,
                open_archive(f"sqlite://{root}/data/archive", clock=clock, config=live) as archive,
            ):
                await cdb.Editor(store, clock).publish(dict(documents), base=0, author="bench", comment="benchmark")
                service = Dispatcher(bus=bus, hot=hot, archive=archive, config=live, clock=clock, meter=Meter("dispatcher"))
                task = asyncio.create_task(service.run(lambda: None))
                async with _collector(root / "data") as process:
                    await _all_seen(hot, clock, live)
                    seen, cpu, got = await _measure(hot, clock, live, process, seconds)
                    rss = rss_mb([process.pid])
                begun, ended = got
                task.cancel()
                await asyncio.wait([task])
                ticks, received = await _count(bus, begun, ended)
    p50, p99 = percentiles(seen.delay_ms)
    per_second = received / ((ended - begun) / SECOND)
    return Result(
        "opcua",
        per_second,
        "points/s",
        lost=ticks * points - received,
        setup=f"node-opcua server with {points} doubles updated at 1 Hz, a collector process, embedded bus and hot queue, {cores()}",
        cpu_s_per_million=cpu / received * 1e6,
        p50_ms=p50,
        p99_ms=p99,
        rss_mb=rss,
        extra={
            "collector_core": cpu / ((ended - begun) / SECOND),
            "source_to_subscriber_p50_ms": percentiles(seen.age_ms)[0],
            "source_to_subscriber_p99_ms": percentiles(seen.age_ms)[1],
            "points": received,
        },
    )


def _peer() -> Any:
    try:
        from tests.peers.opcua_peer import opcua_peer
    except ImportError as error:
        raise BadUsage("this benchmark needs a checkout: its node-opcua server is in tests/peers") from error
    return opcua_peer


@asynccontextmanager
async def _collector(data: Path) -> AsyncIterator[psutil.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mla", "--data", str(data), "run", "collector", stdout=asyncio.subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def _all_seen(hot: HotQueue, clock: Clock, live: LiveConfig) -> None:
    names = list(live.current.points)
    while not (await hot.latest(names)).kind.all():
        await sleep(clock, 0.5)
    await sleep(clock, 3)


async def _measure(
    hot: HotQueue, clock: Clock, live: LiveConfig, process: psutil.Process, seconds: float
) -> tuple[Seen, float, tuple[int, int]]:
    """Follows every change for a while: delays, CPU seconds of the collector, and the window of source times that lies well inside."""
    seen, before, begun = Seen(), process.cpu_times(), clock.now()
    async with hot.live(list(live.current.points), every=True) as feed:
        await anext(feed)
        async for change in feed:
            now = clock.now()
            if len(change.samples):
                seen.delay_ms += ((now - change.samples.received) / 1000).tolist()
                seen.age_ms += ((now - change.samples.time) / 1000).tolist()
            if now - begun > seconds * SECOND:
                break
    after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    await sleep(clock, 3)
    return seen, cpu, (begun, now - 3 * SECOND)


async def _count(bus: Any, begun: int, ended: int) -> tuple[int, int]:
    """Updates of the server in a window of source times, and samples that reached the bus in it."""
    times: list[np.ndarray[Any, Any]] = []
    last = 0
    async for batch in bus.tail(MONITORING_POINTS, since=begun - 2 * SECOND):
        if size(batch):
            times += [c.time for c in columns(batch)]
            last = max(last, int(times[-1].max()))
        if last > ended or batch.published > ended + 3 * SECOND:
            break
    window = np.concatenate(times)
    window = window[(window >= begun) & (window < ended)]
    return len(np.unique(window)), len(window)
