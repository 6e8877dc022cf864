"""The audit: every log-in and every write, refused or done, on topic audit.actions."""

from __future__ import annotations

import asyncio
from typing import Final

from hmi_backend.roles import Role
from kernel.bus import Bus
from kernel.clock import Clock, sleep
from kernel.errors import NotAvailable
from kernel.meter import Meter
from schemas.records import AUDIT_ACTIONS, AuditAction

MOST_WAITING: Final = 1000
AGAIN_S: Final = 1.0
LONGEST: Final = 1000
"""Characters kept of a target or detail: entries are kept for good, and whoever is refused chooses what they say."""


class Audit:
    """Writes entries. Those that the bus does not take now wait in memory, and degrade the service: nobody is locked out for them."""

    def __init__(self, bus: Bus, clock: Clock, meter: Meter) -> None:
        self._bus, self._clock, self._meter = bus, clock, meter
        self._hop = meter.hop("hmi.audit")
        self._waiting: list[AuditAction] = []
        self._turn = asyncio.Lock()
        self._tries = 0
        self._failing = False

    async def run(self) -> None:
        """Tries again what the bus did not take, until cancelled."""
        while True:
            await sleep(self._clock, AGAIN_S)
            if self._waiting:
                await self._hand_in()

    async def write(self, user: str, role: Role | None, action: str, target: str, *, ok: bool, detail: str = "", origin: str = "") -> None:
        """One entry; returns when the bus has it, or has refused it for now."""
        entry = AuditAction(
            time=self._clock.now(),
            user=user,
            role=role.value if role else "",
            action=action,
            target=target[:LONGEST],
            ok=ok,
            detail=detail[:LONGEST],
            origin=origin,
        )
        self._hop.entered += 1
        if len(self._waiting) >= MOST_WAITING:
            self._hop.explain("overflow", 1)
            return
        self._waiting.append(entry)
        await self._hand_in()

    async def _hand_in(self) -> None:
        """Everything that waits, in order."""
        before = self._tries
        async with self._turn:
            if self._tries > before or not self._waiting:
                return  # a try that began after ours was handed in took it along, or was refused as ours would be
            self._tries += 1
            entries = tuple(self._waiting)
            try:
                await self._bus.publish(AUDIT_ACTIONS, entries)
            except NotAvailable as error:
                self._failing = True
                self._meter.degraded(f"{len(entries)} audit entries wait for the bus: {error}")
                return
            del self._waiting[: len(entries)]
            self._hop.left += len(entries)
            self._hop.last = entries[-1].time
            if self._failing:
                self._failing = False
                self._meter.recovered()
