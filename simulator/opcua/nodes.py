"""What a computed node says of itself: attributes, references and properties, as OPC 10000-3, -5 and -8 want them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

from asyncua import ua
from asyncua.server.address_space import AttributeValue, NodeData

from kernel.array import Point, PointKind
from simulator.blocks import WIRE, Block, Wire
from simulator.opcua.encoding import SEVERITY_BAD
from simulator.opcua.folders import NAMESPACE, Folder
from simulator.opcua.stack import data_value, node_id, qualified, text
from simulator.opcua.units import engineering_unit

FOLDER_TYPE = node_id(ua.ObjectIds.FolderType)
PROPERTY_TYPE = node_id(ua.ObjectIds.PropertyType)
DATA_TYPES: Mapping[str, int] = {
    "EURange": ua.ObjectIds.Range,
    "EngineeringUnits": ua.ObjectIds.EUInformation,
    "EnumStrings": ua.ObjectIds.LocalizedText,
    "EnumValues": ua.ObjectIds.EnumValueType,
    "TrueState": ua.ObjectIds.LocalizedText,
    "FalseState": ua.ObjectIds.LocalizedText,
}
A = ua.AttributeIds
V = ua.VariantType


class Attributes(Mapping[ua.AttributeIds, AttributeValue]):
    """Attributes made when one is asked for, each by a function of this object."""

    makers: ClassVar[Mapping[ua.AttributeIds, Callable[[Any], ua.Variant]]] = {}

    def __getitem__(self, key: ua.AttributeIds) -> AttributeValue:
        return AttributeValue(self.read(key))

    def read(self, key: ua.AttributeIds) -> ua.DataValue:
        """The attribute's value; raises KeyError where the node class has no such attribute."""
        return data_value(self.makers[key](self))

    def __contains__(self, key: object) -> bool:
        return key in self.makers

    def __iter__(self) -> Iterator[ua.AttributeIds]:
        return iter(self.makers)

    def __len__(self) -> int:
        return len(self.makers)


def _variant(value: Any, kind: ua.VariantType) -> Callable[[Any], ua.Variant]:
    made = ua.Variant(value, kind)
    return lambda _: made


def _text(plain: str) -> ua.Variant:
    return ua.Variant(text(plain), V.LocalizedText)


class FolderAttributes(Attributes):
    """Of a folder object."""

    makers: ClassVar[Mapping[ua.AttributeIds, Callable[[Any], ua.Variant]]] = {
        A.NodeId: lambda s: ua.Variant(s.folder.nodeid, V.NodeId),
        A.NodeClass: _variant(ua.NodeClass.Object, V.Int32),
        A.BrowseName: lambda s: ua.Variant(qualified(s.folder.name, NAMESPACE), V.QualifiedName),
        A.DisplayName: lambda s: _text(s.folder.name),
        A.Description: lambda s: _text(s.folder.path),
        A.WriteMask: _variant(0, V.UInt32),
        A.UserWriteMask: _variant(0, V.UInt32),
        A.EventNotifier: _variant(0, V.Byte),
    }

    def __init__(self, folder: Folder) -> None:
        self.folder = folder


