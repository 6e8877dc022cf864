"""Stretches of time in which a point is not passed on although its source is connected: told as gaps, so that nobody takes the silence for
an unchanged value. Vectorised by slot; pure but for what it remembers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel.clock import SECOND
from kernel.samples import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """Begun (end is None) or over, of some points at once."""

    slots: Ints
    start: int
    """Microseconds UTC. One that is over has the start with which it was told when it began."""
    end: int | None
    count: int
    """Samples that were not passed on."""


class Episodes:
    """Of one cause. Short ones are not told: so many calls of tick, one per second, must come first. No clock is looked at: one that is
    stepped changes nothing."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._since: Ints = np.zeros(0, np.int64)
        """Start of each slot's episode, by the samples' own times; 0 where there is none."""
        self._age: Ints = np.zeros(0, np.int64)
        self._told: Ints = np.zeros(0, np.int64)
        self._count: Ints = np.zeros(0, np.int64)
        self._over: dict[int, list[tuple[int, int, int]]] = {}
        self.open = 0
        """How many slots are in one."""

    def holding(self, slots: Ints, times: Ints, samples: int = 1) -> None:
        """Nothing of these slots (each at most once) is passed on; times: of the samples in hand, or since when."""
        self._room(int(slots.max(initial=-1)) + 1)
        fresh = slots[self._since[slots] == 0]
        self._since[fresh] = np.maximum(times[self._since[slots] == 0], 1)
        self._count[slots] += samples
        self.open += len(fresh)

    def passing(self, slots: Ints, times: Ints) -> None:
        """Samples of these slots are passed on again, from these times on."""
        if not self.open:
            return
        inside = slots < len(self._since)
        slots, times = slots[inside], times[inside]
        busy = np.flatnonzero(self._since[slots])
        for slot, time in zip(slots[busy].tolist(), times[busy].tolist(), strict=True):
            if told := int(self._told[slot]):
                self._over.setdefault(told, []).append((slot, max(time, told), int(self._count[slot])))
        self._reset(slots[busy])

    def tick(self) -> list[Episode]:
        """What is to be told: episodes that lasted long enough, and the end of those that were told. Points of which one second tells the
        same come together; then the start is the latest and the end the earliest of them, so that no sample passed on lies within."""
        found = [self._ended(start, ends) for start, ends in self._over.items()]
        self._over = {}
        if not self.open:
            return found
        self._age[self._since > 0] += 1
        ripe = np.flatnonzero((self._age > self._after) & (self._told == 0))
        if len(ripe):
            seconds = self._since[ripe] // SECOND
            for second in np.unique(seconds).tolist():
                slots = ripe[seconds == second]
                start = int(self._since[slots].max())
                self._told[slots] = start
                found.append(Episode(slots, start, None, int(self._count[slots].sum())))
        return found

    def held(self, slots: Ints) -> NDArray[np.bool_]:
        """Which of some slots are in an episode."""
        inside = slots < len(self._since)
        out = np.zeros(len(slots), np.bool_)
        out[inside] = self._since[slots[inside]] > 0
        return out

    def forget(self) -> None:
        """The source is lost: what lasts ends with its coverage."""
        self._reset(np.flatnonzero(self._since))
        self._over = {}

    @staticmethod
    def _ended(start: int, ends: list[tuple[int, int, int]]) -> Episode:
        slots, times, counts = zip(*ends, strict=True)
        return Episode(np.array(slots, np.int64), start, min(times), sum(counts))

    def _reset(self, slots: Ints) -> None:
        for column in (self._since, self._age, self._told, self._count):
            column[slots] = 0
        self.open -= len(slots)

    def _room(self, n: int) -> None:
        missing = n - len(self._since)
        if missing > 0:
            more = np.zeros(max(missing, len(self._since)), np.int64)
            self._since, self._age, self._told, self._count = (
                np.concatenate([c, more]) for c in (self._since, self._age, self._told, self._count)
            )
