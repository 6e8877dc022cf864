"""Batches for tests and measurements of the archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernel.batches import Column, build
from kernel.clock import SECOND
from kernel.samples import Kind
from schemas.records import PointBatch

NOW = 1_800_000_000 * SECOND


def column(time: Sequence[int], value: Any, *, kind: Kind = Kind.DOUBLE, index: Any = None, quality: Any = 0, status: Any = 0) -> Column:
    """A column; index counts up unless given, quality and status may be one number for all."""
    n = len(time)
    dtype: Any = {Kind.DOUBLE: np.float64, Kind.LONG: np.int64, Kind.TEXT: object}[kind]
    times = np.asarray(time, np.int64)
    return Column(
        kind,
        np.arange(n) if index is None else np.broadcast_to(np.asarray(index, np.int64), n),
        times,
        times,
        np.asarray(value, dtype),
        np.broadcast_to(np.asarray(quality, np.uint8), n),
        np.broadcast_to(np.asarray(status, np.uint32), n),
    )


def batch(
    seq: int, names: Sequence[str], *columns: Column, source: str = "s", epoch: int = 1, covered: tuple[int, int] = (0, 0), at: int = NOW
) -> PointBatch:
    """A batch received and published at `at`."""
    return build(source=source, epoch=epoch, seq=seq, received=at, published=at, names=tuple(names), columns=columns, covered=covered)


def one(
    seq: int, point: str, time: Sequence[int], value: Any, *, kind: Kind = Kind.DOUBLE, quality: Any = 0, status: Any = 0, **more: Any
) -> PointBatch:
    """Samples of one point."""
    return batch(seq, (point,), column(time, value, kind=kind, index=0, quality=quality, status=status), **more)
