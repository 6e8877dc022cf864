"""The mounts: all follow the target of the block, slew to the next one, and park by day and in storms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.noise import Doubles, smooth, uniform, white
from simulator.physics.frame import BLOCK, DUSK, Bools, Frame, Ints, Who, once
from simulator.physics.sky import track

PARK_AZIMUTH, PARK_ELEVATION = 0.0, 0.0
SERVICE_AZIMUTH, SERVICE_ELEVATION = 92.5, 14.0
SPEED_AZIMUTH, SPEED_ELEVATION = 3.0, 2.0
"""Greatest slewing speeds, °/s."""
STANDBY, SLEWING, TRACKING, PARKED, MAINTENANCE = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True, eq=False)
class Pointing:
    """Where the telescopes point; columns (T, telescopes)."""

    azimuth: Doubles
    elevation: Doubles
    azimuth_target: Doubles
    elevation_target: Doubles
    slewing: Bools
    tracking: Bools


def target(frame: Frame, block: Ints, t: Doubles) -> tuple[Doubles, Doubles]:
    """The target of a block at times t: between 45° and 80° high at mid-block, near the meridian as often as not."""
    key = frame.key("target")
    azimuth = uniform(key, block * 2) * 360 - 180
    elevation = 45 + uniform(key, block * 2 + 1) * 35
    return track(azimuth, elevation, t - (block + 0.5) * BLOCK, frame.site.latitude)


@once
def pointing(frame: Frame) -> Pointing:
    """A slew takes the time its longer axis needs, with a smooth start and end; telescopes start within some seconds of each other."""
    start: Doubles = (frame.block * BLOCK).astype(np.float64)
    here, there = target(frame, frame.block, frame.t), target(frame, frame.block - 1, start)
    to_az, to_el = np.where(frame.observing, here[0], PARK_AZIMUTH), np.where(frame.observing, here[1], PARK_ELEVATION)
    from_az = np.where(frame.observed, there[0], PARK_AZIMUTH)
    from_el = np.where(frame.observed, there[1], PARK_ELEVATION)
    needed = 1.5 * np.maximum(np.abs(to_az - from_az) / SPEED_AZIMUTH, np.abs(to_el - from_el) / SPEED_ELEVATION)
    delay = 2 + 10 * uniform(frame.telescope_keys, frame.block)
    moving = frame.observing | frame.observed
    x = np.where(needed > 0, np.clip((frame.since_block - delay) / np.maximum(needed, 1e-9), 0.0, 1.0), 1.0)
    way = x * x * (3 - 2 * x)
    idle = frame.in_maintenance
    slewing = moving & (x > 0) & (x < 1) & ~idle
    tracking = frame.observing & (x >= 1) & ~idle
    return Pointing(
        np.where(idle, SERVICE_AZIMUTH, from_az + (to_az - from_az) * way),
        np.where(idle, SERVICE_ELEVATION, from_el + (to_el - from_el) * way),
        np.where(idle, SERVICE_AZIMUTH, to_az + 0 * way),
        np.where(idle, SERVICE_ELEVATION, to_el + 0 * way),
        slewing,
        tracking,
    )


@once
def speeds(frame: Frame) -> tuple[Doubles, Doubles]:
    """Azimuth and elevation speed, °/s: the difference over one second."""
    before, after = pointing(frame.at(-0.5)), pointing(frame.at(0.5))
    return after.azimuth - before.azimuth, after.elevation - before.elevation


def azimuth(frame: Frame, who: Who) -> Doubles:
    """°; an encoder's noise on top of the position."""
    p = pointing(frame)
    return p.azimuth[:, who.telescope] + _jitter(frame, who)


def elevation(frame: Frame, who: Who) -> Doubles:
    """°."""
    return pointing(frame).elevation[:, who.telescope] + _jitter(frame, who)


def _jitter(frame: Frame, who: Who) -> Doubles:
    p = pointing(frame)
    return np.where((p.slewing | p.tracking)[:, who.telescope], 0.0003 * white(who.key, frame.t), 0.0)


