"""What arrives, checked: batches become tables of samples, and what cannot be stored is refused with a cause. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from archive.table import Table
from kernel.batches import Column, build, columns, size, well_formed
from kernel.clock import DAY
from kernel.samples import Ints, Kind
from schemas.records import GapCause, PointBatch, StateEvent, StateKind

FUTURE_LIMIT = DAY
"""A source time more than a day ahead of our clock is a wrong clock (summer time and time zones stay below): storing it would make it the
newest sample of its point for as long as the clock was wrong."""
PAST_LIMIT = 0
"""Nothing was measured before 1970: such times are unset or overflown clocks."""


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A batch ready to be stored: `batch` is what the journal keeps, without the samples that were refused."""

    batch: PointBatch
    tables: tuple[Table, ...]
    """By kind; `point` is the position in batch.names."""
    refused: Mapping[str, int] = field(default_factory=dict)
    events: tuple[StateEvent, ...] = ()


def check(batch: PointBatch, now: int) -> Checked:
    """Splits a batch into what is stored and what is refused: causes `malformed`, `future`, `past`."""
    if not well_formed(batch):
        return _refuse_all(batch, now)
    low, high = PAST_LIMIT, now + FUTURE_LIMIT
    if all(_inside(part.base, part.time, low, high) for part in (batch.doubles, batch.longs, batch.texts)):
        return Checked(batch, tables(batch))
    return _refuse_some(batch, now, low, high)


def _inside(base: int, time: Ints, low: int, high: int) -> bool:
    return len(time) == 0 or (low <= base + int(np.minimum.reduce(time)) and base + int(np.maximum.reduce(time)) <= high)


def tables(batch: PointBatch) -> tuple[Table, ...]:
    """The batch's non-empty columns as tables. Values are copied: a view would keep all the bytes of the batch, names and all."""
    found = []
    for kind, part in ((Kind.DOUBLE, batch.doubles), (Kind.LONG, batch.longs), (Kind.TEXT, batch.texts)):
        n = len(part.time)
        if n:
            found.append(
                Table(
                    kind,
                    part.index if len(part.index) else np.arange(n, dtype=np.int64),
                    part.time + part.base,
                    np.array(part.value, dtype=object if kind is Kind.TEXT else None),
                    np.clip(part.quality, 0, 2).astype(np.uint8) if len(part.quality) else None,
                    part.status.astype(np.uint32) if len(part.status) else None,
                    part.server if len(part.server) else None,
                )
            )
    return tuple(found)


def _refuse_all(batch: PointBatch, now: int) -> Checked:
    count = size(batch)
    event = _refusal(batch, now, GapCause.DECODE_ERROR, (), count, "columns of a batch do not fit together")
    none = build(
        source=batch.source, epoch=batch.epoch, seq=batch.seq, received=batch.received, published=batch.published, names=(), columns=()
    )
    return Checked(none, (), {"malformed": count}, (event,))


def _refuse_some(batch: PointBatch, now: int, low: int, high: int) -> Checked:
    kept: list[Column] = []
    refused: dict[str, int] = {}
    events: list[StateEvent] = []
    for column, part in zip(columns(batch), [p for p in (batch.doubles, batch.longs, batch.texts) if len(p.time)], strict=True):
        # base + time may not fit in 64 bits, so the limits are moved instead of the times
        early, late = part.time < _clamp(low - part.base), part.time > _clamp(high - part.base)
        for cause, which in (("past", early), ("future", late)):
            if which.any():
                refused[cause] = refused.get(cause, 0) + int(which.sum())
                events.append(_refused_times(batch, now, cause, column, which))
        good = ~(early | late)
        kept.append(_rows(column, good))
    left = build(
        source=batch.source,
        epoch=batch.epoch,
        seq=batch.seq,
        received=batch.received,
        published=batch.published,
        names=batch.names,
        columns=kept,
        covered=(batch.covered_from, batch.covered_to),
    )
    return Checked(left, tables(left), refused, tuple(events))


def _clamp(value: int) -> int:
    return max(-(1 << 63), min(value, (1 << 63) - 1))


def _rows(column: Column, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Column:
    return Column(
        column.kind,
        column.index[which],
        column.time[which],
        column.server[which],
        column.value[which],
        column.quality[which],
        column.status[which],
    )


def _refused_times(
    batch: PointBatch, now: int, cause: str, column: Column, which: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> StateEvent:
    points = tuple(batch.names[i] for i in np.unique(column.index[which]).tolist())
    count = int(which.sum())
    clock = "in the future" if cause == "future" else "before 1970"
    detail = f"{cause}: {count} samples have times {clock}; is the clock of {batch.source} set?"
    return _refusal(batch, now, GapCause.LATE_REJECTED, points, count, detail)


def _refusal(batch: PointBatch, now: int, cause: GapCause, points: tuple[str, ...], count: int, detail: str) -> StateEvent:
    """Found by the moment of refusing: the times of the samples are what is wrong."""
    return StateEvent(
        source=batch.source,
        time=now,
        kind=StateKind.REFUSED,
        cause=cause,
        points=points,
        start=now,
        end=now,
        count=count,
        detail=detail,
    )


def take_tables(found: tuple[Table, ...], ids: Ints) -> tuple[Table, ...]:
    """The tables with point ids instead of positions in the batch's names."""
    return tuple(Table(t.kind, ids[t.point], t.time, t.value, t.quality, t.status, t.server) for t in found)
