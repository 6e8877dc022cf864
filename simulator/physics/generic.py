"""Plausible signals for points that no rule knows: a level that wanders within the range, states that seldom change."""

from __future__ import annotations

import numpy as np

from kernel.array import Point, PointKind
from simulator.noise import Doubles, smooth, uniform, white
from simulator.physics.frame import Frame, Who

LEVELS = {
    "°C": (15.0, 4.0),
    "A": (2.0, 0.6),
    "V": (230.0, 3.0),
    "kW": (5.0, 1.0),
    "W": (400.0, 60.0),
    "%": (55.0, 15.0),
    "Hz": (300.0, 40.0),
    "kHz": (30.0, 4.0),
    "bar": (6.0, 0.4),
    "hPa": (770.0, 3.0),
    "µm": (0.0, 4.0),
    "°": (180.0, 60.0),
    "ms": (0.5, 0.2),
    "km/h": (14.0, 6.0),
}
"""unit: (usual value, how far it wanders)"""
STATE_SECONDS = 1_800


def level(point: Point) -> tuple[float, float]:
    """Usual value and excursion of an unknown point: from its range, else from its limits, else from its unit."""
    t = point.type
    low, high = t.range if t.range else (t.limits.lo, t.limits.hi)
    if low is not None and high is not None and high > low:
        return (low + high) / 2, 0.3 * (high - low)
    if high is not None:
        return high - 0.3 * (abs(high) or 1.0), 0.15 * (abs(high) or 1.0)
    if low is not None:
        return low + 0.3 * (abs(low) or 1.0), 0.15 * (abs(low) or 1.0)
    return LEVELS.get(t.unit, (10.0, 2.0))


def analog(frame: Frame, who: Who, centre: Doubles, width: Doubles) -> Doubles:
    """Wanders slowly about the centre, with a little noise."""
    return centre + width * (
        0.8 * smooth(who.key, frame.t, 1_800) + 0.2 * smooth(who.key, frame.t + 3e5, 60) + 0.02 * white(who.key, frame.t)
    )


def choice(frame: Frame, who: Who, kind: PointKind, labels: int) -> Doubles:
    """An index of a label, usually the second (the first is OFF or the like), changing in some half hours; True nearly always; a count."""
    step = np.floor(frame.t / STATE_SECONDS).astype(np.int64)
    chance = uniform(who.key, step)
    if kind is PointKind.BOOL:
        return (chance > 0.03).astype(np.float64)
    if kind is PointKind.ENUM:
        usual = min(1, labels - 1)
        return np.where(chance < 0.9, usual, np.floor(uniform(who.key, step + 7) * labels))
    return np.floor(50 + 40 * smooth(who.key, frame.t, 600))
