"""Checksums of samples by day that do not depend on how a series is cut into pages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from kernel.archive import Gap
from kernel.clock import DAY
from kernel.samples import Series

_U = np.uint64
Words = NDArray[np.uint64]


def mixed(word: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves about half of the output's."""
    word = (word ^ (word >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> _U(27))) * _U(0x94D049BB133111EB)
    return word ^ (word >> _U(31))


def words(series: Series) -> Words:
    """One word per sample, of its time, value, kind of value, quality and status."""
    value = series.value
    if value.dtype == object:
        raw = [blake2b(str(v).encode("utf-8", "surrogatepass"), digest_size=8).digest() for v in value]
        bits, kind = np.frombuffer(b"".join(raw), "<u8").astype(_U), 3
    elif value.dtype == np.float64:
        bits, kind = np.ascontiguousarray(value).view(_U), 1
    else:
        bits, kind = np.ascontiguousarray(value.astype(np.int64)).view(_U), 2
    about = series.quality.astype(_U) << _U(32) | series.status.astype(_U) | _U(kind << 40)
    time = np.ascontiguousarray(series.time.astype(np.int64)).view(_U)
    return mixed(mixed(mixed(time) + bits) + about)


def add_days(into: dict[int, tuple[int, int]], series: Series) -> None:
    """Adds a piece of a series: day to (samples, sum of their words modulo 2**64)."""
    if not len(series.time):
        return
    found = words(series)
    days = series.time // DAY
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    sums = np.add.reduceat(found, starts)
    counts = np.diff(starts, append=len(days))
    for day, n, total in zip(days[starts].tolist(), counts.tolist(), sums.tolist(), strict=True):
        before = into.get(day, (0, 0))
        into[day] = (before[0] + n, (before[1] + total) % (1 << 64))


def digest_of_gaps(gaps: Sequence[Gap], until: int) -> str:
    """What is missing before a moment, and why."""
    lines = sorted(
        (g.start, -1 if g.end is None or g.end >= until else g.end, g.cause.value, -1 if g.count is None else g.count, g.detail)
        for g in gaps
        if g.start < until
    )
    return blake2b(repr(lines).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
