"""Mirrors and structure: actuators that hold the figure, and temperatures that follow the air."""

from __future__ import annotations

import numpy as np

from simulator.noise import Doubles, smooth, uniform, white
from simulator.physics import mount
from simulator.physics.frame import Frame, Who

_ZERO = np.zeros((1, 1), np.int64)
_ONE = np.ones((1, 1), np.int64)


def deviation(frame: Frame, who: Who) -> Doubles:
    """µm of one actuator from its set point: mounting, sag with elevation, thermal drift, control noise."""
    p = mount.pointing(frame)
    sag = 5.0 * (uniform(who.key, _ONE) - 0.5) * (p.elevation[:, who.telescope] - 60) / 60
    return 4.0 * (uniform(who.key, _ZERO) - 0.5) + sag + 1.2 * smooth(who.key, frame.t, 5_400) + 0.08 * white(who.key, frame.t)


def actuator_current(frame: Frame, who: Who) -> Doubles:
    """A: they work during slews and in the first minute after one."""
    p = mount.pointing(frame)
    busy = p.slewing | (p.tracking & (frame.since_block < 150))
    return np.where(busy[:, who.telescope], 0.34, 0.045) * (1 + 0.08 * white(who.key, frame.t))


def deviation_rms(frame: Frame, who: Who) -> Doubles:
    """µm of the whole figure."""
    lever = np.abs(mount.pointing(frame).elevation[:, who.telescope] - 60) / 60
    return 1.5 + 1.1 * lever + 0.3 * smooth(who.key, frame.t, 2_700) + 0.02 * white(who.key, frame.t)


def mirror_temperature(frame: Frame, who: Who) -> Doubles:
    """°C; glass lags the air by some twenty minutes and sees the cold sky."""
    return frame.at(-1_200.0).air - 0.8 + 0.6 * (uniform(who.key, _ZERO) - 0.5) + 0.03 * white(who.key, frame.t)


def structure_temperature(frame: Frame, who: Who) -> Doubles:
    """°C of a steel member: one side warms in the sun, all lag the air."""
    side = np.cos(2 * np.pi * (frame.t / 86_400 + uniform(who.key, _ONE)))
    sun = np.clip(np.sin(np.radians(frame.sun)), 0.0, 1.0) * np.maximum(0.0, side + 0.4) * 7.0
    return frame.at(-900.0).air + sun + 0.8 * (uniform(who.key, _ZERO) - 0.5) + 0.15 * smooth(who.key, frame.t, 600)
