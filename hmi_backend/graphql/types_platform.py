"""GraphQL types of the platform itself: pipeline, services, archive, people."""

from __future__ import annotations

from enum import Enum

import strawberry

from hmi_backend.graphql.scalars import Long, Time
from hmi_backend.graphql.types_points import PageInfo
from hmi_backend.roles import Role
from schemas.records import CommandVerb, ServiceState

strawberry.enum(ServiceState, description="FAILED also where an instance that should run is silent.")
strawberry.enum(CommandVerb, description="What a manager can be asked to do.")
strawberry.enum(
    Role,
    description="Each role may also do what the ones before it may: read, control, publish configurations, manage users.",
)


@strawberry.enum(description="Answers to a request.")
class Outcome(Enum):
    DONE = "DONE"
    REFUSED = "REFUSED"
    NO_ANSWER = "NO_ANSWER"


@strawberry.type(description="Records that ended at a hop, and why.")
class Loss:
    cause: str
    count: Long


@strawberry.type(description="One hop of the pipeline: in = out + lost + inside.")
class Hop:
    name: str
    source: str
    entered: Long = strawberry.field(name="in")
    left: Long = strawberry.field(name="out")
    lost: list[Loss]
    lost_total: Long
    inside: Long = strawberry.field(description="Entered and not yet left or explained; 0 of a hop at rest.")
    rate_in: float = strawberry.field(description="Per second.")
    rate_out: float = strawberry.field(description="Per second.")
    last: Time | None = strawberry.field(description="When the last record passed.")
    age: float | None = strawberry.field(description="Seconds since then.")
    lag: float | None = strawberry.field(description="Seconds it is behind, where it says so.")


@strawberry.type(description="Records a consumer group has not yet committed.")
class GroupLag:
    group: str
    records: Long


@strawberry.type(description="What a topic of the bus holds.")
class TopicStatus:
    name: str
    records: Long
    bytes: Long
    first_time: Time | None
    last_time: Time | None
    lag: list[GroupLag]


@strawberry.type(description="A measured value; the name ends in its unit.")
class Gauge:
    name: str
    value: float


@strawberry.type(description="One running instance of a service.")
class Instance:
    instance: str
    service: str
    system: str
    host: str
    pid: Long
    state: ServiceState
    started: Time
    time: Time = strawberry.field(description="Of its last heartbeat.")
    silent: float = strawberry.field(description="Seconds since its last heartbeat.")
    last_error: str
    revision: Long = strawberry.field(description="Configuration revision in force there.")
    cpu: float = strawberry.field(description="CPU time of its process so far, seconds.")
    rss: Long = strawberry.field(description="Memory of its process, bytes.")
    gauges: list[Gauge]


@strawberry.type(description="A system (monitoring, logging, alarms, platform) or a service: the worst state of its instances.")
class ServiceStatus:
    name: str
    system: str
    state: ServiceState
    last_error: str
    instances: list[Instance]
    rate_in: float = strawberry.field(description="Records per second entering its busiest hop.")
    rate_out: float = strawberry.field(description="Records per second leaving that hop.")


@strawberry.type(description="Every hop, with what went in, what came out and what became of the rest.")
class Pipeline:
    time: Time
    hops: list[Hop]
    systems: list[ServiceStatus]
    services: list[ServiceStatus]
    topics: list[TopicStatus]
    revision: Long


@strawberry.type(description="An archive class: how some points are kept, and what that takes.")
class ArchiveClassStatus:
    name: str
    chunk: float | None = strawberry.field(description="Seconds per sealed chunk.")
    retention: float | None = strawberry.field(description="Seconds; null: for ever.")
    samples: Long
    bytes: Long


@strawberry.type(description="Size and health of the archive.")
class ArchiveStatus:
    samples: Long
    bytes: Long
    bytes_per_sample: float | None
    open_samples: Long = strawberry.field(description="Not yet in sealed chunks.")
    oldest: Time | None
    newest: Time | None
    disk_free: Long = strawberry.field(description="Bytes.")
    days_left: float | None = strawberry.field(description="At the present rate of growth; null while unknown.")
    classes: list[ArchiveClassStatus]


@strawberry.type(description="Bytes that could not be understood.")
class DeadLetter:
    time: Time
    origin: str
    reason: str
    size: int
    data: str = strawberry.field(description="Base64, at most 4096 bytes of it.")
    text: str = strawberry.field(description="The same as text, as far as it is.")


@strawberry.type
class DeadLetterEdge:
    cursor: str
    node: DeadLetter


@strawberry.type(description="Newest first.")
class DeadLetterConnection:
    edges: list[DeadLetterEdge]
    nodes: list[DeadLetter]
    page_info: PageInfo
    total_count: Long = strawberry.field(description="Seen in the last day.")


@strawberry.type(description="Somebody did, or tried to do, something that changes the system.")
class AuditEntry:
    time: Time
    user: str
    role: str
    action: str
    target: str
    ok: bool
    detail: str
    origin: str


@strawberry.input(description="All conditions given must hold.")
class AuditFilter:
    user: str | None = None
    action: str | None = None
    target: str | None = strawberry.field(default=None, description="Part of the target.")
    ok: bool | None = None
    since: Time | None = strawberry.field(default=None, name="from")
    until: Time | None = strawberry.field(default=None, name="to")


@strawberry.type
class AuditEdge:
    cursor: str
    node: AuditEntry


@strawberry.type(description="Newest first.")
class AuditConnection:
    edges: list[AuditEdge]
    nodes: list[AuditEntry]
    page_info: PageInfo


@strawberry.type(description="Who is asking.")
class Me:
    user: str
    role: Role
    expires: Time = strawberry.field(description="When the log-in ends.")
    series_budget: Long = strawberry.field(description="Samples (points × buckets) that one request may ask for.")


@strawberry.type(description="Somebody who may log in.")
class User:
    name: str
    role: Role
    sessions: int


@strawberry.type(description="What came of an action on a user.")
class UserActionResult:
    ok: bool
    detail: str


@strawberry.type(description="What one instance answered.")
class ControlReply:
    instance: str
    ok: bool
    detail: str


@strawberry.type(description="What came of a request to a manager.")
class ControlResult:
    id: str
    outcome: Outcome
    ok: bool
    detail: str
    replies: list[ControlReply]
