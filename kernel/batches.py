"""Building and reading batches of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernel.samples import Bytes, Codes, Doubles, Ints, Kind, Objects
from schemas.records import DoubleColumns, LongColumns, PointBatch, TextColumns

_NONE = np.empty(0, dtype=np.int64)
NO_DOUBLES = DoubleColumns(index=_NONE, base=0, time=_NONE, server=_NONE, value=np.empty(0), quality=_NONE, status=_NONE)
NO_LONGS = LongColumns(index=_NONE, base=0, time=_NONE, server=_NONE, value=_NONE, quality=_NONE, status=_NONE)
NO_TEXTS = TextColumns(index=_NONE, base=0, time=_NONE, server=_NONE, value=(), quality=_NONE, status=_NONE)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The samples of one value type in a batch, expanded: every column has length n."""

    kind: Kind
    index: Ints
    """Position in the batch's names."""
    time: Ints
    """Source time, microseconds UTC."""
    server: Ints
    """Server time, microseconds UTC."""
    value: Doubles | Ints | Objects
    quality: Bytes
    status: Codes

    def __len__(self) -> int:
        return len(self.time)


def size(batch: PointBatch) -> int:
    """How many samples a batch carries."""
    return len(batch.doubles.time) + len(batch.longs.time) + len(batch.texts.time)


def well_formed(batch: PointBatch) -> bool:
    """Whether the columns of a batch fit together and point at its names. Only then may it be read; other programs write batches too."""
    n = len(batch.names)
    return _part_well_formed(batch.doubles, n) and _part_well_formed(batch.longs, n) and _part_well_formed(batch.texts, n)


def _part_well_formed(part: DoubleColumns | LongColumns | TextColumns, names: int) -> bool:
    n, own = len(part.time), (0, len(part.time))
    index = part.index
    if len(part.value) != n or not (len(index) in own and len(part.server) in own and len(part.quality) in own and len(part.status) in own):
        return False
    if n == 0:
        return True
    if len(index):
        return int(np.minimum.reduce(index)) >= 0 and int(np.maximum.reduce(index)) < names
    return n <= names


def columns(batch: PointBatch) -> list[Column]:
    """The batch's non-empty columns, with offsets added and omitted columns filled in. Shares memory where it can."""
    found = []
    for kind, part in ((Kind.DOUBLE, batch.doubles), (Kind.LONG, batch.longs), (Kind.TEXT, batch.texts)):
        n = len(part.time)
        if n:
            time = part.time + part.base
            found.append(
                Column(
                    kind,
                    part.index if len(part.index) else np.arange(n, dtype=np.int64),
                    time,
                    part.server + time if len(part.server) else time,
                    np.array(part.value, dtype=object) if kind is Kind.TEXT else part.value,  # type: ignore[arg-type]
                    part.quality.astype(np.uint8) if len(part.quality) else np.zeros(n, np.uint8),
                    part.status.astype(np.uint32) if len(part.status) else np.zeros(n, np.uint32),
                )
            )
    return found


_FARTHEST = 1 << 61
"""Microseconds from 1970, some 73 000 years. Times beyond are clocks gone mad, which stores refuse in any case."""


def _offsets(time: Ints) -> tuple[int, Ints]:
    """The earliest time, and the others as offsets; these fit into 64 bits, so that one mad clock does not spoil its neighbours."""
    if not len(time):
        return 0, time
    base, last = int(np.minimum.reduce(time)), int(np.maximum.reduce(time))
    if last - base > _FARTHEST:
        time = np.clip(time, -_FARTHEST, _FARTHEST)
        base = max(base, -_FARTHEST)
    return base, time - base


def _or_none(column: Ints | Bytes | Codes) -> Ints:
    return column.astype(np.int64, copy=False) if column.any() else _NONE


def _parts(column: Column, names: int) -> dict[str, object]:
    base, time = _offsets(column.time)
    in_order = len(column) == names and bool((column.index == np.arange(names)).all())
    return {
        "index": _NONE if in_order else column.index.astype(np.int64, copy=False),
        "base": base,
        "time": time,
        "server": _or_none(column.server - column.time),
        "quality": _or_none(column.quality),
        "status": _or_none(column.status),
    }


def build(
    *,
    source: str,
    epoch: int,
    seq: int,
    received: int,
    published: int,
    names: Sequence[str],
    columns: Sequence[Column],
    covered: tuple[int, int] = (0, 0),
) -> PointBatch:
    """A batch of at most one column of each kind; column.index points into names. Omits what is all zero."""
    doubles, longs, texts = NO_DOUBLES, NO_LONGS, NO_TEXTS
    for c in columns:
        if not len(c):
            continue
        parts = _parts(c, len(names))
        if c.kind is Kind.DOUBLE:
            doubles = DoubleColumns(value=np.asarray(c.value, np.float64), **parts)  # type: ignore[arg-type]
        elif c.kind is Kind.LONG:
            longs = LongColumns(value=np.asarray(c.value, np.int64), **parts)  # type: ignore[arg-type]
        else:
            texts = TextColumns(value=tuple(map(str, c.value)), **parts)  # type: ignore[arg-type]
    return PointBatch(
        source=source,
        epoch=epoch,
        seq=seq,
        received=received,
        published=published,
        covered_from=covered[0],
        covered_to=covered[1],
        names=tuple(names),
        doubles=doubles,
        longs=longs,
        texts=texts,
    )
