"""From the head to slabs: the samples of one source, sorted by class, window and point. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from archive.slab import cut, pack_slab
from archive.table import Table, concat, ordered, resolved, take
from kernel.samples import Bytes, Ints, Kind

SAMPLES_PER_SLAB = 1024
"""In the open tier: small enough that a point's last hour (sixty of them) is read in two milliseconds, large enough to compress well."""


class Classes(Protocol):
    """Which archive class a point belongs to."""

    def of(self, points: Ints) -> Bytes:
        """Number of each point's class."""
        ...

    def name(self, number: int) -> str:
        """The class's name."""
        ...

    def chunk(self, number: int) -> int:
        """Length of its chunks, microseconds."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """Slabs of one source, class, window and kind: they share no point and are ascending."""

    source: int
    archive_class: str
    window: int
    """Microseconds UTC at which the chunk begins."""
    chunk: int
    kind: Kind
    first: int
    last: int
    """Times of the first and the last sample."""
    high: int
    """The last point id; the first is that of the first slab."""
    n: int
    slabs: tuple[tuple[int, bytes], ...]
    """First point id, bytes."""


def fold_source(source: int, tables: Sequence[Table], classes: Classes) -> Iterator[Folded]:
    """The slabs of one source's samples, given in the order of arrival."""
    tables = resolved(tables)
    for kind in (Kind.DOUBLE, Kind.LONG, Kind.TEXT):
        found = [t for t in tables if t.kind is kind]
        if not found:
            continue
        table = ordered(concat(found))
        numbers = classes.of(table.point)
        for number in np.unique(numbers).tolist():
            mine = table if bool((numbers == number).all()) else take(table, numbers == number)
            chunk = classes.chunk(number)
            for window, piece in windows(mine, chunk):
                yield _folded(source, classes.name(number), window, chunk, piece)


def windows(table: Table, chunk: int) -> Iterator[tuple[int, Table]]:
    """An ordered table by windows of `chunk` microseconds, aligned on UTC; each piece stays ordered by point and time."""
    window = table.time // chunk
    low, high = int(window.min()), int(window.max())
    if low == high:
        yield low * chunk, table
        return
    order = np.argsort((window - low).astype(np.uint16) if high - low < 1 << 16 else window, kind="stable")
    table, window = take(table, order), window[order]
    edges = [0, *(np.flatnonzero(window[1:] != window[:-1]) + 1).tolist(), len(window)]
    for a, b in pairwise(edges):
        yield int(window[a]) * chunk, take(table, slice(a, b))


def _folded(source: int, archive_class: str, window: int, chunk: int, table: Table) -> Folded:
    slabs = tuple((int(c.table.point[0]), pack_slab(c.table, c.first)) for c in cut(table, SAMPLES_PER_SLAB))
    return Folded(
        source,
        archive_class,
        window,
        chunk,
        table.kind,
        int(table.time.min()),
        int(table.time.max()),
        int(table.point[-1]),
        len(table),
        slabs,
    )
