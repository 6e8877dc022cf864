"""Batches for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel.batches import Column, build
from kernel.samples import Kind
from schemas.records import PointBatch

T0 = 1_800_000_000_000_000


def column(kind: Kind, index: Sequence[int], time: Sequence[int], value: Sequence[object], quality: Sequence[int] | None = None) -> Column:
    """A column as given; server times equal source times."""
    dtype = {Kind.DOUBLE: np.float64, Kind.LONG: np.int64, Kind.TEXT: object}[kind]
    n = len(time)
    at = np.asarray(time, np.int64)
    return Column(
        kind,
        np.asarray(index, np.int64),
        at,
        at,
        np.asarray(value, dtype),
        np.asarray(quality if quality is not None else [0] * n, np.uint8),
        np.zeros(n, np.uint32),
    )


def batch(
    names: Sequence[str],
    values: Sequence[object],
    *,
    time: int | Sequence[int] = T0,
    seq: int = 0,
    source: str = "ast1.opcua",
    epoch: int = 1,
    quality: Sequence[int] | None = None,
    received: int | None = None,
    covered: tuple[int, int] = (0, 0),
) -> PointBatch:
    """One sample per name; the kind follows from the first value."""
    times = [time] * len(names) if isinstance(time, int) else list(time)
    first = values[0] if values else 0.0
    kind = Kind.TEXT if isinstance(first, str) else Kind.LONG if isinstance(first, int) else Kind.DOUBLE
    arrived = received if received is not None else max(times, default=T0) + 1000
    columns = [column(kind, range(len(names)), times, values, quality)] if names else []
    return build(
        source=source, epoch=epoch, seq=seq, received=arrived, published=arrived + 1000, names=names, columns=columns, covered=covered
    )
