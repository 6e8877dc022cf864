"""A small array for the simulator's tests, with the names of the example mini-array; every telescope as the real one, as many as wanted."""

from __future__ import annotations

from collections.abc import Iterator

from kernel.array import ArchiveClass, ArrayConfig, Asset, Limits, Point, PointKind, PointType, Site, Source

D, LONG, BOOL, ENUM, TEXT = PointKind.DOUBLE, PointKind.LONG, PointKind.BOOL, PointKind.ENUM, PointKind.TEXT
SITE = Site("site", "Observatorio del Teide", 28.30, -16.51, 2390.0)
MOUNT_STATES = ("OFF", "STANDBY", "SLEWING", "TRACKING", "PARKED", "MAINTENANCE", "FAULT")


def labels(*names: str) -> tuple[tuple[int, str], ...]:
    return tuple(enumerate(names))


def _telescope() -> Iterator[tuple[str, PointType]]:
    one = [
        ("azimuth", "°", (-270.0, 270.0)),
        ("elevation", "°", (0.0, 91.0)),
        ("azimuth_target", "°", (-270.0, 270.0)),
        ("elevation_target", "°", (0.0, 91.0)),
        ("following_error", "arcsec", (0.0, 120.0)),
        ("azimuth_speed", "°/s", None),
        ("elevation_speed", "°/s", None),
        ("azimuth_motor_current", "A", (0.0, 20.0)),
        ("elevation_motor_current", "A", (0.0, 20.0)),
    ]
    for name, unit, span in one:
        yield f"mount.{name}", PointType(unit=unit, range=span)
    for axis in ("azimuth", "elevation"):
        yield f"mount.{axis}_motor_temperature", PointType(unit="°C", sampling=5)
    yield "mount.state", PointType(ENUM, labels=labels(*MOUNT_STATES))
    yield "mount.brake", PointType(BOOL)
    yield "camera.state", PointType(ENUM, labels=labels("OFF", "SAFE", "STANDBY", "READY", "OBSERVING", "FAULT"))
    yield "camera.lid", PointType(ENUM, labels=labels("CLOSED", "OPENING", "OPEN", "CLOSING", "FAULT"))
    for name, unit in (("trigger_rate", "Hz"), ("event_rate", "MB/s"), ("high_voltage", "V")):
        yield f"camera.{name}", PointType(unit=unit)
    yield "camera.pixels_off", PointType(LONG, sampling=5)
    yield "camera.coolant_temperature", PointType(unit="°C", sampling=5)
    yield "camera.firmware", PointType(TEXT, sampling=60)
    for i in range(1, 38):
        yield f"camera.pdm{i:02}.temperature", PointType(unit="°C", sampling=10, limits=Limits(lo=5, hi=18, hihi=20))
        yield f"camera.pdm{i:02}.current", PointType(unit="A", sampling=10)
        yield f"camera.pdm{i:02}.rate", PointType(unit="kHz", sampling=10)
    for i in range(1, 19):
        yield f"mirror.m1.act{i:02}.deviation", PointType(unit="µm", sampling=10)
        yield f"mirror.m1.act{i:02}.current", PointType(unit="A", sampling=10)
    for i in range(1, 4):
        yield f"mirror.m2.act{i}.deviation", PointType(unit="µm", sampling=10)
    for name, unit in (("m1.temperature", "°C"), ("m2.temperature", "°C"), ("deviation_rms", "µm")):
        yield f"mirror.{name}", PointType(unit=unit, sampling=10)
    for i in range(1, 25):
        yield f"structure.t{i:02}.temperature", PointType(unit="°C", sampling=10)
    for name, unit in (("voltage", "V"), ("current", "A"), ("load", "kW")):
        yield f"power.{name}", PointType(unit=unit)
    yield "power.ups_charge", PointType(unit="%", sampling=5)
    yield "power.ups_autonomy", PointType(unit="min", sampling=5)
    yield "power.state", PointType(ENUM, labels=labels("OFF", "MAINS", "UPS", "GENERATOR", "FAULT"))
    yield "network.link", PointType(BOOL)
    for name, unit in (("clock_offset", "ns"), ("latency", "ms")):
        yield f"network.{name}", PointType(unit=unit)
    yield "network.traffic", PointType(unit="Mbit/s", sampling=5)


def _site() -> Iterator[tuple[str, PointType]]:
    mast = {
        "wind_speed": "km/h",
        "wind_gust": "km/h",
        "wind_direction": "°",
        "humidity": "%",
        "rain": "mm/h",
        "dust": "µg/m³",
        "sky_temperature": "°C",
        "air_temperature": "°C",
        "dew_point": "°C",
        "pressure": "hPa",
    }
    for where in ("weather", "mast2"):
        for name, unit in mast.items():
            yield f"{where}.{name}", PointType(unit=unit)
    units = {"mains_l1": "V", "mains_l2": "V", "mains_l3": "V", "load": "kW", "ups_load": "%", "ups_autonomy": "min", "generator_fuel": "%"}
    for name, unit in units.items():
        yield f"power.{name}", PointType(unit=unit)
    for i in range(1, 10):
        yield f"power.feeder{i}", PointType(unit="kW")
    yield "power.generator_state", PointType(ENUM, labels=labels("OFF", "READY", "RUNNING", "FAULT"))
    yield "power.transfer_switch", PointType(ENUM, labels=labels("MAINS", "GENERATOR", "OFF"))
    yield "network.uplink", PointType(BOOL)
    yield "network.uplink_traffic", PointType(unit="Mbit/s")
    yield "network.ntp_offset", PointType(unit="µs")
    yield "array.state", PointType(ENUM, labels=labels("CLOSED", "STANDBY", "OBSERVING", "UNSAFE"))
    yield "array.trigger_rate", PointType(unit="Hz")
    yield "array.sun_elevation", PointType(unit="°")


def make_array(telescopes: int = 9, *, site: bool = True, ports: list[int] | None = None, extra: int = 0) -> ArrayConfig:
    """A configuration; `extra` adds that many unknown analog points at 1 s to each telescope. Ports are the catalogue's unless given."""
    names = [f"ast{i}" for i in range(1, telescopes + 1)] + (["site"] if site else [])
    numbers = ports if ports is not None else [4840 + i for i in range(1, telescopes + 1)] + [4850]
    points: dict[str, Point] = {}
    sources: dict[str, Source] = {}
    assets: dict[str, Asset] = {}
    for name, port in zip(names, numbers, strict=False):
        source = f"{name}.opcua"
        sources[source] = Source(source, "opcua", f"opc.tcp://127.0.0.1:{port}", name)
        assets[name] = Asset(name, name.upper(), "" if name == "site" else "astri")
        kinds = list(_site() if name == "site" else _telescope())
        kinds += [(f"extra.p{i:04}", PointType(unit="A")) for i in range(extra if name != "site" else 0)]
        for inner, kind in kinds:
            full = f"{name}.{inner}"
            points[full] = Point(full, kind, name, source, f"ns=2;s={full}")
    return ArrayConfig(1, SITE, assets, sources, points, {"standard": ArchiveClass("standard")})
