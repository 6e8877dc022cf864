"""Which name a node of a cluster goes by. The client library turns names into addresses once and keeps those: certificates made for names
would be refused, and a node that comes back at another address, as in a container, would never be found again."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cassandra.connection import DefaultEndPoint, DefaultEndPointFactory

Resolve = Callable[[str], frozenset[str]]


def addresses(name: str) -> frozenset[str]:
    """What a name means now; nothing where nobody knows it. Blocks."""
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except socket.gaierror:
        return frozenset()


def of_one_node(found: frozenset[str]) -> bool:
    """Whether a name with these addresses stands for one node: it has at most one of each version of the internet protocol."""
    versions = [ipaddress.ip_address(address.partition("%")[0]).version for address in found]
    return len(versions) == len(set(versions))


class NamedNodes(DefaultEndPointFactory):  # type: ignore[misc]
    """Nodes go by the names that a URL gives them: what is connected to is looked up each time, and its certificate must carry the name.

    A node that the URL does not name, or only by a name of several nodes, goes by its address: its certificate must carry that.
    """

    def __init__(self, hosts: Sequence[tuple[str, int]], resolve: Resolve = addresses) -> None:
        super().__init__()
        self._hosts, self._resolve = hosts, resolve

    def contact_points(self) -> list[DefaultEndPoint | tuple[str, int]]:
        """For the client library, which replaces the names of several nodes by the addresses of all of them. Blocks."""
        return [DefaultEndPoint(name, port) if of_one_node(self._resolve(name)) else (name, port) for name, port in self._hosts]

    def create(self, row: Mapping[str, Any]) -> DefaultEndPoint:
        """A node that another one told of. Blocks."""
        told = super().create(row)
        for name, port in self._hosts:
            found = self._resolve(name)
            if port == told.port and told.address in found and of_one_node(found):
                return DefaultEndPoint(name, port)
        return told
