"""GraphQL types of points, assets and samples."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry

from hmi_backend.graphql.scalars import Columns, Duration, Long, Time
from kernel.archive import Fill, ResampleMethod
from kernel.array import PointKind
from schemas.records import GapCause, StateKind

strawberry.enum(ResampleMethod, description="How an irregular series becomes a regular one. MINMAX keeps both extremes at their own times.")
strawberry.enum(Fill, description="What stands in a bucket without samples. A gap with a cause stays a gap.")
strawberry.enum(PointKind, description="The kind of value a point has.")
strawberry.enum(GapCause, description="Why samples are missing.")
strawberry.enum(StateKind, description="What happened to a source.")


From = Annotated[Time, strawberry.argument(name="from")]
To = Annotated[Time, strawberry.argument(name="to")]
MaybeFrom = Annotated[Time | None, strawberry.argument(name="from")]
MaybeTo = Annotated[Time | None, strawberry.argument(name="to")]


@strawberry.enum(description="The quality of a sample.")
class SampleQuality(Enum):
    GOOD = "GOOD"
    UNCERTAIN = "UNCERTAIN"
    BAD = "BAD"


QUALITIES = (SampleQuality.GOOD, SampleQuality.UNCERTAIN, SampleQuality.BAD)


@strawberry.enum(description="LATEST: the newest sample of what changed. BATCH: every sample, bounded, saying how many were dropped.")
class LiveMode(Enum):
    LATEST = "LATEST"
    BATCH = "BATCH"


@strawberry.type(description="Where a page of a connection lies.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="Limits in the point's unit; null where there is none.")
class PointLimits:
    lolo: float | None
    lo: float | None
    hi: float | None
    hihi: float | None


@strawberry.type(description="A value of an enumeration and its name.")
class EnumLabel:
    value: Long
    label: str


@strawberry.type(description="The instrument's range in the point's unit.")
class ValueRange:
    low: float
    high: float


@strawberry.input(description="All conditions given must hold.")
class PointFilter:
    search: str | None = strawberry.field(
        default=None,
        description="Words, each found in name, description or initials; the best first. Three letters are enough.",
    )
    glob: str | None = strawberry.field(default=None, description="`*` any characters, `?` one, `[12]` one of these.")
    names: list[str] | None = strawberry.field(default=None, description="Exactly these, where they exist.")
    device: str | None = None
    asset: str | None = strawberry.field(default=None, description="This asset and those below it.")
    kind: list[PointKind] | None = None
    quality: list[SampleQuality] | None = strawberry.field(default=None, description="Of the newest sample.")
    group: str | None = None


@strawberry.input(description="A grid: `every`, or a number of `buckets` over the range.")
class Resample:
    method: ResampleMethod
    every: Duration | None = None
    buckets: int | None = None
    fill: Fill | None = Fill.NONE


@strawberry.type(description="Samples are missing from start to end, and this is why.")
class Gap:
    start: Time
    end: Time | None = strawberry.field(description="Null: it lasts.")
    cause: GapCause
    count: Long | None = strawberry.field(description="Samples lost, where it is known.")
    detail: str


@strawberry.type(description="One point's answer.")
class SeriesBlock:
    point: str
    unit: str | None
    kind: PointKind | None
    method: ResampleMethod = strawberry.field(description="The one used: RAW where there were fewer samples than buckets.")
    columns: Columns
    gaps: list[Gap]
    complete: bool = strawberry.field(description="False: a limit cut the answer, or data of the range may still arrive.")
    next_cursor: str | None = strawberry.field(description="Give it as `after` to go on (one point only).")


@strawberry.type(description="Values of some points. Columns are aligned with points: entry i of t, v and q belongs to points[i].")
class LiveBatch:
    seq: int
    server_time: Time
    points: list[str]
    columns: Columns
    dropped: int = strawberry.field(description="Samples this reader was too slow for (mode BATCH).")


@strawberry.type(description="Metres east and north of the site's reference.")
class Position:
    east: float
    north: float


@strawberry.type(description="A named text.")
class Property:
    name: str
    value: str


@strawberry.type(description="A node of the asset tree: site, telescope, building, instrument.")
class Asset:
    name: str
    title: str
    type: str = strawberry.field(description="The template it deploys; empty for a plain node.")
    parent: str | None
    position: Position | None
    properties: list[Property]
    points: int = strawberry.field(description="How many points it has.")


@strawberry.type(description="Where the array stands.")
class Site:
    name: str
    title: str
    latitude: float = strawberry.field(description="Degrees north.")
    longitude: float = strawberry.field(description="Degrees east.")
    height: float = strawberry.field(description="Metres above sea level.")
    sky_shift: float = strawberry.field(
        description="Seconds the sky (Sun, Moon, sidereal time) runs ahead of UTC: 0 but in a demo that shows a night by day."
    )


@strawberry.type(description="A data source and its connection.")
class Source:
    name: str
    protocol: str
    url: str
    asset: str
    enabled: bool
    points: int
    connected: bool | None = strawberry.field(description="Null: it has not been heard of.")
    since: Time | None = strawberry.field(description="When the connection came or went.")
    detail: str


@strawberry.type(description="A change of a source's connection, or an explained loss.")
class StateEvent:
    source: str
    time: Time
    kind: StateKind
    cause: GapCause
    points: list[str] = strawberry.field(description="The points concerned; empty: all of the source.")
    start: Time
    end: Time | None
    count: Long | None
    detail: str


@strawberry.type
class StateEventEdge:
    cursor: str
    node: StateEvent


@strawberry.type(description="Newest first.")
class StateEventConnection:
    edges: list[StateEventEdge]
    nodes: list[StateEvent]
    page_info: PageInfo
