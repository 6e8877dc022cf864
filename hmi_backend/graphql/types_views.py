"""GraphQL types of saved views."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import strawberry

from hmi_backend.graphql.context import Info
from hmi_backend.graphql.fields import field
from hmi_backend.graphql.scalars import Long, Time, ViewContent
from hmi_backend.graphql.types_points import PageInfo


@strawberry.type(description="One version of a view.")
class ViewVersion:
    version: int
    time: Time
    user: str
    name: str
    shared: bool


@strawberry.type(description="Plots, their points and their time, kept under a name.")
class View:
    id: strawberry.ID
    name: str
    kind: str = strawberry.field(description="The page it belongs to, for example `trends`.")
    owner: str
    shared: bool = strawberry.field(description="Whether everybody sees it.")
    mine: bool = strawberry.field(description="Whether you may change it.")
    version: int
    created: Time
    updated: Time
    updated_by: str
    kept: strawberry.Private[dict[str, Any] | None] = None

    @field("What the page keeps of itself.")
    async def content(self, info: Info) -> ViewContent:
        if self.kept is None:
            found = await info.context.backend.views.load(self.id, self.version)
            self.kept = {} if found is None else orjson.loads(found[1])
        return ViewContent(self.kept)

    @field("Newest first, at most 50; ask view(id, version) for the content of one.")
    async def versions(self, info: Info) -> list[ViewVersion]:
        found = await info.context.backend.views.load(self.id)
        kept = found[2] if found else ()
        return [ViewVersion(version=v.version, time=Time(v.updated), user=v.updated_by, name=v.name, shared=v.shared) for v in kept]


@strawberry.type
class ViewEdge:
    cursor: str
    node: View


@strawberry.type(description="Your own views and the shared ones, by name.")
class ViewConnection:
    edges: list[ViewEdge]
    nodes: list[View]
    page_info: PageInfo
    total_count: Long


@strawberry.input(description="A view to keep.")
class ViewInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="Of the one to replace; null makes a new one.")
    base: int | None = strawberry.field(default=None, description="The version that was changed; null overwrites whatever is there.")
    name: str
    kind: str = "trends"
    shared: bool = strawberry.field(default=False, description="For everybody. Role operator.")
    content: ViewContent


@strawberry.type(description="It is kept.")
class ViewSaved:
    view: View


@strawberry.type(description="It cannot be kept; nothing was changed.")
class ViewRefused:
    message: str


@strawberry.type(description="Somebody saved it meanwhile; nothing was changed.")
class ViewConflict:
    message: str
    newest: View


SaveViewResult = Annotated[ViewSaved | ViewRefused | ViewConflict, strawberry.union("SaveViewResult")]


@strawberry.type(description="What became of a view that was to go.")
class DeleteViewResult:
    ok: bool
    detail: str
