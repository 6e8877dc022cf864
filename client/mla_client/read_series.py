"""Samples of a range, of any length: asked for in pages that the server's limits allow, put together again here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mla_client.columns import join, labels_of, qualities_of, times_of, values_of
from mla_client.errors import BadRequest
from mla_client.protocol import Step, ask
from mla_client.read_points import Names, is_pattern, named, server_now
from mla_client.series import Gap, Series
from mla_client.series_set import SeriesSet
from mla_client.shapes import decode, selection
from mla_client.times import Span, When, is_relative, moment_us, numpy_of, span_us

METHODS: Final = ("RAW", "MINMAX", "MEAN", "MEDIAN", "MIN", "MAX", "FIRST", "LAST", "COUNT", "STD", "SUM", "LTTB", "INTERPOLATE")
FILLS: Final = ("NONE", "PREVIOUS", "LINEAR")
AT_ONCE: Final = 500_000
"""Samples asked for in one request: a quarter of what every role may."""
RAW_PAGE: Final = 250_000
TOGETHER: Final = 500
"""Points asked for in one request: as many as a page of the catalogue has."""
_SERIES = f"""query($points: [String!]!, $from: Time!, $to: Time!, $resample: Resample, $limit: Int!, $after: String) {{
    series(points: $points, from: $from, to: $to, resample: $resample, limit: $limit, after: $after) {{
    point unit kind method columns complete nextCursor gaps {{ {selection(Gap)} }} }}
    points(filter: {{names: $points, kind: [ENUM, BOOL]}}, first: 500) {{ nodes {{ name labels {{ value label }} }} }} }}"""


@dataclass(frozen=True, slots=True)
class Grid:
    """How an irregular series becomes a regular one: every so many microseconds, or a number of buckets."""

    method: str
    every: int | None
    buckets: int | None
    fill: str

    @property
    def wire(self) -> dict[str, Any]:
        """As the API takes it."""
        step = {"every": f"{self.every}us"} if self.every is not None else {"buckets": self.buckets}
        return {"method": self.method, "fill": self.fill, **step}

    def cost(self, length: int) -> int:
        """Samples of one point over so many microseconds."""
        buckets = self.buckets if self.buckets is not None else -(-length // (self.every or 1))
        return max(1, buckets) * (2 if self.method == "MINMAX" else 1)


def grid_of(method: str | None, every: Span | None, buckets: int | None, fill: str | None) -> Grid | None:
    """The grid meant; None: raw samples. Raises BadRequest for what makes no sense."""
    if method is None:
        method = "MEAN" if every is not None else "MINMAX" if buckets is not None else "RAW"
    if method.upper() not in METHODS:
        raise BadRequest(f"resample={method!r} is not one of {', '.join(m.lower() for m in METHODS)}", "BAD_REQUEST")
    if (fill or "none").upper() not in FILLS:
        raise BadRequest(f"fill={fill!r} is not one of none, previous, linear", "BAD_REQUEST")
    if method.upper() == "RAW":
        if every is not None or buckets is not None or fill is not None:
            raise BadRequest("raw samples have no grid: leave out every, buckets and fill, or choose a method such as resample='mean'")
        return None
    if (every is None) == (buckets is None):
        raise BadRequest(f"resample={method!r} needs either every='10s' or buckets=1000", "BAD_REQUEST")
    return Grid(method.upper(), None if every is None else span_us(every), buckets, (fill or "none").upper())


def series(
    points: Names,
    start: When,
    end: When = "now",
    *,
    resample: str | None = None,
    every: Span | None = None,
    buckets: int | None = None,
    fill: str | None = None,
) -> Step[SeriesSet]:
    """The samples with start <= time < end of each point."""
    grid = grid_of(resample, every, buckets, fill)
    names = yield from named(points)
    since, until = yield from interval(start, end)
    found: dict[str, Series] = {}
    for together in shares(names, 2 if grid is None else grid.cost(until - since)):
        limit = max(1, min(RAW_PAGE, AT_ONCE // len(together)))
        variables = {"from": since, "to": until, "resample": grid and grid.wire, "limit": limit}
        answer = yield from ask(_SERIES, points=together, after=None, **variables)
        labels = labels_of(answer["points"]["nodes"])
        for block in answer["series"]:
            parts = [block]
            while parts[-1]["nextCursor"] is not None:
                more = {**variables, "limit": RAW_PAGE, "after": parts[-1]["nextCursor"]}
                parts += (yield from ask(_SERIES, points=[block["point"]], **more))["series"]
            found[block["point"]] = series_of(parts, since, until, labels.get(block["point"], {}))
    return SeriesSet([found[n] for n in names])


def one(point: str, start: When, end: When, **grid: Any) -> Step[Series]:
    """The samples of one point."""
    if is_pattern(point):
        raise BadRequest(f"{point} stands for several points: write series([{point!r}], …), which gives a SeriesSet", "BAD_REQUEST")
    return (yield from series([point], start, end, **grid))[point]


def interval(start: When, end: When) -> Step[tuple[int, int]]:
    """Both ends in microseconds UTC, fixed once for all pages. With both alike there is nothing between them. Raises
    BadRequest where the end comes first."""
    now = (yield from server_now()) if is_relative(start) or is_relative(end) else 0
    since, until = moment_us(start, now), moment_us(end, now)
    if since > until:
        raise BadRequest(f"start ({start}) lies after end ({end})", "BAD_REQUEST")
    return since, until


def shares(names: Sequence[str], cost: int) -> Iterator[list[str]]:
    """Points asked for together, so that one request stays within every role's limits."""
    size = max(1, min(TOGETHER, AT_ONCE // cost)) if cost > 2 else min(len(names), 200)
    for i in range(0, len(names), size):
        yield list(names[i : i + size])


def series_of(blocks: Sequence[Mapping[str, Any]], since: int, until: int, labels: Mapping[int, str]) -> Series:
    """The pages of one point as one series."""
    first, last = blocks[0], blocks[-1]
    kind = first["kind"] or ""
    counts = first["method"] in ("MEAN", "MEDIAN", "STD", "INTERPOLATE")
    gaps = dict.fromkeys(decode(Gap, g) for b in blocks for g in b["gaps"])
    return Series(
        point=first["point"],
        unit=("" if first["method"] == "COUNT" else first["unit"]) or "",
        kind=kind,
        method=first["method"],
        start=numpy_of(since),
        end=numpy_of(until),
        time=np.concatenate([times_of(b["columns"]["t"]) for b in blocks]),
        value=join([values_of(b["columns"]["v"], "DOUBLE" if counts else _kind(kind, first["method"])) for b in blocks]),
        quality=np.concatenate([qualities_of(b["columns"]["q"]) for b in blocks]),
        gaps=tuple(sorted(gaps, key=lambda g: g.start)),
        complete=bool(last["complete"]),
        labels=labels,
    )


def _kind(kind: str, method: str) -> str | None:
    return None if method == "COUNT" else kind or None
