"""GraphQL types of points as they were configured at some time."""

from __future__ import annotations

import strawberry

from hmi_backend.graphql.scalars import Time
from hmi_backend.graphql.types_points import EnumLabel, PointLimits, ValueRange
from kernel.array import PointKind


@strawberry.type(description="How a point was configured for a while.")
class PointAsOf:
    revision: int = strawberry.field(description="Of a history, the revision that made it so; of limitsAt, the one in force then.")
    since: Time = strawberry.field(description="When that revision was published.")
    until: Time | None = strawberry.field(
        description="When another took its place; null: it is in force, or of a history, was so to the end of the range."
    )
    author: str = strawberry.field(description="Who published the revision.")
    comment: str = strawberry.field(description="Why.")
    unit: str
    kind: PointKind
    description: str
    limits: PointLimits
    range: ValueRange | None
    sampling: float = strawberry.field(description="Sampling interval, seconds.")
    labels: list[EnumLabel]


@strawberry.type(description="One point's configuration over a range.")
class PointHistory:
    point: str
    steps: list[PointAsOf] = strawberry.field(description="Oldest first; between two of them the point did not exist.")
