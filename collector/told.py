"""What a device told of its points, as the record that completes the configuration of other services."""

from __future__ import annotations

from collections.abc import Mapping

from collector.feed import Description
from kernel.array import Point, Source
from kernel.discovery import of_kind
from schemas.records import DiscoveredPoint, Discovery, Label


def discovery(
    source: Source, browsed: Mapping[str, Point], configured: Mapping[str, Point], known: Mapping[str, Description], now: int
) -> Discovery:
    """All browsed points, and the configured ones of which the device knows something that the configuration lacks."""
    rules = [_rule(source, p) for p in browsed.values()]
    found = [_point(p, rule, known.get(p.name)) for p, rule in zip(browsed.values(), rules, strict=True)]
    found += [_point(p, -1, known[n]) for n, p in configured.items() if n in known and n not in browsed]
    return Discovery(source=source.name, time=now, points=tuple(found))


def _rule(source: Source, point: Point) -> int:
    """The browse rule that found a point; of rules with equal types any will do, since only the type is taken from it."""
    kind = point.type.kind
    return next((i for i, b in enumerate(source.browse) if (of_kind(b.type, kind) if b.kind_open else b.type) == point.type), -1)


def _point(point: Point, rule: int, known: Description | None) -> DiscoveredPoint:
    unit, span, labels = known or ("", None, ())
    low, high = span or (None, None)
    return DiscoveredPoint(
        name=point.name,
        address=point.address,
        browse=rule,
        unit=unit,
        low=low,
        high=high,
        labels=tuple(Label(value=value, text=text) for value, text in labels),
        kind=point.type.kind.value,
    )
