"""What the platform knows, as plain values. Times are datetimes in UTC, durations are seconds unless a name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Quality(IntEnum):
    """Of a sample, as it stands in quality columns. NEVER: nothing was ever received."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    NEVER = 255


@dataclass(frozen=True, slots=True)
class Limits:
    """In the point's unit; None where there is none."""

    lolo: float | None
    lo: float | None
    hi: float | None
    hihi: float | None


@dataclass(frozen=True, slots=True)
class Range:
    """The instrument's range in the point's unit."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Label:
    """A value of an enumeration and its name."""

    value: int
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A monitoring point and its newest sample."""

    name: str
    unit: str
    description: str
    kind: str
    """DOUBLE, LONG, BOOL, ENUM, TEXT"""
    asset: str
    device: str
    """The data source that delivers it; empty where it is derived."""
    address: str
    group: str
    """Equal for the same quantity of all telescopes."""
    sampling: float
    """Sampling interval, seconds."""
    deadband: float
    archive_class: str
    limits: Limits
    range: Range | None
    labels: tuple[Label, ...]
    quality: Quality | None
    """None: nothing was ever received."""
    value: float | int | str | None
    label: str | None
    """The name of an enumeration's value."""
    time: datetime | None
    received: datetime | None
    status: int | None
    """The protocol's own status code."""

    def __str__(self) -> str:
        shown = "never received" if self.quality is None else f"{self.value if self.label is None else self.label} {self.unit}".rstrip()
        mark = "" if self.quality in (None, Quality.GOOD) else f" ({self.quality.name.lower()})"
        return f"{self.name} = {shown}{mark}"


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that ended at a hop, and why."""

    cause: str
    count: int


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of the pipeline: in_ = out + lost_total + inside."""

    name: str
    source: str
    in_: int
    out: int
    lost: tuple[Loss, ...]
    lost_total: int
    inside: int
    rate_in: float
    """Per second."""
    rate_out: float
    last: datetime | None
    age: float | None
    """Seconds since the last record."""
    lag: float | None
    """Seconds it is behind, where it says so."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A measured value; the name ends in its unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Instance:
    """One running instance of a service."""

    instance: str
    service: str
    system: str
    host: str
    pid: int
    state: str
    started: datetime
    time: datetime
    silent: float
    """Seconds since its last heartbeat."""
    last_error: str
    revision: int
    cpu: float
    """CPU time so far, seconds."""
    rss: int
    """Memory, bytes."""
    gauges: tuple[Gauge, ...]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A system or a service: the worst state of its instances."""

    name: str
    system: str
    state: str
    """STARTING RUNNING DEGRADED STOPPING STOPPED FAILED"""
    last_error: str
    rate_in: float
    rate_out: float
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class GroupLag:
    """Records a consumer group has not yet committed."""

    group: str
    records: int


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """What a topic of the bus holds."""

    name: str
    records: int
    bytes: int
    first_time: datetime | None
    last_time: datetime | None
    lag: tuple[GroupLag, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Every hop, with what went in, what came out and what became of the rest."""

    time: datetime
    hops: tuple[Hop, ...]
    systems: tuple[ServiceStatus, ...]
    services: tuple[ServiceStatus, ...]
    topics: tuple[TopicStatus, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Source:
    """A data source and its connection."""

    name: str
    protocol: str
    url: str
    asset: str
    enabled: bool
    points: int
    connected: bool | None
    """None: it has not been heard of."""
    since: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class Position:
    """Metres east and north of the site's reference."""

    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Asset:
    """A node of the asset tree: site, telescope, building, instrument."""

    name: str
    title: str
    type: str
    parent: str | None
    position: Position | None
    points: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where the array stands: degrees north and east, metres above sea level."""

    name: str
    title: str
    latitude: float
    longitude: float
    height: float


@dataclass(frozen=True, slots=True)
class ArchiveClass:
    """How some points are kept, and what that takes."""

    name: str
    chunk: float | None
    """Seconds per sealed chunk."""
    retention: float | None
    """Seconds; None: for ever."""
    samples: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """Size and health of the archive."""

    samples: int
    bytes: int
    bytes_per_sample: float | None
    open_samples: int
    """Not yet in sealed chunks."""
    oldest: datetime | None
    newest: datetime | None
    disk_free: int
    days_left: float | None
    classes: tuple[ArchiveClass, ...]


@dataclass(frozen=True, slots=True)
class Me:
    """Who is asking."""

    user: str
    role: str
    expires: datetime
    series_budget: int
    """Samples that one request may ask for."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A published revision of the configuration."""

    number: int
    base: int
    time: datetime
    author: str
    comment: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration the services work with now."""

    revision: int
    newest: int
    """Greater while a revision is being taken up."""
    points: int
    assets: int
    sources: int
    published: Revision | None


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the configuration, listed; size in bytes."""

    path: str
    size: int
    lines: int


@dataclass(frozen=True, slots=True)
class Node:
    """A document (text) or a folder (children) of the configuration."""

    path: str
    name: str
    revision: int
    folder: bool
    text: str | None
    children: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One document that differs between two revisions; diff is unified."""

    path: str
    kind: str
    """ADDED CHANGED REMOVED"""
    before: str | None
    after: str | None
    diff: str
    added: int
    removed: int
