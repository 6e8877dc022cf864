"""Reading the platform itself: pipeline, services, archive, audit, people."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar

from hmi_backend.errors import Forbidden
from hmi_backend.graphql import types_platform as t
from hmi_backend.graphql import types_points as pt
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.read_points import page_info
from hmi_backend.graphql.scalars import Long, Time
from hmi_backend.paging import check_first, cursor, number_of
from hmi_backend.recent import Recent
from hmi_backend.roles import SERIES_BUDGET, Role
from hmi_backend.times import parse_time
from kernel.bus import TopicStats
from kernel.clock import SECOND
from kernel.fleet import HopStatus, InstanceStatus, SystemStatus
from schemas.records import AuditAction, DeadLetter, StateEvent, StateKind

R = TypeVar("R")
SHOWN = 4096
LAG_GAUGES = {"dispatcher.store": "archive_delay_s", "dispatcher.hot": "hot_delay_s"}
"""Hops whose lag has a name of its own in the heartbeat; of others it is `lag_s`."""


def _time(us: int | None) -> Time | None:
    return Time(us) if us else None


def _hop(h: HopStatus, now: int, lags: dict[str, float]) -> t.Hop:
    return t.Hop(
        name=h.name,
        source=h.source,
        entered=Long(h.entered),
        left=Long(h.left),
        lost=[t.Loss(cause=c, count=Long(n)) for c, n in sorted(h.lost.items())],
        lost_total=Long(sum(h.lost.values())),
        inside=Long(h.inside),
        rate_in=h.rate_in,
        rate_out=h.rate_out,
        last=_time(h.last),
        age=(now - h.last) / SECOND if h.last else None,
        lag=lags.get(h.name),
    )


def hop_lags(instances: Sequence[InstanceStatus]) -> dict[str, float]:
    """Hop to the greatest lag in seconds that its instances report, as gauge `HOP.lag_s` or the one named in LAG_GAUGES."""
    found: dict[str, float] = {}
    for i in instances:
        for h in i.beat.hops:
            lag = i.beat.gauges.get(f"{h.name}.lag_s", i.beat.gauges.get(LAG_GAUGES.get(h.name, "lag_s")))
            if lag is not None:
                found[h.name] = max(found.get(h.name, 0.0), lag)
    return found


def _instance(i: InstanceStatus) -> t.Instance:
    b = i.beat
    return t.Instance(
        instance=b.instance,
        service=b.service,
        system=b.system,
        host=b.host,
        pid=Long(b.pid),
        state=i.state,
        started=Time(b.started),
        time=Time(b.time),
        silent=i.silent_s,
        last_error=b.last_error,
        revision=Long(b.revision),
        cpu=b.cpu_s,
        rss=Long(b.rss_bytes),
        gauges=[t.Gauge(name=n, value=v) for n, v in sorted(b.gauges.items())],
    )


def _status(context: Context, s: SystemStatus) -> t.ServiceStatus:
    totals: dict[str, tuple[float, float]] = {}
    for i in s.instances:
        for hop, (entered, left) in context.backend.fleet.rates(i.beat.instance).items():
            before = totals.get(hop, (0.0, 0.0))
            totals[hop] = (before[0] + entered, before[1] + left)
    busiest = max(totals.values(), default=(0.0, 0.0))
    return t.ServiceStatus(
        name=s.name,
        system=s.instances[0].beat.system if s.instances else "",
        state=s.state,
        last_error=s.last_error,
        instances=[_instance(i) for i in s.instances],
        rate_in=busiest[0],
        rate_out=busiest[1],
    )


def systems(context: Context, name: str | None = None) -> list[t.ServiceStatus]:
    """The systems."""
    _ = context.who
    found = context.backend.fleet.systems(context.backend.clock.now())
    return [_status(context, s) for s in found if name is None or s.name == name]


def services(context: Context, name: str | None = None) -> list[t.ServiceStatus]:
    """The services."""
    _ = context.who
    found = context.backend.fleet.services(context.backend.clock.now())
    return [_status(context, s) for s in found if name is None or s.name == name]


def _topic(s: TopicStats) -> t.TopicStatus:
    return t.TopicStatus(
        name=s.topic,
        records=Long(s.records),
        bytes=Long(s.bytes),
        first_time=_time(s.first_time),
        last_time=_time(s.last_time),
        lag=[t.GroupLag(group=g, records=Long(n)) for g, n in sorted(s.lag.items())],
    )


async def pipeline(context: Context) -> t.Pipeline:
    """Every hop."""
    _ = context.who
    now, backend = context.backend.clock.now(), context.backend
    lags = hop_lags(backend.fleet.instances(now))
    return t.Pipeline(
        time=Time(now),
        hops=[_hop(h, now, lags) for h in backend.fleet.hops(now)],
        systems=systems(context),
        services=services(context),
        topics=[_topic(s) for s in await backend.topics()],
        revision=Long(backend.ports.live.current.revision),
    )


async def archive(context: Context) -> t.ArchiveStatus:
    """Size and health of the archive."""
    _ = context.who
    stats, config = await context.backend.archive_stats(), context.backend.ports.live.current
    classes = []
    for name in sorted(set(stats.classes) | set(config.classes)):
        samples, size = stats.classes.get(name, (0, 0))
        c = config.classes.get(name)
        kept = t.ArchiveClassStatus(
            name=name, chunk=c.chunk if c else None, retention=c.retention if c else None, samples=Long(samples), bytes=Long(size)
        )
        classes.append(kept)
    return t.ArchiveStatus(
        samples=Long(stats.samples),
        bytes=Long(stats.bytes),
        bytes_per_sample=stats.bytes / stats.samples if stats.samples else None,
        open_samples=Long(stats.open_samples),
        oldest=_time(stats.oldest),
        newest=_time(stats.newest),
        disk_free=Long(stats.disk_free_bytes),
        days_left=stats.days_left,
        classes=classes,
    )


def _page(recent: Recent[R], first: int, after: str | None, wanted: Callable[[R], bool]) -> tuple[list[tuple[str, R]], pt.PageInfo]:
    page = recent.page(check_first(first), number_of(after), wanted)
    rows = [(cursor(key), record) for key, record in page.rows]
    return rows, page_info([c for c, _ in rows], page.more, page.continued)


def dead_letters(context: Context, origin: str | None, first: int, after: str | None) -> t.DeadLetterConnection:
    """Bytes that could not be understood."""
    _ = context.who
    recent = context.backend.dead_letters
    rows, info = _page(recent, first, after, lambda d: origin is None or d.origin == origin)
    edges = [t.DeadLetterEdge(cursor=c, node=_letter(d)) for c, d in rows]
    return t.DeadLetterConnection(edges=edges, nodes=[e.node for e in edges], page_info=info, total_count=Long(recent.seen))


def _letter(d: DeadLetter) -> t.DeadLetter:
    shown = d.data[:SHOWN]
    return t.DeadLetter(
        time=Time(d.time),
        origin=d.origin,
        reason=d.reason,
        size=len(d.data),
        data=base64.b64encode(shown).decode(),
        text=shown.decode(errors="replace"),
    )


def audit(context: Context, wanted: t.AuditFilter | None, first: int, after: str | None) -> t.AuditConnection:
    """Who did what."""
    _ = context.who
    f, now = wanted or t.AuditFilter(), context.backend.clock.now()
    since = None if f.since is None else parse_time(f.since, now)
    until = None if f.until is None else parse_time(f.until, now)

    def fits(a: AuditAction) -> bool:
        return (
            (f.user is None or a.user == f.user)
            and (f.action is None or a.action == f.action)
            and (f.target is None or f.target in a.target)
            and (f.ok is None or a.ok == f.ok)
            and (since is None or a.time >= since)
            and (until is None or a.time < until)
        )

    rows, info = _page(context.backend.audit_log, first, after, fits)
    edges = [t.AuditEdge(cursor=c, node=_entry(a)) for c, a in rows]
    return t.AuditConnection(edges=edges, nodes=[e.node for e in edges], page_info=info)


def _entry(a: AuditAction) -> t.AuditEntry:
    return t.AuditEntry(
        time=Time(a.time), user=a.user, role=a.role, action=a.action, target=a.target, ok=a.ok, detail=a.detail, origin=a.origin
    )


def state_events(context: Context, source: str | None, first: int, after: str | None) -> pt.StateEventConnection:
    """Connections and explained losses."""
    _ = context.who
    rows, info = _page(context.backend.state_events, first, after, lambda e: source is None or e.source == source)
    edges = [pt.StateEventEdge(cursor=c, node=_event(e)) for c, e in rows]
    return pt.StateEventConnection(edges=edges, nodes=[e.node for e in edges], page_info=info)


def _event(e: StateEvent) -> pt.StateEvent:
    return pt.StateEvent(
        source=e.source,
        time=Time(e.time),
        kind=e.kind,
        cause=e.cause,
        points=list(e.points),
        start=Time(e.start),
        end=None if e.end is None else Time(e.end),
        count=None if e.count is None else Long(e.count),
        detail=e.detail,
    )


def sources(context: Context, name: str | None) -> list[pt.Source]:
    """The data sources and their connections."""
    _ = context.who
    catalogue, connections = context.backend.catalogue, context.backend.connections
    found = []
    for s in sorted(catalogue.config.sources.values(), key=lambda s: s.name):
        if name is None or s.name == name:
            event = connections.get(s.name)
            status = pt.Source(
                name=s.name,
                protocol=s.protocol,
                url=s.url,
                asset=s.asset,
                enabled=s.enabled,
                points=catalogue.per_source[s.name],
                connected=None if event is None else event.kind is StateKind.CONNECTED,
                since=None if event is None else Time(event.time),
                detail="" if event is None else event.detail,
            )
            found.append(status)
    return found


def me(context: Context) -> t.Me:
    """Who is asking."""
    who = context.who
    return t.Me(user=who.user, role=who.role, expires=Time(who.expires), series_budget=Long(SERIES_BUDGET[who.role]))


async def users(context: Context) -> list[t.User]:
    """Those who may log in."""
    if not context.who.role.includes(Role.ADMIN):
        raise Forbidden("the list of users is for the role admin", needed=Role.ADMIN.value)
    known = context.backend.users
    return [t.User(name=n, role=r, sessions=known.sessions(n)) for n, r in known.names().items()]
