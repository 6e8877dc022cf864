"""Samples of several points of one kind as columns: what the head holds, what is folded, sealed and merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernel.samples import Bytes, Codes, Doubles, Ints, Kind, Objects

Values = Doubles | Ints | Objects


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of equal length; quality, status and server are None where they are all zero, which is the common case."""

    kind: Kind
    point: Ints
    """Point ids."""
    time: Ints
    """Source time, microseconds UTC."""
    value: Values
    quality: Bytes | None = None
    status: Codes | None = None
    server: Ints | None = None
    """Server time minus source time, microseconds."""

    def __len__(self) -> int:
        return len(self.time)


def take(table: Table, which: Any) -> Table:
    """Rows by mask, order or slice."""
    return Table(
        table.kind,
        table.point[which],
        table.time[which],
        table.value[which],
        None if table.quality is None else table.quality[which],
        None if table.status is None else table.status[which],
        None if table.server is None else table.server[which],
    )


def concat(tables: Sequence[Table]) -> Table:
    """One below the other; all of one kind."""
    if len(tables) == 1:
        return tables[0]
    return Table(
        tables[0].kind,
        np.concatenate([t.point for t in tables]),
        np.concatenate([t.time for t in tables]),
        np.concatenate([t.value for t in tables]),
        _optional([t.quality for t in tables], tables, np.uint8),
        _optional([t.status for t in tables], tables, np.uint32),
        _optional([t.server for t in tables], tables, np.int64),
    )


def _optional(columns: Sequence[NDArray[Any] | None], tables: Sequence[Table], dtype: Any) -> NDArray[Any] | None:
    if all(c is None for c in columns):
        return None
    return np.concatenate([np.zeros(len(t), dtype) if c is None else c for c, t in zip(columns, tables, strict=True)])


def ordered(table: Table) -> Table:
    """By point, then time; of rows with equal point and time only the last one (the newest write) stays."""
    if len(table) < 2:
        return table
    order = _by_point(table.point)
    if order is not None:
        table = take(table, order)
    same_point = table.point[1:] == table.point[:-1]
    step = table.time[1:] - table.time[:-1]
    if bool(((step > 0) | ~same_point).all()):
        return table
    table = take(table, np.lexsort((table.time, table.point)))  # stable: of equals, the newest write stays last
    same = (table.point[1:] == table.point[:-1]) & (table.time[1:] == table.time[:-1])
    return take(table, np.append(~same, True)) if same.any() else table


def _by_point(point: Ints) -> Ints | None:
    """A stable order by point; None where it is in order already. Sixteen-bit keys are sorted by radix, many times faster."""
    if bool((point[1:] >= point[:-1]).all()):
        return None
    low = int(point.min())
    if int(point.max()) - low < 1 << 16:
        return np.argsort((point - low).astype(np.uint16), kind="stable")
    return np.argsort(point, kind="stable")


def starts(point: Ints) -> Ints:
    """Where each point begins in a column ordered by point, and its length at the end: n+1 entries for n points."""
    edges = np.flatnonzero(point[1:] != point[:-1]) + 1
    return np.concatenate([[0], edges, [len(point)]]).astype(np.int64)


def one_kind(kinds: set[Kind]) -> Kind:
    """The kind that holds them all: numbers of both kinds become floating point, text and numbers become plain objects."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return Kind.TEXT if Kind.TEXT in kinds else Kind.DOUBLE


def as_kind(values: Values, kind: Kind) -> Values:
    """The values in the array type of a kind that one_kind chose."""
    dtype: Any = {Kind.DOUBLE: np.float64, Kind.LONG: np.int64, Kind.TEXT: object}[kind]
    return values if values.dtype == dtype else values.astype(dtype)


def to_kind(table: Table, kind: Kind) -> Table:
    """The same rows with values in another kind's array type."""
    if table.kind is kind:
        return table
    return Table(kind, table.point, table.time, as_kind(table.value, kind), table.quality, table.status, table.server)


def resolved(tables: Sequence[Table]) -> list[Table]:
    """Tables of several kinds in the order of writing, without the rows that a later row of another kind replaces.

    Needed before kinds go separate ways; within a kind `ordered` does it. Points that change their kind are rare, so the others pay little.
    """
    if len({t.kind for t in tables}) < 2:
        return list(tables)
    kinds = np.zeros(1 + max(int(t.point.max()) for t in tables), np.uint8)
    for t in tables:
        kinds[t.point] |= 1 << t.kind
    several = (kinds & (kinds - 1)) != 0
    if not several.any():
        return list(tables)
    rows = [np.flatnonzero(several[t.point]) for t in tables]
    point = np.concatenate([t.point[r] for t, r in zip(tables, rows, strict=True)])
    time = np.concatenate([t.time[r] for t, r in zip(tables, rows, strict=True)])
    order = np.lexsort((time, point))
    replaced = np.zeros(len(point), np.bool_)
    replaced[order[:-1]] = (point[order[1:]] == point[order[:-1]]) & (time[order[1:]] == time[order[:-1]])
    kept = []
    at = 0
    for t, r in zip(tables, rows, strict=True):
        gone = r[replaced[at : at + len(r)]]
        at += len(r)
        kept.append(take(t, np.delete(np.arange(len(t)), gone)) if len(gone) else t)
    return [t for t in kept if len(t)]
