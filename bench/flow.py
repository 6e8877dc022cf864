"""A flow of batches through bus, dispatcher, hot queue and archive: what the benchmarks of the whole path share."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from archive import open_archive
from bench.load import Mix
from bench.places import Places
from bench.result import rss_mb
from bus import open_bus
from dispatcher.service import Dispatcher
from kernel.archive import Archive
from kernel.array import ArrayConfig
from kernel.bus import Bus
from kernel.clock import SECOND, Clock, cpu_seconds, monotonic, sleep
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from kernel.meter import HopMeter, Meter
from mon_queue import open_hot
from schemas.records import MONITORING_POINTS, PointBatch

AT_ONCE = 20_000
"""Points per publish call."""
BEHIND = 2_000_000
"""Points that may be under way: the source waits for the dispatcher, as a collector does."""
PER_SOURCE = 4000
"""Points of a source in one batch at most."""
Told = Callable[[str, int, int], None]
"""Progress: what is done, how much, of how much."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """The opened ports."""

    bus: Bus
    hot: HotQueue
    archive: Archive


@dataclass(frozen=True, slots=True)
class Passed:
    """What went through, and what it cost."""

    points: int
    batches: int
    stored: int
    live: int
    seconds: float
    cpu: float
    """CPU seconds of this process: source, bus client, dispatcher, hot queue, archive client."""
    engines: Mapping[str, float]
    """CPU seconds of each engine."""
    rss_mb: float


@asynccontextmanager
async def rooms(at: Places, clock: Clock, config: LiveConfig) -> AsyncIterator[Rooms]:
    """Bus, hot queue and archive of the places."""
    async with (
        open_bus(at.bus, clock=clock) as bus,
        open_hot(at.hot, clock=clock) as hot,
        open_archive(at.archive, clock=clock, config=config) as archive,
    ):
        yield Rooms(bus, hot, archive)


@asynccontextmanager
async def dispatching(on: Rooms, clock: Clock, config: LiveConfig) -> AsyncIterator[Meter]:
    """A dispatcher at work; its ledger."""
    meter, ready = Meter("dispatcher"), asyncio.Event()
    service = Dispatcher(bus=on.bus, hot=on.hot, archive=on.archive, config=config, clock=clock, meter=meter)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(service.run(ready.set))
        await ready.wait()
        try:
            yield meter
        finally:
            task.cancel()


def mixes(config: ArrayConfig, per_batch: int = PER_SOURCE) -> list[Mix]:
    """One source of batches for each source configured, several where it has more than per_batch points."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for p in config.points.values():
        by_source[p.source].append(p.name)
    parts: list[Mix] = []
    for source, names in by_source.items():
        for i in range(0, len(names), per_batch):
            parts.append(Mix(source if i == 0 else f"{source}#{i // per_batch}", names[i : i + per_batch], seed=len(parts)))
    return parts


def done(hop: HopMeter) -> int:
    """Points that the dispatcher has stored or explained."""
    return hop.left + sum(hop.lost.values())


@dataclass(frozen=True, slots=True)
class Flow:
    """What is sent: batches of `scans` samples of each point of a mix, for `seconds`, as fast as it goes or at `rate` points per second."""

    mixes: Sequence[Mix]
    seconds: float
    rate: float | None = None
    scans: Mapping[str, int] | None = None
    """Samples of each point in a batch, by source; one unless it says otherwise."""
    warm: int = 0
    """Batches of each source before the measurement begins: the first ones make points known, once for all."""

    @property
    def every(self) -> int:
        """Microseconds from scan to scan: few points as fast as it goes are scanned ten times a second, or their times would run away."""
        return SECOND if sum(len(m.names) for m in self.mixes) >= AT_ONCE // 2 else SECOND // 10


async def send(at: Places, clock: Clock, config: LiveConfig, flow: Flow, told: Told) -> Passed:
    """Sends the flow through everything until all of it is stored."""
    before, cpu, begun = at.cpu(), cpu_seconds(), monotonic()
    async with rooms(at, clock, config) as on, dispatching(on, clock, config) as meter:
        source = _Source(on.bus, clock, flow, meter.hop("dispatcher.store"), told)
        hot = meter.hop("dispatcher.hot")
        if flow.warm:
            await source.publish(flow.warm)
            await source.all_stored()
            before, cpu, begun = at.cpu(), cpu_seconds(), monotonic()
        points, steps, stored, live = source.sent, source.step, source.hop.left, hot.left
        await source.send()
        await source.all_stored()
        seconds, rss = monotonic() - begun, rss_mb()
        points, steps, stored, live = source.sent - points, source.step - steps, source.hop.left - stored, hot.left - live
    used = {name: after - before[name] for name, after in at.cpu().items()}
    return Passed(points, steps * len(flow.mixes), stored, live, seconds, cpu_seconds() - cpu, used, rss)


class _Source:
    """Publishes batches of all mixes in turn, no farther ahead of the dispatcher than BEHIND."""

    def __init__(self, bus: Bus, clock: Clock, flow: Flow, hop: HopMeter, told: Told) -> None:
        self._bus, self._clock, self._flow, self._told = bus, clock, flow, told
        self.hop = hop
        self._epoch = clock.now()
        self._scans = [(flow.scans or {}).get(m.source, 1) for m in flow.mixes]
        self._every = flow.every
        self.per_step = sum(len(m.names) * n for m, n in zip(flow.mixes, self._scans, strict=True))
        self.sent = self.step = 0

    async def publish(self, steps: int) -> None:
        """So many batches of each source."""
        now, flow = self._clock.now(), self._flow
        records: list[PointBatch] = []
        for s in range(self.step, self.step + steps):
            for m, n in zip(flow.mixes, self._scans, strict=True):
                time = now if flow.rate is not None else self._epoch + s * n * self._every - 3600 * SECOND
                records.append(m.batch(s, self._epoch, time, now, n, self._every))
        await self._bus.publish(MONITORING_POINTS, records)
        self.sent, self.step = self.sent + self.per_step * steps, self.step + steps

    async def send(self) -> None:
        """The whole flow."""
        flow, begun = self._flow, monotonic()
        steps = 1 if flow.rate is not None else max(1, AT_ONCE // self.per_step)
        first, start = self.step, self._clock.now()
        gc.freeze()
        try:
            while (elapsed := monotonic() - begun) < flow.seconds:
                self._told("sending", round(elapsed), round(flow.seconds))
                await self.publish(steps)
                while self.sent - done(self.hop) > max(BEHIND, 3 * self.per_step):
                    await sleep(self._clock, 0.005)
                if flow.rate is not None:
                    await self._clock.sleep_until(start + round((self.step - first) * self.per_step / flow.rate * SECOND))
        finally:
            gc.unfreeze()

    async def all_stored(self) -> None:
        """Nothing is under way any more."""
        while done(self.hop) < self.sent:
            self._told("waiting for the last to be stored", done(self.hop), self.sent)
            await sleep(self._clock, 0.01)
