"""The kind of a variable's values by its DataType and ValueRank (OPC 10000-3, 5.6.2 and 8), where the configuration leaves it open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asyncua import ua

from collector.opcua.limits import Limits
from collector.opcua.session import RawSession, as_lost, node_id
from kernel.array import PointKind

_LONG = (
    ua.ObjectIds.SByte,
    ua.ObjectIds.Byte,
    ua.ObjectIds.Int16,
    ua.ObjectIds.UInt16,
    ua.ObjectIds.Int32,
    ua.ObjectIds.UInt32,
    ua.ObjectIds.Int64,
    ua.ObjectIds.UInt64,
    ua.ObjectIds.Integer,
    ua.ObjectIds.UInteger,
)
STANDARD: Mapping[int, PointKind] = {
    ua.ObjectIds.Boolean: PointKind.BOOL,
    **dict.fromkeys(_LONG, PointKind.LONG),
    **dict.fromkeys((ua.ObjectIds.Float, ua.ObjectIds.Double, ua.ObjectIds.Number, ua.ObjectIds.Duration), PointKind.DOUBLE),
    ua.ObjectIds.Enumeration: PointKind.ENUM,
}
"""Data types of the standard name space; those of this name space that are not here are read as text."""
DEEPEST = 8
"""Steps from a data type to its supertypes; deeper ones are text."""


async def kinds_of(session: RawSession, nodes: Sequence[ua.NodeId], limits: Limits) -> list[PointKind]:
    """The kind of each variable: arrays, structures and everything that is no number are text."""
    types = await data_types(session, nodes, limits)
    ranks = await _attribute(session, nodes, ua.AttributeIds.ValueRank, limits)
    known = await _known({t for t in types if t is not None}, session, limits)
    arrays = [isinstance(rank, int) and rank >= ua.ValueRank.OneOrMoreDimensions for rank in ranks]
    return [PointKind.TEXT if array or of is None else known[of] for of, array in zip(types, arrays, strict=True)]


async def data_types(session: RawSession, nodes: Sequence[ua.NodeId], limits: Limits) -> list[ua.NodeId | None]:
    """The node of each variable's data type; None where the server does not tell."""
    found = await _attribute(session, nodes, ua.AttributeIds.DataType, limits)
    return [t if isinstance(t, ua.NodeId) else None for t in found]


def standard(of: ua.NodeId) -> PointKind | None:
    """The kind of a data type of the standard name space, where it says enough by itself."""
    return STANDARD.get(int(of.Identifier)) if of.NamespaceIndex == 0 and isinstance(of.Identifier, int) else None


async def _known(types: set[ua.NodeId], session: RawSession, limits: Limits) -> dict[ua.NodeId, PointKind]:
    """The kind of each data type, found by climbing to its supertypes."""
    kinds: dict[ua.NodeId, PointKind] = {}
    climbing = {t: t for t in types}
    for _ in range(DEEPEST):
        for of, at in list(climbing.items()):
            kind = standard(at)
            if kind is not None:
                kinds[of] = kind
                del climbing[of]
        if not climbing:
            break
        above = await _supertypes(session, list(set(climbing.values())), limits)
        climbing = {of: above[at] for of, at in climbing.items() if at in above}
    return {t: kinds.get(t, PointKind.TEXT) for t in types}


async def _supertypes(session: RawSession, types: Sequence[ua.NodeId], limits: Limits) -> dict[ua.NodeId, ua.NodeId]:
    found = {}
    for i in range(0, len(types), limits.browse):
        part = types[i : i + limits.browse]
        params = ua.BrowseParameters(RequestedMaxReferencesPerNode=1)
        params.View = ua.ViewDescription()
        params.NodesToBrowse = [
            ua.BrowseDescription(
                NodeId=of,
                BrowseDirection=ua.BrowseDirection.Inverse,
                ReferenceTypeId=node_id(ua.ObjectIds.HasSubtype),
                IncludeSubtypes=False,
                NodeClassMask=ua.NodeClass.DataType,
                ResultMask=ua.BrowseResultMask.None_,
            )
            for of in part
        ]
        with as_lost("asking for data types"):
            results = await session.browse(params)
        for of, result in zip(part, results, strict=True):
            for reference in result.References or ():
                above = reference.NodeId
                found[of] = ua.NodeId(above.Identifier, above.NamespaceIndex, above.NodeIdType)
    return found


async def _attribute(session: RawSession, nodes: Sequence[ua.NodeId], attribute: ua.AttributeIds, limits: Limits) -> list[object]:
    found: list[object] = []
    for i in range(0, len(nodes), limits.read):
        with as_lost("asking for data types"):
            values = await session.read_attributes(list(nodes[i : i + limits.read]), attribute)
        found += [v.Value.Value if v.Value is not None else None for v in values]
    return found
