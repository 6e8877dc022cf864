"""How long a topic keeps its records: by age since they were accepted, and by bytes. Pure decisions; the adapters act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kernel.clock import SECOND

HOUR: Final = 3600
GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Retention:
    """What leaves a topic first: records older than `seconds`, and the oldest beyond `bytes` in all. None: no such bound."""

    seconds: float | None = None
    bytes: int | None = None


KEEP: Final = Retention()
"""Nothing is ever evicted."""

OTHERWISE: Final = Retention(7 * 24 * HOUR, GIB)
DEFAULTS: Final[Mapping[str, Retention]] = {
    "monitoring.points": Retention(24 * HOUR, 4 * GIB),
    "monitoring.state": Retention(7 * 24 * HOUR, GIB),
    "logs.entries": Retention(24 * HOUR, 4 * GIB),
    "alarms.inputs": Retention(24 * HOUR, GIB),
    "alarms.outputs": Retention(24 * HOUR, GIB),
    "alarms.events": Retention(30 * 24 * HOUR, 4 * GIB),
    "commands.requests": Retention(7 * 24 * HOUR, GIB // 4),
    "commands.replies": Retention(7 * 24 * HOUR, GIB // 4),
    "heartbeats": Retention(HOUR, GIB // 4),
    "dead.letters": Retention(30 * 24 * HOUR, GIB),
    "audit.actions": KEEP,
    "monitoring.discovered": Retention(None, 256 << 20),
    "cdb.revisions": KEEP,
}


def retention_of(topic: str, overrides: Mapping[str, Retention]) -> Retention:
    """The rule in force for a topic: what the site says, else the default."""
    return overrides.get(topic) or DEFAULTS.get(topic, OTHERWISE)


@dataclass(frozen=True, slots=True)
class Slice:
    """How much one step of eviction may take, so that publishers behind it do not wait long."""

    records: int = 1000
    bytes: int = 8 << 20


def evictable(rule: Retention, oldest: Iterable[tuple[int, int]], *, held: int, now: int, limit: Slice) -> tuple[int, int]:
    """How many of the oldest records (time accepted in microseconds, bytes), and how many bytes, go now.

    `held` is what the topic holds in bytes. Stops at the first record that may stay: a topic is a contiguous stretch.
    """
    count = freed = 0
    horizon = None if rule.seconds is None else now - round(rule.seconds * SECOND)
    for stored, size in oldest:
        too_old = horizon is not None and stored < horizon
        too_much = rule.bytes is not None and held - freed > rule.bytes
        if not (too_old or too_much) or count >= limit.records or freed >= limit.bytes:
            break
        count += 1
        freed += size
    return count, freed
