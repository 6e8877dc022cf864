"""The marks on a time axis: what was done and what happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import strawberry

from hmi_backend.errors import BadRequest
from hmi_backend.graphql import types_annotations as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.scalars import Time
from hmi_backend.times import parse_time
from schemas.records import AuditAction, GapCause, Revision, StateEvent, StateKind

NOT_MARKS: Final = frozenset({"login", "logout", "export", "saveView", "deleteView", "cdbPublish", "cdbRollback"})
"""Actions that change nothing out there, or that the revision they made already marks."""
MOST: Final = 5000
K = t.AnnotationKind
_KINDS: Final = {
    StateKind.CONNECTED: K.CONNECTED,
    StateKind.DISCONNECTED: K.DISCONNECTED,
    StateKind.GAP: K.LOSS,
    StateKind.REFUSED: K.LOSS,
}


async def marks(
    context: Context, start: object, end: object, assets: Sequence[str] | None, kinds: Sequence[t.AnnotationKind] | None, first: int
) -> t.Annotations:
    """The newest marks of a range, oldest first."""
    _ = context.who
    if not 1 <= first <= MOST:
        raise BadRequest(f"first: {first} is not between 1 and {MOST}")
    now, backend = context.backend.clock.now(), context.backend
    since, until = parse_time(start, now), parse_time(end, now)
    if since >= until:
        raise BadRequest("from must be before to")
    wanted = frozenset(kinds) if kinds is not None else frozenset(K)
    below = None if assets is None else frozenset().union(*(backend.catalogue.below(a) for a in assets))
    found: list[t.Annotation] = []
    if K.CONFIGURATION in wanted:
        found += [_published(r) for r in await backend.past.during(since, until) if since <= r.time]
    found += [m for m in _events(context, since, until, below) if m.kind in wanted]
    if K.ACTION in wanted:
        found += _actions(context, since, until, below)
    found.sort(key=lambda m: (m.time, m.id))
    kept = {K.ACTION: backend.audit_log.reaches, K.CONFIGURATION: 0}
    complete = len(found) <= first and all(kept.get(k, backend.state_events.reaches) <= since for k in wanted)
    return t.Annotations(nodes=found[-first:], complete=complete)


def _published(r: Revision) -> t.Annotation:
    return t.Annotation(
        id=strawberry.ID(f"r{r.number}"),
        kind=K.CONFIGURATION,
        time=Time(r.time),
        end=None,
        title=f"revision {r.number}",
        detail=r.comment,
        user=r.author,
        asset=None,
        source=None,
        revision=r.number,
        ok=True,
    )


def _events(context: Context, since: int, until: int, assets: frozenset[str] | None) -> Iterator[t.Annotation]:
    """Of a source's connection and losses that touch the range."""
    config = context.backend.catalogue.config
    for number, e in context.backend.state_events.kept:
        source = config.sources.get(e.source)
        asset = source.asset if source else None
        begun = e.start if e.kind is StateKind.GAP else e.time
        if begun < until and max(begun, e.end or 0) >= since and (assets is None or asset in assets):
            yield t.Annotation(
                id=strawberry.ID(f"s{number}"),
                kind=_KINDS[e.kind],
                time=Time(begun),
                end=Time(e.end) if e.end and e.kind is StateKind.GAP else None,
                title=_title(e),
                detail=e.detail,
                user=None,
                asset=asset,
                source=e.source,
                revision=None,
                ok=True,
            )


def _title(e: StateEvent) -> str:
    told = e.cause is GapCause.UNKNOWN or e.cause.value == e.kind.value  # "disconnected: disconnected" would say nothing
    cause = "" if told else f": {e.cause.value.lower().replace('_', ' ')}"
    count = f", {e.count} samples" if e.count else ""
    return f"{e.source} {e.kind.value.lower()}{cause}{count}"


def _actions(context: Context, since: int, until: int, assets: frozenset[str] | None) -> Iterator[t.Annotation]:
    for number, a in context.backend.audit_log.kept:
        if a.action in NOT_MARKS or not since <= a.time < until:
            continue
        asset = _asset_of(context, a)
        if assets is None or asset in assets:
            yield t.Annotation(
                id=strawberry.ID(f"a{number}"),
                kind=K.ACTION,
                time=Time(a.time),
                end=None,
                title=f"{a.action} {a.target}".strip(),
                detail=a.detail,
                user=a.user,
                asset=asset,
                source=None,
                revision=None,
                ok=a.ok,
            )


def _asset_of(context: Context, a: AuditAction) -> str | None:
    """The asset in whose name space the target lies."""
    assets, name = context.backend.catalogue.config.assets, a.target
    while name and name not in assets:
        name = name.rpartition(".")[0]
    return name or None
