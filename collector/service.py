"""The collector: devices to topics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random

from collector.driver import Driver
from collector.feed import Description
from collector.health import Health
from collector.opcua import OpcUaDriver, Pki
from collector.publisher import Publisher
from collector.runner import Runner
from collector.spool import Spool
from kernel.array import ArrayConfig, Point, Source
from kernel.bus import Bus
from kernel.clock import Clock
from kernel.live_config import LiveConfig
from kernel.meter import Meter

_log = logging.getLogger(__name__)
PROTOCOLS: Mapping[str, Callable[[Source, Clock, Pki | None], Driver]] = {"opcua": OpcUaDriver}
"""Protocol to the maker of its drivers."""


def every_source(_: Source) -> bool:
    """Selects all."""
    return True


class Collector:
    """Runs all enabled sources that `sources` selects; each is a task of its own, and one that fails touches no other.

    spool: a folder for what the bus refuses, of at most spool_bytes; without it samples wait in bounded memory and then in the devices.
    pki: a folder for the certificate that the collector makes for itself.
    reselect: yields whenever `sources` may select differently than before.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        config: LiveConfig,
        meter: Meter,
        *,
        sources: Callable[[Source], bool] = every_source,
        spool: Path | None = None,
        pki: Path | None = None,
        spool_bytes: int = 512 << 20,
        reselect: Callable[[], AsyncIterator[object]] | None = None,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._config = config
        self._meter = meter
        self._select = sources
        self._reselect = reselect
        self._following = asyncio.Lock()
        self._spool = Spool(spool, spool_bytes) if spool else None
        self._pki = Pki(pki) if pki else None
        self._running: dict[str, tuple[Source, Runner, asyncio.Task[None]]] = {}
        self._chance = Random()
        self._health = Health(meter)
        self._config_names: tuple[str, ...] = ()

    async def run(self, ready: Callable[[], None]) -> None:
        """Serves until cancelled; then closes every connection and hands in what is left."""
        publisher = Publisher(self._bus, self._clock, self._meter, self._health, self._spool, self._chance)
        async with asyncio.TaskGroup() as below:
            serving = below.create_task(publisher.run(), name="collector: publisher")
            try:
                async with asyncio.TaskGroup() as tasks:
                    if self._reselect is not None:
                        tasks.create_task(self._again(self._reselect(), tasks, publisher), name="collector: shares")
                    async for config in self._config.changes():
                        async with self._following:
                            await self._follow(config, tasks, publisher)
                        ready()
                        self._health.tell()
            finally:
                serving.cancel()

    async def _again(self, shares: AsyncIterator[object], tasks: asyncio.TaskGroup, publisher: Publisher) -> None:
        async for _ in shares:
            async with self._following:
                await self._follow(self._config.current, tasks, publisher)

    def descriptions(self, source: str) -> Mapping[str, Description]:
        """Point name to what the source's device knows of it and the configuration lacks."""
        running = self._running.get(source)
        return dict(running[1].feed.descriptions) if running else {}

    async def _follow(self, config: ArrayConfig, tasks: asyncio.TaskGroup, publisher: Publisher) -> None:
        """Starts, stops and informs sources: those that did not change are not touched."""
        for name in set(self._config_names) - set(config.sources):
            self._health.good(f"source {name}")
        self._config_names = tuple(config.sources)
        wanted = {n: s for n, s in config.sources.items() if s.enabled and self._known(s) and self._select(s)}
        points: dict[str, dict[str, Point]] = {n: {} for n in wanted}
        for name, point in config.points.items():
            if point.source in points and point.address:
                points[point.source][name] = point
        for name in [n for n, (source, _, _) in self._running.items() if wanted.get(n) != source]:
            await self._stop(name)
        for name, source in wanted.items():
            if name in self._running:
                self._running[name][1].configure(points[name])
                continue
            driver = PROTOCOLS[source.protocol](source, self._clock, self._pki)
            runner = Runner(
                name,
                points[name],
                driver,
                clock=self._clock,
                publisher=publisher,
                meter=self._meter,
                health=self._health,
                chance=self._chance,
                source=source,
            )
            self._running[name] = source, runner, tasks.create_task(runner.run(), name=f"collector: {name}")
        self._meter.gauges["sources_count"] = float(len(self._running))

    def _known(self, source: Source) -> bool:
        if source.protocol in PROTOCOLS:
            return True
        self._health.bad(f"source {source.name}", f"unknown protocol {source.protocol}; known are {', '.join(PROTOCOLS)}")
        return False

    async def _stop(self, name: str) -> None:
        _, _, task = self._running.pop(name)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
