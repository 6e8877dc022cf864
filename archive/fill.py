"""What stands in buckets without samples, and values between samples. Pure.

A held value is the sample in force at the bucket's start. It is held only where nothing says that it may have changed: not across a gap,
and not beyond what the source is known to have reported. A silent point of a covered source is unchanged, so its last value stands.

    PREVIOUS   the held value (for STD 0, for SUM nothing), at the bucket's start, with the held sample's quality
    LINEAR     on the straight line between the last answer of the filled bucket before and the first of the one after, at the bucket's
               start; before the first filled bucket, from the held value; texts are held
    COUNT      0 in every bucket that no gap touches, whatever the fill: that nothing came is known there

INTERPOLATE gives the value at each bucket's start on the straight line between the usable samples around it, not across gaps; after the
last sample nothing, or with PREVIOUS the held value. The quality of a line is the worse one of its ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archive.resample import Picked, joined
from archive.table import Table, as_kind, one_kind
from kernel.archive import Fill, Gap, ResampleMethod
from kernel.quality import Quality
from kernel.samples import Ints, Kind

Flags = NDArray[np.bool_]


def filled(picked: Picked, held: Picked, limits: Ints, method: ResampleMethod, fill: Fill, gaps: Sequence[Gap], until: int) -> Picked:
    """`picked` with its empty buckets filled. `held`: samples that may be in force at a bucket's start, ascending in time."""
    where = _empty(picked, limits, until)
    if len(where) == 0:
        return picked
    if method is ResampleMethod.SUM or fill is Fill.NONE:
        return picked
    if fill is Fill.LINEAR and picked.value.dtype != object:
        return _as_floats([picked, line(_lefts(picked, held), picked, where, limits, gaps)])
    extra = hold(held, where, limits, gaps)
    if method is ResampleMethod.STD:
        extra = Picked(extra.bucket, extra.time, np.zeros(len(extra)), extra.quality, extra.status)
    elif picked.value.dtype == np.float64 and extra.value.dtype == np.int64:
        extra = Picked(extra.bucket, extra.time, extra.value.astype(np.float64), extra.quality, extra.status)
    return joined([picked, extra])


def _lefts(picked: Picked, held: Picked) -> Picked:
    """Where lines begin: at answers, and before the first of them at the held sample."""
    before = held.time < picked.time[0] if len(picked.time) else np.ones(len(held.time), np.bool_)
    return together([Picked(held.bucket[before], held.time[before], held.value[before], held.quality[before], held.status[before]), picked])


def zeros(picked: Picked, limits: Ints, gaps: Sequence[Gap], since: int, until: int) -> Picked:
    """Counts, with 0 in the empty buckets between since and until that no gap touches."""
    where = _empty(picked, limits, until)
    where = where[(limits[where] >= since) & ~across(gaps, limits[where], limits[where + 1] - 1)]
    n = len(where)
    return joined([picked, Picked(where, limits[where], np.zeros(n, np.int64), np.zeros(n, np.uint8), np.zeros(n, np.uint32))])


def _empty(picked: Picked, limits: Ints, until: int) -> Ints:
    empty = limits[:-1] < until
    empty[picked.bucket] = False
    return np.flatnonzero(empty)


def hold(held: Picked, where: Ints, limits: Ints, gaps: Sequence[Gap]) -> Picked:
    """The sample in force at the start of each of the buckets `where`, where there is one and no gap since."""
    at = np.searchsorted(held.time, limits[where], side="right") - 1
    where, at = where[at >= 0], at[at >= 0]
    known = ~across(gaps, held.time[at], limits[where])
    where, at = where[known], at[known]
    return Picked(where, limits[where], held.value[at], held.quality[at], held.status[at])


def line(left: Picked, right: Picked, where: Ints, limits: Ints, gaps: Sequence[Gap]) -> Picked:
    """On the line between the last sample of `left` and the first of `right` around the start of each bucket `where`."""
    moment = limits[where]
    a = np.searchsorted(left.time, moment, side="right") - 1
    b = np.searchsorted(right.time, moment, side="left")
    both = (a >= 0) & (b < len(right))
    where, moment, a, b = where[both], moment[both], a[both], b[both]
    ends = _numbers(left.value)[a], _numbers(right.value)[b]
    good = (left.quality[a] != Quality.BAD) & (right.quality[b] != Quality.BAD) & np.isfinite(ends[0]) & np.isfinite(ends[1])
    # a gap that begins with the sample on the right is not between; a sample at the very moment needs no line
    good &= ~across(gaps, left.time[a], right.time[b] - 1) | (left.time[a] == right.time[b])
    where, moment, a, b = where[good], moment[good], a[good], b[good]
    start, end = ends[0][good], ends[1][good]
    width = right.time[b] - left.time[a]
    share = np.where(width > 0, (moment - left.time[a]) / np.maximum(width, 1), 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        value = np.where(start == end, start, start * (1 - share) + end * share)
    quality = np.maximum(left.quality[a], right.quality[b])
    return Picked(where, moment, value, quality, left.status[a])


def interpolated(ends: Picked, limits: Ints, fill: Fill, gaps: Sequence[Gap], until: int) -> Picked:
    """Values at the bucket starts from the usable samples around them. `ends`: the first and the last usable sample of each bucket, and
    the ones just before and after the range, ascending."""
    where = np.arange(len(limits) - 1, dtype=np.int64)
    found = line(ends, ends, where, limits, gaps)
    if fill is not Fill.PREVIOUS:
        return found
    rest = np.setdiff1d(where, found.bucket)
    rest = rest[limits[rest] < until]
    return _as_floats([found, hold(ends, rest, limits, gaps)])


def across(gaps: Sequence[Gap], low: Ints, high: Ints) -> Flags:
    """Whether a gap touches the closed interval from low to high, for each pair."""
    hit = np.zeros(len(low), np.bool_)
    for gap in gaps:
        hit |= gap.start <= high if gap.end is None else (gap.start <= high) & (gap.end > low)
    return hit


def as_picked(table: Table, bucket: int) -> Picked:
    """Rows as samples of one bucket (of none: -1)."""
    n = len(table)
    quality = np.zeros(n, np.uint8) if table.quality is None else table.quality
    status = np.zeros(n, np.uint32) if table.status is None else table.status
    return Picked(np.full(n, bucket, np.int64), table.time, table.value, quality, status)


def together(parts: Sequence[Picked]) -> Picked:
    """Several that may differ in the kind of their values."""
    kind = one_kind({_kind(p) for p in parts})
    return joined([Picked(p.bucket, p.time, as_kind(p.value, kind), p.quality, p.status) for p in parts])


def _kind(picked: Picked) -> Kind:
    return {"f": Kind.DOUBLE, "i": Kind.LONG}.get(picked.value.dtype.kind, Kind.TEXT)


def _numbers(value: NDArray[np.float64] | NDArray[np.int64] | NDArray[np.object_]) -> NDArray[np.float64]:
    """Texts, of the time when the point was one, are no number: no line begins or ends there."""
    if value.dtype == object:
        return np.array([np.nan if isinstance(v, str) else v for v in value.tolist()], np.float64)
    return value.astype(np.float64, copy=False)


def _as_floats(parts: Sequence[Picked]) -> Picked:
    return joined([Picked(p.bucket, p.time, _numbers(p.value), p.quality, p.status) for p in parts])
