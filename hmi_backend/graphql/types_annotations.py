"""GraphQL types of the marks on a time axis."""

from __future__ import annotations

from enum import Enum

import strawberry

from hmi_backend.graphql.scalars import Time


@strawberry.enum(description="What a mark stands for.")
class AnnotationKind(Enum):
    CONFIGURATION = strawberry.enum_value("CONFIGURATION", description="A revision was published.")
    CONNECTED = strawberry.enum_value("CONNECTED", description="A data source came.")
    DISCONNECTED = strawberry.enum_value("DISCONNECTED", description="A data source went.")
    LOSS = strawberry.enum_value("LOSS", description="Samples were lost, with the cause.")
    ACTION = strawberry.enum_value("ACTION", description="Somebody did something.")


@strawberry.type(description="A mark on a time axis.")
class Annotation:
    id: strawberry.ID
    kind: AnnotationKind
    time: Time
    end: Time | None = strawberry.field(description="Of what lasted.")
    title: str
    detail: str
    user: str | None = strawberry.field(description="Who did it.")
    asset: str | None = strawberry.field(description="Whom it concerns; null: all.")
    source: str | None = strawberry.field(description="The data source.")
    revision: int | None = strawberry.field(description="The configuration published.")
    ok: bool = strawberry.field(description="False of an action that was refused or failed.")


@strawberry.type(description="The marks of a range, oldest first.")
class Annotations:
    nodes: list[Annotation]
    complete: bool = strawberry.field(description="False: there are more, or the range begins before what is kept of some kind.")
