"""Reading points, samples and the asset tree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from hmi_backend.catalogue import Catalogue, Wanted, position
from hmi_backend.columns import live_columns, series_columns
from hmi_backend.errors import BadRequest
from hmi_backend.graphql import types_point as pt
from hmi_backend.graphql import types_points as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.executor import Plain, Ready
from hmi_backend.graphql.points import enum_labels, point_limits, value_range
from hmi_backend.graphql.scalars import Columns, Long, Time, Value
from hmi_backend.paging import check_first, cursor, key_of
from hmi_backend.times import parse_time
from kernel import archive
from kernel.array import Point, PointKind
from kernel.samples import Kind, Samples

MOST_POINTS = 20_000
_SCAN = 2000


async def points(context: Context, wanted: t.PointFilter | None, first: int, after: str | None) -> pt.PointConnection:
    """A page of the catalogue."""
    _ = context.who
    check_first(first)
    catalogue = context.backend.catalogue
    conditions = _wanted(wanted)
    if catalogue.known(conditions):
        found = catalogue.find(conditions)
    else:
        found = await asyncio.to_thread(catalogue.search, conditions)
        catalogue.remember(conditions, found)
    start = position(found, key_of(after))
    quality = wanted.quality if wanted else None
    if quality is None:
        rows = found[start : start + first]
        samples = await context.backend.hot.latest([n for _, n in rows])
        listed = [(row, _point(catalogue, row[1], samples, i)) for i, row in enumerate(rows)]
        more, total = start + first < len(found), len(found)
    else:
        listed, more = await _of_quality(context, found, start, first, {q.value for q in quality})
        total = None
    edges = [pt.PointEdge(cursor=cursor(f"{rank} {name}"), node=node) for (rank, name), node in listed]
    return pt.PointConnection(
        edges=edges,
        nodes=[e.node for e in edges],
        page_info=page_info([e.cursor for e in edges], more, after is not None),
        total_count=total,
        revision=catalogue.config.revision,
    )


async def _of_quality(
    context: Context, found: Sequence[tuple[int, str]], start: int, first: int, qualities: set[str]
) -> tuple[list[tuple[tuple[int, str], pt.Point]], bool]:
    listed: list[tuple[tuple[int, str], pt.Point]] = []
    for at in range(start, len(found), _SCAN):
        rows = found[at : at + _SCAN]
        samples = await context.backend.hot.latest([n for _, n in rows])
        codes = [code for code, q in enumerate(t.QUALITIES) if q.value in qualities]
        for i in np.flatnonzero((samples.kind != Kind.NONE) & np.isin(samples.quality, codes)).tolist():
            if len(listed) == first:
                return listed, True
            listed.append((rows[i], _point(context.backend.catalogue, rows[i][1], samples, i)))
        await context.backend.clock.sleep_until(0)  # others get a turn
    return listed, False


def _wanted(wanted: t.PointFilter | None) -> Wanted:
    if wanted is None:
        return Wanted()
    if len(wanted.search or "") > 200 or len(wanted.glob or "") > 200:
        raise BadRequest("a search or glob has at most 200 characters")
    return Wanted(
        search=(wanted.search or "").strip(),
        glob=wanted.glob or "",
        names=tuple(wanted.names) if wanted.names is not None else None,
        device=wanted.device,
        asset=wanted.asset,
        kinds=frozenset(wanted.kind) if wanted.kind is not None else None,
        group=wanted.group,
    )


async def point(context: Context, name: str) -> pt.Point | None:
    """One point."""
    _ = context.who
    catalogue = context.backend.catalogue
    if name not in catalogue.config.points:
        return None
    return _point(catalogue, name, await context.backend.hot.latest([name]), 0)


async def last_values(context: Context, names: Sequence[str]) -> t.LiveBatch:
    """The newest samples."""
    _ = context.who
    check_points(context, names)
    return batch(0, context.backend.clock.now(), names, await context.backend.hot.latest(names), 0)


async def values_at(context: Context, names: Sequence[str], at: object) -> t.LiveBatch:
    """The samples in force at a moment."""
    _ = context.who
    check_points(context, names)
    now = context.backend.clock.now()
    return batch(0, now, names, await context.backend.archive.at(names, parse_time(at, now)), 0)


async def series(
    context: Context,
    names: Sequence[str],
    start: object,
    end: object,
    resample: t.Resample | None,
    limit: int,
    after: str | None,
) -> list[t.SeriesBlock]:
    """Samples of a range. Points that are no longer configured are answered from their history."""
    _ = context.who
    now = context.backend.clock.now()
    query = series_query(names, parse_time(start, now), parse_time(end, now), resample, limit, after)
    catalogue = context.backend.catalogue
    blocks = await context.backend.archive.series(query)
    unknown = [b.series.point for b in blocks if b.series.point not in catalogue.config.points and not len(b.series) and not b.gaps]
    if unknown:
        catalogue.refuse(unknown)
    return [_block(catalogue, b) for b in blocks]


def series_query(
    names: Sequence[str], start: int, end: int, resample: t.Resample | None, limit: int, after: str | None
) -> archive.SeriesQuery:
    """The query; raises BadRequest for what makes no sense."""
    if not 0 < len(names) <= MOST_POINTS:
        raise BadRequest(f"points: ask for 1 to {MOST_POINTS} points, not {len(names)}")
    if start > end:
        raise BadRequest("to is before from: a range begins with from and ends before to")
    if not 1 <= limit <= 1_000_000:
        raise BadRequest("limit is between 1 and 1000000 samples per point")
    if after is not None and len(names) != 1:
        raise BadRequest("after continues the series of one point: ask for each point by itself")
    grid = None
    if resample is not None and resample.method is not archive.ResampleMethod.RAW:
        if (resample.every is None) == (resample.buckets is None):
            raise BadRequest('resample: give either every (a duration such as "10s") or buckets (a number), one of them')
        if resample.buckets is not None and not 1 <= resample.buckets <= 100_000:
            raise BadRequest("buckets is between 1 and 100000")
        grid = archive.Resample(resample.method, resample.every, resample.buckets, resample.fill or archive.Fill.NONE)
    return archive.SeriesQuery(tuple(names), start, end, grid, limit, after)


def _block(catalogue: Catalogue, block: archive.SeriesBlock) -> t.SeriesBlock:
    known = catalogue.config.points.get(block.series.point)
    return t.SeriesBlock(
        point=block.series.point,
        unit=known.type.unit if known else None,
        kind=known.type.kind if known else None,
        method=block.method,
        columns=Columns(series_columns(block.series)),
        gaps=Plain(
            t.Gap(
                start=Time(g.start),
                end=None if g.end is None else Time(g.end),
                cause=g.cause,
                count=None if g.count is None else Long(g.count),
                detail=g.detail,
            )
            for g in block.gaps
        ),
        complete=block.complete,
        next_cursor=block.next_cursor,
    )


def check_points(context: Context, names: Sequence[str]) -> None:
    """Raises where there are too many, or unknown ones."""
    if not 0 < len(names) <= MOST_POINTS:
        raise BadRequest(f"points: ask for 1 to {MOST_POINTS} points, not {len(names)}")
    context.backend.catalogue.check(names)


def batch(seq: int, now: int, names: Sequence[str], samples: Samples, dropped: int) -> t.LiveBatch:
    """Samples as they are sent; names are all points asked for."""
    index = samples.index
    whole = len(index) == len(names) and bool((index == np.arange(len(names))).all())
    listed = Ready(names) if whole else Ready([names[i] for i in index.tolist()])
    return t.LiveBatch(
        seq=seq, server_time=Time(now), points=listed, columns=Columns(live_columns(samples)), dropped=min(dropped, 2**31 - 1)
    )


def page_info(cursors: Sequence[str], more: bool, continued: bool) -> t.PageInfo:
    """Where a page lies."""
    return t.PageInfo(
        has_next_page=more,
        has_previous_page=continued,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _value(samples: Samples, i: int) -> float | int | str | None:
    kind = samples.kind[i]
    if kind == Kind.DOUBLE:
        value = float(samples.number[i])
        return value if np.isfinite(value) else None
    return int(samples.integer[i]) if kind == Kind.LONG else samples.text[i] if kind == Kind.TEXT else None


def _point(catalogue: Catalogue, name: str, samples: Samples, i: int) -> pt.Point:
    p: Point = catalogue.config.points[name]
    k = p.type
    heard = samples.kind[i] != Kind.NONE
    value = _value(samples, i)
    return pt.Point(
        name=name,
        unit=k.unit,
        description=k.description,
        kind=k.kind,
        asset=p.asset,
        device=p.source,
        address=p.address,
        group=k.group,
        sampling=k.sampling,
        deadband=k.deadband,
        archive_class=k.archive_class,
        limits=point_limits(k.limits),
        range=value_range(k),
        labels=enum_labels(k),
        quality=t.QUALITIES[samples.quality[i]] if heard else None,
        value=None if value is None else Value(value),
        label=dict(k.labels).get(int(samples.integer[i])) if heard and k.kind is PointKind.ENUM else None,
        time=Time(int(samples.time[i])) if heard else None,
        received=Time(int(samples.received[i])) if heard else None,
        confirmed=Time(int(samples.confirmed[i])) if heard and samples.confirmed is not None else None,
        status=Long(int(samples.status[i])) if heard else None,
    )


def site(context: Context) -> t.Site:
    """Where the array stands."""
    _ = context.who
    s = context.backend.catalogue.config.site
    return t.Site(name=s.name, title=s.title, latitude=s.latitude, longitude=s.longitude, height=s.height, sky_shift=s.sky_shift)


def assets(context: Context, kind: str | None, parent: str | None) -> list[t.Asset]:
    """The asset tree, parents first."""
    _ = context.who
    catalogue = context.backend.catalogue
    return [
        t.Asset(
            name=a.name,
            title=a.title,
            type=a.type,
            parent=a.parent or None,
            position=t.Position(east=a.position[0], north=a.position[1]) if a.position else None,
            properties=[t.Property(name=k, value=v) for k, v in a.properties.items()],
            points=catalogue.per_asset[a.name],
        )
        for a in catalogue.tree
        if (kind is None or a.type == kind) and (parent is None or a.parent == parent)
    ]
