"""GraphQL types of a value's age by hop."""

from __future__ import annotations

from enum import Enum

import strawberry

from hmi_backend.graphql.scalars import Time


@strawberry.enum(description="The way of a sample.")
class LatencyHop(Enum):
    COLLECTOR = strawberry.enum_value("COLLECTOR", description="From the device's time stamp to the collector.")
    BUS = strawberry.enum_value("BUS", description="From the collector to the bus, which has made it durable.")
    HOT_QUEUE = strawberry.enum_value("HOT_QUEUE", description="From the bus to the hot queue, where screens read.")
    ARCHIVE = strawberry.enum_value("ARCHIVE", description="From the bus to the archive.")
    NOW = strawberry.enum_value("NOW", description="From the collector until this moment.")


@strawberry.enum(description="Where a figure comes from.")
class LatencyBasis(Enum):
    SAMPLE = strawberry.enum_value("SAMPLE", description="Measured on this very sample.")
    SERVICE = strawberry.enum_value("SERVICE", description="What the service at that hop measured on its newest batch.")


@strawberry.type(description="One hop of a sample's way.")
class HopLatency:
    hop: LatencyHop
    seconds: float | None = strawberry.field(description="Null: not known. Negative: the device's clock is ahead of ours.")
    basis: LatencyBasis


@strawberry.type(description="How long a point's newest sample took at each hop.")
class PointLatency:
    time: Time | None = strawberry.field(description="Its source time; null where nothing was ever received.")
    age: float | None = strawberry.field(description="Seconds since its source time.")
    skew: float | None = strawberry.field(description="Seconds the device's clock is ahead of ours, as its collector measures it.")
    hops: list[HopLatency]
