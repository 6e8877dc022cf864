"""What the managers know: the newest heartbeat of every instance, folded into services, systems and the loss ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kernel.clock import SECOND
from schemas.records import Heartbeat, Hop, ServiceState

SILENT_AFTER = 5 * SECOND
FORGET_AFTER = 600 * SECOND
"""Nobody reads heartbeats that are older: one that says so comes from a host whose clock is wrong, or ours is."""
STEPPED = 60 * SECOND
"""A heartbeat that is so much older than the one before it was not delivered late: its host's clock was set back."""
GONE = "process_gone"
"""Cause of what was in a process when it died: it may have got further, or not; the archive's gaps tell."""
MANAGER = "_manager"
"""What the names of the services that manage a system end with."""
_WRONG = (ServiceState.FAILED, ServiceState.DEGRADED)
_ORDER = (
    ServiceState.FAILED,
    ServiceState.DEGRADED,
    ServiceState.STARTING,
    ServiceState.STOPPING,
    ServiceState.RUNNING,
    ServiceState.STOPPED,
)


@dataclass(frozen=True, slots=True)
class HopStatus:
    """One hop of the pipeline, all instances together. Rates are per second over the last heartbeats."""

    name: str
    source: str
    entered: int
    left: int
    lost: Mapping[str, int]
    rate_in: float
    rate_out: float
    last: int
    """Microseconds UTC of the last record that passed."""

    @property
    def inside(self) -> int:
        """Entered and not yet left or explained. Of a hop at rest it is 0, or the ledger is wrong."""
        return self.entered - self.left - sum(self.lost.values())


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """One instance, with its silence taken into account: one that should run and is silent has FAILED."""

    beat: Heartbeat
    state: ServiceState
    silent_s: float


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """One system or service: the worst state of its instances."""

    name: str
    state: ServiceState
    instances: tuple[InstanceStatus, ...]
    last_error: str