def azimuth_target(frame: Frame, who: Who) -> Doubles:
    """°; during a slew already the place it goes to."""
    return pointing(frame).azimuth_target[:, who.telescope]


def elevation_target(frame: Frame, who: Who) -> Doubles:
    """°."""
    return pointing(frame).elevation_target[:, who.telescope]


def azimuth_speed(frame: Frame, who: Who) -> Doubles:
    """°/s."""
    return speeds(frame)[0][:, who.telescope]


def elevation_speed(frame: Frame, who: Who) -> Doubles:
    """°/s."""
    return speeds(frame)[1][:, who.telescope]


def following_error(frame: Frame, who: Who) -> Doubles:
    """Arcseconds: grows with wind while tracking and with speed while slewing."""
    p = pointing(frame)
    az, el = speeds(frame)
    noise = np.abs(white(who.key, frame.t))
    tracking = 1.2 + 0.8 * noise + 0.0015 * frame.wind**2
    slewing = 2.0 + 1.5 * np.hypot(az, el)[:, who.telescope] + 0.6 * noise
    return np.where(p.tracking[:, who.telescope], tracking, np.where(p.slewing[:, who.telescope], slewing, 0.0))


def _current(frame: Frame, who: Who, speed: Doubles, hold: float) -> Doubles:
    p, noise = pointing(frame), white(who.key, frame.t)
    own = 1 + 0.06 * (uniform(who.key, np.zeros((1, 1), np.int64)) - 0.5)
    tracking = hold + 0.012 * frame.wind + 0.06 * noise
    slewing = hold + 0.8 + 1.5 * np.abs(speed)[:, who.telescope] + 0.015 * frame.wind + 0.12 * noise
    running = np.where(p.slewing[:, who.telescope], slewing, tracking)
    return np.where((p.slewing | p.tracking)[:, who.telescope], running * own, np.maximum(0.0, 0.03 + 0.005 * noise))


def azimuth_motor_current(frame: Frame, who: Who) -> Doubles:
    """A."""
    return _current(frame, who, speeds(frame)[0], 1.1)


def elevation_motor_current(frame: Frame, who: Who) -> Doubles:
    """A; holding the tube costs more the lower it is."""
    lever = 0.5 * np.cos(np.radians(pointing(frame).elevation[:, who.telescope]))
    return _current(frame, who, speeds(frame)[1], 1.3) + np.where(pointing(frame).tracking[:, who.telescope], lever, 0.0)


def motor_temperature(frame: Frame, who: Who) -> Doubles:
    """°C; follows the air and the work done."""
    own = 2 * uniform(who.key, np.zeros((1, 1), np.int64))
    work = np.where(frame.in_maintenance, 0.0, frame.load_factor + np.zeros((1, frame.telescopes)))[:, who.telescope]
    return frame.air + 2.5 + own + 9.0 * work + 0.5 * smooth(who.key, frame.t, 900) + 0.03 * white(who.key, frame.t)


def state(frame: Frame, who: Who) -> Ints:
    """0 OFF 1 STANDBY 2 SLEWING 3 TRACKING 4 PARKED 5 MAINTENANCE 6 FAULT."""
    return states(frame)[:, who.telescope]


@once
def states(frame: Frame) -> Ints:
    """Of every telescope."""
    p = pointing(frame)
    waiting = np.where((frame.sun < DUSK) & (frame.storm < 0.05), STANDBY, PARKED)
    found = np.where(p.tracking, TRACKING, np.where(p.slewing, SLEWING, np.where(frame.observing, STANDBY, waiting)))
    return np.where(frame.in_maintenance, MAINTENANCE, found)


def brake(frame: Frame, who: Who) -> Ints:
    """1: applied."""
    p = pointing(frame)
    return (~(p.slewing | p.tracking))[:, who.telescope].astype(np.int64)
