"""Points found by browsing: a path of browse names, in which `*` stands for any characters of one name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from asyncua import ua

from collector.opcua.kinds import kinds_of
from collector.opcua.limits import Limits
from collector.opcua.session import RawSession, as_lost, node_id
from kernel.array import Browse, Point, Source
from kernel.discovery import of_kind

MOST = 200_000
"""Nodes looked at for one path; a server without end stops here."""


@dataclass(frozen=True, slots=True)
class _Found:
    node: ua.NodeId
    parts: tuple[str, ...]
    """What the asterisks matched so far."""


def pattern(component: str) -> re.Pattern[str]:
    """One component of a path as a regular expression; each asterisk is a group."""
    return re.compile("".join("(.*)" if piece == "*" else re.escape(piece) for piece in re.split(r"(\*)", component)))


def point_name(template: str, parts: Sequence[str]) -> str:
    """The template with {1}, {2} ... replaced by what the asterisks matched, in lower case as point names are."""
    for i, part in enumerate(parts, 1):
        template = template.replace(f"{{{i}}}", part)
    return template


async def browse_points(session: RawSession, source: Source, limits: Limits) -> dict[str, Point]:
    """The points of all of a source's browse paths; a variable found by two paths belongs to the first."""
    found: dict[str, Point] = {}
    seen: set[ua.NodeId] = set()
    for browse in source.browse:
        leaves: dict[str, ua.NodeId] = {}
        for leaf in await _leaves(session, browse, limits.browse):
            name = point_name(browse.point, leaf.parts)
            if leaf.node not in seen and name not in found and name not in leaves:
                seen.add(leaf.node)
                leaves[name] = leaf.node
        kinds = await kinds_of(session, list(leaves.values()), limits) if browse.kind_open else [browse.type.kind] * len(leaves)
        for (name, node), kind in zip(leaves.items(), kinds, strict=True):
            found[name] = Point(name, of_kind(browse.type, kind), source.asset, source.name, node.to_string())
    return found


async def _leaves(session: RawSession, browse: Browse, per_call: int) -> list[_Found]:
    components = [c for c in browse.path.split("/") if c]
    if components and components[0] == "Objects":
        components = components[1:]
    level = [_Found(node_id(ua.ObjectIds.ObjectsFolder), ())]
    for depth, component in enumerate(components):
        last = depth == len(components) - 1
        level = await _step(session, level, pattern(component), per_call, variables=last)
        if len(level) > MOST:
            break
    return level if components else []


async def _step(session: RawSession, level: Sequence[_Found], wanted: re.Pattern[str], per_call: int, *, variables: bool) -> list[_Found]:
    found = []
    for i in range(0, len(level), per_call):
        parents = level[i : i + per_call]
        for parent, references in zip(parents, await _children(session, [p.node for p in parents]), strict=True):
            for reference in references:
                match = wanted.fullmatch(reference.BrowseName.Name or "")
                if match and (not variables or reference.NodeClass == ua.NodeClass.Variable):
                    found.append(_Found(_local(reference.NodeId), parent.parts + match.groups()))
    return found


def _local(node: ua.NodeId) -> ua.NodeId:
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


async def _children(session: RawSession, nodes: Sequence[ua.NodeId]) -> list[list[ua.ReferenceDescription]]:
    params = ua.BrowseParameters(RequestedMaxReferencesPerNode=0)
    params.View = ua.ViewDescription()
    params.NodesToBrowse = [
        ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=ua.BrowseDirection.Forward,
            ReferenceTypeId=node_id(ua.ObjectIds.HierarchicalReferences),
            IncludeSubtypes=True,
            NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable,
            ResultMask=ua.BrowseResultMask.All,
        )
        for node in nodes
    ]
    with as_lost("browsing"):
        results = await session.browse(params)
        found = [list(r.References or ()) for r in results]
        for i, result in enumerate(results):
            point = result.ContinuationPoint
            while point:
                more = await session.browse_next(ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=[point]))
                found[i] += more[0].References or ()
                point = more[0].ContinuationPoint
    return found
