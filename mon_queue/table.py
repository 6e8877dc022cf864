"""The newest sample of every point, as growing columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel.batches import Column
from kernel.clock import SECOND
from kernel.samples import Bytes, Ints, Kind, Objects, Samples

SUSPECT = 60 * SECOND
"""A sample dated this far after its reception came from a clock in the future: it may be replaced by an older date."""


class NewestTable:
    """One row per point. `version` of a row is the number of the put that changed it last."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._size = 0
        self.time = np.zeros(0, np.int64)
        self.received = np.zeros(0, np.int64)
        self.kind = np.zeros(0, np.uint8)
        self.number = np.zeros(0, np.float64)
        self.integer = np.zeros(0, np.int64)
        self.text = np.zeros(0, object)
        self.quality = np.zeros(0, np.uint8)
        self.status = np.zeros(0, np.uint32)
        self.version = np.zeros(0, np.int64)
        self.source = np.full(0, -1, np.int64)

    def __len__(self) -> int:
        return self._size

    def add(self, names: Sequence[str]) -> Ints:
        """Row numbers of the names, made where they are new."""
        ids = self._ids
        rows = np.fromiter((ids.setdefault(n, len(ids)) for n in names), np.int64, len(names))
        self._grow(len(ids))
        return rows

    def names(self) -> list[str]:
        """The name of each row."""
        return list(self._ids)

    def find(self, names: Sequence[str]) -> Ints:
        """Row numbers of the names; -1 where a name was never received."""
        return np.fromiter((self._ids.get(n, -1) for n in names), np.int64, len(names))

    def update(self, rows: Ints, column: Column, received: int, source: int, version: int) -> None:
        """Takes the samples of a column; the newest source time of a point wins, the last one of equal times."""
        order = (
            slice(None) if len(rows) < 2 or bool((column.time[1:] >= column.time[:-1]).all()) else np.argsort(column.time, kind="stable")
        )
        at, time = rows[order], column.time[order]
        old = self.time[at]
        keep = (time >= old) | ((old > self.received[at] + SUSPECT) & (time <= received + SUSPECT))
        if not keep.all():
            at, time = at[keep], time[keep]
            chosen = np.arange(len(rows))[order][keep]
        else:
            chosen = order  # type: ignore[assignment]  # a slice or an index, both select
        self.time[at] = time
        self.received[at] = received
        self.kind[at] = column.kind
        self.quality[at] = column.quality[chosen]
        self.status[at] = column.status[chosen]
        self.version[at] = version
        self.source[at] = source
        value: Objects = self._values(column.kind)
        value[at] = column.value[chosen]

    def take(self, rows: Ints, index: Ints) -> Samples:
        """The rows as samples; a row of -1 gives kind NONE."""
        if self._size == 0:
            rows, safe = np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.int64)
            self._grow(1)
        else:
            safe = np.maximum(rows, 0)
        known: Bytes = np.where(rows >= 0, self.kind[safe], 0).astype(np.uint8)
        seen = known != Kind.NONE
        text = np.full(len(rows), None, dtype=object)
        text[known == Kind.TEXT] = self.text[safe][known == Kind.TEXT]
        return Samples(
            index=index,
            time=np.where(seen, self.time[safe], 0),
            received=np.where(seen, self.received[safe], 0),
            kind=known,
            number=np.where(known == Kind.DOUBLE, self.number[safe], np.nan),
            integer=np.where(known == Kind.LONG, self.integer[safe], 0),
            text=text,
            quality=np.where(seen, self.quality[safe], 0).astype(np.uint8),
            status=np.where(seen, self.status[safe], 0).astype(np.uint32),
        )

    def _values(self, kind: Kind) -> Objects:
        columns = {Kind.DOUBLE: self.number, Kind.LONG: self.integer, Kind.TEXT: self.text}
        return columns[kind]

    def _grow(self, needed: int) -> None:
        if needed <= len(self.time):
            self._size = max(self._size, len(self._ids))
            return
        room = max(1024, needed + needed // 2)
        for name in ("time", "received", "kind", "number", "integer", "text", "quality", "status", "version", "source"):
            old = getattr(self, name)
            new = np.full(room, -1, np.int64) if name == "source" else np.zeros(room, old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)
        self._size = len(self._ids)
