"""Columns by slot to batches of the topic monitoring.points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.columns import concat, take, total
from collector.table import Table
from kernel.batches import Column, build
from kernel.samples import Ints, Kind
from schemas.records import PointBatch

MAX_SAMPLES = 8000
"""Per batch: twice the items of a subscription."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What identifies a batch and says when it came to be."""

    source: str
    epoch: int
    seq: int
    received: int
    published: int


def assemble(stamp: Stamp, table: Table, columns: Sequence[Column], covered: tuple[int, int] = (0, 0)) -> PointBatch:
    """One batch of any number of columns by slot; the order of each point's samples within its kind is kept."""
    merged = [concat(same) for kind in (Kind.DOUBLE, Kind.LONG, Kind.TEXT) if (same := [c for c in columns if c.kind is kind])]
    slots, placed = _place(merged)
    return build(
        source=stamp.source,
        epoch=stamp.epoch,
        seq=stamp.seq,
        received=stamp.received,
        published=stamp.published,
        names=table.names_of(slots),
        columns=placed,
        covered=covered,
    )


def _place(columns: Sequence[Column]) -> tuple[Ints, list[Column]]:
    """The slots that occur, and the columns with indices into them. One column of rising slots needs no index at all."""
    if not columns:
        return np.empty(0, np.int64), []
    columns = [_sorted(c) for c in columns]
    if len(columns) == 1 and _rising(columns[0].index):
        c = columns[0]
        return c.index, [replace(c, index=np.arange(len(c.index), dtype=np.int64))]
    slots = np.unique(np.concatenate([c.index for c in columns]))
    return slots, [replace(c, index=np.searchsorted(slots, c.index)) for c in columns]


def _sorted(column: Column) -> Column:
    slots = column.index
    if len(slots) < 2 or bool((slots[1:] >= slots[:-1]).all()):
        return column
    return take(column, np.argsort(slots, kind="stable"))


def _rising(slots: Ints) -> bool:
    return len(slots) < 2 or bool((slots[1:] > slots[:-1]).all())


def split(columns: Iterable[Column], most: int = MAX_SAMPLES) -> list[list[Column]]:
    """Columns in groups of at most `most` samples (a single longer column is cut)."""
    groups: list[list[Column]] = [[]]
    for column in columns:
        pieces = (
            [column]
            if len(column) <= most
            else [take(column, np.arange(a, min(a + most, len(column)))) for a in range(0, len(column), most)]
        )
        for piece in pieces:
            if groups[-1] and total(groups[-1]) + len(piece) > most:
                groups.append([])
            groups[-1].append(piece)
    return [g for g in groups if g]
