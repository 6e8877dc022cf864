"""What a method of resampling means for a kind of point, by the configuration in force. Pure.

A code of an enumeration is a name: nothing lies between two of them, and they cannot be added. True and false can be counted, so their mean
is the share of true, but nothing lies between them either. Texts are told apart by what is stored, see `answer`.

    kind              MEAN MEDIAN STD SUM     INTERPOLATE            fill LINEAR           the others
    double, long      as they say             on a line              on a line             as they say
    bool              of 0 and 1              LAST, held             held                  as they say
    enum              LAST                    LAST, held             held                  as they say
    text              LAST                    LAST                   held                  COUNT, FIRST: as they say; else LAST
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kernel.archive import Fill, Resample, ResampleMethod, SeriesQuery
from kernel.array import Point, PointKind

SUMS = {ResampleMethod.MEAN, ResampleMethod.MEDIAN, ResampleMethod.STD, ResampleMethod.SUM}
STEPS = {PointKind.BOOL, PointKind.ENUM}
"""Kinds whose value is in force until the next one, with nothing in between."""


def fitting(wanted: Resample, kind: PointKind) -> Resample:
    """The resampling that is meant for points of a kind; an answer says which method it used."""
    method, fill = wanted.method, wanted.fill
    if kind in STEPS and (fill is Fill.LINEAR or method is ResampleMethod.INTERPOLATE):
        fill = Fill.PREVIOUS
    if kind in STEPS and (method is ResampleMethod.INTERPOLATE or (method in SUMS and kind is PointKind.ENUM)):
        method = ResampleMethod.LAST
    return wanted if (method, fill) == (wanted.method, wanted.fill) else replace(wanted, method=method, fill=fill)


def by_fitting(query: SeriesQuery, points: Mapping[str, Point]) -> Sequence[SeriesQuery]:
    """The query, or one for each resampling that its points need. Points that are not configured are answered as numbers."""
    wanted = query.resample
    if wanted is None:
        return [query]
    groups: dict[Resample, list[str]] = {}
    for name in query.points:
        known = points.get(name)
        groups.setdefault(wanted if known is None else fitting(wanted, known.type.kind), []).append(name)
    return [query] if list(groups) == [wanted] else [replace(query, points=tuple(n), resample=r) for r, n in groups.items()]
