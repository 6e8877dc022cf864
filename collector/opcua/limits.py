"""What a server allows in one call, and its name spaces; read before anything else is asked."""

from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua

from collector.opcua.session import RawSession, as_lost, node_id

MOST = 1000
_NODES = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_NamespaceArray,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations per call: never more than a thousand."""

    items: int = MOST
    browse: int = MOST
    paths: int = MOST
    read: int = MOST
    namespaces: tuple[str, ...] = ()


def allowed(limit: object) -> int:
    """A limit as the server tells it: 0 or none at all means that there is none."""
    return min(limit, MOST) if isinstance(limit, int) and limit > 0 else MOST


async def read_limits(session: RawSession) -> Limits:
    """The limits of a server; those that it does not tell are taken as a thousand."""
    with as_lost("reading the server's limits"):
        found = await session.read_attributes([node_id(n) for n in _NODES], ua.AttributeIds.Value)
    items, browse, paths, read, spaces = [v.Value.Value if v.Value is not None else None for v in found]
    return Limits(allowed(items), allowed(browse), allowed(paths), allowed(read), tuple(map(str, spaces or ())))
