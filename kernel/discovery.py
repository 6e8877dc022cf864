"""Configuration completed by what devices tell of themselves. What the configuration says always wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernel.array import ArrayConfig, Limits, Point, PointKind, PointType, Source
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
    rule, group = source.browse[told.browse], told.name.removeprefix(f"{source.asset}.")
    kind = _KINDS.get(told.kind) if rule.kind_open else None
    known = rule.type if kind is None else of_kind(rule.type, kind)
    return Point(told.name, replace(known, group=group), source.asset, source.name, told.address)


_KINDS = {kind.value: kind for kind in PointKind}


def of_kind(known: PointType, kind: PointKind) -> PointType:
    """The type with the kind that the device says; what only numbers can have is left out of others."""
    if kind is known.kind:
        return known
    if kind in (PointKind.DOUBLE, PointKind.LONG):
        return replace(known, kind=kind)
    processing = replace(known.processing, window=None, statistics_every=None, statistics=(), resolution=None)
    return replace(known, kind=kind, unit="", limits=Limits(), deadband=0.0, range=None, processing=processing)


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
