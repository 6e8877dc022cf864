"""OPC-UA's own nodes, once per process and lean: attributes of equal value are one object."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData, NodeManagementService

from simulator.opcua.nodes import reference
from simulator.opcua.stack import data_value, node_id

PLAIN = (bool, int, float, ua.NodeId)
MISSING = (
    (ua.ObjectIds.ObjectTypesFolder, ua.ObjectIds.BaseObjectType),
    (ua.ObjectIds.DataTypesFolder, ua.ObjectIds.BaseDataType),
)
"""References that asyncua's generated address space lacks and its server adds."""


class SharingService(NodeManagementService):
    """Adds nodes as asyncua does. Of some 74 000 attribute values of the standard nodes a third differ."""

    def __init__(self, space: AddressSpace) -> None:
        super().__init__(space)
        self._known: dict[Any, AttributeValue] = {}

    def _add_node_attr(
        self,
        attributes: Any,
        nodedata: NodeData,
        name: str,
        vtype: ua.VariantType | None = None,
        add_timestamps: bool = False,
        is_array: bool = False,
    ) -> None:
        value = getattr(attributes, name, None)
        same = _same(value)
        if same is None or vtype is None or is_array:
            super()._add_node_attr(attributes, nodedata, name, vtype, add_timestamps, is_array)
        elif attributes.SpecifiedAttributes & getattr(ua.NodeAttributesMask, name):
            key = vtype, type(value), same
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = AttributeValue(data_value(ua.Variant(value, vtype)))
            nodedata.attributes[getattr(ua.AttributeIds, name)] = found


def _same(value: Any) -> Any:
    """What equal values have in common; None for values that are not shared."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, ua.LocalizedText):
        return value.Locale, value.Text
    if isinstance(value, ua.QualifiedName):
        return value.NamespaceIndex, value.Name
    return None


@cache
def standard_nodes() -> dict[ua.NodeId, NodeData]:
    """Built once per process (about one second of CPU) and never changed: servers copy a node before they write it."""
    from asyncua.server.standard_address_space import standard_address_space

    space = AddressSpace()
    fill: Callable[[Any], None] = standard_address_space.fill_address_space
    gc.disable()  # some 200 000 objects that stay: the collector would look at them again and again
    try:
        fill(SharingService(space))
    finally:
        gc.enable()
    nodes = space._nodes
    for parent, child in MISSING:
        nodes[node_id(child)].references.append(reference(nodes[node_id(parent)], ua.ObjectIds.Organizes, forward=False))
    gc.freeze()
    return nodes
