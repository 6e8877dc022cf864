"""Processing of one source's samples: the state by slot, around pure stages that see each slot at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from collector.columns import concat, take
from collector.episodes import Episodes
from collector.processing import statistics
from collector.processing.settings import grown, no_settings, put
from collector.processing.stages import Emitted, nothing_emitted, step
from collector.processing.statistics import STATISTICS, Sums, no_sums
from collector.table import Table
from kernel.array import NO_PROCESSING, DeadbandKind, Point, Processing
from kernel.batches import Column
from kernel.clock import SECOND
from kernel.quality import Quality
from kernel.samples import Doubles, Ints, Kind

T = TypeVar("T", Emitted, Sums)
_MEDIAN = STATISTICS.index("median")
GRACE = 2 * SECOND
"""After its end a window waits this long for samples under way, when no later sample closes it."""
WITHHELD_AFTER = 5
"""Seconds: a filter or window that holds a point back for shorter is counted, but not told as a gap. A value that dances around a bound
would make one with every step."""
FAR = np.iinfo(np.int64).max - statistics.SKEW
"""A time of reception with which no sample is of the future."""


class Processor:
    """Points without processing pass untouched. The result does not depend on how samples are split into columns of one kind."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._settings = no_settings(0)
        self._emitted = nothing_emitted(0)
        self._sums = no_sums(0)
        self._any = False
        self._outputs: Ints = np.full((len(STATISTICS), 0), -1, np.int64)
        """By statistic and slot: the slot of the point that carries it; -1 where it is not asked for."""
        self._known: dict[int, Processing] = {}
        self._kept: dict[int, list[float]] = {}
        """Values of open windows, where a median is asked for."""
        self._deadbands: dict[int, float] = {}
        self.withheld = Episodes(WITHHELD_AFTER)
        """What status filter and comparison window hold back."""
        self._counts: Counter[str] = Counter()
        self._offered: Counter[str] = Counter()
        """Samples offered to statistics: `entered`, and of these `late` and `future`, which are in no window."""

    # --- configuration -----------------------------------------------------------------------------------------------------------

    def configure(self, points: Mapping[str, Point]) -> None:
        """New settings for the points that have a slot; what was remembered of them stays."""
        for name, point in points.items():
            slot = self._table.find(name)
            if slot is not None and self._known.get(slot, NO_PROCESSING) != point.type.processing:
                self.enroll(slot, point.name, point.type.processing)

    def enroll(self, slot: int, name: str, processing: Processing) -> None:
        """Settings of one slot."""
        self._known[slot] = processing
        self._room(len(self._table))
        put(self._settings, slot, processing, self._deadbands.get(slot, 0.0))
        if not self._settings.filters(slot):
            at = np.array([slot], np.int64)
            self.withheld.passing(at, self._table.last[at])
        known = [s for s in STATISTICS if processing.statistics_every and s in processing.statistics]
        slots = self._table.derived([f"{name}.{s}" for s in known])
        self._room(len(self._table))
        self._outputs[:, slot] = -1
        for one, output in zip(known, slots, strict=True):
            self._outputs[STATISTICS.index(one), slot] = output
        if "median" not in known:
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
        self._outputs = np.concatenate([self._outputs, np.full((len(STATISTICS), missing), -1, np.int64)], axis=1)

    # --- samples -----------------------------------------------------------------------------------------------------------------

    def process(self, column: Column, received: int = FAR) -> tuple[Column, ...]:
        """What is to be passed on of a column, and the statistics of windows that it closed. received: microseconds UTC."""
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
            passed, changed, closed = self._round(part, received)
            keep[at] = passed
            value[at] = changed
            derived += closed
        out = replace(whole, value=value)
        return (out if keep.all() else take(out, keep), *derived)

    def _round(self, part: Column, received: int) -> tuple[NDArray[np.bool_], NDArray[Any], list[Column]]:
        slots = part.index
        settings = self._settings.at(slots)
        done = step(settings, self._emitted.at(slots), part)
        _scatter(self._emitted, slots, done.emitted)
        if self.withheld.open or done.withheld.any():
            free = ~done.withheld
            self.withheld.passing(slots[free], part.time[free])
            self.withheld.holding(slots[done.withheld], part.time[done.withheld])
        for cause, count in done.lost:
            self._counts[cause] += count
        closed: list[Column] = []
        if settings.every.any() and part.kind is not Kind.TEXT:
            closed = self._statistics(slots, settings.every, done.column, done.accepted, received)
        return done.keep, done.column.value, closed

    def _statistics(self, slots: Ints, every: Ints, column: Column, accepted: NDArray[np.bool_], received: int) -> list[Column]:
        value = np.asarray(column.value, np.float64)
        usable = np.flatnonzero((every > 0) & accepted & (column.quality != Quality.BAD) & np.isfinite(value))
        if not len(usable):
            return []
        mine, spans, numbers = slots[usable], every[usable], value[usable]
        before = self._sums.at(mine)
        time, quality = column.time[usable], column.quality[usable]
        after, closing, late, future = statistics.add(before, spans, time, numbers, quality, received)
        self._offered.update(entered=len(usable), late=int(late.sum()), future=int(future.sum()))
        closed = self._close(mine, before, spans, np.flatnonzero(closing))
        _scatter(self._sums, mine, after)
        for i in np.flatnonzero(~late & ~future & (self._outputs[_MEDIAN, mine] >= 0)).tolist():
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
        return tuple(closed)

    def _close(self, slots: Ints, sums: Sums, every: Ints, rows: Ints) -> list[Column]:
        """The statistics of the windows of some rows, those that are asked for."""
        closed = []
        slots, sums, ends = slots[rows], sums.at(rows), ((sums.window + 1) * every)[rows]
        for at, name in enumerate(STATISTICS):
            outputs = self._outputs[at, slots]
            asked = np.flatnonzero(outputs >= 0)
            if not len(asked):
                continue
            value: Doubles
            if name == "median":
                value = np.array([np.median(self._kept.pop(slot, [np.nan])) for slot in slots[asked].tolist()])
            else:
                value = statistics.figure(sums, name)[asked]
            time = ends[asked]
            closed.append(Column(Kind.DOUBLE, outputs[asked], time, time, value, sums.quality[asked], np.zeros(len(asked), np.uint32)))
            self._counts["derived"] += len(asked)
        return [concat(closed)] if closed else []

    def counts(self) -> dict[str, int]:
        """Since the last call: samples lost by cause, and `derived`, the statistics that were made."""
        found = {cause: count for cause, count in self._counts.items() if count}
        self._counts.clear()
        return found

    def offered(self) -> dict[str, int]:
        """Since the last call: samples offered to statistics (`entered`), and those left out: `late` for their window, or of the `future`.
        They are passed on all the same."""
        found = dict(self._offered)
        self._offered.clear()
        return found


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
