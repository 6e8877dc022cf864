"""Everything the edges share while the backend runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hmi_backend.audit import Audit
from hmi_backend.catalogue import Catalogue
from hmi_backend.commands import Commands
from hmi_backend.links import Links
from hmi_backend.past import Compile, Past
from hmi_backend.recent import Recent
from hmi_backend.users import Users
from hmi_backend.views import ViewStore
from kernel.archive import Archive, ArchiveStats, Exporter
from kernel.bus import Bus, TopicStats
from kernel.clock import SECOND, Clock
from kernel.config_store import ConfigEditor, ConfigStore
from kernel.fleet import Fleet
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from schemas.records import AUDIT_ACTIONS, DEAD_LETTERS, HEARTBEATS, MONITORING_DISCOVERED, MONITORING_STATE, StateEvent, StateKind


@dataclass(frozen=True, slots=True)
class HmiPorts:
    """What the backend works with."""

    bus: Bus
    hot: HotQueue
    archive: Archive
    config_store: ConfigStore
    editor: ConfigEditor
    live: LiveConfig
    exporter: Exporter
    clock: Clock
    meter: Meter
    compile_revision: Compile | None = None
    """Documents and revision number to a configuration; raises ConfigProblems. Without it only the revision in force can be read."""


class Backend:
    """The ports, what was folded from the bus, and who is connected."""

    views: ViewStore
    """Open while the service runs."""

    def __init__(self, ports: HmiPorts, users: Users) -> None:
        self.ports, self.users = ports, users
        self.bus, self.hot, self.archive, self.clock, self.meter = ports.bus, ports.hot, ports.archive, ports.clock, ports.meter
        self.fleet = Fleet()
        self.past = Past(ports.config_store, ports.live, ports.compile_revision)
        self.links = Links(users, ports.meter)
        self.audit = Audit(ports.bus, ports.clock, ports.meter)
        self.commands = Commands(ports.bus, ports.clock)
        self.dead_letters = Recent(ports.bus, DEAD_LETTERS, ports.clock, keep=1000)
        self.audit_log = Recent(ports.bus, AUDIT_ACTIONS, ports.clock, keep=20_000, days=90)
        self.state_events = Recent(ports.bus, MONITORING_STATE, ports.clock, keep=20_000, days=7)
        self.connections: dict[str, StateEvent] = {}
        """Source to the newest event of its connection."""
        self.state_events.on_record = self._state
        self._catalogue: Catalogue | None = None
        self._topics: tuple[float, tuple[TopicStats, ...]] = (-60.0, ())
        self._archive: tuple[float, ArchiveStats | None] = (-60.0, None)
        self._asking_bus, self._asking_archive = asyncio.Lock(), asyncio.Lock()

    @property
    def catalogue(self) -> Catalogue:
        """The index of the points in force; made once per revision."""
        config = self.ports.live.current
        if self._catalogue is None or self._catalogue.config is not config:
            self._catalogue = Catalogue(config)
        return self._catalogue

    async def run(self) -> None:
        """Follows the bus until cancelled."""
        async with asyncio.TaskGroup() as group:
            for follow in (
                self._beats(),
                self._told(),
                self.commands.run(),
                self.dead_letters.run(),
                self.audit.run(),
                self.audit_log.run(),
                self.state_events.run(),
            ):
                group.create_task(follow)

    def _state(self, event: StateEvent) -> None:
        if event.kind in (StateKind.CONNECTED, StateKind.DISCONNECTED):
            self.connections[event.source] = event

    async def _beats(self) -> None:
        async for beat in self.bus.tail(HEARTBEATS, since=self.clock.now() - 60 * SECOND):
            self.fleet.add(beat, self.clock.now())

    async def _told(self) -> None:
        async for discovery in self.bus.tail(MONITORING_DISCOVERED, since=0):
            self.past.heard(discovery)

    async def topics(self) -> tuple[TopicStats, ...]:
        """What the bus holds, at most a second old: many screens ask at once."""
        async with self._asking_bus:
            asked, found = self._topics
            if self.clock.steady() - asked >= 1.0:
                found = tuple(await self.bus.stats())
                self._topics = (self.clock.steady(), found)
            return found

    async def archive_stats(self) -> ArchiveStats:
        """What the archive holds, at most two seconds old."""
        async with self._asking_archive:
            asked, found = self._archive
            if found is None or self.clock.steady() - asked >= 2.0:
                found = await self.archive.stats()
                self._archive = (self.clock.steady(), found)
            return found
