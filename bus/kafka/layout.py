"""How topics lie on a cluster: the only table of partitions, retention and compaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bus.envelope import LARGEST
from bus.retention import Retention, retention_of

MESSAGE: Final = LARGEST + (1 << 20)
"""Bytes of the largest message: a record with its key and headers."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Partitions are the unit of scaling: at most so many members of a group share the work."""

    partitions: int = 1
    compact: bool = False
    """Of each key only the newest record is kept for sure."""


LAYOUTS: Final[Mapping[str, Layout]] = {
    "monitoring.points": Layout(12),
    "monitoring.state": Layout(3),
    "monitoring.discovered": Layout(1),
    "logs.entries": Layout(12),
    "alarms.inputs": Layout(6),
    "alarms.outputs": Layout(6),
    "alarms.events": Layout(3),
    "commands.requests": Layout(1),
    "commands.replies": Layout(1),
    "heartbeats": Layout(1),
    "cdb.revisions": Layout(1),
    "audit.actions": Layout(1),
    "dead.letters": Layout(1),
}
OTHERWISE: Final = Layout()


def layout_of(topic: str) -> Layout:
    """How a topic is laid out where it does not exist yet."""
    return LAYOUTS.get(topic, OTHERWISE)


def topic_settings(topic: str, partitions: int, overrides: Mapping[str, Retention]) -> dict[str, str]:
    """A topic's settings. Age counts from the moment a record was accepted (LogAppendTime), as bus.retention has it; Kafka counts bytes
    per partition and evicts whole segments, so these are small against what is kept."""
    rule, layout = retention_of(topic, overrides), layout_of(topic)
    size = -1 if rule.bytes is None else max(1 << 20, rule.bytes // partitions)
    age = -1 if rule.seconds is None else round(rule.seconds * 1000)
    segment = 256 << 20 if size < 0 else min(256 << 20, max(1 << 20, size // 8))
    found = {
        "cleanup.policy": "compact" if layout.compact else "delete",
        "retention.ms": str(age),
        "retention.bytes": str(size),
        "segment.bytes": str(segment),
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MESSAGE),
    }
    if age > 0:
        found["segment.ms"] = str(min(7 * 86_400_000, max(1000, age // 8)))
    return found
