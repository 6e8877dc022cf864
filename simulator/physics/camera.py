"""The Cherenkov cameras: high voltage and lid only in the dark, rates, and 37 photon detection modules with their temperatures."""

from __future__ import annotations

import numpy as np

from simulator.noise import Doubles, smooth, uniform, white
from simulator.physics import mount
from simulator.physics.frame import DUSK, Frame, Ints, Who, once

OFF, SAFE, STANDBY, READY, OBSERVING = 0, 1, 2, 3, 4
CLOSED, OPENING, OPEN, CLOSING = 0, 1, 2, 3
LID_SECONDS = 25.0
FALL_SECONDS = 10.0
"""In which the high voltage goes down."""
BIAS = 54.7
"""Volts on the silicon photomultipliers."""
MODULES = 37
EVENT_SIZE = 0.021
"""MB per event."""


def _everyone(frame: Frame) -> Doubles:
    return np.zeros((1, frame.telescopes))


@once
def states(frame: Frame) -> Ints:
    """Of every camera."""
    p = mount.pointing(frame)
    idle = np.where((frame.sun < DUSK) & (frame.storm < 0.05), STANDBY, SAFE)
    found = np.where(p.tracking, OBSERVING, np.where(frame.observing, READY, idle))
    return np.where(frame.in_maintenance, OFF, found)


@once
def lids(frame: Frame) -> Ints:
    """Of every camera: it opens at the beginning of the first block and closes after the last, once the high voltage is down."""
    since = frame.since_block
    opened = np.where(frame.observed | (since >= LID_SECONDS), OPEN, OPENING)
    after = np.where(since < FALL_SECONDS, OPEN, np.where(since < FALL_SECONDS + LID_SECONDS, CLOSING, CLOSED))
    closed = np.where(frame.observed, after, CLOSED)
    return np.where(frame.in_maintenance, CLOSED, np.where(frame.observing, opened, closed))


@once
def voltages(frame: Frame) -> Doubles:
    """High voltage of every camera, relative to its working point: ramps up in a minute after the lid has opened."""
    ramp = np.where(frame.observed, 1.0, np.clip((frame.since_block - 30) / 60, 0.0, 1.0))
    fall = np.where(frame.observed, np.clip(1 - frame.since_block / FALL_SECONDS, 0.0, 1.0), 0.0)
    return np.where(frame.in_maintenance, 0.0, np.where(frame.observing, ramp, fall) + _everyone(frame))


@once
def triggers(frame: Frame) -> Doubles:
    """Trigger rate of every camera, Hz: falls with the air mass, wanders with the transparency."""
    p = mount.pointing(frame)
    airmass = 1 / np.sin(np.radians(np.clip(p.elevation, 10, 90)))
    clear = 1 + 0.06 * smooth(frame.key("transparency"), frame.t, 1_800)
    own = 0.92 + 0.16 * uniform(frame.telescope_keys, np.zeros((1, 1), np.int64))
    light = np.where(p.tracking, 1.0, 0.35)
    return voltages(frame) * light * 420.0 * own * clear / airmass**1.4


def state(frame: Frame, who: Who) -> Ints:
    """0 OFF 1 SAFE 2 STANDBY 3 READY 4 OBSERVING 5 FAULT."""
    return states(frame)[:, who.telescope]


def lid(frame: Frame, who: Who) -> Ints:
    """0 CLOSED 1 OPENING 2 OPEN 3 CLOSING 4 FAULT."""
    return lids(frame)[:, who.telescope]


def trigger_rate(frame: Frame, who: Who) -> Doubles:
    """Hz; counted over a second, so with Poisson noise."""
    rate = triggers(frame)[:, who.telescope]
    return np.maximum(0.0, rate + np.sqrt(np.maximum(rate, 0.0)) * white(who.key, frame.t))


def event_rate(frame: Frame, who: Who) -> Doubles:
    """MB/s."""
    rate = triggers(frame)[:, who.telescope]
    return np.maximum(0.0, EVENT_SIZE * (rate + np.sqrt(np.maximum(rate, 0.0)) * white(who.key, frame.t)))


def high_voltage(frame: Frame, who: Who) -> Doubles:
    """V."""
    level = voltages(frame)[:, who.telescope]
    return BIAS * level + np.where(level > 0, 0.008 * white(who.key, frame.t), 0.0)


def pixels_off(frame: Frame, who: Who) -> Doubles:
    """Pixels switched off: a few always, some more where a star shines."""
    hour = np.floor(frame.t / 3_600).astype(np.int64)
    star = np.where(mount.pointing(frame).tracking, uniform(frame.telescope_keys, frame.block), 0.0)[:, who.telescope]
    out: Doubles = np.floor(1 + 6 * uniform(who.key, hour // 240)) + np.floor(12 * star**3)
    return out


@once
def coolants(frame: Frame) -> Doubles:
    """Coolant temperature of every camera, °C: a chiller that switches about every four minutes."""
    phase = uniform(frame.telescope_keys, np.ones((1, 1), np.int64))
    cycle = 240 + 60 * phase
    x = (frame.t / cycle + phase) % 1.0
    wave = np.where(x < 0.6, 2 * x / 0.6 - 1, 1 - 2 * (x - 0.6) / 0.4)
    running = 11.2 + 0.35 * wave + 0.03 * (frame.air - 9.5)
    return np.where(frame.in_maintenance, np.maximum(frame.air + 1.0, 8.5), running)


def coolant_temperature(frame: Frame, who: Who) -> Doubles:
    """°C."""
    return coolants(frame)[:, who.telescope] + 0.02 * white(who.key, frame.t)


def pdm_temperature(frame: Frame, who: Who) -> Doubles:
    """°C: coolant, the module's own place and mounting, and the heat of its electronics under voltage."""
    zero = np.zeros((1, 1), np.int64)
    ring = np.minimum(who.number, MODULES) / MODULES
    place = 1.4 * uniform(who.key, zero) + 0.5 * ring
    load = 1.9 * voltages(frame)[:, who.telescope] + 0.6
    return coolants(frame)[:, who.telescope] + place + load + 0.2 * smooth(who.key, frame.t, 1_200)


def pdm_current(frame: Frame, who: Who) -> Doubles:
    """A."""
    own = 1 + 0.05 * (uniform(who.key, np.zeros((1, 1), np.int64)) - 0.5)
    level, off = voltages(frame)[:, who.telescope], frame.in_maintenance[:, who.telescope]
    return np.where(off, 0.0, own * (0.38 + 0.21 * level) + 0.003 * white(who.key, frame.t))


def pdm_rate(frame: Frame, who: Who) -> Doubles:
    """kHz of the module's own triggers: night sky and noise."""
    own = 26 + 9 * uniform(who.key, np.zeros((1, 1), np.int64))
    level = voltages(frame)[:, who.telescope]
    sky = 1 + 0.15 * smooth(frame.key("night sky"), frame.t, 2_400)
    return np.maximum(0.0, level * own * sky * (1 + 0.02 * white(who.key, frame.t)))
