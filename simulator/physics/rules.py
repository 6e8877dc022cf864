"""Which function makes which quantity, and the resolution of its sensor. `#` stands for a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.physics import camera, mount, network, optics, power, weather

Rule = tuple[Callable[..., Any], float]

TELESCOPE: dict[str, Rule] = {
    "mount.azimuth": (mount.azimuth, 1e-4),
    "mount.elevation": (mount.elevation, 1e-4),
    "mount.azimuth_target": (mount.azimuth_target, 1e-4),
    "mount.elevation_target": (mount.elevation_target, 1e-4),
    "mount.following_error": (mount.following_error, 0.01),
    "mount.azimuth_speed": (mount.azimuth_speed, 1e-4),
    "mount.elevation_speed": (mount.elevation_speed, 1e-4),
    "mount.azimuth_motor_current": (mount.azimuth_motor_current, 0.01),
    "mount.elevation_motor_current": (mount.elevation_motor_current, 0.01),
    "mount.azimuth_motor_temperature": (mount.motor_temperature, 0.1),
    "mount.elevation_motor_temperature": (mount.motor_temperature, 0.1),
    "mount.state": (mount.state, 1),
    "mount.brake": (mount.brake, 1),
    "camera.state": (camera.state, 1),
    "camera.lid": (camera.lid, 1),
    "camera.trigger_rate": (camera.trigger_rate, 0.1),
    "camera.event_rate": (camera.event_rate, 0.01),
    "camera.high_voltage": (camera.high_voltage, 0.01),
    "camera.pixels_off": (camera.pixels_off, 1),
    "camera.coolant_temperature": (camera.coolant_temperature, 0.01),
    "camera.pdm#.temperature": (camera.pdm_temperature, 0.01),
    "camera.pdm#.current": (camera.pdm_current, 1e-3),
    "camera.pdm#.rate": (camera.pdm_rate, 0.1),
    "mirror.m#.act#.deviation": (optics.deviation, 0.01),
    "mirror.m#.act#.current": (optics.actuator_current, 1e-3),
    "mirror.m#.temperature": (optics.mirror_temperature, 0.01),
    "mirror.deviation_rms": (optics.deviation_rms, 0.01),
    "structure.t#.temperature": (optics.structure_temperature, 0.01),
    "power.voltage": (power.voltage, 0.1),
    "power.current": (power.current, 0.01),
    "power.load": (power.load, 0.01),
    "power.ups_charge": (power.ups_charge, 0.1),
    "power.ups_autonomy": (power.ups_autonomy, 0.1),
    "power.state": (power.state, 1),
    "network.link": (network.link, 1),
    "network.clock_offset": (network.clock_offset, 0.01),
    "network.latency": (network.latency, 1e-3),
    "network.traffic": (network.traffic, 0.01),
}
_MAST: dict[str, Rule] = {
    "wind_speed": (weather.wind_speed, 0.1),
    "wind_gust": (weather.wind_gust, 0.1),
    "wind_direction": (weather.wind_direction, 1),
    "humidity": (weather.humidity, 0.1),
    "rain": (weather.rain, 0.1),
    "dust": (weather.dust, 0.1),
    "sky_temperature": (weather.sky_temperature, 0.1),
    "air_temperature": (weather.air_temperature, 0.01),
    "dew_point": (weather.dew_point, 0.01),
    "pressure": (weather.pressure, 0.01),
}
SITE: dict[str, Rule] = {
    **{f"{mast}.{name}": rule for mast in ("weather", "mast#") for name, rule in _MAST.items()},
    "power.mains_l#": (power.mains_phase, 0.1),
    "power.load": (power.site_load, 0.1),
    "power.ups_load": (power.site_ups_load, 0.1),
    "power.ups_autonomy": (power.site_ups_autonomy, 0.1),
    "power.generator_fuel": (power.generator_fuel, 0.1),
    "power.generator_state": (power.generator_state, 1),
    "power.transfer_switch": (power.transfer_switch, 1),
    "power.feeder#": (power.feeder, 0.01),
    "network.uplink": (network.link, 1),
    "network.uplink_traffic": (network.uplink_traffic, 0.1),
    "network.ntp_offset": (network.ntp_offset, 0.1),
    "array.state": (network.array_state, 1),
    "array.trigger_rate": (network.array_trigger_rate, 0.1),
    "array.sun_elevation": (network.sun_elevation, 1e-3),
}
