"""Points that a connected device does not deliver although it should: they are stale, which is not the same as unchanged."""

from __future__ import annotations

import numpy as np

from collector.episodes import Episode, Episodes
from kernel.clock import Clock
from kernel.samples import Doubles, Ints

PATIENCE = 10.0
"""Seconds that a device may take at least."""


class Silence:
    """Rules by slot: how long it may be silent. A rule holds for the first sample only, or for every one."""

    def __init__(self) -> None:
        self._allowed: Doubles = np.zeros(0)
        """Seconds; 0: no rule."""
        self._heard: Doubles = np.zeros(0)
        """By the steady clock."""
        self._since: Ints = np.zeros(0, np.int64)
        """Time of the newest sample, or when the first was owed from, microseconds UTC."""
        self._once: Ints = np.zeros(0, np.int64)
        self._rules = False
        self._episodes = Episodes(0)

    def expect(self, slots: Ints, allowed_s: float, clock: Clock, *, once: bool) -> None:
        """Each of these slots delivers within allowed_s seconds (at least PATIENCE) from now on; once: its first sample does."""
        self._room(int(slots.max(initial=-1)) + 1)
        self._allowed[slots] = max(allowed_s, PATIENCE)
        self._heard[slots], self._since[slots] = clock.steady(), clock.now()
        self._once[slots] = once
        self._rules = True

    def drop(self, slots: Ints, now: int) -> None:
        """Nobody wants these any more."""
        slots = slots[slots < len(self._allowed)]
        self._allowed[slots] = 0
        self._episodes.passing(slots, np.full(len(slots), now, np.int64))

    def heard(self, slots: Ints, times: Ints, steady: float) -> None:
        """Samples came. steady: when, by the steady clock."""
        if not self._rules:
            return
        inside = slots < len(self._allowed)
        slots, first = np.unique(slots[inside], return_index=True)
        times = times[inside][first]
        self._heard[slots], self._since[slots] = steady, times
        self._allowed[slots[self._once[slots] > 0]] = 0
        self._episodes.passing(slots, times)
        self._rules = bool(self._allowed.any())

    def tick(self, until: float) -> list[Episode]:
        """What is to be told, as far as the source is known to have reported: `until`, by the steady clock; 0 when it is not connected."""
        if not until:
            return []
        late = np.flatnonzero((self._allowed > 0) & (until - self._heard > self._allowed)) if self._rules else np.empty(0, np.int64)
        late = late[~self._episodes.held(late)]
        if len(late):
            self._episodes.holding(late, self._since[late], samples=0)
        return self._episodes.tick()

    def lost(self) -> None:
        """The source is lost: what lasts ends with its coverage."""
        self._episodes.forget()

    def connected(self, steady: float) -> None:
        """The source delivers again: it has its time anew."""
        self._heard[:] = steady

    def _room(self, n: int) -> None:
        missing = n - len(self._allowed)
        if missing > 0:
            more = max(missing, len(self._allowed))
            self._allowed, self._heard = (np.concatenate([c, np.zeros(more)]) for c in (self._allowed, self._heard))
            self._since, self._once = (np.concatenate([c, np.zeros(more, np.int64)]) for c in (self._since, self._once))
