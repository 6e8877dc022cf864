"""The audit: every log-in and every write, refused or done, on topic audit.actions."""

from __future__ import annotations

from hmi_backend.roles import Role
from kernel.bus import Bus
from kernel.clock import Clock
from kernel.errors import NotAvailable
from kernel.meter import Meter
from schemas.records import AUDIT_ACTIONS, AuditAction


class Audit:
    """Writes entries. An audit that cannot be written is counted and degrades the service, but locks nobody out."""

    def __init__(self, bus: Bus, clock: Clock, meter: Meter) -> None:
        self._bus, self._clock, self._meter = bus, clock, meter
        self._hop = meter.hop("hmi.audit")
        self._failing = False

    async def write(self, user: str, role: Role | None, action: str, target: str, *, ok: bool, detail: str = "", origin: str = "") -> None:
        """One entry."""
        entry = AuditAction(
            time=self._clock.now(),
            user=user,
            role=role.value if role else "",
            action=action,
            target=target,
            ok=ok,
            detail=detail[:1000],
            origin=origin,
        )
        self._hop.entered += 1
        try:
            await self._bus.publish(AUDIT_ACTIONS, [entry])
        except NotAvailable as error:
            self._failing = True
            self._hop.explain("unavailable", 1)
            self._meter.degraded(f"an audit entry was not written ({action} by {user}): {error}")
        else:
            self._hop.left += 1
            self._hop.last = entry.time
            if self._failing:
                self._failing = False
                self._meter.recovered()
