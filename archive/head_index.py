"""Points in what is not folded yet: a few are searched for, for many everything is sorted once."""

from __future__ import annotations

import numpy as np

from archive.read import latest_first
from archive.table import Table, concat, ordered, resolved, take

MANY = 4
"""Points asked of one source in one look, from which on sorting all its samples is cheaper than searching them again and again."""


class HeadIndex:
    """Finds points in tables, given in the order of writing."""

    def __init__(self, tables: list[Table]) -> None:
        self._tables = tables
        self._sorted: list[Table] | None = None
        self._asked = 0

    def of(self, point: int) -> list[Table]:
        """The point's samples, ascending in time, a table for each kind."""
        self._asked += 1
        if self._asked >= MANY and self._sorted is None:
            tables = resolved(self._tables)
            self._sorted = [ordered(concat([t for t in tables if t.kind is kind])) for kind in {t.kind for t in tables}]
        if self._sorted is None:
            return self._searched(point)
        return [rows for table in self._sorted if (rows := rows_of(table, point)) is not None]

    def _searched(self, point: int) -> list[Table]:
        mine = []
        for table in self._tables:
            rows = np.flatnonzero(table.point == point)
            if len(rows):
                mine.append(take(table, rows))
        mine = resolved(mine)
        return [latest_first([t for t in mine if t.kind is kind]) for kind in {t.kind for t in mine}]


def rows_of(table: Table, point: int) -> Table | None:
    """The rows of one point in a table ordered by point; None where there are none."""
    a, b = np.searchsorted(table.point, (point, point + 1)).tolist()
    return take(table, slice(a, b)) if a < b else None
