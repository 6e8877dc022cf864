"""The points of one source by slot: a small integer that is the protocol's handle and the index of every per-point array."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kernel.array import PointKind
from kernel.samples import Bytes, Ints, Kind

KINDS = {
    PointKind.DOUBLE: Kind.DOUBLE,
    PointKind.LONG: Kind.LONG,
    PointKind.BOOL: Kind.LONG,
    PointKind.ENUM: Kind.LONG,
    PointKind.TEXT: Kind.TEXT,
}
"""The kind in which the values of a point travel."""


class Table:
    """Slots are given once and never reused while the source runs, so that a late sample never lands on another point."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.last: Ints = np.zeros(0, np.int64)
        """Time of each slot's newest sample, microseconds UTC; 0 before the first."""
        self.kind: Bytes = np.zeros(0, np.uint8)
        """The kind that each slot's point is configured to have."""
        self._slots: dict[str, int] = {}
        self._tuples: dict[bytes, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def slots(self, points: Iterable[tuple[str, PointKind]]) -> list[int]:
        """The slots of points, given on first use."""
        found, kinds = [], []
        for name, kind in points:
            slot = self._slots.get(name)
            if slot is None:
                slot = self._slots[name] = len(self.names)
                self.names.append(name)
            found.append(slot)
            kinds.append(KINDS[kind])
        missing = len(self.names) - len(self.last)
        if missing:
            self.last = np.concatenate([self.last, np.zeros(missing, np.int64)])
            self.kind = np.concatenate([self.kind, np.zeros(missing, np.uint8)])
        self.kind[found] = kinds
        return found

    def find(self, name: str) -> int | None:
        """The slot of a point that has one."""
        return self._slots.get(name)

    def derived(self, names: Iterable[str]) -> list[int]:
        """Slots of points that the collector makes itself: always doubles."""
        return self.slots([(n, PointKind.DOUBLE) for n in names])

    def retire(self, name: str) -> None:
        """Forgets a point: should it come again it gets a new slot."""
        self._slots.pop(name, None)

    def names_of(self, slots: Ints) -> tuple[str, ...]:
        """The names of slots. Sets that recur, as those of a subscription do, give the very same tuple."""
        key = slots.tobytes()
        found = self._tuples.get(key)
        if found is None:
            if len(self._tuples) >= 256:
                self._tuples.clear()
            names = self.names
            found = self._tuples[key] = tuple([names[i] for i in slots.tolist()])
        return found
