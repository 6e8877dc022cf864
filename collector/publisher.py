"""One writer to the bus for all sources of a collector: what they hand in at the same time travels in one call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from collector.health import Health
from collector.retry import Backoff
from collector.spool import Spool
from kernel.bus import Bus
from kernel.clock import Clock, sleep
from kernel.errors import NotAvailable
from kernel.meter import Meter
from schemas.records import DEAD_LETTERS, MONITORING_POINTS, MONITORING_STATE, DeadLetter, PointBatch, StateEvent

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """What one source hands in: kept together and in order."""

    batches: tuple[PointBatch, ...] = ()
    events: tuple[StateEvent, ...] = ()
    letters: tuple[DeadLetter, ...] = ()


@dataclass(slots=True, eq=False)
class _Waiting:
    parcel: Parcel
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Publisher:
    """Takes parcels; the bus, or the spool before it, makes them durable."""

    def __init__(
        self, bus: Bus, clock: Clock, meter: Meter, health: Health, spool: Spool | None = None, chance: Random | None = None
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._meter = meter
        self._health = health
        self._spool = spool
        self._chance = chance or Random()
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._backoff = Backoff(first=0.2, cap=5.0)
        self._retry_at = 0

    def submit(self, parcel: Parcel) -> asyncio.Future[None]:
        """Done once it is durable: as long as the bus refuses and there is no spool that lasts, and the caller's own bounds hold."""
        waiting = _Waiting(parcel)
        self._waiting.append(waiting)
        self._wake.set()
        return waiting.done

    async def run(self) -> None:
        """Serves until cancelled."""
        if self._spool is not None:
            await self._spool.open()
        while True:
            await self._turn()

    async def _turn(self) -> None:
        behind = self._spool is not None and not self._spool.empty
        if behind and not self._waiting:
            self._wake.clear()
            if self._clock.now() >= self._retry_at:
                await self._replay()
            else:
                await sleep(self._clock, 0.1)
            return
        await self._wake.wait()
        self._wake.clear()
        group, self._waiting = self._waiting, []
        if not group:
            return
        whole = _joined([w.parcel for w in group])
        if behind:
            await self._keep(whole)
            if self._clock.now() >= self._retry_at:
                await self._replay()
        else:
            await self._deliver(whole)
        for waiting in group:
            if not waiting.done.done():
                waiting.done.set_result(None)

    async def _deliver(self, parcel: Parcel) -> None:
        """To the bus; where it refuses, to the spool; without a spool, again and again."""
        while True:
            try:
                await self._send(parcel)
            except NotAvailable as error:
                self._refused(error)
                if self._spool is not None:
                    await self._keep(parcel)
                    return
                await self._clock.sleep_until(self._retry_at)
            else:
                self._went()
                return

    async def _send(self, parcel: Parcel) -> None:
        if parcel.batches:
            await self._bus.publish(MONITORING_POINTS, parcel.batches)
        if parcel.events:
            await self._bus.publish(MONITORING_STATE, parcel.events)
        if parcel.letters:
            await self._bus.publish(DEAD_LETTERS, parcel.letters)

    async def _keep(self, parcel: Parcel) -> None:
        assert self._spool is not None
        evicted = await self._spool.append(parcel.batches, parcel.events, parcel.letters, self._clock.now())
        for source, samples in evicted.items():
            hop = self._meter.hop("collector.receive", source)
            hop.left -= samples
            hop.explain("evicted", samples)
        self._meter.gauges["spool_bytes"] = float(self._spool.bytes)

    async def _replay(self) -> None:
        """Oldest first, a piece at a time, until the spool is empty or the bus refuses again."""
        assert self._spool is not None
        try:
            while (piece := await self._spool.oldest()) is not None:
                await self._send(Parcel(*piece))
                await self._spool.drop_oldest()
        except NotAvailable as error:
            self._refused(error)
        else:
            self._went()
        self._meter.gauges["spool_bytes"] = float(self._spool.bytes)

    def _refused(self, error: NotAvailable) -> None:
        _log.warning("the bus takes nothing: %s", error)
        self._health.bad("bus", f"it takes nothing: {error}")
        self._retry_at = self._clock.now() + round(self._backoff.delay(self._chance) * 1_000_000)
        self._backoff = self._backoff.next()

    def _went(self) -> None:
        if self._backoff.attempt:
            self._backoff = self._backoff.reset()
            self._health.good("bus")


def _joined(parcels: Sequence[Parcel]) -> Parcel:
    if len(parcels) == 1:
        return parcels[0]
    many: Any = zip(*((p.batches, p.events, p.letters) for p in parcels), strict=True)
    batches, events, letters = (sum(column, ()) for column in many)
    return Parcel(batches, events, letters)
