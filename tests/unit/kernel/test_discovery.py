from __future__ import annotations

from kernel.array import ArrayConfig, Browse, Limits, Point, PointType, Site, Source
from kernel.discovery import complete
from schemas.records import DiscoveredPoint, Discovery, Label

BARE = PointType(limits=Limits(hi=5.0))
SOURCE = Source("plc.opcua", "opcua", "opc.tcp://h:1", "plc", browse=(Browse("Objects/*/Temp", "plc.{1}.temp", PointType(sampling=5.0)),))


def config(*points: Point) -> ArrayConfig:
    return ArrayConfig(3, Site(), {}, {SOURCE.name: SOURCE}, {p.name: p for p in points}, {})


def told(name: str, browse: int = -1, **more: object) -> DiscoveredPoint:
    return DiscoveredPoint(name=name, address="ns=2;i=7", browse=browse, **{"labels": (), **more})  # type: ignore[arg-type]


def found(*points: DiscoveredPoint, source: str = SOURCE.name) -> dict[str, Discovery]:
    return {source: Discovery(source=source, time=1, points=points)}


def test_browsed_points_become_points_of_the_rule_that_found_them() -> None:
    done = complete(config(), found(told("plc.tank1.temp", 0, unit="°C", low=-50.0, high=150.0)))
    point = done.points["plc.tank1.temp"]
    assert (point.asset, point.source, point.address) == ("plc", "plc.opcua", "ns=2;i=7")
    assert (point.type.unit, point.type.range, point.type.sampling, point.type.group) == ("°C", (-50.0, 150.0), 5.0, "tank1.temp")
    assert done.revision == 3


def test_units_and_labels_fill_what_is_empty_and_never_overrule() -> None:
    bare = Point("plc.a.b", BARE, "plc", SOURCE.name, "ns=1;i=1")
    full = Point("plc.a.c", PointType(unit="K", labels=((0, "OFF"),)), "plc", SOURCE.name, "ns=1;i=2")
    labels = (Label(value=0, text="AUS"), Label(value=1, text="AN"))
    done = complete(config(bare, full), found(told("plc.a.b", unit="°C", labels=labels), told("plc.a.c", unit="°C", labels=labels)))
    assert done.points["plc.a.b"].type.unit == "°C"
    assert done.points["plc.a.b"].type.labels == ((0, "AUS"), (1, "AN"))
    assert done.points["plc.a.b"].type.limits.hi == 5.0
    assert done.points["plc.a.c"] is full


def test_discoveries_of_what_is_no_longer_configured_are_left_out() -> None:
    before = config()
    assert complete(before, found(told("x.y.z", 4))) is before
    assert complete(before, found(told("x.y.z", 0), source="gone.opcua")) is before
    other = Point("plc.a.b", BARE, "plc", "another.source", "")
    assert complete(config(other), found(told("plc.a.b", unit="V"))).points["plc.a.b"] is other
