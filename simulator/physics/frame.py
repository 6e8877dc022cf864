"""One evaluation: the moments asked for, and what many quantities share (sun, storm, pointing), worked out once and only if needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kernel.array import Site
from simulator.noise import Doubles, Keys, key_of, smooth, uniform
from simulator.physics.sky import sun_elevation

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
BLOCK = 1_500
"""Seconds per observing block: all telescopes follow one target."""
DARK, DUSK = -14.0, -6.0
"""Sun elevations in degrees below which the array observes, and prepares."""
RAMP = 900.0
"""Seconds in which a storm comes up and calms down."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whose values are wanted: n points of one quantity."""

    telescope: Ints
    """Index 0 ... of each point's telescope; 0 for points of the site."""
    number: Ints
    """The last number in the quantity's name, e.g. 7 of pdm07; 0 where there is none."""
    key: Keys
    """Shape (1, n)."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Moments t of shape (T, 1) in seconds of the site's time. Arrays are (T, 1) for the site and (T, telescopes) for telescopes."""

    t: Doubles
    site: Site
    seed: int
    telescopes: int
    maintained: tuple[int, ...] = ()
    """Telescopes in maintenance."""
    memo: dict[str, Any] = field(default_factory=dict, repr=False)
    """Results that other modules share: see `once`."""

    def key(self, name: str) -> Keys:
        """A key of a quantity that all points share."""
        return np.array([[key_of(name, self.seed)]], dtype=np.uint64)

    def at(self, offset: float) -> Frame:
        """The same world some seconds later."""
        return Frame(self.t + offset, self.site, self.seed, self.telescopes, self.maintained)

    @cached_property
    def telescope_keys(self) -> Keys:
        """Shape (1, telescopes)."""
        return np.array([[key_of(f"telescope {i}", self.seed) for i in range(self.telescopes)]], dtype=np.uint64)

    @cached_property
    def in_maintenance(self) -> Bools:
        """Shape (1, telescopes)."""
        mask = np.zeros((1, self.telescopes), np.bool_)
        mask[0, [i for i in self.maintained if i < self.telescopes]] = True
        return mask

    @cached_property
    def sun(self) -> Doubles:
        """Elevation of the sun, degrees."""
        return sun_elevation(self.t, self.site.latitude, self.site.longitude)

    @cached_property
    def storm(self) -> Doubles:
        """0 calm ... 1 at its height. About every fourth day has one, of one to four hours."""
        return storm(self.t, self.key("storm"))

    @cached_property
    def block(self) -> Ints:
        """Number of the observing block."""
        return np.floor(self.t / BLOCK).astype(np.int64)

    @cached_property
    def since_block(self) -> Doubles:
        """Seconds since the block began."""
        return self.t - self.block * BLOCK

    @cached_property
    def observing(self) -> Bools:
        """Whether the array observes in this block: dark and calm all through it."""
        return self.observes(self.block)

    @cached_property
    def observed(self) -> Bools:
        """Whether it observed in the block before."""
        return self.observes(self.block - 1)

    def observes(self, block: Ints) -> Bools:
        """Whether the array observes in a block."""
        found, where = np.unique(block, return_inverse=True)
        ends = np.stack([found, found + 1]) * float(BLOCK)
        dark = sun_elevation(ends, self.site.latitude, self.site.longitude).max(axis=0) < DARK
        calm = storm(ends, self.key("storm")).max(axis=0) < 0.05
        fine: Bools = np.asarray(dark & calm)
        result: Bools = fine[where].reshape(block.shape)
        return result

    @cached_property
    def outage(self) -> Doubles:
        """Seconds since the mains failed; negative while they are there. About one failure a day, of two to six minutes."""
        key, window = self.key("mains"), 43_200
        step = np.floor(self.t / window).astype(np.int64)
        happens = uniform(key, step * 4) < 0.5
        begin = step * window + 3_600 + uniform(key, step * 4 + 1) * (window - 7_200)
        length = 120 + uniform(key, step * 4 + 2) * 240
        since = self.t - begin
        return np.where(happens & (since >= 0) & (since < length), since, -1.0)

    @cached_property
    def load_factor(self) -> Doubles:
        """How long the array has been observing in the last half hour, 0 ... 1: what warms things."""
        past = [self.observes(self.block - i) for i in range(3)]
        out: Doubles = (past[0] * 0.5 + past[1] * 0.3 + past[2] * 0.2) * np.minimum(1.0, 0.4 + self.since_block / BLOCK)
        return out

    @cached_property
    def air(self) -> Doubles:
        """Air temperature at the site, °C."""
        year = 2 * np.pi * (self.t / 86_400 / 365.2422 - 0.56)
        day = np.sin(2 * np.pi * (self.t / 86_400 + self.site.longitude / 360 - 0.375))
        wander = smooth(self.key("air"), self.t, 14_400)
        fall = 0.0065 * (2_390 - self.site.height)
        return 9.5 + 6.5 * np.cos(year) + 3.2 * day + 1.8 * wander - 3.0 * self.storm + fall

    @cached_property
    def wind(self) -> Doubles:
        """Mean wind at the site, km/h."""
        spell = np.maximum(0.0, smooth(self.key("spell"), self.t, 10_800))
        return 7.0 + 6.0 * (1 + smooth(self.key("wind"), self.t, 2_700)) + 14.0 * spell**2 + 30.0 * self.storm


R = TypeVar("R")


def once(function: Callable[[Frame], R]) -> Callable[[Frame], R]:
    """Keeps a function's result with the frame."""

    @wraps(function)
    def kept(frame: Frame) -> R:
        name = f"{function.__module__}.{function.__qualname__}"
        if name not in frame.memo:
            frame.memo[name] = function(frame)
        result: R = frame.memo[name]
        return result

    return kept


def storm(t: Doubles, key: Keys) -> Doubles:
    """0 calm ... 1 at a storm's height, of each moment in seconds."""
    day = np.floor(t / 86_400).astype(np.int64)
    happens = uniform(key, day * 4) < 0.25
    centre = day * 86_400.0 + 14_400 + uniform(key, day * 4 + 1) * 57_600
    half = 1_800 + uniform(key, day * 4 + 2) * 5_400
    return np.where(happens, np.clip((half - np.abs(t - centre)) / RAMP, 0.0, 1.0), 0.0)
