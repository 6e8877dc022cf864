"""What an engine is: how it is obtained, how its nodes are started, and how to tell that it answers. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

HOST = "127.0.0.1"
Say = Callable[[str], None]
"""Takes one line of progress for people."""


@dataclass(frozen=True, slots=True)
class Node:
    """One process of an engine: where it keeps its data and where it listens."""

    number: int
    """1, 2, 3 ..."""
    folder: Path
    host: str
    ports: Mapping[str, int]
    """By purpose, as the engine names them; `client` is the one in the URL."""

    @property
    def client(self) -> int:
        """The port that clients use."""
        return self.ports["client"]


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """A kind of engine."""

    name: str
    ports: Sequence[str]
    """Purposes of a node's ports."""
    one_by_one: bool
    """A node must answer before the next one starts."""
    optional: bool
    """Started only where it is named."""
    patience: float
    """Seconds that a node may take until it answers, on a busy machine."""

    def obtain(self, cache: Path, say: Say) -> Path:
        """Where its programs are, after installing or downloading them once. Raises NotAvailable with the remedy."""
        ...

    def hosts(self, nodes: int) -> Sequence[str]:
        """The loopback address of each node."""
        ...

    def prepare(self, programs: Path, nodes: Sequence[Node], node: Node, say: Say) -> Command:
        """Writes a node's configuration, formats its storage where that is needed, and says how to start it."""
        ...

    def answers(self, nodes: Sequence[Node], node: Node) -> bool:
        """Whether the node serves clients now, found out by talking to it."""
        ...

    def url(self, nodes: Sequence[Node]) -> str:
        """What goes into a setting."""
        ...
