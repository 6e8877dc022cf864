"""An irregular series onto a grid of buckets: pure functions on columns.

Bucket i holds the samples with edges[i] <= time < edges[i+1]. A sample is usable unless its quality is BAD or its value is NaN or infinite:
one infinity, whatever its quality, would be all that a mean, a sum or an extreme shows. FIRST and LAST keep infinities. With the usable
values v_1 ... v_n of a bucket in time order:

    MEAN    sum(v) / n                      COUNT   n
    SUM     sum(v)                          STD     sqrt(sum((v - mean)^2) / n), the population's: 0 for one sample
    MEDIAN  the middle one of the sorted values, for even n the mean of the middle two
    MIN, MAX, FIRST, LAST   that sample itself (of equal extremes the earliest)
    MINMAX  both extremes as samples at their own times, in time order; one sample where they are the same

MEAN, MEDIAN, COUNT, STD and SUM stand at the bucket's start, the others at their sample's own time. Quality: GOOD where all samples of
the bucket are good and usable, BAD where none is usable, else UNCERTAIN, so that a sample left out never hides. A bucket without a usable
sample gives NaN, or the first of them for the methods that give samples. COUNT counts what is usable.
Of texts only FIRST, LAST and COUNT can be formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.table import Table, Values, take
from kernel.archive import Resample, ResampleMethod
from kernel.errors import BadUsage
from kernel.quality import Quality
from kernel.samples import Bytes, Codes, Ints, Kind

MOST_BUCKETS = 1_000_000
"""Per point and query: more is an export, not a picture."""
SAMPLES = {ResampleMethod.MINMAX, ResampleMethod.MIN, ResampleMethod.MAX, ResampleMethod.FIRST, ResampleMethod.LAST}
"""Methods that give samples as they are."""
AS_THEY_COME = {ResampleMethod.FIRST, ResampleMethod.LAST}
"""Methods that compare and add nothing: an infinity spoils nothing else there."""
OF_TEXT = {ResampleMethod.RAW, ResampleMethod.FIRST, ResampleMethod.LAST, ResampleMethod.COUNT}

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """Resampled samples in time order, with the bucket each came from."""

    bucket: Ints
    time: Ints
    value: Values
    quality: Bytes
    status: Codes

    def __len__(self) -> int:
        return len(self.time)


def edges(start: int, end: int, resample: Resample) -> Ints:
    """Bucket limits: the grid begins at start; with `every`, the last bucket may be shorter. Raises BadUsage on an impossible grid."""
    span = end - start
    if (resample.every is None) == (resample.buckets is None):
        raise BadUsage("resampling needs either `every` or `buckets`")
    if resample.every is not None:
        if resample.every <= 0:
            raise BadUsage(f"`every` is {resample.every} microseconds: it must be positive")
        n = -(-span // resample.every)
        _check_number(n, "take a longer `every`")
        return np.append(start + np.arange(n, dtype=np.int64) * resample.every, end)
    wanted = resample.buckets or 0
    if wanted <= 0:
        raise BadUsage(f"`buckets` is {wanted}: it must be positive")
    _check_number(wanted, "take fewer `buckets`")
    n = max(1, min(wanted, span))
    whole, rest = divmod(span, n)
    i = np.arange(n + 1, dtype=np.int64)
    return start + i * whole + (i * rest) // n


def _check_number(n: int, remedy: str) -> None:
    if n > MOST_BUCKETS:
        raise BadUsage(f"{n} buckets are more than {MOST_BUCKETS}: {remedy}, or export the samples")


def usable(table: Table, infinite: bool = False) -> Flags | None:
    """Which samples count, with `infinite` also the infinite ones; None: all."""
    bad = None
    if table.quality is not None and bool((table.quality == Quality.BAD).any()):
        bad = table.quality == Quality.BAD
    if table.kind is Kind.DOUBLE:
        out = np.isnan(table.value) if infinite else ~np.isfinite(table.value)
        if out.any():
            bad = out if bad is None else bad | out
    return None if bad is None else ~bad


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The non-empty buckets of some samples."""

    bucket: Ints
    first: Ints
    """Where each begins."""
    count: Ints


def _groups(time: Ints, limits: Ints) -> _Groups:
    at = np.searchsorted(time, limits)
    count = np.diff(at)
    bucket = np.flatnonzero(count)
    return _Groups(bucket, at[:-1][bucket], count[bucket])


def reduce(table: Table, limits: Ints, method: ResampleMethod) -> Picked:
    """One point's samples, ascending and all within the limits, to buckets. Not for RAW, LTTB and INTERPOLATE."""
    everything = _groups(table.time, limits)
    good = usable(table, infinite=method in AS_THEY_COME)
    fine = table if good is None else take(table, good)
    groups = everything if good is None else _groups(fine.time, limits)
    if method in SAMPLES:
        rows = _rows(fine, groups, method)
        picked = _as_samples(fine, rows, np.searchsorted(limits, fine.time[rows], side="right") - 1)
    else:
        value = _values(fine, groups, method)
        picked = Picked(groups.bucket, limits[:-1][groups.bucket], value, np.zeros(len(value), np.uint8), np.zeros(len(value), np.uint32))
    if good is not None:
        picked = _with_bad(picked, table, everything, groups, limits, method)
    return _judged(picked, table, everything, groups)


