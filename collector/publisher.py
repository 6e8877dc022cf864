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
from kernel.batches import size
from kernel.bus import Bus
from kernel.clock import Clock, sleep
from kernel.errors import NotAvailable
from kernel.meter import Meter
from schemas.records import (
    DEAD_LETTERS,
    MONITORING_DISCOVERED,
    MONITORING_POINTS,
    MONITORING_STATE,
    DeadLetter,
    Discovery,
    PointBatch,
    StateEvent,
)

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
        self._retry_at = 0.0
        """Steady seconds."""
        self._told = ""
        """Why the bus refused, as it stands in the log."""

    def submit(self, parcel: Parcel) -> asyncio.Future[None]:
        """Done once it is durable: as long as the bus refuses and there is no spool that lasts, and the caller's own bounds hold."""
        waiting = _Waiting(parcel)
        self._waiting.append(waiting)
        self._wake.set()
        return waiting.done

    async def announce(self, discovery: Discovery) -> bool:
        """Publishes what a device told; False where the bus does not take it now. It is told again, so it needs no spool."""
        try:
            await self._bus.publish(MONITORING_DISCOVERED, [discovery])
        except NotAvailable:
            return False
        return True

    async def run(self) -> None:
        """Serves until cancelled."""
        if self._spool is not None:
            await self._spool.open()
        while True:
            if not self._waiting and self._spool is not None and not self._spool.empty:
                await self._catch_up()
                continue
            await self._wake.wait()
            self._wake.clear()
            await self._serve()

    async def _serve(self) -> None:
        group, self._waiting = self._waiting, []
        if not group:
            return
        await self._deliver(_joined([w.parcel for w in group]))
        for waiting in group:
            if not waiting.done.done():
                waiting.done.set_result(None)

    async def _catch_up(self) -> None:
        """Nothing new waits, but the spool holds something."""
        if self._clock.steady() >= self._retry_at:
            await self._replay()
        else:
            await sleep(self._clock, 0.1)

    async def _deliver(self, parcel: Parcel) -> None:
        """To the bus, after what the spool holds; where the bus refuses, to the spool; where that cannot either, again and again."""
        while True:
            if self._spool is not None and not self._spool.empty and self._clock.steady() >= self._retry_at:
                await self._replay()
            if self._spool is None or self._spool.empty:
                try:
                    await self._send(parcel)
                except NotAvailable as error:
                    self._refused(error)
                else:
                    self._went()
                    return
            if self._spool is not None and await self._keep(self._spool, parcel):
                return
            await sleep(self._clock, max(self._retry_at - self._clock.steady(), 0.2))

    async def _send(self, parcel: Parcel) -> None:
        if parcel.batches:
            await self._bus.publish(MONITORING_POINTS, parcel.batches)
        if parcel.events:
            await self._bus.publish(MONITORING_STATE, parcel.events)
        if parcel.letters:
            await self._bus.publish(DEAD_LETTERS, parcel.letters)

    async def _keep(self, spool: Spool, parcel: Parcel) -> bool:
        """Into the spool; False when the disk does not take it."""
        try:
            evicted = await spool.append([*parcel.batches, *parcel.events, *parcel.letters], self._clock.now())
        except OSError as error:
            self._health.bad("spool", f"{spool.folder}: {error.strerror or error}; make room on its disk")
            return False
        self._health.good("spool")
        self._count(parcel.batches, entered=True)
        for batches, inherited in evicted:
            self._count(batches, entered=inherited, cause="evicted")
        self._meter.gauges["spool_bytes"] = float(spool.bytes)
        return True

    async def _replay(self) -> None:
        """Oldest first, a segment at a time, until the spool is empty or the bus refuses again."""
        assert self._spool is not None
        try:
            while (segment := await self._spool.oldest()) is not None:
                await self._send(Parcel(*segment.records))
                await self._spool.drop_oldest()
                self._count(segment.records[0], entered=segment.inherited, left=True)
        except NotAvailable as error:
            self._refused(error)
        else:
            self._went()
        self._meter.gauges["spool_bytes"] = float(self._spool.bytes)

    def _count(self, batches: Sequence[PointBatch], *, entered: bool = False, left: bool = False, cause: str = "") -> None:
        """The ledger's line of the spool. What an earlier process left in it enters when it is met."""
        for batch in batches:
            hop, n = self._meter.hop("collector.spool", batch.source), size(batch)
            hop.entered += n if entered else 0
            hop.left += n if left else 0
            if cause:
                hop.explain(cause, n)

    def _refused(self, error: NotAvailable) -> None:
        if str(error) != self._told:  # not again at each try: where the disk is full, the log may stand on it
            self._told = str(error)
            _log.warning("the bus takes nothing: %s", error)
        self._health.bad("bus", f"it takes nothing: {error}")
        self._retry_at = self._clock.steady() + self._backoff.delay(self._chance)
        self._backoff = self._backoff.next()

    def _went(self) -> None:
        if self._backoff.attempt:
            self._backoff, self._told = self._backoff.reset(), ""
            _log.info("the bus takes records again")
            self._health.good("bus")
            self._health.good("spool")  # whether the disk has room for it shows when it is needed again


def _joined(parcels: Sequence[Parcel]) -> Parcel:
    if len(parcels) == 1:
        return parcels[0]
    many: Any = zip(*((p.batches, p.events, p.letters) for p in parcels), strict=True)
    batches, events, letters = (sum(column, ()) for column in many)
    return Parcel(batches, events, letters)
