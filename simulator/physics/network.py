"""The network of the telescopes and of the site, and the array as a whole."""

from __future__ import annotations

import numpy as np

from simulator.noise import Doubles, smooth, white
from simulator.physics import camera, mount
from simulator.physics.frame import DUSK, Frame, Ints, Who

CLOSED, STANDBY, OBSERVING, UNSAFE = 0, 1, 2, 3


def link(frame: Frame, who: Who) -> Ints:
    """1: up."""
    return np.ones((len(frame.t), len(who.telescope)), np.int64)


def clock_offset(frame: Frame, who: Who) -> Doubles:
    """ns against the White Rabbit grandmaster."""
    return 1.2 * smooth(who.key, frame.t, 300.0) + 0.35 * white(who.key, frame.t)


def latency(frame: Frame, who: Who) -> Doubles:
    """ms to the control room."""
    return 0.31 + 0.04 * np.abs(white(who.key, frame.t)) + 0.05 * smooth(who.key, frame.t, 900)


def traffic(frame: Frame, who: Who) -> Doubles:
    """Mbit/s: events and housekeeping."""
    return 6.0 + 8 * camera.EVENT_SIZE * camera.triggers(frame)[:, who.telescope] + 0.4 * white(who.key, frame.t)


def uplink_traffic(frame: Frame, who: Who) -> Doubles:
    """Mbit/s: what of the night's data leaves the mountain."""
    rate = camera.triggers(frame).sum(axis=1, keepdims=True)
    out: Doubles = np.maximum(
        1.0, 35 + 0.9 * 8 * camera.EVENT_SIZE * rate + 12 * smooth(who.key, frame.t, 300) + 4 * white(who.key, frame.t)
    )
    return out


def ntp_offset(frame: Frame, who: Who) -> Doubles:
    """µs."""
    return 22 * smooth(who.key, frame.t, 1_024.0) + 3 * white(who.key, frame.t)


def array_state(frame: Frame, who: Who) -> Ints:
    """0 CLOSED 1 STANDBY 2 OBSERVING 3 UNSAFE: weather before sun."""
    by_sun = np.where(frame.observing, OBSERVING, np.where(frame.sun < DUSK, STANDBY, CLOSED))
    return np.where(frame.storm > 0.3, UNSAFE, by_sun) + 0 * who.telescope


def array_trigger_rate(frame: Frame, who: Who) -> Doubles:
    """Hz of events seen by two telescopes or more."""
    share = np.maximum(0, mount.pointing(frame).tracking.sum(axis=1, keepdims=True) - 1) / max(1, frame.telescopes - 1)
    rate = 0.62 * camera.triggers(frame).mean(axis=1, keepdims=True) * share
    out: Doubles = np.maximum(0.0, rate + np.sqrt(np.maximum(rate, 0.0)) * white(who.key, frame.t))
    return out


def sun_elevation(frame: Frame, who: Who) -> Doubles:
    """°."""
    return frame.sun + 0 * who.telescope
