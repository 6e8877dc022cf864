"""Where the sun and the targets stand. Angles in degrees, times in seconds UTC; azimuth from north over east."""

from __future__ import annotations

import numpy as np

from simulator.noise import Doubles

J2000 = 946_728_000.0
"""2000-01-01 12:00 UTC."""
SIDEREAL = 15.0410686 / 3600
"""Degrees of hour angle per second."""


def sun_elevation(t: Doubles, latitude: float, longitude: float) -> Doubles:
    """Elevation of the sun's centre without refraction, good to 0.1°: low-precision formulae of the Astronomical Almanac (section C)."""
    n = (t - J2000) / 86_400
    anomaly = np.radians(357.528 + 0.9856003 * n)
    ecliptic = np.radians(280.460 + 0.9856474 * n + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439 - 4e-7 * n)
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    sidereal = np.radians(280.46062 + 360.98564737 * n + longitude)
    return elevation_of(sidereal - ascension, declination, np.radians(latitude))


def elevation_of(hour_angle: Doubles, declination: Doubles, latitude: float) -> Doubles:
    """Degrees; arguments in radians."""
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    out: Doubles = np.degrees(np.arcsin(np.clip(sine, -1, 1)))
    return out


def to_equatorial(azimuth: Doubles, elevation: Doubles, latitude: float) -> tuple[Doubles, Doubles]:
    """Hour angle and declination in radians; azimuth and elevation in degrees, latitude in radians."""
    a, e = np.radians(azimuth), np.radians(elevation)
    declination = np.arcsin(np.sin(e) * np.sin(latitude) + np.cos(e) * np.cos(latitude) * np.cos(a))
    hour_angle = np.arctan2(-np.sin(a) * np.cos(e), np.sin(e) * np.cos(latitude) - np.cos(e) * np.sin(latitude) * np.cos(a))
    return hour_angle, declination


def to_horizontal(hour_angle: Doubles, declination: Doubles, latitude: float) -> tuple[Doubles, Doubles]:
    """Azimuth and elevation in degrees; arguments in radians."""
    elevation = elevation_of(hour_angle, declination, latitude)
    azimuth = np.arctan2(
        -np.sin(hour_angle) * np.cos(declination),
        np.sin(declination) * np.cos(latitude) - np.cos(declination) * np.sin(latitude) * np.cos(hour_angle),
    )
    return np.degrees(azimuth), elevation


def track(azimuth: Doubles, elevation: Doubles, elapsed: Doubles, latitude: float) -> tuple[Doubles, Doubles]:
    """Where a star stands `elapsed` seconds after it stood at (azimuth, elevation). The azimuth goes on without a jump at ±180°."""
    phi = np.radians(latitude)
    hour_angle, declination = to_equatorial(azimuth, elevation, phi)
    a, e = to_horizontal(hour_angle + np.radians(SIDEREAL * elapsed), declination, phi)
    return azimuth + (a - azimuth + 180) % 360 - 180, e
