"""Addresses of points as node ids: `ns=2;s=Mount.Azimuth`, or with the name space's URI instead of its index: `nsu=urn:mount;s=Azimuth`."""

from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua

INVALID = int(ua.StatusCodes.BadNodeIdInvalid)
UNKNOWN = int(ua.StatusCodes.BadNodeIdUnknown)


def parse(address: str, namespaces: Sequence[str]) -> ua.NodeId | int:
    """The node id; or the status code that says what is wrong: no node id at all, or a name space that the server does not have."""
    if address.startswith("nsu="):
        uri, separator, rest = address[4:].partition(";")
        if not separator:
            return INVALID
        if uri not in namespaces:
            return UNKNOWN
        address = f"ns={namespaces.index(uri)};{rest}"
    try:
        return ua.NodeId.from_string(address)
    except (ua.UaError, ValueError):
        return INVALID
