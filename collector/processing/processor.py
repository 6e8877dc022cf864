"""Processing of one source's samples: the state by slot, around pure stages that see each slot at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.columns import take
from collector.processing import statistics
from collector.processing.settings import grown, no_settings, put
from collector.processing.stages import Emitted, nothing_emitted, step
from collector.processing.statistics import Sums, no_sums
from collector.table import Table
from kernel.array import DeadbandKind, Point, Processing
from kernel.batches import Column
from kernel.clock import SECOND
from kernel.quality import Quality
from kernel.samples import Bytes, Doubles, Ints, Kind

T = TypeVar("T", Emitted, Sums)
GRACE = 2 * SECOND
"""After its end a window waits this long for samples under way, when no later sample closes it."""


class Processor:
    """Points without processing pass untouched. The result does not depend on how samples are split into columns of one kind."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._settings = no_settings(0)
        self._emitted = nothing_emitted(0)
        self._sums = no_sums(0)
        self._any = False
        self._outputs: dict[int, tuple[tuple[str, int], ...]] = {}
        """Slot to the statistics asked for and the slots of their points."""
        self._kept: dict[int, list[float]] = {}
        """Values of open windows, where a median is asked for."""
        self._deadbands: dict[int, float] = {}
        self._counts: Counter[str] = Counter()

    # --- configuration -----------------------------------------------------------------------------------------------------------

    def configure(self, points: Mapping[str, Point]) -> None:
        """New settings for the points that have a slot; what was remembered of them stays."""
        for name, point in points.items():
            slot = self._table.find(name)
            if slot is not None:
                self.enroll(slot, point.name, point.type.processing)

    def enroll(self, slot: int, name: str, processing: Processing) -> None:
        """Settings of one slot."""
        self._room(len(self._table))
        put(self._settings, slot, processing, self._deadbands.get(slot, 0.0))
        known = tuple(s for s in processing.statistics if s in statistics.STATISTICS) if processing.statistics_every else ()
        if known:
            slots = self._table.derived([f"{name}.{s}" for s in known])
            self._outputs[slot] = tuple(zip(known, slots, strict=True))
            self._room(len(self._table))
        else:
            self._outputs.pop(slot, None)
            self._kept.pop(slot, None)
        self._any = bool(self._settings.active.any())

    def deadband_here(self, slot: int, point: Point, span: float | None = None) -> None:
        """The device does not apply the point's deadband: it is applied here. span: the instrument's range, for percent."""
        width = point.type.deadband
        if point.type.deadband_kind is DeadbandKind.PERCENT:
            if span is None and point.type.range is not None:
                span = point.type.range[1] - point.type.range[0]
            width = width / 100 * (span or 0.0)
        self._deadbands[slot] = width
        self.enroll(slot, point.name, point.type.processing)

    def _room(self, n: int) -> None:
        missing = n - len(self._emitted.kind)
        if missing <= 0:
            return
        self._settings = grown(self._settings, n)
        self._emitted = _joined(self._emitted, nothing_emitted(missing))
        self._sums = _joined(self._sums, no_sums(missing))

    # --- samples -----------------------------------------------------------------------------------------------------------------

    def process(self, column: Column) -> tuple[Column, ...]:
        """What is to be passed on of a column, and the statistics of windows that it closed."""
        if not self._any:
            return (column,)
        self._room(len(self._table))
        active = self._settings.active[column.index]
        if not active.any():
            return (column,)
        whole, keep, derived = column, np.ones(len(column.time), np.bool_), []
        value = column.value.copy()
        busy = np.flatnonzero(active)
        for which in rounds(column.index[busy]):
            at = busy[which]
            part = take(whole, at)
            passed, changed, closed = self._round(part)
            keep[at] = passed
            value[at] = changed
            derived += closed
        out = replace(whole, value=value)
        return (out if keep.all() else take(out, keep), *_derived(derived))

    def _round(self, part: Column) -> tuple[NDArray[np.bool_], NDArray[Any], list[_Closed]]:
        slots = part.index
        settings = self._settings.at(slots)
        done = step(settings, self._emitted.at(slots), part)
        _scatter(self._emitted, slots, done.emitted)
        for cause, count in done.lost:
            self._counts[cause] += count
        closed: list[_Closed] = []
        if settings.every.any() and part.kind is not Kind.TEXT:
            closed = self._statistics(slots, settings.every, done.column, done.accepted)
        return done.keep, done.column.value, closed

    def _statistics(self, slots: Ints, every: Ints, column: Column, accepted: NDArray[np.bool_]) -> list[_Closed]:
        value = np.asarray(column.value, np.float64)
        usable = np.flatnonzero((every > 0) & accepted & (column.quality != Quality.BAD) & np.isfinite(value))
        if not len(usable):
            return []
        mine, spans, numbers = slots[usable], every[usable], value[usable]
        before = self._sums.at(mine)
        after, closing, late = statistics.add(before, spans, column.time[usable], numbers, column.quality[usable])
        closed = self._close(mine, before, spans, np.flatnonzero(closing))
        _scatter(self._sums, mine, after)
        for i in np.flatnonzero(~late).tolist():
            outputs = self._outputs.get(int(mine[i]), ())
            if any(s == "median" for s, _ in outputs):
                self._kept.setdefault(int(mine[i]), []).append(float(numbers[i]))
        return closed

    def tick(self, now: int) -> tuple[Column, ...]:
        """Closes the windows that ended and whose points fell silent."""
        every = self._settings.every
        where = statistics.ended(self._sums, every, now - GRACE)
        if not where.any():
            return ()
        rows = np.flatnonzero(where)
        closed = self._close(rows, self._sums.at(rows), every[rows], np.arange(len(rows)))
        self._sums = statistics.emptied(self._sums, where)
        return _derived(closed)

    def _close(self, slots: Ints, sums: Sums, every: Ints, rows: Ints) -> list[_Closed]:
        closed = []
        for i in rows.tolist():
            slot = int(slots[i])
            end = int((sums.window[i] + 1) * every[i])
            kept = self._kept.pop(slot, [])
            for name, output in self._outputs.get(slot, ()):
                one = np.array([i])
                number = float(np.median(kept)) if name == "median" else float(statistics.figure(sums.at(one), name)[0])
                closed.append(_Closed(output, end, number, int(sums.quality[i])))
        self._counts["derived"] += len(closed)
        return closed

    def counts(self) -> dict[str, int]:
        """Since the last call: samples lost by cause, and `derived`, the statistics that were made."""
        found = {cause: count for cause, count in self._counts.items() if count}
        self._counts.clear()
        return found


