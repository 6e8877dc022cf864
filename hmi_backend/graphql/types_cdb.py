"""GraphQL types of the configuration database."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry

from hmi_backend.graphql.scalars import Long, Time
from hmi_backend.graphql.types_points import PageInfo


@strawberry.enum(description="What became of a document.")
class ChangeKind(Enum):
    ADDED = "ADDED"
    CHANGED = "CHANGED"
    REMOVED = "REMOVED"


@strawberry.type(description="A published revision of the configuration.")
class Revision:
    number: int
    base: int = strawberry.field(description="The revision it was made from.")
    time: Time
    author: str
    comment: str
    paths: list[str] = strawberry.field(description="Documents that differ from the base.")


@strawberry.type
class RevisionEdge:
    cursor: str
    node: Revision


@strawberry.type(description="Newest first.")
class RevisionConnection:
    edges: list[RevisionEdge]
    nodes: list[Revision]
    page_info: PageInfo


@strawberry.type(description="The configuration the services work with now.")
class ConfigInForce:
    revision: int
    newest: int = strawberry.field(description="The newest published; greater while a revision is being taken up.")
    points: int
    assets: int
    sources: int
    published: Revision | None


@strawberry.type(description="A document, listed.")
class CdbDocument:
    path: str
    size: int = strawberry.field(description="Bytes.")
    lines: int


@strawberry.type(description="A document or a folder of the configuration.")
class CdbNode:
    path: str
    name: str
    revision: int
    folder: bool
    text: str | None = strawberry.field(description="Exactly as written; null of a folder.")
    children: list[CdbDocument] = strawberry.field(description="Every document below a folder.")


@strawberry.type(description="One document that differs between two revisions.")
class CdbChange:
    path: str
    kind: ChangeKind
    before: str | None
    after: str | None
    diff: str = strawberry.field(description="Unified diff.")
    added: int = strawberry.field(description="Lines.")
    removed: int = strawberry.field(description="Lines.")


@strawberry.input(description="A new text of a document; text null deletes it.")
class CdbEdit:
    path: str
    text: str | None = None


@strawberry.type(description="One mistake: where it stands and what to write instead.")
class CdbProblem:
    path: str
    line: Long = strawberry.field(description="1-based; 0 where the mistake is not on one line.")
    text: str
    remedy: str


@strawberry.type(description="It is done; services follow within seconds.")
class CdbPublished:
    revision: Revision


@strawberry.type(description="Every mistake at once; nothing was changed.")
class CdbRefused:
    problems: list[CdbProblem]


@strawberry.type(description="Somebody else published first; nothing was changed.")
class CdbConflict:
    message: str
    base: int
    newest: int


CdbPublishResult = Annotated[CdbPublished | CdbRefused | CdbConflict, strawberry.union("CdbPublishResult")]
