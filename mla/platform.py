"""URLs become open ports, closed in reverse order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from archive import open_archive
from bus import open_bus
from cdb import open_config
from kernel.archive import Archive
from kernel.bus import Bus
from kernel.clock import Clock, SystemClock
from kernel.config_store import ConfigStore
from kernel.errors import BadUsage
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from mla.settings import Settings
from mon_queue import open_hot


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
        bus = await stack.enter_async_context(open_bus(settings.bus, clock=clock))
        store = await stack.enter_async_context(open_config(settings.cdb, clock=clock))
        queue = (
            await stack.enter_async_context(
                open_hot(settings.hot_url, clock=clock, retention=settings.hot_retention, max_bytes=settings.hot_bytes)
            )
            if hot
            else None
        )
        rest = (
            await stack.enter_async_context(open_archive(settings.archive, clock=clock, config=config, read_only=not writes_archive))
            if archive
            else None
        )
        yield Platform(settings, clock, bus, store, config, queue, rest)
