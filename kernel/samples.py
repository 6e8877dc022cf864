"""Samples as columns: what the hot queue and the archive give to readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Codes = NDArray[np.uint32]
Objects = NDArray[np.object_]


class Kind(IntEnum):
    """What kind of value a sample holds. NONE: nothing was ever received."""

    NONE = 0
    DOUBLE = 1
    LONG = 2
    TEXT = 3


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The newest sample of each of n points, aligned with the points asked for; also a set of changes.

    All columns have length n. A value stands in the column that its kind names.
    """

    index: Ints
    """Position in the points asked for."""
    time: Ints
    """Source time, microseconds UTC; 0 where nothing was ever received."""
    received: Ints
    """Microseconds UTC at which the collector got it."""
    kind: Bytes
    number: Doubles
    integer: Ints
    text: Objects
    quality: Bytes
    status: Codes
    confirmed: Ints | None = None
    """Microseconds UTC until which the value is known to hold (received, or silent while its source was connected); None: not known."""

    def __len__(self) -> int:
        return len(self.time)

    def values(self) -> list[float | int | str | None]:
        """The values as plain Python; None where there is none. NaN stays NaN."""
        out = self.number.astype(object)
        for kind, column in ((Kind.LONG, self.integer), (Kind.TEXT, self.text)):
            at = self.kind == kind.value
            out[at] = column[at]
        out[self.kind == Kind.NONE.value] = None
        values: list[float | int | str | None] = out.tolist()
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What a live reader gets at once: samples, aligned by `index` with the points it asked for."""

    seq: int
    """0, 1, 2 ... within one feed."""
    samples: Samples
    dropped: int
    """Samples this reader was too slow for since the last change (always 0 for the newest-only mode)."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A stretch of one point's samples, ascending in time. value is float64, int64 or object (text)."""

    point: str
    time: Ints
    value: Doubles | Ints | Objects
    quality: Bytes
    status: Codes

    def __len__(self) -> int:
        return len(self.time)


def empty_series(point: str) -> Series:
    """No samples."""
    return Series(point, np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8), np.empty(0, np.uint32))


def no_samples(n: int) -> Samples:
    """n points of which nothing was ever received."""
    return Samples(
        index=np.arange(n, dtype=np.int64),
        time=np.zeros(n, np.int64),
        received=np.zeros(n, np.int64),
        kind=np.zeros(n, np.uint8),
        number=np.full(n, np.nan),
        integer=np.zeros(n, np.int64),
        text=np.full(n, None, dtype=object),
        quality=np.zeros(n, np.uint8),
        status=np.zeros(n, np.uint32),
    )


def json_values(value: Sequence[Any] | NDArray[Any]) -> list[Any]:
    """A value column for JSON, which knows no NaN and no infinity: both become None."""
    array = np.asarray(value)
    if array.dtype.kind == "f":
        out: list[Any] = array.tolist()
        for i in np.flatnonzero(~np.isfinite(array)).tolist():
            out[i] = None
        return out
    plain: list[Any] = array.tolist()
    return plain
