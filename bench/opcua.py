"""OPC-UA device to live subscriber: a node-opcua server, a collector process, bus, dispatcher, hot queue.

Needs a checkout with `npm ci` done in tests/peers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

import cdb
from archive import open_archive
from bench.flow import Rooms, Told, dispatching
from bench.places import Places, places
from bench.result import Result, cores, per_million, percentiles, rss_mb
from bench.services import opcua_peer, service
from bus import open_bus
from kernel.batches import columns, size
from kernel.bus import Bus
from kernel.clock import SECOND, Clock, SystemClock, sleep
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from mla.cli.progress import bars
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
ROLES = ("collector", "dispatcher")
POINT = '        d{i:05d}: {{unit: V, sampling: 1s, node: "ns=1;s=d{i:05d}", description: A point of the benchmark}}\n'


@dataclass(slots=True)
class Seen:
    """What a live subscriber saw."""

    delay_ms: list[NDArray[np.float64]] = field(default_factory=list)
    """Reception at the collector to the subscriber, per change."""
    age_ms: list[NDArray[np.float64]] = field(default_factory=list)
    """Source time to the subscriber, per change: holds the server's own sampling and publishing."""


async def opcua(seconds: float, points: int, rate: float | None, *, engines: bool = False) -> Result:
    """20 000 doubles at 1 Hz unless --points says otherwise. On engines, collector and dispatcher are processes of their own, and the
    subscriber follows Redis, as a screen's server does."""
    peer, clock = opcua_peer(), SystemClock()
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder) / "data", engines) as at, bars() as told:
        root = Path(folder)
        async with peer(root / "peer", doubles=points, rate=1) as server:
            documents = {"site.yaml": SITE.format(url=server.url, points="".join(POINT.format(i=i) for i in range(points)))}
            live = LiveConfig(cdb.compile(documents, 1))
            async with AsyncExitStack() as stack:
                store = await stack.enter_async_context(cdb.open_config(f"sqlite://{root}/data/cdb", clock=clock))
                await cdb.Editor(store, clock).publish(dict(documents), base=0, author="bench", comment="benchmark")
                bus = await stack.enter_async_context(open_bus(at.bus, clock=clock))
                hot = await stack.enter_async_context(open_hot(at.hot, clock=clock))
                processes = await _pipeline(stack, at, bus, hot, live, root / "data", engines)
                await _all_seen(hot, clock, live, told)
                before = at.cpu()
                seen, cpu, (begun, ended) = await _measure(hot, clock, live, processes, seconds, told)
                used = {name: after - before[name] for name, after in at.cpu().items()}
                rss = rss_mb([p.pid for p in processes])
                told("counting what reached the bus", 0, 1)
                ticks, received = await _count(bus, begun, ended)
    p50, p99 = percentiles(np.concatenate(seen.delay_ms))
    age_p50, age_p99 = percentiles(np.concatenate(seen.age_ms))
    took = (ended - begun) / SECOND
    return Result(
        "opcua",
        received / took,
        "points/s",
        lost=ticks * points - received,
        setup=f"node-opcua server with {points} doubles updated at 1 Hz, processes: {' and '.join(ROLES[: len(processes)])}, "
        f"{at.about}, {cores()}",
        cpu_s_per_million=sum(cpu) / received * 1e6,
        p50_ms=p50,
        p99_ms=p99,
        rss_mb=rss,
        extra={
            **{f"{role}_core": c / took for role, c in zip(ROLES, cpu, strict=False)},
            "source_to_subscriber_p50_ms": age_p50,
            "source_to_subscriber_p99_ms": age_p99,
            "points": received,
            **per_million(used, received),
        },
    )


async def _pipeline(
    stack: AsyncExitStack, at: Places, bus: Bus, hot: HotQueue, live: LiveConfig, data: Path, engines: bool
) -> list[psutil.Process]:
    """A collector process, and a dispatcher: on engines another process, else in this one, which has the hot queue."""
    collector = await stack.enter_async_context(service("collector", at, data))
    if engines:
        return [collector, await stack.enter_async_context(service("dispatcher", at, data))]
    clock = SystemClock()
    archive = await stack.enter_async_context(open_archive(at.archive, clock=clock, config=live))
    await stack.enter_async_context(dispatching(Rooms(bus, hot, archive), clock, live))
    return [collector]


async def _all_seen(hot: HotQueue, clock: Clock, live: LiveConfig, told: Told) -> None:
    names = list(live.current.points)
    while (seen := int((await hot.latest(names)).kind.astype(bool).sum())) < len(names):
        told("connecting", seen, len(names))
        await sleep(clock, 0.5)
    await sleep(clock, 3)


async def _measure(
    hot: HotQueue, clock: Clock, live: LiveConfig, processes: Sequence[psutil.Process], seconds: float, told: Told
) -> tuple[Seen, list[float], tuple[int, int]]:
    """Follows every change for a while: delays, CPU seconds of each process, and the window of source times that lies well inside."""
    seen, before, begun = Seen(), [_used(p) for p in processes], clock.now()
    async with hot.live(list(live.current.points), every=True) as feed:
        await anext(feed)
        async for change in feed:
            now = clock.now()
            if len(change.samples):
                seen.delay_ms.append((now - change.samples.received) / 1000)
                seen.age_ms.append((now - change.samples.time) / 1000)
            told("following", (now - begun) // SECOND, round(seconds))
            if now - begun > seconds * SECOND:
                break
    cpu = [_used(p) - b for p, b in zip(processes, before, strict=True)]
    await sleep(clock, 3)
    return seen, cpu, (begun, now - 3 * SECOND)


def _used(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


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
