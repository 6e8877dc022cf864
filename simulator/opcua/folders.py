"""The array's tree of assets as folders of OPC-UA nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from asyncua import ua

from kernel.array import Point
from simulator.opcua.stack import node_id

NAMESPACE = 2
OBJECTS = node_id(ua.ObjectIds.ObjectsFolder)


@dataclass(slots=True)
class Folder:
    """A folder of the array's tree: names to sub-folders and to points."""

    path: str
    name: str
    parent: Folder | None
    folders: dict[str, Folder] = field(default_factory=dict)
    points: dict[str, tuple[ua.NodeId, Point]] = field(default_factory=dict)

    def below(self, name: str) -> Folder:
        """The sub-folder, made on first use."""
        found = self.folders.get(name)
        if found is None:
            found = self.folders[name] = Folder(f"{self.path}.{name}" if self.path else name, name, self)
        return found

    @property
    def nodeid(self) -> ua.NodeId:
        """The top of the tree is OPC-UA's Objects folder."""
        return node_id(f"{self.path}/", NAMESPACE) if self.path else OBJECTS
