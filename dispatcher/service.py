"""Topics to the hot queue and to the archive: store, then commit.

Two readers that never wait for each other: what is seen live does not stop when the archive's disk is full.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from dispatcher.gather import gathered
from dispatcher.seed import seed_batches
from kernel.archive import AppendReport, Archive
from kernel.batches import size, well_formed
from kernel.bus import Bus, Subscription
from kernel.clock import SECOND, Clock, sleep
from kernel.errors import NotAvailable
from kernel.hot_queue import HotQueue, Measured
from kernel.live_config import LiveConfig
from kernel.meter import HopMeter, Meter
from kernel.steady import PAUSE, steadily
from schemas.records import MONITORING_POINTS, MONITORING_STATE, PointBatch, StateEvent

GROUP = "dispatcher"
PLENTY = 20_000
"""Samples that are worth a commit of their own."""
GATHER = 0.2
"""Seconds."""
WATCH = 10.0
"""Seconds between looks at the archive's size and health."""
REFILL = 60 * SECOND
"""After a start the hot queue is refilled from this much of the bus; older values come from the archive."""


class Dispatcher:
    """Feeds the hot queue and the archive from `monitoring.points`, and the archive from `monitoring.state`."""

    def __init__(self, *, bus: Bus, hot: HotQueue, archive: Archive, config: LiveConfig, clock: Clock, meter: Meter) -> None:
        self._bus, self._hot, self._archive, self._config, self._clock, self._meter = bus, hot, archive, config, clock, meter
        self._trouble = ""
        self._begun = (0, 0.0)
        """When it began, by the clock and by the one that is never stepped."""
        self._present: set[str] = set()
        """Sources whose batches of the time before were read. What comes after counts, whatever its time says: clocks are stepped."""
        self._fed: dict[tuple[str, int], int] = {}
        """Source and epoch to the number of the last batch that the hot queue was given. Epochs are told apart, not ordered: a collector's
        clock may have been set back before it began."""

    async def run(self, ready: Callable[[], None]) -> None:
        self._begun = (self._clock.now(), self._clock.steady())
        async with asyncio.TaskGroup() as tasks:
            for work in (self._points, self._seed, self._store_events, self._watch_archive, self._watch_hot):
                tasks.create_task(steadily(work, self._clock, self._meter), name=f"dispatcher.{work.__name__.strip('_')}")
            ready()

    async def _points(self) -> None:
        """Joins those who share the points, and feeds the hot queue and the archive from this dispatcher's share."""
        async with self._bus.subscribe(MONITORING_POINTS, group=GROUP) as subscription:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._store_points(subscription), name="dispatcher.store")
                    feed = partial(self._feed_hot, subscription)
                    tasks.create_task(steadily(feed, self._clock, self._meter), name="dispatcher.hot")
            except* NotAvailable as troubles:
                trouble = troubles.exceptions[0]
            else:
                return
        raise NotAvailable(str(trouble)) from trouble

    async def _feed_hot(self, subscription: Subscription[PointBatch]) -> None:
        hop = self._meter.hop("dispatcher.hot")
        async with gathered(subscription.tail(window=REFILL)) as groups:
            async for found in groups:
                batches = self._readable(found)
                if not batches:
                    continue
                await self._hot.put(batches)
                n = sum(size(b) for b in batches if self._counts(b))
                hop.entered, hop.left = hop.entered + n, hop.left + n
                hop.last = self._clock.now()
                self._meter.gauges["dispatcher.hot.lag_s"] = (hop.last - batches[-1].published) / SECOND

    def _counts(self, batch: PointBatch) -> bool:
        """Whether a batch is new and does more than refill the hot queue: what was there before this dispatcher began was counted then."""
        if not self._is_new(batch):
            return False
        begun, steady = self._begun
        if batch.published >= begun or self._clock.steady() - steady > REFILL / SECOND:
            self._present.add(batch.source)
        return batch.source in self._present

    def _is_new(self, batch: PointBatch) -> bool:
        """Whether a batch comes for the first time: a share that was given anew begins with what was fed before."""
        run = (batch.source, batch.epoch)
        if batch.seq <= self._fed.get(run, -1):
            return False
        self._fed[run] = batch.seq
        return True

    def _readable(self, batches: list[PointBatch]) -> list[PointBatch]:
        """Without those whose columns do not fit together: other programs publish too, and the hot queue trusts what it is given."""
        wrong = [b for b in batches if not well_formed(b)]
        if not wrong:
            return batches
        hop = self._meter.hop("dispatcher.hot")
        count = sum(size(b) for b in wrong if self._counts(b))
        hop.entered += count
        hop.explain("malformed", count)
        return [b for b in batches if well_formed(b)]

    async def _seed(self) -> None:
        """Gives every configured point its last archived value, so that a restart does not blank the screens."""
        points = self._config.current.points
        names = [p.name for p in points.values()]
        if names:
            samples = await self._archive.at(names, self._clock.now())
            for batch in seed_batches(points, names, samples):
                await self._hot.put([batch])

    async def _store_points(self, subscription: Subscription[PointBatch]) -> None:
        hop = self._meter.hop("dispatcher.store")
        async for batches in subscription.batches():
            begun, samples = self._clock.steady(), sum(map(size, batches))
            await self._store(batches, (), hop)
            await steadily(subscription.commit, self._clock, self._meter)
            self._passed_over(subscription.lost)
            hop.last = self._clock.now()
            self._meter.gauges["dispatcher.store.lag_s"] = (hop.last - batches[-1].published) / SECOND
            if not self._trouble:
                self._meter.recovered()
            await self._gather(samples, begun)

    async def _store_events(self) -> None:
        hop = self._meter.hop("dispatcher.state")
        async with self._bus.subscribe(MONITORING_STATE, group=GROUP) as subscription:
            async for events in subscription.batches():
                await self._store((), events, hop)
                await steadily(subscription.commit, self._clock, self._meter)
                hop.entered, hop.left = hop.entered + len(events), hop.left + len(events)
                hop.last = self._clock.now()

    async def _watch_archive(self) -> None:
        """Says how much room is left, and when the archive does not answer, cannot seal or retire; and that it is well again, though
        nothing comes that could be stored."""
        while True:
            trouble = await self._look_at_archive()
            if trouble:
                self._meter.degraded(f"archive: {trouble}")
            elif self._trouble:
                self._meter.recovered()
            self._trouble = trouble
            await sleep(self._clock, WATCH if not trouble else PAUSE)

    async def _look_at_archive(self) -> str:
        try:
            stats = await self._archive.stats()
        except NotAvailable as error:
            return str(error)
        gauges = self._meter.gauges
        gauges["archive_bytes"], gauges["archive_disk_free_bytes"] = float(stats.bytes), float(stats.disk_free_bytes)
        if stats.days_left is not None:
            gauges["archive_days_left"] = stats.days_left
        return stats.last_error

    async def _watch_hot(self) -> None:
        """Says what the hot queue takes."""
        hot = self._hot
        while isinstance(hot, Measured):
            self._meter.gauges.update(await hot.gauges())
            await sleep(self._clock, WATCH)

    async def _gather(self, samples: int, begun: float) -> None:
        """A commit costs as much as some thousand samples: while little comes, commits are at least GATHER apart."""
        if samples < PLENTY:
            await sleep(self._clock, begun + GATHER - self._clock.steady())

    async def _store(self, batches: Sequence[PointBatch], events: Sequence[StateEvent], hop: HopMeter) -> None:
        """Tries until the archive takes them; nothing is committed before, so nothing is lost while it cannot."""

        async def append() -> None:
            _account(hop, await self._archive.append(batches, events))

        await steadily(append, self._clock, self._meter)

    def _passed_over(self, lost: Mapping[str, int]) -> None:
        """Batches that the bus did not give us, by cause: evicted before they were read, or no batches at all."""
        hop = self._meter.hop("dispatcher.read")
        hop.entered, hop.lost = sum(lost.values()), defaultdict(int, lost)


def _account(hop: HopMeter, report: AppendReport) -> None:
    """In and out at once: what a stop leaves undone comes again and is counted then."""
    hop.entered += report.offered
    hop.left += report.stored
    hop.explain("duplicate", report.duplicate)
    for cause, count in report.refused.items():
        hop.explain(cause, count)