def _rows(table: Table, groups: _Groups, method: ResampleMethod) -> Ints:
    if method is ResampleMethod.FIRST:
        return groups.first
    if method is ResampleMethod.LAST:
        return groups.first + groups.count - 1
    if method is ResampleMethod.MIN:
        return _extreme(table.value, groups, np.minimum)
    if method is ResampleMethod.MAX:
        return _extreme(table.value, groups, np.maximum)
    both = np.concatenate([_extreme(table.value, groups, np.minimum), _extreme(table.value, groups, np.maximum)])
    return np.unique(both)


def _extreme(value: NDArray[Any], groups: _Groups, ufunc: np.ufunc) -> Ints:
    """Where each bucket's first extreme stands."""
    if len(groups.first) == 0:
        return groups.first
    extreme = ufunc.reduceat(value, groups.first)
    hits = np.flatnonzero(value == np.repeat(extreme, groups.count))
    return hits[np.searchsorted(hits, groups.first)]


def _as_samples(table: Table, rows: Ints, bucket: Ints) -> Picked:
    n = len(rows)
    return Picked(
        bucket,
        table.time[rows],
        table.value[rows],
        np.zeros(n, np.uint8) if table.quality is None else table.quality[rows],
        np.zeros(n, np.uint32) if table.status is None else table.status[rows],
    )


def _values(table: Table, groups: _Groups, method: ResampleMethod) -> NDArray[Any]:
    if method is ResampleMethod.COUNT:
        return groups.count.astype(np.int64)
    if len(groups.first) == 0:
        return np.empty(0)
    value = table.value.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore", over="ignore"):  # sums of finite values may overflow
        if method is ResampleMethod.MEDIAN:
            return _median(value, groups)
        total: NDArray[Any] = np.add.reduceat(value, groups.first)
        if method is ResampleMethod.SUM:
            return total
        mean: NDArray[Any] = total / groups.count
        if method is ResampleMethod.MEAN:
            return mean
        off = value - np.repeat(mean, groups.count)
        deviation: NDArray[Any] = np.sqrt(np.add.reduceat(off * off, groups.first) / groups.count)
        return deviation


def _median(value: NDArray[Any], groups: _Groups) -> NDArray[Any]:
    ascending = value[np.lexsort((value, np.repeat(np.arange(len(groups.first)), groups.count)))]
    low = groups.first + (groups.count - 1) // 2
    high = groups.first + groups.count // 2
    middle: NDArray[Any] = np.where(low == high, ascending[low], ascending[low] / 2 + ascending[high] / 2)
    return middle


def _with_bad(picked: Picked, table: Table, everything: _Groups, fine: _Groups, limits: Ints, method: ResampleMethod) -> Picked:
    """Adds the buckets that have bad samples only."""
    lonely = ~np.isin(everything.bucket, fine.bucket)
    if not lonely.any():
        return picked
    bucket, first = everything.bucket[lonely], everything.first[lonely]
    if method in SAMPLES:
        extra = _as_samples(table, first, bucket)
    else:
        value = np.zeros(len(bucket), np.int64) if method is ResampleMethod.COUNT else np.full(len(bucket), np.nan)
        status = np.zeros(len(bucket), np.uint32) if table.status is None else table.status[first]
        extra = Picked(bucket, limits[:-1][bucket], value, np.zeros(len(bucket), np.uint8), status)
    return joined([picked, extra])


def _judged(picked: Picked, table: Table, everything: _Groups, fine: _Groups) -> Picked:
    """Sets the quality of every bucket."""
    if table.quality is None and everything.count.sum() == fine.count.sum():
        return picked
    n = int(everything.bucket[-1]) + 1 if len(everything.bucket) else 0
    verdict = np.zeros(n, np.uint8)
    if table.quality is not None and len(everything.bucket):
        worst = np.maximum.reduceat(table.quality, everything.first)
        verdict[everything.bucket] = np.where(worst > Quality.GOOD, np.uint8(Quality.UNCERTAIN), np.uint8(Quality.GOOD))
    whole = np.zeros(n, np.int64)
    whole[everything.bucket] = everything.count
    whole[fine.bucket] -= fine.count
    verdict[whole > 0] = Quality.UNCERTAIN
    lonely = np.setdiff1d(everything.bucket, fine.bucket)
    verdict[lonely] = Quality.BAD
    return Picked(picked.bucket, picked.time, picked.value, verdict[picked.bucket], picked.status)


def joined(parts: list[Picked]) -> Picked:
    """Several into one, by time; at equal times the order of the parts."""
    value = np.concatenate([p.value for p in parts])
    time = np.concatenate([p.time for p in parts])
    order = slice(None) if bool((np.diff(time) >= 0).all()) else np.argsort(time, kind="stable")
    return Picked(
        np.concatenate([p.bucket for p in parts])[order],
        time[order],
        value[order],
        np.concatenate([p.quality for p in parts])[order],
        np.concatenate([p.status for p in parts])[order],
    )
