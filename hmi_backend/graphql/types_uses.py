"""GraphQL types of what depends on a point."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum(description="How a point is used.")
class UseKind(Enum):
    STATISTICS = "STATISTICS"
    VIEW = "VIEW"


@strawberry.type(description="Something that depends on a point.")
class PointUse:
    kind: UseKind
    name: str = strawberry.field(description="A derived point, or the name of a view.")
    detail: str
    id: strawberry.ID | None = strawberry.field(description="Of a view.")


@strawberry.type(description="What depends on a point, what it comes from, and the same quantity elsewhere.")
class PointUses:
    derived_from: str | None = strawberry.field(description="The point it is computed from.")
    browsed: str | None = strawberry.field(description="The path at which its source found it, where it was found by browsing.")
    uses: list[PointUse]
    same_group: list[str] = strawberry.field(description="The same quantity of the other telescopes.")
