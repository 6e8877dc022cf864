"""GENERATED from avro/*.avsc by `python -m schemas.generate`: edit the schemas, not this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.topic import Topic

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAction:
    """Somebody did, or tried to do, something that changes the system."""

    time: int
    """Microseconds UTC."""
    user: str
    role: str
    action: str
    """login, cdbPublish, stop ..."""
    target: str
    ok: bool
    detail: str = ""
    origin: str = ""
    """Address or program it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReply:
    """The answer to a command request."""

    id: str
    """The request's id."""
    time: int
    """Microseconds UTC."""
    instance: str
    ok: bool
    detail: str


class CommandVerb(Enum):
    START = "START"
    STOP = "STOP"
    RESTART = "RESTART"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """Someone asks a manager or service to do something."""

    id: str
    time: int
    """Microseconds UTC."""
    target: str
    """A system (monitoring, logging, alarms), a service or an instance."""
    verb: CommandVerb
    user: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Bytes that could not be understood, kept where they can be read."""

    time: int
    """Microseconds UTC."""
    origin: str
    """Topic or source they came from."""
    reason: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    value: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredPoint:
    name: str
    address: str
    browse: int
    """Number of the source's browse rule that found it; -1: a configured point."""
    unit: str = ""
    low: float | None = None
    """The instrument's range."""
    high: float | None = None
    labels: tuple[Label, ...]
    """Of an enumeration."""
    kind: str = ""
    """Kind of value of a browsed point, as in the configuration; empty: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What a source's device told of its points that the configuration does not say: points found by browsing, units, ranges, labels. The newest of a source holds."""

    source: str
    time: int
    """Microseconds UTC."""
    points: tuple[DiscoveredPoint, ...]


class ServiceState(Enum):
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    DEGRADED = "DEGRADED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A ledger line: counted in = counted out + lost by cause. Totals since the instance started."""

    name: str
    """collector.receive, dispatcher.store ..."""
    source: str = ""
    entered: int
    left: int
    lost: Mapping[str, int]
    """cause to count; every cause explains"""
    last: int = 0
    """Microseconds UTC of the last record that passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What one instance of a service says of itself, once a second."""

    instance: str
    """service@host:pid"""
    service: str
    system: str
    """monitoring, logging, alarms or platform"""
    host: str
    pid: int
    time: int
    """Microseconds UTC."""
    started: int
    """Microseconds UTC."""
    state: ServiceState
    last_error: str = ""
    revision: int = 0
    """Configuration revision in force."""
    cpu_s: float
    """CPU time of the process so far, seconds."""
    rss_bytes: int
    gauges: Mapping[str, float]
    """Lag in seconds, queue fill, disk free ...: the name ends in its unit."""
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoubleColumns:
    """Samples with floating point values. A value that the device did not deliver is NaN, whatever the point's kind; its quality is bad."""

    index: Ints
    """Position in names."""
    base: int
    """Microseconds UTC that the time column counts from."""
    time: Ints
    """Source time, microseconds after base."""
    server: Ints
    """Server time minus source time, microseconds."""
    value: Doubles
    quality: Ints
    """0 good, 1 uncertain, 2 bad."""
    status: Ints
    """The protocol's own status code."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LongColumns:
    """Samples with integer, Boolean (0 and 1) and enumerated values."""

    index: Ints
    base: int
    time: Ints
    server: Ints
    value: Ints
    quality: Ints
    status: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextColumns:
    """Samples with text values; arrays and structures travel as JSON text."""

    index: Ints
    base: int
    time: Ints
    server: Ints
    value: tuple[str, ...]
    quality: Ints
    status: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointBatch:
    """Samples of many monitoring points of one source, as columns by type. An empty quality, status or server column means all zero; an empty index column means that sample i belongs to names[i]."""

    source: str
    """Data source that was read; the key, so order holds per source."""
    epoch: int
    """Microseconds UTC at which this run of the source's sequence was opened."""
    seq: int
    """0, 1, 2 ... within the epoch; with source and epoch it identifies the batch, so that a batch that comes again is stored once."""
    received: int
    """Microseconds UTC at which the last sample reached the collector."""
    published: int
    """Microseconds UTC at which the batch was handed to the bus."""
    covered_from: int
    """Microseconds UTC. From here ..."""
    covered_to: int
    """... to here the source was connected and reported every change: a point without a sample in between is unchanged and still good. Equal to covered_from when nothing is claimed."""
    names: tuple[str, ...]
    """The points that occur, each once."""
    doubles: DoubleColumns
    longs: LongColumns
    texts: TextColumns
    wire: bytes | None = field(default=None, init=False, repr=False)
    """The bytes it was decoded from or encoded to, so that passing it on costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A published revision of the configuration."""

    number: int
    base: int
    """The revision it was made from."""
    time: int
    """Microseconds UTC."""
    author: str
    comment: str
    paths: tuple[str, ...]
    """Documents that differ from the base."""


