"""The address space: OPC-UA's standard nodes, shared by all servers of the process, and the array's nodes, computed when asked for.

A server of 20 000 points holds one dictionary entry per point; node objects of asyncua exist only while they are read or browsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

from kernel.array import Point
from simulator.blocks import Block
from simulator.opcua.folders import NAMESPACE, OBJECTS, Folder
from simulator.opcua.nodes import (
    FolderAttributes,
    PropertyAttributes,
    VariableAttributes,
    folder_references,
    properties,
    property_references,
    variable_references,
)
from simulator.opcua.stack import node_id, qualified
from simulator.opcua.standard import standard_nodes

CHANGING = (
    ua.ObjectIds.Server_NamespaceArray,
    ua.ObjectIds.Server_ServerArray,
    ua.ObjectIds.Server_ServerStatus,
    ua.ObjectIds.Server_ServerStatus_BuildInfo,
    ua.ObjectIds.Server_ServerStatus_CurrentTime,
)
"""Standard nodes whose values asyncua changes in place."""


class _Computed(NodeData):
    """A node whose attributes are made when one is asked for."""

    attributes: Any


class Nodes(Mapping[ua.NodeId, NodeData]):
    """Three layers: the server's own nodes, the standard ones, and those that are computed."""

    def __init__(self, compute: Callable[[ua.NodeId], NodeData | None], count: Callable[[], Iterator[ua.NodeId]]) -> None:
        self.own: dict[ua.NodeId, NodeData] = {}
        self.shared = standard_nodes()
        self._compute, self._computed_ids = compute, count

    def get(self, key: ua.NodeId, default: Any = None) -> Any:
        """The node; a new object each time for a computed one."""
        found = self.own.get(key) or self.shared.get(key) or self._compute(key)
        return default if found is None else found

    def __getitem__(self, key: ua.NodeId) -> NodeData:
        found: NodeData | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]

    def __setitem__(self, key: ua.NodeId, value: NodeData) -> None:
        self.own[key] = value

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from dict.fromkeys((*self.own, *self.shared, *self._computed_ids()))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ComputedSpace(AddressSpace):
    """asyncua's address space over the three layers."""

    def __init__(self, blocks: Sequence[Block], titles: Mapping[str, str]) -> None:
        super().__init__()
        self._places: dict[ua.NodeId, tuple[Block, int]] = {}
        self._parents: dict[ua.NodeId, Folder] = {}
        self._folders: dict[ua.NodeId, Folder] = {}
        self.root = Folder("", "", None)
        for block in blocks:
            for position, point in enumerate(block.points):
                self._plant(point, titles, parse(point.address or point.name), (block, position))
        self._list(self.root)
        self._layers = Nodes(self._compute, lambda: iter((*self._folders, *self._places)))
        self._nodes: Any = self._layers
        for changing in CHANGING:
            self.owned(node_id(changing))
        self.owned(OBJECTS).references += folder_references(self.root)

    def _plant(self, point: Point, titles: Mapping[str, str], nodeid: ua.NodeId, place: tuple[Block, int]) -> None:
        asset = point.asset
        *folders, leaf = point.name.removeprefix(f"{asset}.").split(".")
        folder = self.root.folders.get(asset)
        if folder is None:
            folder = self.root.folders[asset] = Folder(asset, titles.get(asset, asset), self.root)
        for part in folders:
            folder = folder.below(part)
        folder.points[leaf] = nodeid, point
        self._places[nodeid], self._parents[nodeid] = place, folder

    def _list(self, folder: Folder) -> None:
        for child in folder.folders.values():
            self._folders[child.nodeid] = child
            self._list(child)

    def place(self, nodeid: ua.NodeId) -> tuple[Block, int] | None:
        """Where a simulated variable's value stands; None for any other node."""
        return self._places.get(nodeid)

    def owned(self, nodeid: ua.NodeId) -> NodeData:
        """The server's own copy of a standard node, to be changed."""
        node = self._layers.own.get(nodeid)
        if node is None:
            shared: Any = self._layers[nodeid]
            node = NodeData(nodeid)
            node.attributes = {
                k: AttributeValue(deepcopy(v.value) if k == ua.AttributeIds.Value else v.value) for k, v in shared.attributes.items()
            }
            node.references, node.call = list(shared.references), shared.call
            self._layers.own[nodeid] = node
        out: NodeData = node
        return out

    async def write_attribute_value(self, nodeid: ua.NodeId, attr: ua.AttributeIds, value: ua.DataValue) -> ua.StatusCode:
        """Only standard nodes are ever written, by asyncua itself."""
        if nodeid in self._layers.shared:
            self.owned(nodeid)
        return await super().write_attribute_value(nodeid, attr, value)

    def _compute(self, nodeid: ua.NodeId) -> NodeData | None:
        if nodeid.NamespaceIndex != NAMESPACE:
            return None
        place, node = self._places.get(nodeid), _Computed(nodeid)
        if place is not None:
            block, position = place
            node.attributes = VariableAttributes(nodeid, self._leaf(nodeid), block, position)
            node.references = variable_references(nodeid, block.points[position], self._parents[nodeid])
            return node
        folder = self._folders.get(nodeid)
        if folder is not None:
            node.attributes, node.references = FolderAttributes(folder), folder_references(folder)
            return node
        return self._compute_property(nodeid, node)

    def _compute_property(self, nodeid: ua.NodeId, node: _Computed) -> NodeData | None:
        owner, slash, name = str(nodeid.Identifier).rpartition("/")
        parent = node_id(owner, NAMESPACE) if slash else None
        place = self._places.get(parent) if parent is not None else None
        if place is None or parent is None:
            return None
        block, position = place
        value = properties(block.points[position]).get(name)
        if value is None:
            return None
        node.attributes = PropertyAttributes(nodeid, name, value)
        node.references = property_references(parent, qualified(self._leaf(parent), NAMESPACE))
        return node

    def _leaf(self, nodeid: ua.NodeId) -> str:
        block, position = self._places[nodeid]
        return block.points[position].name.rpartition(".")[2]


_SIMPLE = re.compile(r"ns=2;s=(.+)", re.DOTALL)


def parse(address: str) -> ua.NodeId:
    """The NodeId of an address; a bare name is a string in the array's namespace. Raises ua.UaStringParsingError on anything else."""
    simple = _SIMPLE.fullmatch(address)
    if simple:
        return node_id(simple[1], NAMESPACE)
    if "=" not in address:
        return node_id(address, NAMESPACE)
    return ua.NodeId.from_string(address)
