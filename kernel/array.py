"""The observatory as frozen values: what the configuration database compiles to and every service works from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class PointKind(Enum):
    """The kind of value a point has."""

    DOUBLE = "double"
    LONG = "long"
    BOOL = "bool"
    ENUM = "enum"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Limits:
    """Alarm and display limits in the point's unit; None where there is none. lolo <= lo <= hi <= hihi."""

    lolo: float | None = None
    lo: float | None = None
    hi: float | None = None
    hihi: float | None = None


class DeadbandKind(Enum):
    """ABSOLUTE in the point's unit; PERCENT of the instrument's range (EURange)."""

    ABSOLUTE = "absolute"
    PERCENT = "percent"


class WindowMode(Enum):
    """Emit only samples inside, or only samples outside, the window."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Processing:
    """What the collector does to a point's samples before they are published."""

    max_silence: float | None = None
    """Duplicate suppression: an unchanged value (and quality) is passed on only after this many seconds; None: no suppression."""
    window: tuple[float, float] | None = None
    window_mode: WindowMode = WindowMode.INSIDE
    statistics_every: float | None = None
    """Seconds: statistics over consecutive windows are published as further points."""
    statistics: tuple[str, ...] = ()
    """Of mean, min, max, std, count, median: `mean` of `x.y.z` is published as `x.y.z.mean`."""
    accept: tuple[str, ...] = ("good", "uncertain", "bad")
    """Qualities passed on."""
    resolution: float | None = None
    """The sensor's resolution: values are rounded to multiples of it."""


NO_PROCESSING = Processing()


@dataclass(frozen=True, slots=True)
class PointType:
    """What points of one kind have in common; shared by all telescopes that deploy it."""

    kind: PointKind = PointKind.DOUBLE
    unit: str = ""
    description: str = ""
    labels: tuple[tuple[int, str], ...] = ()
    """Enumeration: value to label."""
    limits: Limits = Limits()
    sampling: float = 1.0
    """Sampling interval, seconds."""
    deadband: float = 0.0
    deadband_kind: DeadbandKind = DeadbandKind.ABSOLUTE
    range: tuple[float, float] | None = None
    """The instrument's range in the point's unit (EURange)."""
    processing: Processing = NO_PROCESSING
    archive_class: str = "standard"
    group: str = ""
    """What it is within its asset: `mount.azimuth` for `ast1.mount.azimuth`; equal for the same quantity of all telescopes."""


@dataclass(frozen=True, slots=True)
class Point:
    """A monitoring point, `telescope.assembly.quantity`."""

    name: str
    type: PointType
    asset: str
    source: str = ""
    """Name of the data source that delivers it; empty: derived from another point."""
    address: str = ""
    """In the source's protocol, e.g. an OPC-UA NodeId `ns=2;s=ast1.mount.azimuth`."""


@dataclass(frozen=True, slots=True)
class Browse:
    """OPC-UA points found by browsing: `*` in path matches one browse name and fills {1}, {2} ... in point."""

    path: str
    point: str
    type: PointType = PointType()
    kind_open: bool = False
    """Whether the configuration leaves the kind to what the device says."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data source: an endpoint of a device or gateway."""

    name: str
    protocol: str
    """opcua, ..."""
    url: str
    asset: str
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the protocol: for opcua security_policy, security_mode, user, password_file, certificate, private_key, publishing_interval ..."""
    browse: tuple[Browse, ...] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ArchiveClass:
    """How samples of some points are kept."""

    name: str
    chunk: float = 3600.0
    """Seconds per sealed chunk: a minute to a day."""
    retention: float | None = None
    """Seconds; None: for ever."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A node of the asset tree: site, telescope, building, instrument."""

    name: str
    title: str
    type: str
    """Template name, e.g. `astri`; empty for a plain node."""
    parent: str = ""
    position: tuple[float, float] | None = None
    """Metres east and north of the site's reference."""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the array stands."""

    name: str = "site"
    title: str = ""
    latitude: float = 0.0
    """Degrees north."""
    longitude: float = 0.0
    """Degrees east."""
    height: float = 0.0
    """Metres above sea level."""
    sky_shift: float = 0.0
    """Seconds the sky runs ahead of UTC: 0 on a real site; a demo shows an observing night by day. Times of samples are true UTC always."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayConfig:
    """One compiled revision of the whole configuration."""

    revision: int
    site: Site
    assets: Mapping[str, Asset]
    sources: Mapping[str, Source]
    points: Mapping[str, Point]
    classes: Mapping[str, ArchiveClass]


EMPTY = ArrayConfig(0, Site(), {}, {}, {}, {"standard": ArchiveClass("standard")})
