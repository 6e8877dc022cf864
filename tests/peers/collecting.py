"""A collector at work in a test, on a bus that keeps everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector import Collector
from kernel.array import ArrayConfig, Browse, Point, PointKind, PointType, Site, Source
from kernel.bus import Bus
from kernel.clock import SystemClock
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from tests.peers.recording_bus import RecordingBus

FAST = {"watchdog": "2", "retry_refused": "0.5", "timeout": "5"}
"""Options that make faults show soon."""


def source(url: str, *, name: str = "peer", browse: tuple[Browse, ...] = (), **options: str) -> Source:
    return Source(name, "opcua", url, "site", {**FAST, **options}, browse)


def point(name: str, node: str, *, src: str = "peer", kind: PointKind = PointKind.DOUBLE, **settings: Any) -> Point:
    return Point(name, PointType(kind=kind, **{"sampling": 0.1, **settings}), "site", src, f"ns=1;s={node}")


def array(sources: Iterable[Source], points: Iterable[Point], revision: int = 1) -> ArrayConfig:
    named: Mapping[str, Source] = {s.name: s for s in sources}
    return ArrayConfig(revision, Site(), {}, named, {p.name: p for p in points}, {})


@dataclass(slots=True)
class Collecting:
    """The parts of a running collector that tests look at."""

    bus: RecordingBus
    config: LiveConfig
    meter: Meter
    task: asyncio.Task[None]
    collector: Collector

    def descriptions(self, name: str) -> Mapping[str, Any]:
        """What the source's server said of points."""
        return self.collector.descriptions(name)

    def hop(self, name: str = "peer") -> tuple[int, int, dict[str, int]]:
        """Entered, left and lost of the source's line of the ledger."""
        line = self.meter.hop("collector.receive", name)
        return line.entered, line.left, dict(line.lost)


@asynccontextmanager
async def collecting(
    config: ArrayConfig, *, bus: Bus | None = None, spool: Path | None = None, pki: Path | None = None
) -> AsyncIterator[Collecting]:
    """Runs a collector; on leaving it is cancelled and must have ended well."""
    recording = bus if isinstance(bus, RecordingBus) else RecordingBus()
    live, meter = LiveConfig(config), Meter("collector")
    collector = Collector(bus or recording, SystemClock(), live, meter, spool=spool, pki=pki)
    ready = asyncio.Event()
    task = asyncio.create_task(collector.run(ready.set))
    try:
        async with asyncio.timeout(60):
            await ready.wait()
        yield Collecting(recording, live, meter, task, collector)
        assert not task.done(), f"the collector ended: {task.exception()}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
