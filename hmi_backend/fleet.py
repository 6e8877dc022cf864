"""Equal telescopes compared: who is the odd one out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernel.samples import Doubles

ODD = 3.5
"""|z| beyond which a value is called an outlier: Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC 1993."""
FEWEST = 3
"""With fewer values nobody is the odd one."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What some values have in common; NaN where there are none."""

    count: int
    min: float
    max: float
    mean: float
    median: float
    std: float
    mad: float
    """Median absolute deviation from the median."""
    z: Doubles
    """Modified z-score of each value; NaN where it has none, or where there are too few."""


def spread(values: Sequence[float | None]) -> Spread:
    """The modified z-score 0.6745 (x - median) / MAD; where MAD is 0, (x - median) / (1.253314 × mean absolute deviation), both scaled so
    that a normal distribution has z of unit variance (Iglewicz and Hoaglin 1993)."""
    x = np.array([np.nan if v is None else v for v in values], np.float64)
    x[~np.isfinite(x)] = np.nan
    known = x[~np.isnan(x)]
    if not len(known):
        nan = float("nan")
        return Spread(0, nan, nan, nan, nan, nan, nan, np.full(len(x), np.nan))
    median = float(np.median(known))
    away = np.abs(known - median)
    mad, mean_away = float(np.median(away)), float(away.mean())
    scale = mad / 0.6745 if mad > 0 else 1.253314 * mean_away
    z = np.full(len(x), np.nan)
    if len(known) >= FEWEST:
        z = (x - median) / scale if scale > 0 else x - median  # all equal: 0
    return Spread(len(known), float(known.min()), float(known.max()), float(known.mean()), median, float(known.std()), mad, z)


def odd_states(values: Sequence[object | None]) -> list[bool]:
    """Which of some states are not the one that more than half of those known have."""
    counts = Counter(v for v in values if v is not None)
    known = sum(counts.values())
    most, count = counts.most_common(1)[0] if counts else (None, 0)
    if known < FEWEST or 2 * count <= known:
        return [False] * len(values)
    return [v is not None and v != most for v in values]
