"""One source: its driver, kept running; and what it delivers, handed on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from random import Random

from collector.batching import Stamp, assemble, split
from collector.driver import Driver
from collector.feed import Drained, Feed, Wanted
from collector.health import Health
from collector.publisher import Parcel, Publisher
from collector.retry import Backoff
from collector.told import discovery
from kernel.array import Point, Source
from kernel.clock import SECOND, Clock, sleep
from kernel.errors import SourceLost
from kernel.meter import Meter
from schemas.records import PointBatch

_log = logging.getLogger(__name__)
COLLECT_FOR = 0.1
"""Seconds that samples wait for others to share a batch."""
SETTLED = 30.0
"""A connection that lasted this long makes the next retry fast again."""
LAST_WORDS = 5.0
"""Seconds that a stopping source may take to hand in what it has."""


class Runner:
    """Reconnects its driver for ever, with growing delays; numbers and publishes its batches."""

    def __init__(
        self,
        name: str,
        points: Mapping[str, Point],
        driver: Driver,
        *,
        clock: Clock,
        publisher: Publisher,
        meter: Meter,
        health: Health,
        chance: Random,
        source: Source | None = None,
    ) -> None:
        self.name = name
        self._source = source
        self.wanted = Wanted(points)
        self.feed = Feed(name, clock, meter, health)
        self._driver = driver
        self._clock = clock
        self._publisher = publisher
        self._meter = meter
        self._health = health
        self._chance = chance
        self._hop = meter.hop("collector.receive", name)
        self._epoch = clock.now()
        self._seq = 0
        self._in_hand: tuple[Drained, asyncio.Future[None]] | None = None

    def configure(self, points: Mapping[str, Point]) -> None:
        """The configuration changed: points that did not are not touched."""
        self.feed.processor.configure(points)
        self.wanted.replace(points)

    async def run(self) -> None:
        """Until cancelled; then closes the connection and hands in what is left."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(), name=f"{self.name}: read")
                tasks.create_task(self._hand_in(), name=f"{self.name}: hand in")
                tasks.create_task(self._tick(), name=f"{self.name}: tick")
        finally:
            if self.feed.is_connected:
                self.feed.lost("the collector stopped reading it")
            await self._last_words()
            self._health.good(f"source {self.name}")
            self.feed.refused(0)

    async def _read(self) -> None:
        backoff, said = Backoff(), ""
        while True:
            began = self._clock.steady()
            try:
                await self._driver.run(self.feed, self.wanted)
            except SourceLost as error:
                text = str(error)
            if self.feed.is_connected or not said:
                _log.warning("source %s: %s", self.name, text)
                self.feed.lost(text)
                said = text
            self._health.bad(f"source {self.name}", text)
            if self._clock.steady() - began > SETTLED:
                backoff = backoff.reset()
            await sleep(self._clock, backoff.delay(self._chance))
            backoff = backoff.next()

    async def _hand_in(self) -> None:
        feed = self.feed
        while True:
            await feed.dirty.wait()
            await sleep(self._clock, COLLECT_FOR)
            feed.dirty.clear()
            await self._publish(feed.drain())

    async def _publish(self, drained: Drained) -> None:
        gauges = self._meter.gauges
        gauges[f"{self.name}.source_skew_s"] = self.feed.skew_s
        gauges["source_skew_s"] = max((v for k, v in gauges.items() if k.endswith(".source_skew_s")), key=abs)
        self._in_hand = drained, self._publisher.submit(Parcel(self._batches(drained), drained.events, drained.letters))
        await self._arrived()

    async def _arrived(self) -> None:
        """Waits until what is in hand is durable. Being cancelled meanwhile takes nothing back."""
        if self._in_hand is None:
            return
        drained, done = self._in_hand
        await asyncio.shield(done)
        self._in_hand = None
        self._hop.left += drained.samples
        self._hop.last = self._clock.now()
        self.feed.accepted = drained.mark
        if drained.samples:
            self._meter.gauges[f"{self.name}.publish_lag_s"] = (self._hop.last - drained.received) / SECOND

    def _batches(self, drained: Drained) -> tuple[PointBatch, ...]:
        """At least one when coverage is to be extended; the last one carries it."""
        groups = [g for lane in drained.lanes for g in split(lane)]
        claims = drained.covered[1] > drained.covered[0]
        if claims and not groups:
            groups = [[]]
        found = []
        for i, group in enumerate(groups):
            stamp = Stamp(self.name, self._epoch, self._seq, drained.received, self._clock.now())
            covered = drained.covered if claims and i == len(groups) - 1 else (0, 0)
            found.append(assemble(stamp, self.feed.table, group, covered))
            self._seq += 1
        return tuple(found)

    async def _tick(self) -> None:
        while True:
            await sleep(self._clock, 1.0)
            self.feed.tick(self._clock.now())
            if self.feed.told and self._source is not None:
                self.feed.told = False
                record = discovery(self._source, self.feed.browsed, self.wanted.current, self.feed.descriptions, self._clock.now())
                self.feed.told |= not await self._publisher.announce(record)

    async def _last_words(self) -> None:
        drained = self.feed.drain()
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._arrived()
                if drained.samples or drained.events or drained.letters:
                    await self._publish(drained)
        except TimeoutError:
            left = drained.samples + (self._in_hand[0].samples if self._in_hand and self._in_hand[0] is not drained else 0)
            _log.warning("source %s: the bus did not take the last %d samples", self.name, left)
            self._hop.explain("stopped", left)
