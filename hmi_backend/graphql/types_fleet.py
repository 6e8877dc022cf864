"""GraphQL types for comparing equal telescopes."""

from __future__ import annotations

import strawberry

from hmi_backend.graphql.scalars import Long, Time, Value
from hmi_backend.graphql.types_points import SampleQuality
from kernel.array import PointKind


@strawberry.type(description="The same quantity of several telescopes.")
class PointGroup:
    group: str
    description: str
    unit: str
    kind: PointKind
    members: int


@strawberry.type(description="One telescope among its equals.")
class FleetMember:
    point: str
    asset: str
    title: str
    time: Time | None = strawberry.field(description="Source time of the value; of a range, of its last sample.")
    value: Value | None = strawberry.field(description="The sample in force; of a range, its last.")
    label: str | None = strawberry.field(description="The name of an enumeration's value.")
    quality: SampleQuality | None
    count: Long = strawberry.field(description="Samples the figures are made of.")
    min: float | None
    max: float | None
    mean: float | None
    std: float | None = strawberry.field(description="Standard deviation of the population, over the range.")
    z: float | None = strawberry.field(
        description=(
            "Modified z-score 0.6745 (x - median) / MAD of the value (of a range: of its mean). "
            "Where more than half are equal MAD is 0, and the mean deviation from the median takes its place."
        )
    )
    odd: bool = strawberry.field(description="|z| > 3.5; of states: not what more than half of the others have.")


@strawberry.type(description="Equal telescopes compared in one quantity. Bad samples do not count.")
class FleetStats:
    group: str
    unit: str
    kind: PointKind
    at: Time | None = strawberry.field(description="The moment; null of a range.")
    start: Time | None = strawberry.field(name="from", description="Of a range.")
    end: Time | None = strawberry.field(name="to", description="Of a range.")
    count: int = strawberry.field(description="Telescopes that have a value.")
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    std: float | None = strawberry.field(description="Between telescopes.")
    mad: float | None = strawberry.field(description="Median absolute deviation from the median.")
    members: list[FleetMember] = strawberry.field(description="By name.")
