"""The overflow bit: older values of this item were lost in the server, between the sample before and this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collector.opcua.quality import overflowed
from collector.table import Table
from kernel.batches import Column


@dataclass(frozen=True, slots=True)
class OverflowGap:
    """Microseconds UTC."""

    point: str
    start: int
    end: int


def overflow_gaps(columns: Sequence[Column], table: Table, received: int) -> Iterator[OverflowGap]:
    """The gaps that columns tell of, before the table has taken note of these columns. received stands for a time that is missing (0)."""
    for column in columns:
        if not column.status.any():
            continue
        for i in np.flatnonzero(overflowed(column.status)).tolist():
            slot = int(column.index[i])
            earlier = np.flatnonzero(column.index[:i] == slot)
            end = _time(column, i, received)
            start = _time(column, int(earlier[-1]), received) if len(earlier) else int(table.last[slot]) or end
            yield OverflowGap(table.names[slot], min(start, end), end)


def _time(column: Column, i: int, received: int) -> int:
    return int(column.time[i]) or int(column.server[i]) or received
