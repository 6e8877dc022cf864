"""Comparing equal telescopes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hmi_backend.errors import BadRequest
from hmi_backend.fleet import ODD, odd_states, spread
from hmi_backend.graphql import types_fleet as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.scalars import Long, Time, Value
from hmi_backend.graphql.types_points import QUALITIES
from hmi_backend.paging import MOST
from hmi_backend.times import parse_time
from kernel.archive import Resample, ResampleMethod, SeriesQuery
from kernel.array import Point, PointKind
from kernel.quality import Quality
from kernel.samples import Kind, Samples

MEASURED = (PointKind.DOUBLE, PointKind.LONG)
_METHODS = (ResampleMethod.MIN, ResampleMethod.MAX, ResampleMethod.MEAN, ResampleMethod.STD, ResampleMethod.COUNT)


@dataclass(slots=True)
class _Row:
    """One member's figures; None where there are none."""

    count: int = 0
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None


def groups(context: Context, search: str | None, fewest: int) -> list[t.PointGroup]:
    """What can be compared, by name."""
    _ = context.who
    catalogue, words = context.backend.catalogue, (search or "").lower().split()
    found = []
    for group, names in catalogue.by_group.items():
        k = catalogue.config.points[names[0]].type
        told = f"{group} {k.description}".lower()
        if len(names) >= fewest and all(w in told for w in words):
            found.append(t.PointGroup(group=group, description=k.description, unit=k.unit, kind=k.kind, members=len(names)))
            if len(found) == MOST:
                break
    return found


async def fleet_stats(context: Context, group: str, at: object | None, start: object | None, end: object | None) -> t.FleetStats:
    """The telescopes at a moment, or over a range; by default now."""
    _ = context.who
    points = _members(context, group)
    names, now = [p.name for p in points], context.backend.clock.now()
    if (start is None) != (end is None) or (at is not None and start is not None):
        raise BadRequest("give from and to, or at, or neither for now")
    if start is not None and end is not None:
        since, until = parse_time(start, now), parse_time(end, now)
        if since >= until:
            raise BadRequest("from must be before to")
        numbers = points[0].type.kind in MEASURED
        samples, rows = await asyncio.gather(context.backend.archive.at(names, until - 1), _figures(context, names, since, until, numbers))
        held = [int(time) >= since for time in samples.time]
        return _stats(context, group, points, samples, held, rows, None, (since, until))
    if at is None:
        samples = await context.backend.hot.latest(names)
    else:
        samples = await context.backend.archive.at(names, parse_time(at, now))
    moment = now if at is None else parse_time(at, now)
    return _stats(context, group, points, samples, [True] * len(names), None, moment, None)


def _members(context: Context, group: str) -> list[Point]:
    catalogue = context.backend.catalogue
    names = catalogue.by_group.get(group, ())
    if not names:
        likely = get_close_matches(group[:100], list(catalogue.by_group)[:5000], 3)
        raise BadRequest(
            f"group: nothing is called {group[:100]!r}" + (f": did you mean {' or '.join(likely)}?" if likely else ", see groups")
        )
    return [catalogue.config.points[n] for n in names[:MOST]]


async def _figures(context: Context, names: Sequence[str], start: int, end: int, numbers: bool) -> list[_Row]:
    """Of each point over a range, in one bucket; of states only how many samples."""
    methods = _METHODS if numbers else (ResampleMethod.COUNT,)
    queries = [SeriesQuery(tuple(names), start, end, Resample(m, buckets=1)) for m in methods]
    answers = await asyncio.gather(*(context.backend.archive.series(q) for q in queries))
    rows = [_Row() for _ in names]
    for method, blocks in zip(methods, answers, strict=True):
        for row, block in zip(rows, blocks, strict=True):
            value = float(block.series.value[0]) if len(block.series) else math.nan
            if not math.isfinite(value):
                continue
            if method is ResampleMethod.COUNT:
                row.count = round(value)
            else:
                setattr(row, method.value.lower(), value)
    return rows


def _stats(
    context: Context,
    group: str,
    points: Sequence[Point],
    samples: Samples,
    held: Sequence[bool],
    rows: Sequence[_Row] | None,
    at: int | None,
    span: tuple[int, int] | None,
) -> t.FleetStats:
    k = points[0].type
    values = [v if h else None for v, h in zip(samples.values(), held, strict=True)]
    good = [v if q != Quality.BAD else None for v, q in zip(values, samples.quality.tolist(), strict=True)]
    if rows is None:
        numbers = [float(v) if isinstance(v, (int, float)) and math.isfinite(v) and k.kind in MEASURED else None for v in good]
        rows = [_Row(int(v is not None), n, n, n, None) for v, n in zip(good, numbers, strict=True)]
    else:
        numbers = [r.mean for r in rows]
    found = spread(numbers)
    odd = (abs(found.z) > ODD).tolist() if k.kind in MEASURED else odd_states(good)
    return t.FleetStats(
        group=group,
        unit=k.unit,
        kind=k.kind,
        at=None if at is None else Time(at),
        start=None if span is None else Time(span[0]),
        end=None if span is None else Time(span[1]),
        count=found.count if k.kind in MEASURED else sum(v is not None for v in good),
        min=_or_none(found.min),
        max=_or_none(found.max),
        mean=_or_none(found.mean),
        median=_or_none(found.median),
        std=_or_none(found.std),
        mad=_or_none(found.mad),
        members=[
            _member(context, p, samples, i, values[i], rows[i], _or_none(float(found.z[i])), odd[i], held[i]) for i, p in enumerate(points)
        ],
    )


def _or_none(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _member(
    context: Context, p: Point, samples: Samples, i: int, value: float | int | str | None, row: _Row, z: float | None, odd: bool, held: bool
) -> t.FleetMember:
    heard = held and samples.kind[i] != Kind.NONE
    asset = context.backend.catalogue.config.assets.get(p.asset)
    finite = value if not isinstance(value, float) or math.isfinite(value) else None
    return t.FleetMember(
        point=p.name,
        asset=p.asset,
        title=asset.title if asset else p.asset,
        time=Time(int(samples.time[i])) if heard else None,
        value=None if finite is None else Value(finite),
        label=dict(p.type.labels).get(value) if isinstance(value, int) else None,
        quality=QUALITIES[samples.quality[i]] if heard else None,
        count=Long(row.count),
        min=row.min,
        max=row.max,
        mean=row.mean,
        std=row.std,
        z=z,
        odd=odd,
    )
