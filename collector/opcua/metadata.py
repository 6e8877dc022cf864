"""Units, ranges and labels that the server knows: properties of a variable (OPC 10000-8: AnalogItemType, DiscreteItemType)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from asyncua import ua

from collector.opcua.kinds import data_types, standard
from collector.opcua.limits import Limits
from collector.opcua.session import RawSession, as_lost, node_id
from collector.opcua.variants import readable
from kernel.array import DeadbandKind, Point, PointKind

PROPERTIES = ("EngineeringUnits", "EURange", "EnumStrings", "EnumValues")


@dataclass(frozen=True, slots=True)
class Described:
    """What a server says of a variable."""

    unit: str = ""
    range: tuple[float, float] | None = None
    labels: tuple[tuple[int, str], ...] = ()


def lacks(point: Point) -> bool:
    """Whether the configuration leaves open what the server may know."""
    numeric = point.type.kind in (PointKind.DOUBLE, PointKind.LONG)
    percent = point.type.deadband > 0 and point.type.deadband_kind is DeadbandKind.PERCENT and point.type.range is None
    return (numeric and not point.type.unit) or (point.type.kind is PointKind.ENUM and not point.type.labels) or percent


async def describe_nodes(session: RawSession, nodes: Mapping[str, ua.NodeId], limits: Limits) -> dict[str, Described]:
    """By point name; only those of which the server says something. Labels may stand at the variable or at its data type."""
    found = await _described(session, nodes, limits)
    untold = [name for name in nodes if name not in found]
    types = await data_types(session, [nodes[n] for n in untold], limits)
    own = {n: t for n, t in zip(untold, types, strict=True) if t is not None and standard(t) is None}
    by_type = await _described(session, {t.to_string(): t for t in own.values()}, limits)
    return found | {n: by_type[t.to_string()] for n, t in own.items() if t.to_string() in by_type}


async def _described(session: RawSession, nodes: Mapping[str, ua.NodeId], limits: Limits) -> dict[str, Described]:
    found: dict[str, Described] = {}
    names, most = list(nodes), max(limits.paths // len(PROPERTIES), 1)
    for i in range(0, len(names), most):
        part = names[i : i + most]
        properties = await _properties(session, [nodes[n] for n in part])
        values = await _read(session, [p for of_node in properties for p in of_node.values()], limits.read)
        at = iter(values)
        for name, of_node in zip(part, properties, strict=True):
            described = interpret({title: next(at) for title in of_node})
            if described != Described():
                found[name] = described
    return found


def interpret(values: Mapping[str, Any]) -> Described:
    """The values of a node's properties, as read."""
    unit, span, labels = values.get("EngineeringUnits"), values.get("EURange"), values.get("EnumStrings")
    pairs: tuple[tuple[int, str], ...] = ()
    if isinstance(labels, (list, tuple)):
        pairs = tuple((i, _text(label)) for i, label in enumerate(labels))
    elif isinstance(values.get("EnumValues"), (list, tuple)):
        pairs = tuple((int(v.Value), _text(v.DisplayName)) for v in values["EnumValues"] if isinstance(v, ua.EnumValueType))
    return Described(
        _text(unit.DisplayName) if isinstance(unit, ua.EUInformation) else "",
        (float(span.Low), float(span.High)) if isinstance(span, ua.Range) else None,
        pairs,
    )


def _text(label: object) -> str:
    return readable((label.Text or "") if isinstance(label, ua.LocalizedText) else str(label or ""))


async def _properties(session: RawSession, nodes: Sequence[ua.NodeId]) -> list[dict[str, ua.NodeId]]:
    """The nodes of the properties that exist, by title, of each node."""
    paths = []
    for node in nodes:
        for title in PROPERTIES:
            element = ua.RelativePathElement(
                ReferenceTypeId=node_id(ua.ObjectIds.HasProperty),
                IsInverse=cast("ua.Boolean", False),  # asyncua types Booleans by a class without instances
                IncludeSubtypes=cast("ua.Boolean", True),
                TargetName=ua.QualifiedName(title, 0),
            )
            paths.append(ua.BrowsePath(StartingNode=node, RelativePath=ua.RelativePath(Elements=[element])))
    with as_lost("asking for units and labels"):
        results = await session.translate_browsepaths_to_nodeids(paths)
    found: list[dict[str, ua.NodeId]] = [{} for _ in nodes]
    for i, result in enumerate(results):
        if result.StatusCode.is_good() and result.Targets:
            target = result.Targets[0].TargetId
            found[i // len(PROPERTIES)][PROPERTIES[i % len(PROPERTIES)]] = ua.NodeId(
                target.Identifier, target.NamespaceIndex, target.NodeIdType
            )
    return found


async def _read(session: RawSession, nodes: Sequence[ua.NodeId], most: int) -> list[Any]:
    found: list[Any] = []
    for i in range(0, len(nodes), most):
        with as_lost("reading units and labels"):
            values = await session.read_attributes(list(nodes[i : i + most]), ua.AttributeIds.Value)
        found += [v.Value.Value if v.Value is not None else None for v in values]
    return found
