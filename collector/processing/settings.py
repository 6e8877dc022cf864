"""What to do to each point's samples, as arrays by slot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernel.array import Processing, WindowMode
from kernel.clock import SECOND
from kernel.quality import Quality
from kernel.samples import Bytes, Doubles, Ints

EVERY_QUALITY = 0b111
_QUALITIES = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}
NO_WINDOW, INSIDE, OUTSIDE = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """All arrays have one entry per sample, or per slot. Times in microseconds."""

    active: NDArray[np.bool_]
    """Whether any other entry asks for anything."""
    accept: Bytes
    """Bit mask of qualities passed on."""
    resolution: Doubles
    """0: no rounding."""
    window: Bytes
    low: Doubles
    high: Doubles
    deadband: Doubles
    """0: none on our side."""
    silence: Ints
    """-1: no suppression."""
    every: Ints
    """0: no statistics."""

    def at(self, slots: Ints) -> Settings:
        """The settings of some slots."""
        return Settings(*(getattr(self, f.name)[slots] for f in fields(self)))

    def filters(self, slot: int) -> bool:
        """Whether a slot has a status filter or a comparison window."""
        return bool(self.accept[slot] != EVERY_QUALITY or self.window[slot] != NO_WINDOW)


def no_settings(n: int) -> Settings:
    """n slots that are passed on as they are."""
    return Settings(
        active=np.zeros(n, np.bool_),
        accept=np.full(n, EVERY_QUALITY, np.uint8),
        resolution=np.zeros(n),
        window=np.zeros(n, np.uint8),
        low=np.full(n, -np.inf),
        high=np.full(n, np.inf),
        deadband=np.zeros(n),
        silence=np.full(n, -1, np.int64),
        every=np.zeros(n, np.int64),
    )


def grown(settings: Settings, n: int) -> Settings:
    """The settings with room for n slots; new ones pass everything on."""
    missing = n - len(settings.active)
    if missing <= 0:
        return settings
    more = no_settings(missing)
    return Settings(*(np.concatenate([getattr(settings, f.name), getattr(more, f.name)]) for f in fields(settings)))


def put(settings: Settings, slot: int, processing: Processing, deadband: float) -> None:
    """Writes one slot's settings."""
    row = row_of(processing, deadband)
    for name, value in row.items():
        getattr(settings, name)[slot] = value


def row_of(processing: Processing, deadband: float) -> dict[str, Any]:
    """One slot's settings. deadband: in the point's unit, where the device does not apply it; else 0."""
    low, high = processing.window or (-np.inf, np.inf)
    mode = NO_WINDOW if processing.window is None else INSIDE if processing.window_mode is WindowMode.INSIDE else OUTSIDE
    statistics = processing.statistics_every if processing.statistics else None
    row: dict[str, Any] = {
        "accept": sum(1 << _QUALITIES[q] for q in set(processing.accept) if q in _QUALITIES),
        "resolution": processing.resolution or 0.0,
        "window": mode,
        "low": low,
        "high": high,
        "deadband": deadband,
        "silence": -1 if processing.max_silence is None else round(processing.max_silence * SECOND),
        "every": round((statistics or 0.0) * SECOND),
    }
    row["active"] = bool(row["accept"] != EVERY_QUALITY or row["resolution"] or mode or deadband or row["silence"] >= 0 or row["every"])
    return row