class VariableAttributes(Attributes):
    """Of a simulated variable; its value is the newest sample of its block."""

    makers: ClassVar[Mapping[ua.AttributeIds, Callable[[Any], ua.Variant]]] = {
        A.NodeId: lambda s: ua.Variant(s.nodeid, V.NodeId),
        A.NodeClass: _variant(ua.NodeClass.Variable, V.Int32),
        A.BrowseName: lambda s: ua.Variant(qualified(s.leaf, NAMESPACE), V.QualifiedName),
        A.DisplayName: lambda s: _text(s.leaf),
        A.Description: lambda s: _text(s.point.type.description),
        A.WriteMask: _variant(0, V.UInt32),
        A.UserWriteMask: _variant(0, V.UInt32),
        A.Value: lambda s: s.sample().Value,
        A.DataType: lambda s: ua.Variant(node_id(int(s.block.wire)), V.NodeId),
        A.ValueRank: _variant(-1, V.Int32),
        A.AccessLevel: _variant(1, V.Byte),
        A.UserAccessLevel: _variant(1, V.Byte),
        A.MinimumSamplingInterval: lambda s: ua.Variant(s.block.period / 1000, V.Double),
        A.Historizing: _variant(False, V.Boolean),
    }

    def __init__(self, nodeid: ua.NodeId, leaf: str, block: Block, position: int) -> None:
        self.nodeid, self.leaf, self.block, self.position = nodeid, leaf, block, position

    @property
    def point(self) -> Point:
        """The point behind the variable."""
        return self.block.points[self.position]

    def read(self, key: ua.AttributeIds) -> ua.DataValue:
        return self.sample() if key == A.Value else super().read(key)

    def sample(self) -> ua.DataValue:
        """The newest sample; a bad one has no value (OPC 10000-4, 7.11)."""
        block, at = self.block, self.position
        status = int(block.status[at])
        value = ua.Variant(None, V.Null) if status >= SEVERITY_BAD else variant(block.wire, block.value[at])
        return data_value(value, status, int(block.time[at]), block.scanned)


def variant(wire: Wire, value: Any) -> ua.Variant:
    """A value of a block as asyncua's variant."""
    plain: Any = str(value) if wire is Wire.STRING else bool(value) if wire is Wire.BOOLEAN else value.item()
    return ua.Variant(plain, ua.VariantType(int(wire)))


class PropertyAttributes(Attributes):
    """Of a property, such as a unit."""

    makers: ClassVar[Mapping[ua.AttributeIds, Callable[[Any], ua.Variant]]] = {
        A.NodeId: lambda s: ua.Variant(s.nodeid, V.NodeId),
        A.NodeClass: _variant(ua.NodeClass.Variable, V.Int32),
        A.BrowseName: lambda s: ua.Variant(qualified(s.name, 0), V.QualifiedName),
        A.DisplayName: lambda s: _text(s.name),
        A.Description: lambda s: _text(""),
        A.WriteMask: _variant(0, V.UInt32),
        A.UserWriteMask: _variant(0, V.UInt32),
        A.Value: lambda s: s.value,
        A.DataType: lambda s: ua.Variant(node_id(DATA_TYPES[s.name]), V.NodeId),
        A.ValueRank: lambda s: ua.Variant(1 if s.value.is_array else -1, V.Int32),
        A.AccessLevel: _variant(1, V.Byte),
        A.UserAccessLevel: _variant(1, V.Byte),
        A.MinimumSamplingInterval: _variant(0.0, V.Double),
        A.Historizing: _variant(False, V.Boolean),
    }

    def __init__(self, nodeid: ua.NodeId, name: str, value: ua.Variant) -> None:
        self.nodeid, self.name, self.value = nodeid, name, value


def _contiguous(point: Point) -> bool:
    return [value for value, _ in point.type.labels] == list(range(len(point.type.labels)))


def type_definition(point: Point) -> int:
    """The variable type of OPC 10000-8 that fits the point."""
    t = point.type
    if t.kind is PointKind.BOOL:
        return ua.ObjectIds.TwoStateDiscreteType
    if t.kind is PointKind.ENUM and t.labels:
        return ua.ObjectIds.MultiStateDiscreteType if _contiguous(point) else ua.ObjectIds.MultiStateValueDiscreteType
    if t.kind in (PointKind.DOUBLE, PointKind.LONG) and t.range:
        return ua.ObjectIds.AnalogItemType
    if t.kind in (PointKind.DOUBLE, PointKind.LONG) and t.unit:
        return ua.ObjectIds.AnalogUnitType
    return ua.ObjectIds.BaseDataVariableType