class Fleet:
    """Folds heartbeats. Ask `instances`, `systems`, `services` or `hops` at any time."""

    def __init__(self) -> None:
        self._beats: dict[str, Heartbeat] = {}
        self._rates: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._behind: dict[str, int] = {}
        """By how much the clocks of instances are behind ours, where it is so much that only a wrong clock explains it."""

    def add(self, beat: Heartbeat, now: int | None = None) -> None:
        """Takes a heartbeat; rates come from the difference to the one before of the same instance. now: when it was received."""
        before = self._beats.get(beat.instance)
        if before is not None and before.time - STEPPED < beat.time <= before.time:
            return
        self._beats[beat.instance] = beat
        late = 0 if now is None else now - beat.time
        self._behind[beat.instance] = 0 if -SILENT_AFTER < late < FORGET_AFTER else late
        old = {(h.name, h.source): h for h in before.hops} if before and before.time < beat.time and before.started == beat.started else {}
        for h in beat.hops:
            o = old.get((h.name, h.source))
            if o is not None and before is not None:
                seconds = (beat.time - before.time) / SECOND
                self._rates[beat.instance, h.name, h.source] = ((h.entered - o.entered) / seconds, (h.left - o.left) / seconds)

    def instances(self, now: int) -> tuple[InstanceStatus, ...]:
        """Every instance heard of in the last ten minutes, by name."""
        self._forget(now)
        return tuple(self._instance(b, now) for _, b in sorted(self._beats.items()))

    def rates(self, instance: str) -> dict[str, tuple[float, float]]:
        """Of one instance: hop to records per second in and out, all sources together, over its last two heartbeats."""
        found: dict[str, tuple[float, float]] = {}
        for (who, hop, _), (entered, left) in self._rates.items():
            if who == instance:
                before = found.get(hop, (0.0, 0.0))
                found[hop] = (before[0] + entered, before[1] + left)
        return found

    def systems(self, now: int) -> tuple[SystemStatus, ...]:
        """monitoring, logging, alarms, platform: those that have instances. One whose services are all stopped is STOPPED although its
        manager runs, waiting to start it again; one of which some are stopped is DEGRADED."""
        return tuple(_of_services(s) for s in self._grouped(now, lambda b: b.system))

    def services(self, now: int) -> tuple[SystemStatus, ...]:
        """Every service that has instances."""
        return self._grouped(now, lambda b: b.service)

    def hops(self, now: int) -> tuple[HopStatus, ...]:
        """The ledger, by hop and source, summed over instances."""
        self._forget(now)
        found: dict[tuple[str, str], list[tuple[str, Hop]]] = {}
        for beat in self._beats.values():
            for h in beat.hops:
                found.setdefault((h.name, h.source), []).append((beat.instance, h))
        return tuple(self._hop(name, source, lines, now) for (name, source), lines in sorted(found.items()))

    def _hop(self, name: str, source: str, lines: Sequence[tuple[str, Hop]], now: int) -> HopStatus:
        lost: dict[str, int] = {}
        rate_in = rate_out = 0.0
        for instance, h in lines:
            for cause, count in h.lost.items():
                lost[cause] = lost.get(cause, 0) + count
            inside = h.entered - h.left - sum(h.lost.values())
            if inside > 0 and self._is_gone(self._beats[instance], now):
                lost[GONE] = lost.get(GONE, 0) + inside
            if self._silent(self._beats[instance], now) < SILENT_AFTER:
                i, o = self._rates.get((instance, name, source), (0.0, 0.0))
                rate_in, rate_out = rate_in + i, rate_out + o
        hops = [h for _, h in lines]
        return HopStatus(
            name, source, sum(h.entered for h in hops), sum(h.left for h in hops), lost, rate_in, rate_out, max(h.last for h in hops)
        )

    def _instance(self, beat: Heartbeat, now: int) -> InstanceStatus:
        state = ServiceState.FAILED if self._is_gone(beat, now) else beat.state
        return InstanceStatus(beat, state, self._silent(beat, now) / SECOND)

    def _silent(self, beat: Heartbeat, now: int) -> int:
        return now - beat.time - self._behind.get(beat.instance, 0)

    def _is_gone(self, beat: Heartbeat, now: int) -> bool:
        return self._silent(beat, now) > SILENT_AFTER and beat.state is not ServiceState.STOPPED

    def _grouped(self, now: int, key: Callable[[Heartbeat], str]) -> tuple[SystemStatus, ...]:
        groups: dict[str, list[InstanceStatus]] = {}
        for i in self.instances(now):
            groups.setdefault(key(i.beat), []).append(i)
        return tuple(_worst(name, members) for name, members in sorted(groups.items()))

    def _forget(self, now: int) -> None:
        for name in [n for n, b in self._beats.items() if self._silent(b, now) > FORGET_AFTER]:
            del self._beats[name], self._behind[name]
            self._rates = {k: v for k, v in self._rates.items() if k[0] != name}


def _worst(name: str, members: Sequence[InstanceStatus]) -> SystemStatus:
    current = [m for m in members if m.state not in (ServiceState.FAILED, ServiceState.STOPPED) or not _replaced(m, members)]
    state = min((m.state for m in current), key=_ORDER.index)
    errors = [(m.beat.time, m.beat.last_error or f"silent for {m.silent_s:.0f} s") for m in current if m.state in _WRONG]
    return SystemStatus(name, state, tuple(current), max(errors)[1] if errors else "")


def _of_services(system: SystemStatus) -> SystemStatus:
    """The state of a system from those of its services, its manager aside."""
    states: dict[str, list[ServiceState]] = {}
    for i in system.instances:
        if not i.beat.service.endswith(MANAGER):
            states.setdefault(i.beat.service, []).append(i.state)
    stopped = sorted(name for name, found in states.items() if set(found) == {ServiceState.STOPPED})
    if not stopped or system.state in _WRONG:
        return system
    if len(stopped) == len(states):
        return replace(system, state=ServiceState.STOPPED)
    return replace(system, state=ServiceState.DEGRADED, last_error=f"stopped: {', '.join(stopped)}")


def _replaced(gone: InstanceStatus, members: Sequence[InstanceStatus]) -> bool:
    """Whether an instance that is gone has a living successor of the same service on the same host."""
    return any(
        m.state is not ServiceState.FAILED
        and m.beat.service == gone.beat.service
        and m.beat.host == gone.beat.host
        and m.beat.started > gone.beat.started
        for m in members
    )
