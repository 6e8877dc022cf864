"""The weather masts. The site's mean weather is in the frame; a mast adds what its own sensors see."""

from __future__ import annotations

import numpy as np

from simulator.noise import Doubles, smooth, uniform, white
from simulator.physics.frame import Frame, Who, once

GUST_SECONDS = 8.0


def _own(who: Who) -> Doubles:
    """A sensor's own deviation, -1 ... 1."""
    return 2 * uniform(who.key, np.zeros((1, 1), np.int64)) - 1


def wind_speed(frame: Frame, who: Who) -> Doubles:
    """km/h: eddies of some seconds on the mean wind."""
    eddies = 0.22 * smooth(who.key, frame.t, GUST_SECONDS) + 0.12 * smooth(who.key, frame.t + 7e5, 45.0)
    return np.maximum(0.0, frame.wind * (1 + 0.04 * _own(who) + eddies))


def wind_gust(frame: Frame, who: Who) -> Doubles:
    """km/h: greatest of the last minutes."""
    return frame.wind * (1.38 + 0.03 * _own(who) + 0.12 * smooth(who.key, frame.t, 120.0)) + 1.0


def wind_direction(frame: Frame, who: Who) -> Doubles:
    """°: trade wind from the north-east that veers; a storm comes from the west."""
    mean = 45 + 50 * smooth(frame.key("direction"), frame.t, 9_000) + 220 * frame.storm
    return (mean + 3 * _own(who) + 8 * smooth(who.key, frame.t, 15.0)) % 360


@once
def humidities(frame: Frame) -> Doubles:
    """% at the site: dry above the inversion, now and then a tongue of cloud, wet in storms."""
    tongue = np.maximum(0.0, smooth(frame.key("humidity"), frame.t, 12_000) - 0.35) * 60
    calm = 26 + 9 * smooth(frame.key("humidity"), frame.t, 5_400) - 0.6 * (frame.air - 9.5) + tongue
    out: Doubles = calm + (97 - calm) * frame.storm
    return out


def humidity(frame: Frame, who: Who) -> Doubles:
    """%."""
    return np.clip(humidities(frame) + 1.5 * _own(who) + 0.4 * smooth(who.key, frame.t, 60.0), 2.0, 100.0)


def rain(frame: Frame, who: Who) -> Doubles:
    """mm/h; only at a storm's height."""
    heavy = np.maximum(0.0, frame.storm - 0.6) * 9.0
    return np.maximum(0.0, heavy * (1 + 0.7 * smooth(who.key, frame.t, 90.0)))


def dust(frame: Frame, who: Who) -> Doubles:
    """µg/m³; Saharan air comes for a day or so."""
    calima = np.maximum(0.0, smooth(frame.key("calima"), frame.t, 130_000) - 0.4) * 130
    out: Doubles = np.maximum(0.5, 9 + 4 * smooth(frame.key("dust"), frame.t, 7_200) + calima + 0.8 * white(who.key, frame.t))
    return out


def sky_temperature(frame: Frame, who: Who) -> Doubles:
    """°C of the sky in the thermal infrared: low when clear."""
    clear = -31 + 0.9 * (frame.air - 9.5) + 2 * smooth(frame.key("cloud"), frame.t, 3_600)
    return clear + 27 * frame.storm + 0.15 * white(who.key, frame.t)


def air_temperature(frame: Frame, who: Who) -> Doubles:
    """°C."""
    return frame.air + 0.3 * _own(who) + 0.08 * smooth(who.key, frame.t, 40.0)


def dew_point(frame: Frame, who: Who) -> Doubles:
    """°C by the Magnus formula (constants of Sonntag 1990) from air temperature and humidity."""
    x = np.log(np.clip(humidities(frame), 2.0, 100.0) / 100) + 17.62 * frame.air / (243.12 + frame.air)
    return 243.12 * x / (17.62 - x) + 0.3 * _own(who) + 0.05 * smooth(who.key, frame.t, 60.0)


def pressure(frame: Frame, who: Who) -> Doubles:
    """hPa: international standard atmosphere at the site's height, the semidiurnal tide, and the passing weather."""
    mean = 1013.25 * (1 - 2.25577e-5 * frame.site.height) ** 5.25588
    tide = 0.9 * np.cos(4 * np.pi * (frame.t / 86_400 + frame.site.longitude / 360 - 0.41))
    out: Doubles = (
        mean
        + tide
        + 2.5 * smooth(frame.key("pressure"), frame.t, 60_000)
        - 4 * frame.storm
        + 0.2 * _own(who)
        + 0.02 * white(who.key, frame.t)
    )
    return out
