"""Configuration completed by what devices tell of themselves. What the configuration says always wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernel.array import ArrayConfig, Point, PointType, Source
from schemas.records import DiscoveredPoint, Discovery


def complete(config: ArrayConfig, discoveries: Mapping[str, Discovery]) -> ArrayConfig:
    """The configuration with browsed points added, and units, ranges and labels filled in where it has none.

    discoveries: newest of each source, by source. Those of sources that are not configured, or of browse rules that are gone, are left out.
    """
    found = {p.name: p for p in _points(config, discoveries) if p is not config.points.get(p.name)}
    return replace(config, points={**config.points, **found}) if found else config


def _points(config: ArrayConfig, discoveries: Mapping[str, Discovery]) -> list[Point]:
    completed = []
    for name, source in config.sources.items():
        discovery = discoveries.get(name)
        for told in discovery.points if discovery else ():
            point = config.points.get(told.name) or _browsed(source, told)
            if point is not None and point.source == name:
                completed.append(_filled(point, told))
    return completed


def _browsed(source: Source, told: DiscoveredPoint) -> Point | None:
    if not 0 <= told.browse < len(source.browse):
        return None
    group = told.name.removeprefix(f"{source.asset}.")
    return Point(told.name, replace(source.browse[told.browse].type, group=group), source.asset, source.name, told.address)


def _filled(point: Point, told: DiscoveredPoint) -> Point:
    changes: dict[str, object] = {}
    if told.unit and not point.type.unit:
        changes["unit"] = told.unit
    if told.labels and not point.type.labels:
        changes["labels"] = tuple((label.value, label.text) for label in told.labels)
    if told.low is not None and told.high is not None and point.type.range is None:
        changes["range"] = (told.low, told.high)
    if not changes:
        return point
    kind: PointType = replace(point.type, **changes)  # type: ignore[arg-type]  # names and types as above
    return replace(point, type=kind)
