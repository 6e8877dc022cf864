"""The loss ledger of one service: what entered each hop, what left it, and why the rest did not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from schemas.records import Hop, ServiceState


@dataclass(slots=True)
class HopMeter:
    """Totals of one hop since the service started: entered = left + sum(lost) + what is inside just now."""

    name: str
    source: str = ""
    entered: int = 0
    left: int = 0
    lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    last: int = 0

    def explain(self, cause: str, count: int) -> None:
        """Counts samples that end here, with their cause."""
        if count:
            self.lost[cause] += count

    def record(self) -> Hop:
        """The line as it is published."""
        return Hop(name=self.name, source=self.source, entered=self.entered, left=self.left, lost=dict(self.lost), last=self.last)


class Meter:
    """What one service says of itself; the heartbeat publishes it every second."""

    def __init__(self, service: str, instance: str = "") -> None:
        self.service = service
        self.instance = instance or service
        self.state = ServiceState.STARTING
        self.last_error = ""
        self.revision = 0
        self.gauges: dict[str, float] = {}
        self._hops: dict[tuple[str, str], HopMeter] = {}

    def hop(self, name: str, source: str = "") -> HopMeter:
        """The hop's line, made on first use."""
        found = self._hops.get((name, source))
        if found is None:
            found = self._hops[name, source] = HopMeter(name, source)
        return found

    def degraded(self, error: str) -> None:
        """Something is wrong but the service goes on; says so once."""
        self.state, self.last_error = ServiceState.DEGRADED, error

    def recovered(self) -> None:
        """It is well again; last_error stays readable."""
        if self.state is ServiceState.DEGRADED:
            self.state = ServiceState.RUNNING

    def hops(self) -> tuple[Hop, ...]:
        """Every line."""
        return tuple(h.record() for h in self._hops.values())
