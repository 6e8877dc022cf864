"""Scans points when they are due: writes the blocks that the servers read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel.array import Point
from kernel.clock import SECOND
from simulator.blocks import Block, Wire, make_blocks
from simulator.signals import Signals, World


class Scanner:
    """All points of one process, whatever servers they belong to. Scan moments lie on a grid of the interval: no jitter."""

    def __init__(self, world: World, sources: Sequence[Sequence[Point]], rate: float) -> None:
        self._world = world
        self.blocks: list[list[Block]] = [make_blocks(points, rate) for points in sources]
        """Of each source, in the order given."""
        self._plans: dict[int, list[tuple[Block, slice]]] = {}
        self._signals: dict[int, Signals] = {}
        self._due: dict[int, int] = {}
        for period in sorted({b.period for blocks in self.blocks for b in blocks}):
            self._plan(period, [b for blocks in self.blocks for b in blocks if b.period == period])

    def _plan(self, period: int, blocks: Sequence[Block]) -> None:
        numeric = [b for b in blocks if b.wire is not Wire.STRING]
        points: list[Point] = []
        plan = []
        for block in numeric:
            plan.append((block, slice(len(points), len(points) + len(block.points))))
            points += block.points
        for block in blocks:
            if block.wire is Wire.STRING:
                block.value = np.array(Signals(self._world, block.points).texts(), dtype=object)
                plan.append((block, slice(0, 0)))
        self._plans[period], self._signals[period], self._due[period] = plan, Signals(self._world, points), 0

    def next_due(self) -> int:
        """Microseconds UTC of the next scan."""
        return min(self._due.values(), default=1 << 62)

    def scan(self, now: int) -> list[Block]:
        """Scans what is due at `now` (microseconds UTC) and gives the blocks that have new samples."""
        done: list[Block] = []
        for period, due in self._due.items():
            if due > now:
                continue
            moment = now - now % period
            self._due[period] = moment + period
            self._scan(period, moment)
            done += [block for block, _ in self._plans[period]]
        return done

    def _scan(self, period: int, moment: int) -> None:
        t = np.array([moment / SECOND])
        found = self._signals[period].values(self._world.frame(t), t)
        for block, columns in self._plans[period]:
            block.scanned = moment
            if block.wire is Wire.STRING:
                block.time[:] = moment
                continue
            fresh = slice(None) if found.heard is None else (found.heard[0, columns] | (block.time == 0))
            block.value[fresh] = found.value[0, columns][fresh]
            block.time[fresh] = moment
            block.status[fresh] = 0 if found.status is None else found.status[0, columns][fresh]
            block.fresh[:] = True if found.heard is None else found.heard[0, columns]
