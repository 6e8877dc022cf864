"""Points as they were configured at some time."""

from __future__ import annotations

from collections.abc import Sequence

from hmi_backend.errors import BadRequest
from hmi_backend.graphql import types_history as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.points import enum_labels, point_limits, value_range
from hmi_backend.graphql.scalars import Time
from hmi_backend.times import parse_time
from kernel.array import PointType
from schemas.records import Revision

MOST_REVISIONS = 500
MOST_POINTS = 500


async def at(context: Context, name: str, moment: object) -> t.PointAsOf | None:
    """How a point was configured at a moment."""
    _ = context.who
    when = parse_time(moment, context.backend.clock.now())
    past = context.backend.past
    found = await past.revisions()
    for i in range(len(found) - 1, -1, -1):
        if found[i].time <= when:
            types = await past.types(found[i].number, [name])
            if types is not None:
                return None if types[0] is None else _step(types[0], found[i], found[i + 1].time if i + 1 < len(found) else None)
    return None


async def steps(context: Context, names: Sequence[str], start: object, end: object) -> list[t.PointHistory]:
    """How points were configured over a range."""
    _ = context.who
    now = context.backend.clock.now()
    since, until = parse_time(start, now), parse_time(end, now)
    if since >= until:
        raise BadRequest("from must be before to")
    if not 0 < len(names) <= MOST_POINTS:
        raise BadRequest(f"points: ask for 1 to {MOST_POINTS} points, not {len(names)}")
    past = context.backend.past
    revisions = await past.during(since, until)
    if len(revisions) > MOST_REVISIONS:
        raise BadRequest(
            f"{len(revisions)} revisions were published in this range, at most {MOST_REVISIONS} are read at once: ask for less"
        )
    columns = [(r, types) for r in revisions if (types := await past.types(r.number, names)) is not None]
    return [t.PointHistory(point=name, steps=_merged([(r, types[i]) for r, types in columns])) for i, name in enumerate(names)]


def _merged(versions: Sequence[tuple[Revision, PointType | None]]) -> list[t.PointAsOf]:
    """One step per change of what is shown."""
    found: list[t.PointAsOf] = []
    shown: tuple[object, ...] | None = None
    for revision, kind in versions:
        now_shown = None if kind is None else _shown(kind)
        if now_shown == shown:
            continue
        if shown is not None:
            found[-1].until = Time(revision.time)
        if kind is not None:
            found.append(_step(kind, revision, None))
        shown = now_shown
    return found


def _shown(k: PointType) -> tuple[object, ...]:
    return (k.unit, k.kind, k.description, k.limits, k.range, k.sampling, k.labels)


def _step(k: PointType, revision: Revision, until: int | None) -> t.PointAsOf:
    return t.PointAsOf(
        revision=revision.number,
        since=Time(revision.time),
        until=None if until is None else Time(until),
        author=revision.author,
        comment=revision.comment,
        unit=k.unit,
        kind=k.kind,
        description=k.description,
        limits=point_limits(k.limits),
        range=value_range(k),
        sampling=k.sampling,
        labels=enum_labels(k),
    )
