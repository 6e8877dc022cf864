"""What the simulated world is like: its chance, its clock, its site. Everything simulated is a function of a scene and a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel.array import Site
from kernel.clock import SECOND
from simulator.noise import Doubles


@dataclass(frozen=True, slots=True)
class Scene:
    """A seed, and how far the site's time runs ahead of the clock, so that a demo by day shows an observing night."""

    seed: int = 7
    shift: int = 0
    """Seconds. Source times are always true UTC; only what happens is that of `time + shift`."""


STEP = 600
"""Seconds between the moments tried when looking for a night."""
SETTLED = 2_400
"""Seconds of the night that have passed when a demo begins."""
NEEDED = 3 * 3600
"""Seconds of undisturbed observing wanted from then on."""


def night_scene(site: Site, now: int, seed: int = 7) -> Scene:
    """A scene in which it is early in a fine night at `now` (microseconds UTC).

    A pure function: to go on with the same world after a restart, keep the scene's shift and make a Scene of it again.
    """
    from simulator.physics.frame import Frame

    start = now / SECOND
    moments: Doubles = np.arange(0, 60 * 86_400, STEP).astype(np.float64) + start
    frame = Frame(moments[:, None], site, seed, 1)
    fine = frame.observing[:, 0]
    settled, needed = SETTLED // STEP, NEEDED // STEP
    for i in np.flatnonzero(fine[1:] & ~fine[:-1]) + 1:
        if fine[i : i + settled + needed].all():
            return Scene(seed, round(moments[i] + SETTLED - start))
    return Scene(seed, 0)