class StateKind(Enum):
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    GAP = "GAP"
    REFUSED = "REFUSED"


class GapCause(Enum):
    UNKNOWN = "UNKNOWN"
    DISCONNECTED = "DISCONNECTED"
    OVERFLOW = "OVERFLOW"
    DECODE_ERROR = "DECODE_ERROR"
    FILTERED = "FILTERED"
    EVICTED = "EVICTED"
    LATE_REJECTED = "LATE_REJECTED"
    STALE = "STALE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent:
    """A change of a source's connection, or an explained loss: why samples are missing, where, and how many."""

    source: str
    time: int
    """Microseconds UTC at which this was noticed."""
    kind: StateKind
    """GAP: samples are missing between start and end. REFUSED: samples arrived and were not stored."""
    cause: GapCause
    points: tuple[str, ...]
    """The points concerned; empty: all of the source."""
    start: int
    """Microseconds UTC."""
    end: int | None = None
    """Microseconds UTC; null while it lasts."""
    count: int | None = None
    """Samples lost, where it is known."""
    detail: str = ""
    """For people: what happened."""


AUDIT_ACTIONS: Final[Topic[AuditAction]] = Topic("audit.actions", AuditAction, attrgetter("user"), attrgetter("time"))
COMMANDS_REPLIES: Final[Topic[CommandReply]] = Topic("commands.replies", CommandReply, attrgetter("id"), attrgetter("time"))
COMMANDS_REQUESTS: Final[Topic[CommandRequest]] = Topic("commands.requests", CommandRequest, attrgetter("target"), attrgetter("time"))
DEAD_LETTERS: Final[Topic[DeadLetter]] = Topic("dead.letters", DeadLetter, attrgetter("origin"), attrgetter("time"))
MONITORING_DISCOVERED: Final[Topic[Discovery]] = Topic("monitoring.discovered", Discovery, attrgetter("source"), attrgetter("time"))
HEARTBEATS: Final[Topic[Heartbeat]] = Topic("heartbeats", Heartbeat, attrgetter("instance"), attrgetter("time"))
MONITORING_POINTS: Final[Topic[PointBatch]] = Topic("monitoring.points", PointBatch, attrgetter("source"), attrgetter("published"))
CDB_REVISIONS: Final[Topic[Revision]] = Topic("cdb.revisions", Revision, attrgetter("author"), attrgetter("time"))
MONITORING_STATE: Final[Topic[StateEvent]] = Topic("monitoring.state", StateEvent, attrgetter("source"), attrgetter("time"))
TOPICS: Final = (
    AUDIT_ACTIONS,
    COMMANDS_REPLIES,
    COMMANDS_REQUESTS,
    DEAD_LETTERS,
    MONITORING_DISCOVERED,
    HEARTBEATS,
    MONITORING_POINTS,
    CDB_REVISIONS,
    MONITORING_STATE,
)
