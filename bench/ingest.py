"""Batch source to bus to hot queue and archive: points per second, CPU per million points, memory."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import cdb
from archive import open_archive
from bench.load import Mix
from bench.places import places
from bench.result import Result, cores, rss_mb
from bus import open_bus
from dispatcher.service import Dispatcher
from kernel.array import ArrayConfig
from kernel.bus import Bus
from kernel.clock import SECOND, Clock, SystemClock, cpu_seconds, monotonic, sleep
from kernel.live_config import LiveConfig
from kernel.meter import HopMeter, Meter
from mon_queue import open_hot
from schemas.records import MONITORING_POINTS

AT_ONCE = 20_000
"""Points per publish call: of few points several scans, so that what is measured is the cost of points, not of calls."""
BEHIND = 2_000_000
"""Points that may be under way: the source waits for the dispatcher, as a collector does."""


async def ingest(seconds: float, points: int, rate: float | None, *, engines: bool = False) -> Result:
    """As fast as it goes, or at `rate` points per second."""
    clock = SystemClock()
    config = cdb.compile(cdb.scaled(points), 1)
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder), engines) as at:
        live, meter = LiveConfig(config), Meter("dispatcher")
        cpu, begun, sent = cpu_seconds(), monotonic(), 0
        async with (
            open_bus(at.bus, clock=clock) as bus,
            open_hot(at.hot, clock=clock) as hot,
            open_archive(at.archive, clock=clock, config=live) as archive,
        ):
            service = Dispatcher(bus=bus, hot=hot, archive=archive, config=live, clock=clock, meter=meter)
            ready = asyncio.Event()
            task = asyncio.create_task(service.run(ready.set))
            await ready.wait()
            hop = meter.hop("dispatcher.store")
            sent = await _send(bus, clock, _mixes(config), hop, seconds, rate)
            while hop.left + sum(hop.lost.values()) < sent:
                await sleep(clock, 0.01)
            took, rss = monotonic() - begun, rss_mb()
            task.cancel()
            await asyncio.wait([task])
            live_seen = meter.hop("dispatcher.hot").left
        cpu = cpu_seconds() - cpu
        disk = sum(f.stat().st_size for f in (Path(folder) / "archive").rglob("*") if f.is_file())
    return Result(
        "ingest",
        sent / took,
        "points/s",
        lost=sent - hop.left,
        setup=f"{points} points configured, a scan of every source per batch, {at.about}, {cores()}",
        cpu_s_per_million=cpu / sent * 1e6,
        rss_mb=rss,
        extra={"points": sent, "seconds": took, "live_points": live_seen, "archive_bytes_per_point": disk / sent},
    )


def _mixes(config: ArrayConfig) -> list[Mix]:
    by_source: dict[str, list[str]] = defaultdict(list)
    for p in config.points.values():
        by_source[p.source].append(p.name)
    parts: list[Mix] = []
    for source, names in by_source.items():
        for i in range(0, len(names), 4000):
            parts.append(Mix(source if i == 0 else f"{source}#{i // 4000}", names[i : i + 4000], seed=len(parts)))
    return parts


async def _send(bus: Bus, clock: Clock, mixes: list[Mix], hop: HopMeter, seconds: float, rate: float | None) -> int:
    epoch, begun, sent, step = clock.now(), monotonic(), 0, 0
    per_step = sum(len(m.names) for m in mixes)
    scans = 1 if rate is not None else max(1, AT_ONCE // per_step)
    gc.freeze()
    while monotonic() - begun < seconds:
        now = clock.now()
        moments = [(s, now if rate is not None else epoch + (s - 3600) * SECOND) for s in range(step, step + scans)]
        await bus.publish(MONITORING_POINTS, [m.batch(s, epoch, time, now) for s, time in moments for m in mixes])
        sent, step = sent + per_step * scans, step + scans
        while sent - hop.left - sum(hop.lost.values()) > max(BEHIND, 3 * per_step):
            await sleep(clock, 0.005)
        if rate is not None:
            await clock.sleep_until(epoch + round(step * per_step / rate * SECOND))
    return sent
