"""A server for screens, for bench.browser: the HMI backend with the example array, an hour of its history, and values fed from here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

import cdb
import hmi_backend
from archive import open_archive
from archive.export import ArchiveExporter
from bus import open_bus
from hmi_backend.roles import Role
from hmi_backend.service import HmiBackend, HmiPorts
from hmi_backend.users import Users
from kernel.array import ArrayConfig
from kernel.batches import Column, build
from kernel.clock import SECOND, Clock, SystemClock
from kernel.hot_queue import HotQueue
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from kernel.samples import Ints, Kind, Samples
from mon_queue import open_hot
from schemas.records import MONITORING_STATE, GapCause, PointBatch, StateEvent, StateKind
from simulator.history import history
from simulator.scene import night_scene

HOUR: Final = 3600 * SECOND
USER: Final = "bench"
PASSWORD: Final = "a server on loopback for some minutes"
PULSE: Final = "ast1.mount.azimuth"
"""The point whose way to the pixel is measured; the Array page shows it with two digits."""


class FastClock:
    """A clock that runs faster than the computer's: an hour in minutes."""

    def __init__(self, factor: float) -> None:
        self._real, self._factor = SystemClock(), factor
        self._begun = self._real.now()

    def now(self) -> int:
        return self._begun + round((self._real.now() - self._begun) * self._factor)

    def steady(self) -> float:
        return self._real.steady() * self._factor

    async def sleep_until(self, moment: int) -> None:
        await self._real.sleep_until(self._begun + round((moment - self._begun) / self._factor))

    async def sleep(self, seconds: float) -> None:
        await self._real.sleep(seconds / self._factor)


@dataclass(slots=True)
class Site:
    """The server under test, and what it is fed with."""

    service: HmiBackend
    config: ArrayConfig
    clock: Clock
    source: HotQueue
    """Where values are put: another connection than the server's where the hot queue is a server of its own."""
    past: Samples
    """The last value of each point in history, in the order of the configuration."""
    told: list[tuple[str, int]] = field(default_factory=list)
    """Text of each value of PULSE, and the moment at which it was in the hot queue."""

    async def everything(self, hz: float, but: str = "") -> None:
        """Gives every point but one a new value so many times a second, source by source, spread over the period."""
        batches = [_Crowd(self.config, self.past, s, but) for s in sorted({p.source for p in self.config.points.values()})]
        seq, due = 0, self.clock.now()
        while True:
            for crowd in batches:
                due += round(SECOND / hz / len(batches))
                await self.clock.sleep_until(due)
                await self.source.put([crowd.batch(seq, self.clock.now())])
            seq += 1

    async def pulse(self) -> None:
        """Gives PULSE a value never given before, at irregular moments, slower than screens are served: each one must be seen."""
        rng, epoch = np.random.default_rng(5), self.clock.now()
        for n in range(20_000):
            await self.clock.sleep_until(self.clock.now() + int(rng.integers(260_000, 900_000)))
            now = self.clock.now()
            value = np.array([100 + n / 100])
            await self.source.put([_single("bench.pulse", epoch, n, now, (PULSE,), Kind.DOUBLE, np.zeros(1, np.int64), value)])
            self.told.append((f"{100 + n / 100:.2f}", now))


class _Crowd:
    """The points of a source: numbers move about where history left them, states stay."""

    def __init__(self, config: ArrayConfig, past: Samples, source: str, but: str) -> None:
        points = list(config.points.values())
        rows = np.array([i for i, p in enumerate(points) if p.source == source and p.name != but and past.kind[i] != Kind.NONE], np.int64)
        kind = past.kind[rows]
        rows = rows[kind != Kind.TEXT]
        self._source, self._names = source, tuple(points[r].name for r in rows.tolist())
        self._doubles, self._longs = np.flatnonzero(past.kind[rows] == Kind.DOUBLE), np.flatnonzero(past.kind[rows] == Kind.LONG)
        self._number, self._integer = past.number[rows][self._doubles], past.integer[rows][self._longs]
        self._rng = np.random.default_rng(len(rows))
        self._epoch = 0

    def batch(self, seq: int, now: int) -> PointBatch:
        """The next values of all of them."""
        self._epoch = self._epoch or now
        moved = self._number * (1 + self._rng.normal(0, 1e-3, len(self._number)))
        columns = [_column(Kind.DOUBLE, self._doubles, now, moved), _column(Kind.LONG, self._longs, now, self._integer)]
        return build(
            source=self._source,
            epoch=self._epoch,
            seq=seq,
            received=now,
            published=now,
            names=self._names,
            columns=columns,
            covered=(now - 1, now),
        )


def _single(source: str, epoch: int, seq: int, now: int, names: tuple[str, ...], kind: Kind, index: Ints, value: Ints) -> PointBatch:
    columns = [_column(kind, index, now, value)]
    return build(source=source, epoch=epoch, seq=seq, received=now, published=now, names=names, columns=columns, covered=(now - 1, now))


def _column(kind: Kind, index: Ints, now: int, value: Ints) -> Column:
    n = len(index)
    at = np.full(n, now, np.int64)
    return Column(kind, index, at, at, value, np.zeros(n, np.uint8), np.zeros(n, np.uint32))


@asynccontextmanager
async def site(root: Path, clock: Clock, hot_url: str) -> AsyncIterator[Site]:
    """A server on loopback. hot_url: `memory://`, or a Redis that values are put into from another connection."""
    root.mkdir(parents=True)
    live = LiveConfig()
    async with (
        open_bus(f"sqlite://{root}/bus", clock=clock) as bus,
        open_hot(hot_url, clock=clock) as hot,
        open_hot(hot_url, clock=clock) as other,
        open_archive(f"sqlite://{root}/archive", clock=clock, config=live) as archive,
        cdb.open_config(f"sqlite://{root}/cdb", clock=clock) as store,
    ):
        editor = cdb.Editor(store, clock)
        await editor.publish(cdb.example(), base=0, author="bench", comment="the example")
        config = cdb.compile(cdb.example(), 1)
        live.replace(config)
        now = clock.now()
        for batch in history(config, now - HOUR, now, scene=night_scene(config.site, now)):
            await archive.append([batch])
        past = await archive.at(list(config.points), now)
        await bus.publish(MONITORING_STATE, [_connected(s, now) for s in config.sources])
        users = Users.open(root / "users.json", clock=SystemClock())
        users.add(USER, PASSWORD, Role.OPERATOR)
        ports = HmiPorts(bus, hot, archive, store, editor, live, ArchiveExporter(archive, live), clock, Meter("hmi"), cdb.compile)
        static = Path(hmi_backend.__file__).parent / "static"
        service = HmiBackend(ports, host="127.0.0.1", port=0, users=users, views=root / "views.sqlite", static=static)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service.run(ready.set))
            await ready.wait()
            try:
                yield Site(service, config, clock, hot if hot_url.startswith("memory") else other, past)
            finally:
                task.cancel()


def _connected(source: str, now: int) -> StateEvent:
    return StateEvent(source=source, time=now, kind=StateKind.CONNECTED, cause=GapCause.DISCONNECTED, points=(), start=now, end=now)
