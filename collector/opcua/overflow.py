"""The overflow bit: older values of this item were lost in the server, between the sample before and this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collector.opcua.quality import overflowed
from collector.table import Table
from kernel.batches import Column

TOGETHER = 500
"""Points named in one gap."""


@dataclass(frozen=True, slots=True)
class OverflowGap:
    """Microseconds UTC."""

    points: tuple[str, ...]
    start: int
    end: int


def overflow_gaps(columns: Sequence[Column], table: Table, received: int) -> Iterator[OverflowGap]:
    """The gaps that columns tell of, before the table has taken note of these columns. received stands for a time that is missing (0).

    Items that overflow together, as all do while nobody reads them, share gaps: one per point would be as many as the source has points.
    """
    found: dict[tuple[int, int], list[str]] = {}
    for point, start, end in _overflows(columns, table, received):
        found.setdefault((start, end), []).append(point)
    for (start, end), points in found.items():
        for i in range(0, len(points), TOGETHER):
            yield OverflowGap(tuple(points[i : i + TOGETHER]), start, end)


def _overflows(columns: Sequence[Column], table: Table, received: int) -> Iterator[tuple[str, int, int]]:
    for column in columns:
        if not column.status.any():
            continue
        for i in np.flatnonzero(overflowed(column.status)).tolist():
            slot = int(column.index[i])
            earlier = np.flatnonzero(column.index[:i] == slot)
            end = _time(column, i, received)
            start = _time(column, int(earlier[-1]), received) if len(earlier) else int(table.last[slot]) or end
            yield table.names[slot], min(start, end), end


def _time(column: Column, i: int, received: int) -> int:
    return int(column.time[i]) or int(column.server[i]) or received
