"""A past for a fresh demo: the same world that the servers show live, written as batches at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernel.array import ArrayConfig, Point, PointKind
from kernel.batches import Column, build
from kernel.clock import SECOND
from kernel.quality import Quality
from kernel.samples import Ints, Kind
from schemas.records import GapCause, PointBatch, StateEvent, StateKind
from simulator.faults import NONE, FaultScript
from simulator.noise import Doubles
from simulator.opcua.codes import quality_of
from simulator.scene import Scene
from simulator.signals import Signals, Values, World, make_world

FAST, SLOW = 10, 60
"""Seconds between samples of points that are scanned every second, and of slower ones."""
SPAN = 1_800
"""Seconds per batch."""
SILENCE = 3_600
"""Seconds after which an unchanged value is told again."""
FAST_CLASS = 2.0
"""Sampling interval in seconds up to which a point belongs to the fast class."""

Bools = NDArray[np.bool_]
Span = tuple[float, float]


def history(
    config: ArrayConfig, start: int, end: int, *, scene: Scene = Scene(), faults: FaultScript = NONE, span: int = SPAN
) -> Iterator[PointBatch]:
    """Batches of every OPC-UA source from start to end (microseconds UTC), in the order of time.

    Each source has its own epoch, `start`, and sequence. Coverage is gapless but for the script's outages, which `outages` tells.
    Only changes are given, and each value once an hour; samples lie on a grid of 10 s, those of slow points of 60 s.
    """
    writer = _Writer(make_world(config, scene, faults), start)
    for begin in range(start, end, span * SECOND):
        yield from writer.batches(begin, min(begin + span * SECOND, end))


def outages(config: ArrayConfig, start: int, end: int, *, faults: FaultScript = NONE) -> list[StateEvent]:
    """The explained gaps in that history, by time."""
    found = []
    for name in config.sources:
        for a, b in faults.outages(name, start / SECOND, end / SECOND):
            first, last = round(a * SECOND), round(b * SECOND)
            found.append(
                StateEvent(
                    source=name,
                    time=last,
                    kind=StateKind.GAP,
                    cause=GapCause.DISCONNECTED,
                    points=(),
                    start=first,
                    end=last,
                    detail="connection lost",
                )
            )
    return sorted(found, key=lambda e: (e.start, e.source))


@dataclass(slots=True, eq=False)
class _Class:
    """The fast or the slow points of all sources, and what was told of each last."""

    step: int
    signals: Signals
    value: Doubles
    status: NDArray[np.uint32]
    told: Ints
    """Microseconds UTC; far in the past where nothing was told yet."""


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """One class in one span: which samples to tell."""

    points: tuple[Point, ...]
    time: Ints
    values: Values
    status: NDArray[np.uint32]


@dataclass(slots=True)
class _Writer:
    """Keeps what was told last from batch to batch."""

    world: World
    epoch: int
    classes: list[_Class] = field(init=False)
    sequence: dict[str, int] = field(init=False)
    owner: list[dict[str, Ints]] = field(init=False)
    """Per class, the columns of each source."""

    def __post_init__(self) -> None:
        sources = {n for n, s in self.world.config.sources.items() if s.protocol == "opcua" and s.enabled}
        points = sorted((p for p in self.world.config.points.values() if p.source in sources), key=lambda p: (p.source, p.name))
        numeric = [p for p in points if p.type.kind is not PointKind.TEXT]
        fast = [p for p in numeric if p.type.sampling <= FAST_CLASS]
        slow = [p for p in numeric if p.type.sampling > FAST_CLASS]
        texts = [p for p in points if p.type.kind is PointKind.TEXT]
        self.classes = [self._class(FAST, fast), self._class(SLOW, slow), self._class(SLOW, texts)]
        self.sequence = dict.fromkeys(sorted({p.source for p in points}), 0)
        self.owner = [
            {s: np.array([i for i, p in enumerate(c.signals.points) if p.source == s], np.int64) for s in self.sequence}
            for c in self.classes
        ]

    def _class(self, step: int, points: Sequence[Point]) -> _Class:
        n = len(points)
        return _Class(step, Signals(self.world, points), np.zeros(n), np.zeros(n, np.uint32), np.full(n, -(1 << 60), np.int64))

    def batches(self, begin: int, end: int) -> Iterator[PointBatch]:
        """One batch per source, or several with an outage between them."""
        grids = [self._grid(c, begin, end) for c in self.classes]
        for source in self.sequence:
            gaps = self.world.faults.outages(source, begin / SECOND, end / SECOND)
            for a, b in _between(gaps, begin, end):
                columns, names = self._told(source, grids, a, b, after_gap=a > begin or self._gap_before(source, begin))
                yield build(
                    source=source,
                    epoch=self.epoch,
                    seq=self.sequence[source],
                    received=b,
                    published=b,
                    names=names,
                    columns=columns,
                    covered=(a, b),
                )
                self.sequence[source] += 1

    def _gap_before(self, source: str, begin: int) -> bool:
        return bool(self.world.faults.outages(source, begin / SECOND - 1e-3, begin / SECOND))

    def _grid(self, c: _Class, begin: int, end: int) -> _Grid:
        step = c.step * SECOND
        time = np.arange(-(-begin // step) * step, end, step, dtype=np.int64)
        t = time / SECOND
        values = c.signals.values(self.world.frame(t), t)
        status = values.status if values.status is not None else np.zeros(values.value.shape, np.uint32)
        return _Grid(c.signals.points, time, values, status)

    def _told(self, source: str, grids: Sequence[_Grid], a: int, b: int, *, after_gap: bool) -> tuple[list[Column], list[str]]:
        parts: dict[Kind, list[Column]] = {}
        names: list[str] = []
        for c, grid, owner in zip(self.classes, grids, self.owner, strict=True):
            at = owner[source]
            rows = slice(*np.searchsorted(grid.time, [a, b]).tolist())
            if not len(at) or rows.start == rows.stop:
                continue
            if after_gap:
                c.told[at] = -(1 << 60)
            keep = self._changes(c, grid, at, rows)
            for kind, column in _columns(c, grid, at, rows, keep, len(names)):
                parts.setdefault(kind, []).append(column)
            names += [grid.points[i].name for i in at.tolist()]
        return _compact([_joined(kind, found) for kind, found in parts.items()], names)

    def _changes(self, c: _Class, grid: _Grid, at: Ints, rows: slice) -> Bools:
        """Which samples differ from the one before, are due again, or are the first after a gap."""
        value, status, time = grid.values.value[rows][:, at], grid.status[rows][:, at], grid.time[rows]
        before = np.vstack([c.value[at], value[:-1]])
        status_before = np.vstack([c.status[at], status[:-1]])
        keep: Bools = (value != before) | (status != status_before)
        keep[0] |= c.told[at] <= time[0] - SILENCE * SECOND
        if grid.values.heard is not None:
            keep &= grid.values.heard[rows][:, at]
        c.value[at], c.status[at] = value[-1], status[-1]
        last = len(time) - 1 - np.argmax(keep[::-1], axis=0)
        c.told[at] = np.where(keep.any(axis=0), time[last], c.told[at])
        return keep


def _between(gaps: Sequence[Span], begin: int, end: int) -> list[tuple[int, int]]:
    """The stretches of begin ... end outside the gaps."""
    out, at = [], begin
    for a, b in gaps:
        if round(a * SECOND) > at:
            out.append((at, round(a * SECOND)))
        at = max(at, round(b * SECOND))
    if at < end:
        out.append((at, end))
    return out


def _columns(c: _Class, grid: _Grid, at: Ints, rows: slice, keep: Bools, offset: int) -> Iterator[tuple[Kind, Column]]:
    """The samples to tell by kind of value, point after point. What a device did not deliver is a NaN, whatever its kind."""
    kinds = np.array([_KINDS[grid.points[i].type.kind] for i in at.tolist()])
    position, row = np.nonzero(keep.T)
    value, status = grid.values.value[rows][:, at][row, position], grid.status[rows][:, at][row, position]
    time, quality = grid.time[rows][row], quality_of(status)
    kind = np.where(quality == Quality.BAD, Kind.DOUBLE, kinds[position])
    for wanted in (Kind.DOUBLE, Kind.LONG, Kind.TEXT):
        chosen = kind == wanted
        if not chosen.any():
            continue
        if wanted is Kind.TEXT:
            texts = np.array(c.signals.texts(), dtype=object)[at]
            values = texts[position[chosen]]
        else:
            bad = quality[chosen] == Quality.BAD
            values = np.where(bad, np.nan, value[chosen]) if wanted is Kind.DOUBLE else value[chosen].astype(np.int64)
        yield wanted, Column(wanted, position[chosen] + offset, time[chosen], time[chosen], values, quality[chosen], status[chosen])


_KINDS = {
    PointKind.DOUBLE: Kind.DOUBLE,
    PointKind.LONG: Kind.LONG,
    PointKind.BOOL: Kind.LONG,
    PointKind.ENUM: Kind.LONG,
    PointKind.TEXT: Kind.TEXT,
}


def _joined(kind: Kind, parts: Sequence[Column]) -> Column:
    fields = ("index", "time", "server", "value", "quality", "status")
    return Column(kind, *(np.concatenate([getattr(p, name) for p in parts]) for name in fields))


def _compact(columns: Sequence[Column], names: Sequence[str]) -> tuple[list[Column], list[str]]:
    """Names that occur, and the columns' indices into them."""
    used = np.zeros(len(names), np.bool_)
    for c in columns:
        used[c.index] = True
    number = np.cumsum(used) - 1
    renumbered = [Column(c.kind, number[c.index], c.time, c.server, c.value, c.quality, c.status) for c in columns]
    return renumbered, [n for n, u in zip(names, used.tolist(), strict=True) if u]
