"""Running statistics over consecutive windows of time, as pure functions on rows (one per slot).

Mean and variance by Welford's recurrence, so that long windows of large values keep their digits. A window of length `every` holds
times t with floor(t / every) equal; its statistics carry the time at which it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kernel.clock import SECOND
from kernel.samples import Bytes, Doubles, Ints

SKEW = 60 * SECOND
"""How far a sample's time may lie after its reception and still open a window. Clocks that are synchronised at all agree far better; a
window opened by a wild time would make every sample late until then."""
STATISTICS = ("mean", "min", "max", "std", "count", "median")
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What is known of the open window of each row."""

    window: Ints
    """Its number: floor(time / every); meaningful where n > 0, and as the newest closed one where n is 0."""
    n: Ints
    mean: Doubles
    m2: Doubles
    low: Doubles
    high: Doubles
    quality: Bytes
    """The worst of the samples."""

    def at(self, slots: Ints) -> Sums:
        """The rows of some slots."""
        return Sums(*(getattr(self, f.name)[slots] for f in fields(self)))


def no_sums(n: int) -> Sums:
    """n rows without a window."""
    return Sums(
        np.full(n, np.iinfo(np.int64).min), np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.uint8)
    )


def add(sums: Sums, every: Ints, time: Ints, value: Doubles, quality: Bytes, received: int) -> tuple[Sums, Mask, Mask, Mask]:
    """One sample to each row. Returns the sums after; where a window closed by it (its statistics are in `sums` as given); where the
    sample came too late for its window and was left out; and where it was left out because it lies more than SKEW after its reception."""
    window, limit = time // every, received + SKEW
    future = time > limit
    ahead = sums.window > limit // every  # our own clock was set back: the windows of before would keep all samples out
    opens = ~future & ((window > sums.window) | ahead)
    closed = opens & (sums.n > 0)
    late = ~future & ~opens & ((window < sums.window) | (sums.n == 0))
    fresh = opens
    n = np.where(fresh, 1, sums.n + 1)
    before = np.where(fresh, 0.0, sums.mean)
    with np.errstate(over="ignore", invalid="ignore"):  # values near the largest double have no finite variance
        gap = value - before
        mean = np.where(fresh, value, before + gap / n)
        m2 = np.where(fresh, 0.0, sums.m2 + gap * (value - mean))
    after = Sums(
        window=np.where(opens, window, sums.window),
        n=n,
        mean=mean,
        m2=m2,
        low=np.where(fresh, value, np.minimum(sums.low, value)),
        high=np.where(fresh, value, np.maximum(sums.high, value)),
        quality=np.where(fresh, quality, np.maximum(sums.quality, quality)),
    )
    kept = Sums(*(np.where(late | future, getattr(sums, f.name), getattr(after, f.name)) for f in fields(sums)))
    return kept, closed, late, future


def ended(sums: Sums, every: Ints, now: int) -> Mask:
    """Rows whose open window ended before now."""
    return (sums.n > 0) & (every > 0) & ((sums.window + 1) * every <= now)


def emptied(sums: Sums, where: Mask) -> Sums:
    """The rows with those windows closed; samples that come for them later are late."""
    return Sums(sums.window, np.where(where, 0, sums.n), sums.mean, sums.m2, sums.low, sums.high, sums.quality)


def figure(sums: Sums, name: str) -> Doubles:
    """One statistic of every row; std is that of the population (divisor n). The median needs the samples: see the processor."""
    if name == "mean":
        return sums.mean
    if name == "min":
        return sums.low
    if name == "max":
        return sums.high
    if name == "count":
        return sums.n.astype(np.float64)
    if name == "std":
        return np.sqrt(sums.m2 / np.maximum(sums.n, 1))
    raise ValueError(f"no such statistic: {name}; known are {', '.join(STATISTICS)}")