def properties(point: Point) -> dict[str, ua.Variant]:
    """The point's properties by browse name."""
    t, found = point.type, {}
    if t.kind is PointKind.BOOL:
        labels = dict(t.labels)
        found["FalseState"] = _text(labels.get(0, "false"))
        found["TrueState"] = _text(labels.get(1, "true"))
    if t.kind is PointKind.ENUM and t.labels:
        if _contiguous(point):
            found["EnumStrings"] = ua.Variant([text(label) for _, label in t.labels], V.LocalizedText, is_array=True)
        found["EnumValues"] = ua.Variant([_enum_value(*label) for label in t.labels], V.ExtensionObject, is_array=True)
    if t.range and WIRE[t.kind] in (Wire.DOUBLE, Wire.INT64):
        found["EURange"] = ua.Variant(ua.Range(Low=float(t.range[0]), High=float(t.range[1])), V.ExtensionObject)
    if t.unit:
        found["EngineeringUnits"] = ua.Variant(engineering_unit(t.unit), V.ExtensionObject)
    return found


def _enum_value(value: int, label: str) -> ua.EnumValueType:
    return ua.EnumValueType(Value=value, DisplayName=text(label))


def _reference(
    kind: int, target: ua.NodeId, node_class: ua.NodeClass, name: ua.QualifiedName, type_id: ua.NodeId | None, forward: bool = True
) -> ua.ReferenceDescription:
    out = ua.ReferenceDescription()
    out.ReferenceTypeId, out.IsForward, out.NodeId, out.NodeClass = node_id(kind), forward, target, node_class
    out.BrowseName, out.DisplayName = name, text(str(name.Name))
    if type_id is not None:
        out.TypeDefinition = type_id
    return out


def reference(node: NodeData, kind: int, *, forward: bool) -> ua.ReferenceDescription:
    """A reference to a node that exists as an object."""
    attributes: Any = node.attributes
    node_class = ua.NodeClass(attributes[A.NodeClass].value.Value.Value)
    return _reference(kind, node.nodeid, node_class, attributes[A.BrowseName].value.Value.Value, None, forward)


def folder_references(folder: Folder) -> list[ua.ReferenceDescription]:
    """To the folder's parent (unless it is the top), its type, its sub-folders and its points."""
    kind = ua.NodeClass.Object
    out = [
        _reference(ua.ObjectIds.Organizes, child.nodeid, kind, qualified(child.name, NAMESPACE), FOLDER_TYPE)
        for child in folder.folders.values()
    ]
    out += [
        _reference(ua.ObjectIds.HasComponent, nodeid, ua.NodeClass.Variable, qualified(leaf, NAMESPACE), node_id(type_definition(point)))
        for leaf, (nodeid, point) in folder.points.items()
    ]
    parent = folder.parent
    if parent is not None:
        name = qualified(parent.name, NAMESPACE) if parent.path else qualified("Objects", 0)
        out.append(_reference(ua.ObjectIds.Organizes, parent.nodeid, kind, name, FOLDER_TYPE, forward=False))
        out.append(_reference(ua.ObjectIds.HasTypeDefinition, FOLDER_TYPE, ua.NodeClass.ObjectType, qualified("FolderType", 0), None))
    return out


@cache
def _type_reference(kind: int) -> ua.ReferenceDescription:
    name = qualified(ua.ObjectIdNames[kind], 0)
    return _reference(ua.ObjectIds.HasTypeDefinition, node_id(kind), ua.NodeClass.VariableType, name, None)


def variable_references(nodeid: ua.NodeId, point: Point, parent: Folder) -> list[ua.ReferenceDescription]:
    """To the variable's type, its folder and its properties."""
    inverse = _reference(
        ua.ObjectIds.HasComponent, parent.nodeid, ua.NodeClass.Object, qualified(parent.name, NAMESPACE), FOLDER_TYPE, forward=False
    )
    owner = str(nodeid.Identifier)
    found = [_type_reference(type_definition(point)), inverse]
    for own in properties(point):
        target = node_id(f"{owner}/{own}", NAMESPACE)
        found.append(_reference(ua.ObjectIds.HasProperty, target, ua.NodeClass.Variable, qualified(own, 0), PROPERTY_TYPE))
    return found


def property_references(parent: ua.NodeId, name: ua.QualifiedName) -> list[ua.ReferenceDescription]:
    """To the property's type and its variable."""
    return [
        _type_reference(ua.ObjectIds.PropertyType),
        _reference(ua.ObjectIds.HasProperty, parent, ua.NodeClass.Variable, name, None, forward=False),
    ]
