"""GraphQL types of one point: what it is, how it was configured, how old its value is at each hop, and what depends on it."""

from __future__ import annotations

import strawberry

from hmi_backend.graphql import read_history, read_latency, read_uses
from hmi_backend.graphql.context import Info
from hmi_backend.graphql.fields import field
from hmi_backend.graphql.scalars import Columns, Definitions, Long, Time, Value
from hmi_backend.graphql.types_history import PointAsOf
from hmi_backend.graphql.types_latency import PointLatency
from hmi_backend.graphql.types_points import EnumLabel, From, PageInfo, PointLimits, SampleQuality, To, ValueRange
from hmi_backend.graphql.types_uses import PointUses
from kernel.array import PointKind


@strawberry.type(description="A monitoring point and its newest sample.")
class Point:
    name: str
    unit: str
    description: str
    kind: PointKind
    asset: str = strawberry.field(description="The node of the asset tree it belongs to.")
    device: str = strawberry.field(description="The data source that delivers it; empty where it is derived from another point.")
    address: str = strawberry.field(description="Its address in the source's protocol.")
    group: str = strawberry.field(description="What it is within its asset; equal for the same quantity of all telescopes.")
    sampling: float = strawberry.field(description="Sampling interval, seconds.")
    deadband: float
    archive_class: str
    limits: PointLimits
    range: ValueRange | None
    labels: list[EnumLabel]
    quality: SampleQuality | None = strawberry.field(description="Of the newest sample; null where nothing was ever received.")
    value: Value | None
    label: str | None = strawberry.field(description="The name of an enumeration's value.")
    time: Time | None = strawberry.field(description="Source time of the newest sample.")
    received: Time | None = strawberry.field(description="When the collector got it.")
    confirmed: Time | None = strawberry.field(description="Until when the value is known to hold: its source was connected and silent.")
    status: Long | None = strawberry.field(description="The protocol's own status code.")

    @field("How it was configured at a moment; null where it did not exist then.")
    async def limits_at(self, info: Info, time: Time) -> PointAsOf | None:
        return await read_history.at(info.context, self.name, time)

    @field("Its limits, unit and labels as they were: one step per change within the range, oldest first.")
    async def limits_history(self, info: Info, from_: From, to: To) -> list[PointAsOf]:
        return (await read_history.steps(info.context, [self.name], from_, to))[0].steps

    @field("What depends on it, and what is like it.")
    async def who_uses_me(self, info: Info) -> PointUses:
        return await read_uses.uses(info.context, self.name)

    @field("How old the newest sample was at each hop on its way here.")
    def latency(self, info: Info) -> PointLatency:
        return read_latency.latency(info.context, self.device, self.time, self.received)


@strawberry.type
class PointEdge:
    cursor: str
    node: Point


@strawberry.type(description="Points by name, or by rank where a search was made.")
class PointConnection:
    edges: list[PointEdge]
    nodes: list[Point]
    page_info: PageInfo
    total_count: int | None = strawberry.field(description="Null where quality is filtered: it changes while you read.")
    revision: int = strawberry.field(description="The configuration in force.")


@strawberry.type(description="Many points at once: definitions and newest samples, aligned with points.")
class PointTable:
    revision: int = strawberry.field(description="The configuration in force.")
    server_time: Time
    points: list[str]
    definitions: Definitions
    columns: Columns
