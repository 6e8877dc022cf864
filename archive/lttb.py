"""Largest triangle, three buckets: one sample per bucket, the one that best keeps the shape of the curve. Pure.

S. Steinarsson, Downsampling Time Series for Visual Representation, University of Iceland, 2013. The buckets are those of the time grid, not
of equal numbers, since series are irregular. Where a bucket has a usable candidate, one that is not (bad, NaN, infinite) is never the one
kept, and the bucket is uncertain. The candidates are the extremes of each half bucket (J. Van Der Donckt et al., MinMaxLTTB,
2023), so that the work does not grow with the number of samples and no extreme is passed over unseen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archive.resample import Picked
from kernel.quality import Quality
from kernel.samples import Ints


def halves(limits: Ints) -> Ints:
    """A grid of half buckets: bucket i becomes 2i and 2i+1."""
    fine = np.empty(2 * len(limits) - 1, np.int64)
    fine[::2] = limits
    fine[1::2] = limits[:-1] + np.diff(limits) // 2
    return fine


def largest_triangles(candidates: Picked) -> Picked:
    """`candidates` are ascending in time, their buckets half buckets; one per bucket is kept, the first and the last among them."""
    candidates = _best(candidates)
    bucket = candidates.bucket // 2
    first = np.concatenate([[0], np.flatnonzero(np.diff(bucket)) + 1, [len(bucket)]]).astype(np.int64)
    time = (candidates.time - candidates.time[0]).astype(np.float64).tolist()
    usable = _usable(candidates)
    value = np.where(usable, candidates.value, 0).astype(np.float64)
    weight = np.maximum(np.add.reduceat(usable.astype(np.float64), first[:-1]), 1.0)
    mean_value = (np.add.reduceat(np.where(usable, value, 0.0), first[:-1]) / weight).tolist()
    mean_time = (np.add.reduceat(np.asarray(time), first[:-1]) / np.diff(first)).tolist()
    kept = _walk(first.tolist(), time, value.tolist(), mean_time, mean_value)
    chosen = np.asarray(kept, np.int64)
    return Picked(bucket[chosen], candidates.time[chosen], candidates.value[chosen], candidates.quality[chosen], candidates.status[chosen])


def _usable(candidates: Picked) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = (candidates.quality != Quality.BAD) & np.isfinite(candidates.value.astype(np.float64))
    return usable


def _best(candidates: Picked) -> Picked:
    """Without the unusable candidates of buckets that have a usable one; what is not good in one half is seen in the whole bucket."""
    usable, bucket = _usable(candidates), candidates.bucket // 2
    kept = usable | ~np.isin(bucket, bucket[usable])
    unsure = usable & np.isin(bucket, bucket[candidates.quality != Quality.GOOD])
    quality = np.where(unsure, np.uint8(Quality.UNCERTAIN), candidates.quality)
    c = candidates
    return Picked(c.bucket[kept], c.time[kept], c.value[kept], quality[kept], c.status[kept])


def _walk(first: list[int], time: list[float], value: list[float], mean_time: list[float], mean_value: list[float]) -> list[int]:
    kept = [0]
    last = len(first) - 2
    for b in range(1, last):
        at, av = time[kept[-1]], value[kept[-1]]
        dt, dv = at - mean_time[b + 1], mean_value[b + 1] - av
        areas = [abs(dt * (value[i] - av) - (at - time[i]) * dv) for i in range(first[b], first[b + 1])]
        kept.append(first[b] + areas.index(max(areas)))
    if last > 0:
        kept.append(first[-1] - 1)
    return kept