@dataclass(frozen=True, slots=True)
class _Closed:
    slot: int
    time: int
    value: float
    quality: int


def _derived(closed: list[_Closed]) -> tuple[Column, ...]:
    if not closed:
        return ()
    time: Ints = np.array([c.time for c in closed], np.int64)
    value: Doubles = np.array([c.value for c in closed])
    quality: Bytes = np.array([c.quality for c in closed], np.uint8)
    slots: Ints = np.array([c.slot for c in closed], np.int64)
    return (Column(Kind.DOUBLE, slots, time, time, value, quality, np.zeros(len(closed), np.uint32)),)


def rounds(slots: Ints) -> Iterator[Ints]:
    """Positions in groups: the first occurrence of each slot, then the second of each ..."""
    n = len(slots)
    if n < 2 or bool((slots[1:] > slots[:-1]).all()):
        yield np.arange(n)
        return
    order = np.argsort(slots, kind="stable")
    ordered = slots[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    rank = np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))
    for turn in range(int(rank.max()) + 1):
        yield order[rank == turn]


def _joined(a: T, b: T) -> T:
    return type(a)(*(np.concatenate([getattr(a, f.name), getattr(b, f.name)]) for f in fields(a)))


def _scatter(state: Emitted | Sums, slots: Ints, rows: Emitted | Sums) -> None:
    """Writes rows back to their slots."""
    for f in fields(state):
        getattr(state, f.name)[slots] = getattr(rows, f.name)
