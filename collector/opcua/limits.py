"""What a server allows in one call, its name spaces and its make; read before anything else is asked."""

from __future__ import annotations

from collections.abc import Sequence
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
    ua.ObjectIds.Server_ServerStatus_BuildInfo_ProductUri,
    ua.ObjectIds.Server_ServerStatus_BuildInfo_ProductName,
    ua.ObjectIds.Server_ServerStatus_BuildInfo_ManufacturerName,
    ua.ObjectIds.Server_ServerStatus_BuildInfo_SoftwareVersion,
)
HIDES_DRIFT = ("freeopcua", "asyncua")
"""In the build info of servers that compare a deadband with the value before, not with the one last reported (OPC 10000-4, 7.22.2)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations per call: never more than a thousand."""

    items: int = MOST
    browse: int = MOST
    paths: int = MOST
    read: int = MOST
    namespaces: tuple[str, ...] = ()
    hides_drift: bool = False
    """Whether a value that drifts by steps within a deadband would never be reported."""


def allowed(limit: object) -> int:
    """A limit as the server tells it: 0 or none at all means that there is none."""
    return min(limit, MOST) if isinstance(limit, int) and limit > 0 else MOST


async def read_limits(session: RawSession) -> Limits:
    """The limits of a server; those that it does not tell are taken as a thousand, and the make as one that does as specified."""
    with as_lost("reading the server's limits"):
        found = await session.read_attributes([node_id(n) for n in _NODES], ua.AttributeIds.Value)
    items, browse, paths, read, spaces, *build = [v.Value.Value if v.Value is not None else None for v in found]
    return Limits(allowed(items), allowed(browse), allowed(paths), allowed(read), tuple(map(str, spaces or ())), hides_drift(build))


def hides_drift(build: Sequence[object]) -> bool:
    """Whether build info names a server that does."""
    return any(make in str(text).lower() for text in build for make in HIDES_DRIFT)
