"""URLs become open ports, closed in reverse order."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from archive import open_archive
from bus import open_bus
from cdb import open_config
from kernel.archive import Archive
from kernel.bus import Bus
from kernel.clock import Clock, SystemClock, monotonic, sleep
from kernel.config_store import ConfigStore
from kernel.errors import BadUsage, NotAvailable
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from mla.settings import Settings
from mon_queue import open_hot

T = TypeVar("T")
log = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds to wait for an engine at the start."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The open ports. Builders in mla.modules hand them to services one by one; no service sees this."""

    settings: Settings
    clock: Clock
    bus: Bus
    config_store: ConfigStore
    config: LiveConfig
    hot: HotQueue | None
    """None in processes whose services need none."""
    archive: Archive | None

    def need_hot(self) -> HotQueue:
        """The hot queue; raises BadUsage where it was not opened."""
        if self.hot is None:
            raise BadUsage("this process has no hot queue")
        return self.hot

    def need_archive(self) -> Archive:
        """The archive; raises BadUsage where it was not opened."""
        if self.archive is None:
            raise BadUsage("this process has no archive")
        return self.archive


@asynccontextmanager
async def open_platform(settings: Settings, *, hot: bool, archive: bool, writes_archive: bool = True) -> AsyncIterator[Platform]:
    """Opens what the settings name; hot and archive only where asked for."""
    clock = SystemClock()
    settings.data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        config = LiveConfig()
        bus = await _enter(stack, settings.bus, lambda: open_bus(settings.bus, clock=clock, registry=settings.registry_url), clock)
        store = await _enter(stack, settings.cdb, lambda: open_config(settings.cdb, clock=clock), clock)
        queue = rest = None
        if hot:
            queue = await _enter(
                stack,
                settings.hot_url,
                lambda: open_hot(settings.hot_url, clock=clock, retention=settings.hot_retention, max_bytes=settings.hot_bytes),
                clock,
            )
        if archive:
            rest = await _enter(
                stack,
                settings.archive,
                lambda: open_archive(settings.archive, clock=clock, config=config, read_only=not writes_archive),
                clock,
            )
        yield Platform(settings, clock, bus, store, config, queue, rest)


async def _enter(stack: AsyncExitStack, url: str, make: Callable[[], AbstractAsyncContextManager[T]], clock: Clock) -> T:
    """Opens a port. A real engine may still be starting, so services need no start order: they wait for it a while, and say so."""
    end, said = monotonic() + PATIENCE, ""
    while True:
        try:
            return await stack.enter_async_context(make())
        except NotAvailable as error:
            if url.startswith("sqlite:") or monotonic() > end:
                raise
            if str(error) != said:
                said = str(error)
                log.warning("waiting: %s", said)
        await sleep(clock, 1.0)
