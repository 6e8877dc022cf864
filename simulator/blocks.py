"""The present values of the simulated points, as columns: one block per scan (sampling interval) and wire type.

The scanner writes blocks, the OPC-UA servers read them. Nothing here knows of sockets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernel.array import Point, PointKind
from kernel.clock import SECOND

Values = NDArray[Any]


class Wire(IntEnum):
    """How a value travels: the OPC-UA built-in type (Part 6, table 1)."""

    BOOLEAN = 1
    UINT32 = 7
    INT64 = 8
    DOUBLE = 11
    STRING = 12


WIRE = {
    PointKind.DOUBLE: Wire.DOUBLE,
    PointKind.LONG: Wire.INT64,
    PointKind.BOOL: Wire.BOOLEAN,
    PointKind.ENUM: Wire.UINT32,
    PointKind.TEXT: Wire.STRING,
}
SLOWEST = 1.0
"""Seconds between the scans of any device, at most."""
DTYPE: dict[Wire, str] = {Wire.BOOLEAN: "u1", Wire.UINT32: "<u4", Wire.INT64: "<i8", Wire.DOUBLE: "<f8", Wire.STRING: "O"}


@dataclass(slots=True, eq=False)
class Block:
    """The points of one wire type that are scanned together. Columns have length n; `time` is each sample's source time."""

    points: tuple[Point, ...]
    wire: Wire
    period: int
    """Microseconds between scans."""
    value: Values
    status: NDArray[np.uint32]
    """OPC-UA status codes; 0 is good."""
    time: NDArray[np.int64]
    """Microseconds UTC; 0: never scanned."""
    fresh: NDArray[np.bool_]
    """Whether the newest scan reached the point: a silent one keeps its old sample."""
    scanned: int = 0
    """Microseconds UTC of the newest scan: the server time of its samples."""


def make_block(points: Sequence[Point], wire: Wire, period: int) -> Block:
    """A block that was never scanned."""
    n = len(points)
    value = np.full(n, "", dtype=object) if wire is Wire.STRING else np.zeros(n, dtype=DTYPE[wire])
    return Block(tuple(points), wire, period, value, np.zeros(n, np.uint32), np.zeros(n, np.int64), np.ones(n, np.bool_))


def period_of(point: Point, rate: float) -> int:
    """Microseconds between scans of a point when everything runs `rate` times as fast as configured; at least 10 ms.

    A device scans at least once a second, whatever is configured, so that clients can ask for a shorter sampling interval at any time.
    """
    return max(10_000, round(min(point.type.sampling, SLOWEST) * SECOND / rate))


def make_blocks(points: Iterable[Point], rate: float) -> list[Block]:
    """All points, by scan and wire type, in an order that does not depend on the order of the points."""
    found: dict[tuple[int, Wire], list[Point]] = {}
    for p in points:
        found.setdefault((period_of(p, rate), WIRE[p.type.kind]), []).append(p)
    return [make_block(sorted(members, key=lambda p: p.name), wire, period) for (period, wire), members in sorted(found.items())]
