"""Monitored items of one subscription on one block of values: the decision which samples are reported, in bulk.

Semantics of OPC 10000-4, 5.12 and 7.22: sampling interval, trigger, absolute and percent deadband, queue with the oldest discarded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.blocks import Block, Wire
from simulator.opcua.encoding import OVERFLOW, Chunk, join

TRIGGER_STATUS, TRIGGER_VALUE, TRIGGER_TIME = 0, 1, 2
JITTER = 5_000
"""Microseconds by which a scan may come before an item's own sampling moment."""


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """One monitored item as the client asked for it."""

    id: int
    position: int
    """In the block."""
    handle: int
    interval: int
    """Microseconds between samples; not below the block's period."""
    deadband: float
    """Absolute, in the value's unit; 0 for none."""
    trigger: int
    queue: int
    reporting: bool


_COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "i8"),
    ("position", "i8"),
    ("handle", "u4"),
    ("interval", "i8"),
    ("deadband", "f8"),
    ("trigger", "u1"),
    ("queue", "i8"),
    ("reporting", "?"),
    ("due", "i8"),
    ("pending", "i8"),
    ("status", "u4"),
    ("time", "i8"),
)


def _next_moment(now: int, interval: Any) -> Any:
    """The next sampling moment: they lie on a grid of the interval, as the scans do."""
    return ((now + JITTER) // interval + 1) * interval


class ItemGroup:
    """Items as columns. `sample` is asked once per scan and keeps what is to be reported until `take` fetches it."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.rows = np.zeros(0, dtype=list(_COLUMNS))
        self.last = block.value[:0]
        self.waiting: list[Chunk] = []
        self.count = 0
        """Samples that wait."""
        self._timed = self._filters = False
        """Whether any item has its own moments, and whether any asks for more than a change: the common case needs neither."""

    def add(self, specs: Sequence[ItemSpec]) -> None:
        """New items; those that report begin with the value in force."""
        first = len(self.rows)
        fresh = np.zeros(len(specs), dtype=self.rows.dtype)
        for name in ("id", "position", "handle", "interval", "deadband", "trigger", "queue", "reporting"):
            fresh[name] = [getattr(s, name) for s in specs]
        fresh["due"] = _next_moment(self.block.scanned, fresh["interval"])
        self.rows = np.concatenate([self.rows, fresh])
        self.last = np.concatenate([self.last, self.block.value[fresh["position"]]])
        self._settle()
        rows = first + np.flatnonzero(fresh["reporting"])
        self._report(rows)

    def change(self, row: int, spec: ItemSpec) -> None:
        """New parameters of an item; one that begins to report tells the value in force."""
        woken = spec.reporting and not self.rows["reporting"][row]
        for name in ("handle", "interval", "deadband", "trigger", "queue", "reporting"):
            self.rows[name][row] = getattr(spec, name)
        self.rows["due"][row] = _next_moment(self.block.scanned, self.rows["interval"][row])
        self._settle()
        if woken:
            self._report(np.array([row]))

    def remove(self, gone: Sequence[int]) -> None:
        """Deletes rows, and what waits of them."""
        keep = np.ones(len(self.rows), np.bool_)
        keep[list(gone)] = False
        renumber = np.cumsum(keep) - 1
        self.rows, self.last = self.rows[keep], self.last[keep]
        kept = [c.take(keep[c.item]) for c in self.waiting]
        self.waiting = [c for c in kept if len(c)]
        for c in self.waiting:
            c.item = renumber[c.item]
        self.count = sum(map(len, self.waiting))
        self._settle()

    def _settle(self) -> None:
        r = self.rows
        self._timed = not bool(r["reporting"].all() and (r["interval"] <= self.block.period).all())
        self._filters = bool((r["trigger"] != TRIGGER_VALUE).any() or r["deadband"].any())

    def sample(self) -> None:
        """Looks at the block's newest scan."""
        block, r = self.block, self.rows
        due = self._due() if self._timed else None
        if due is not None and not due.any():
            return
        at = r["position"]
        value, status = block.value[at], block.status[at]
        changed = (value != self.last) & block.fresh[at]
        if self._filters:
            changed = self._filtered(changed, value, block.fresh[at])
        changed |= status != r["status"]
        self._report(np.flatnonzero(changed if due is None else changed & due))

    def _filtered(self, changed: NDArray[np.bool_], value: NDArray[np.float64], fresh: NDArray[np.bool_]) -> NDArray[np.bool_]:
        r = self.rows
        if self.block.wire is Wire.DOUBLE or self.block.wire is Wire.INT64:
            with np.errstate(invalid="ignore"):
                changed &= ~(np.abs(value - self.last) <= r["deadband"])
        changed &= r["trigger"] != TRIGGER_STATUS
        out: NDArray[np.bool_] = changed | ((r["trigger"] == TRIGGER_TIME) & fresh & (self.block.time[r["position"]] != r["time"]))
        return out

    def _due(self) -> NDArray[np.bool_]:
        """Items whose sampling moment has come."""
        r, now = self.rows, self.block.scanned
        due = now + JITTER >= r["due"]
        r["due"][due] = _next_moment(now, r["interval"][due])
        out: NDArray[np.bool_] = due & r["reporting"]
        return out

    def _report(self, rows: NDArray[np.int64]) -> None:
        if not len(rows):
            return
        r, block = self.rows, self.block
        at = r["position"][rows]
        chunk = Chunk(
            block.wire,
            rows,
            r["handle"][rows],
            block.value[at],
            block.status[at],
            block.time[at],
            np.full(len(rows), block.scanned, np.int64),
        )
        self.last[rows] = chunk.value
        r["status"][rows] = chunk.status
        r["time"][rows] = chunk.time
        r["pending"][rows] += 1
        self.waiting.append(chunk)
        self.count += len(rows)
        if (r["pending"][rows] > r["queue"][rows]).any():
            self._discard()

    def _discard(self) -> None:
        """Cuts queues that are too long; the oldest sample left says so by its overflow bit (not in a queue of one)."""
        chunk = join(self.waiting)
        order = np.argsort(chunk.item, kind="stable")
        item = chunk.item[order]
        ends = np.searchsorted(item, item, side="right")
        from_end = np.empty(len(order), np.int64)
        from_end[order] = ends - 1 - np.arange(len(order))
        queue = self.rows["queue"][chunk.item]
        full = self.rows["pending"][chunk.item] > queue
        chunk.status[full & (from_end == queue - 1) & (queue > 1)] |= OVERFLOW
        kept = chunk.take(from_end < queue)
        self.waiting, self.count = [kept], len(kept)
        self.rows["pending"] = np.bincount(kept.item, minlength=len(self.rows))

    def take(self, limit: int) -> list[Chunk]:
        """At most `limit` of the waiting samples, oldest first."""
        taken: list[Chunk] = []
        while self.waiting and limit > 0:
            chunk = self.waiting.pop(0)
            if len(chunk) > limit:
                self.waiting.insert(0, chunk.take(slice(limit, None)))
                chunk = chunk.take(slice(limit))
            np.subtract.at(self.rows["pending"], chunk.item, 1)
            limit -= len(chunk)
            self.count -= len(chunk)
            taken.append(chunk)
        return taken
