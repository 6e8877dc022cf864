"""From assemblies and overrides to the points of an asset, each once. A template is expanded once, however often it is deployed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdb.definitions import AssemblyDef, Definitions, PointDef
from cdb.families import BadPattern, expand, fill_numbers
from cdb.point_types import TypeDef, inherited, type_of, with_group
from cdb.reading import Given, Log, Place, merge
from kernel.array import PointType


@dataclass(frozen=True, slots=True)
class Slot:
    """A point of every asset that deploys it; its name within the asset is `type.group`."""

    type: PointType
    place: Place
    definition: TypeDef
    node: str | None = None
    """An explicit address, braces of its family already filled in."""
    derived: bool = False


MAX_POINTS = 2_000_000
"""Points that all assets, or one asset, may have: ten times what was tried, and what 1 GB of memory can hold."""

Slots = dict[str, Slot]
"""By name within the asset."""


class Expander:
    """Expands what one set of definitions holds."""

    def __init__(self, definitions: Definitions, log: Log) -> None:
        self._definitions = definitions
        self._log = log
        self._classes = {"standard", *definitions.classes}

    def assemblies(self, assemblies: Iterable[AssemblyDef], base: Slots) -> tuple[Slots, dict[str, str]]:
        """Points of some assemblies on top of those of a template, and title by name of each assembly."""
        slots = dict(base)
        titles: dict[str, str] = {}
        for assembly in assemblies:
            names = self._expand(assembly.pattern, assembly.place)
            titles |= {name: assembly.title for name, _ in names}
            for point in assembly.points:
                given = inherited(point, assembly, self._definitions, self._log)
                definition = type_of(point.pattern, given, point.given, self._classes, self._log)
                members = self._expand(point.pattern, point.place)
                if len(slots) + len(names) * len(members) > MAX_POINTS:
                    self._log.add(point.place, f"{point.pattern}: more than {MAX_POINTS} points", "check the ranges in braces")
                    continue
                for assembly_name, outer in names:
                    for name, inner in members:
                        self._put(slots, f"{assembly_name}.{name}", definition, point.place, outer + inner)
        return slots, titles

    def overrides(self, overrides: Iterable[PointDef], base: Slots) -> Slots:
        """What single points of one asset have different from their template."""
        slots = dict(base)
        for override in overrides:
            made: dict[int, TypeDef] = {}
            for name, captures in self._expand(override.pattern, override.place):
                slot = slots.get(name)
                if slot is None:
                    self._log.unknown(override.place, f"override of {name}, which the asset does not have", name, slots)
                elif slot.derived:
                    self._log.add(override.place, f"{name} is derived from another point", "override the statistics of that one")
                else:
                    for statistic, _ in slot.definition.derived:
                        slots.pop(f"{name}.{statistic}", None)
                    del slots[name]
                    key = id(slot.definition)
                    if key not in made:
                        made[key] = self._overridden(override, slot.definition.given)
                    node = None if "node" in override.given else slot.node
                    self._put(slots, name, made[key], override.place, captures, node)
        return slots

    def type_for(self, name: str, given: Given) -> PointType:
        """The type of points found by browsing."""
        point = PointDef(name, Place("", 0), given)
        return type_of(name, inherited(point, None, self._definitions, self._log), given, self._classes, self._log).type

    def _overridden(self, override: PointDef, before: Given) -> TypeDef:
        given = merge(before, inherited(override, None, self._definitions, self._log))
        return type_of(override.pattern, given, override.given, self._classes, self._log)

    def _put(self, slots: Slots, name: str, definition: TypeDef, place: Place, captures: tuple[str, ...], node: str | None = None) -> None:
        if name in slots:
            self._log.add(place, f"{name} is defined twice", f"the first stands in {slots[name].place}: remove one, or use override")
            return
        if not definition.enabled:
            return
        if node is None and definition.node is not None:
            node = fill_numbers(definition.node.value, captures)
        slots[name] = Slot(with_group(definition.type, name), place, definition, node)
        for statistic, type_ in definition.derived:
            derived = f"{name}.{statistic}"
            if derived in slots:
                text = f"{derived}, a statistic, is defined twice"
                self._log.add(place, text, f"the first stands in {slots[derived].place}: rename that point")
            slots[derived] = Slot(with_group(type_, derived), place, definition, derived=True)

    def _expand(self, pattern: str, place: Place) -> list[tuple[str, tuple[str, ...]]]:
        try:
            return expand(pattern)
        except BadPattern as bad:
            self._log.add(place, bad.text, bad.remedy)
            return []
