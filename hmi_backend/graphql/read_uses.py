"""What depends on a point."""

from __future__ import annotations

import re

import strawberry

from hmi_backend.graphql import types_uses as t
from hmi_backend.graphql.context import Context
from hmi_backend.views import visible
from kernel.array import ArrayConfig, Browse


async def uses(context: Context, name: str) -> t.PointUses:
    """Derived points, views, and the same quantity elsewhere."""
    who, catalogue = context.who, context.backend.catalogue
    config = catalogue.config
    point = config.points[name]
    derived = [f"{name}.{s}" for s in point.type.processing.statistics]
    window = f"over windows of {point.type.processing.statistics_every or 0:g} s"
    found = [t.PointUse(kind=t.UseKind.STATISTICS, name=d, detail=window, id=None) for d in derived if d in config.points]
    for view in await context.backend.views.list(mentioning=name):
        if visible(view, who.user):
            detail = f"{view.kind}, of {view.owner}"
            found.append(t.PointUse(kind=t.UseKind.VIEW, name=view.name, detail=detail, id=strawberry.ID(view.id)))
    return t.PointUses(
        derived_from=parent_of(config, name),
        browsed=_browsed(config, name),
        uses=found,
        same_group=[n for n in catalogue.by_group.get(point.type.group, ()) if n != name] if point.type.group else [],
    )


def parent_of(config: ArrayConfig, name: str) -> str | None:
    """The point that a derived one is computed from."""
    before, _, what = name.rpartition(".")
    parent = config.points.get(before)
    return before if parent is not None and what in parent.type.processing.statistics else None


def _browsed(config: ArrayConfig, name: str) -> str | None:
    source = config.sources.get(config.points[name].source)
    for browse in source.browse if source else ():
        if _pattern(browse).fullmatch(name):
            return browse.path
    return None


def _pattern(browse: Browse) -> re.Pattern[str]:
    """{1}, {2} ... in the name of a browsed point stand for one browse name each."""
    parts = re.split(r"\{\d+\}", browse.point)
    return re.compile(".+".join(map(re.escape, parts)))
