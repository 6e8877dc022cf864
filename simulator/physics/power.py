"""Power: each telescope's supply with its UPS, and the site's mains, generator and feeders."""

from __future__ import annotations

import numpy as np

from simulator.noise import Doubles, smooth, uniform, white
from simulator.physics import camera, mount
from simulator.physics.frame import Frame, Who, once

MAINS, UPS, GENERATOR = 1, 2, 3
READY, RUNNING = 1, 2
ON_MAINS, ON_GENERATOR = 0, 1
GENERATOR_DELAY = 18.0
"""Seconds from the failure of the mains until the generator carries the site."""
AUTONOMY = 42.0
"""Minutes of a full battery at normal load."""


@once
def loads(frame: Frame) -> Doubles:
    """kW of every telescope."""
    p = mount.pointing(frame)
    az, el = mount.speeds(frame)
    drives = np.where(p.slewing, 1.5 + 1.3 * np.hypot(az, el), np.where(p.tracking, 0.9 + 0.004 * frame.wind, 0.15))
    return steady_loads(frame) + drives


@once
def steady_loads(frame: Frame) -> Doubles:
    """kW of every telescope without its drives."""
    cameras = np.where(frame.in_maintenance, 0.1, 1.6 + 1.1 * camera.voltages(frame))
    base = 2.1 + 0.4 * uniform(frame.telescope_keys, np.full((1, 1), 2))
    return base + cameras + 0.15 * smooth(frame.telescope_keys, frame.t, 600)


@once
def battery(frame: Frame) -> Doubles:
    """Charge of the UPS batteries, 0 ... 1: falls while they carry the load, then comes back in minutes."""
    used = np.clip(frame.outage, 0.0, GENERATOR_DELAY) / (AUTONOMY * 60)
    before = np.clip(np.where(frame.outage < 0, frame.at(-300.0).outage, -1.0), 0.0, GENERATOR_DELAY) / (AUTONOMY * 60)
    return 1.0 - 8 * np.maximum(used, before * 0.5)


def voltage(frame: Frame, who: Who) -> Doubles:
    """V: the mains wander, a UPS does not."""
    mains = 231 + 2.2 * smooth(frame.key("mains voltage"), frame.t, 1_800) + 0.25 * white(who.key, frame.t)
    return np.where(frame.outage >= 0, 229.8 + 0.05 * white(who.key, frame.t), mains)


def current(frame: Frame, who: Who) -> Doubles:
    """A of three phases at cos φ 0.95."""
    return 1000 * loads(frame)[:, who.telescope] / (3 * 230 * 0.95) * (1 + 0.005 * white(who.key, frame.t))


def load(frame: Frame, who: Who) -> Doubles:
    """kW."""
    return loads(frame)[:, who.telescope] * (1 + 0.003 * white(who.key, frame.t))


def ups_charge(frame: Frame, who: Who) -> Doubles:
    """%."""
    return 100 * battery(frame) + 0.0 * who.telescope


def ups_autonomy(frame: Frame, who: Who) -> Doubles:
    """Minutes at the present load, slews left out."""
    return AUTONOMY * battery(frame) * 4.6 / np.maximum(steady_loads(frame)[:, who.telescope], 0.5)


def state(frame: Frame, who: Who) -> Doubles:
    """0 OFF 1 MAINS 2 UPS 3 GENERATOR 4 FAULT."""
    now = np.where(frame.outage < 0, MAINS, np.where(frame.outage < GENERATOR_DELAY, UPS, GENERATOR))
    return now + 0 * who.telescope


def mains_phase(frame: Frame, who: Who) -> Doubles:
    """V of one phase; none while the mains have failed."""
    shape = 230.5 + 0.8 * (who.number - 2) + 2.2 * smooth(frame.key("mains voltage"), frame.t, 1_800)
    return np.where(frame.outage >= 0, np.abs(0.2 * white(who.key, frame.t)), shape + 0.3 * white(who.key, frame.t))


def feeder(frame: Frame, who: Who) -> Doubles:
    """kW to the telescope of the same number, with the cable's losses."""
    at = np.clip(who.number - 1, 0, frame.telescopes - 1)
    return loads(frame)[:, at] * 1.015 + 0.02 * white(who.key, frame.t)


def site_load(frame: Frame, who: Who) -> Doubles:
    """kW of everything: telescopes and the buildings."""
    buildings = 14 + 3 * np.sin(2 * np.pi * frame.t / 86_400) + 0.6 * smooth(frame.key("buildings"), frame.t, 900)
    out: Doubles = loads(frame).sum(axis=1, keepdims=True) * 1.015 + buildings + 0.1 * white(who.key, frame.t)
    return out


def site_ups_load(frame: Frame, who: Who) -> Doubles:
    """%."""
    return 38 + 3 * smooth(who.key, frame.t, 1_200) + 0.2 * white(who.key, frame.t)


def site_ups_autonomy(frame: Frame, who: Who) -> Doubles:
    """Minutes."""
    return 95 * battery(frame) + 0.6 * smooth(who.key, frame.t, 1_200)


def generator_fuel(frame: Frame, who: Who) -> Doubles:
    """%: a little less every day until it is filled up once in three weeks."""
    return 96 - 24 * ((frame.t / 86_400 / 21) % 1.0) - np.where(frame.outage > GENERATOR_DELAY, 0.002 * frame.outage, 0.0)


def generator_state(frame: Frame, who: Who) -> Doubles:
    """0 OFF 1 READY 2 RUNNING 3 FAULT."""
    return np.where(frame.outage > GENERATOR_DELAY / 2, RUNNING, READY) + 0 * who.telescope


def transfer_switch(frame: Frame, who: Who) -> Doubles:
    """0 MAINS 1 GENERATOR 2 OFF."""
    return np.where(frame.outage >= GENERATOR_DELAY, ON_GENERATOR, ON_MAINS) + 0 * who.telescope
