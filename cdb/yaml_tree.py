"""YAML text to a tree of nodes that know their line. Nothing is guessed: `OFF` stays OFF until a reader wants a bool.

Built from parser events instead of PyYAML's composer: that one recurses in C, and a document of
a hundred thousand `[` would end the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cdb.yaml_mistakes import YamlMistake, syntax_mistake
from kernel.errors import Problem

MAX_DEPTH = 30
"""The deepest key the format knows stands nine levels down."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value as written."""

    line: int
    text: str
    plain: bool
    """Not quoted."""

    @property
    def empty(self) -> bool:
        """Nothing was written, or null."""
        return self.plain and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list."""

    line: int
    items: list[Node]


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """Keys and values in the order written; the same key may stand twice."""

    line: int
    pairs: list[tuple[Node, Node]]


Node = Scalar | Sequence | Mapping


def parse(path: str, text: str) -> tuple[list[Node], list[Problem]]:
    """The documents of one file (several are separated by ---), and its syntax mistakes: at most one, for nothing can be read after it."""
    found: list[Node] = []
    try:
        for event in (events := _events(text)):
            if isinstance(event, DocumentStartEvent):
                found.append(_Builder(events).node(next(events), 0))
    except YamlMistake as m:
        return found, [Problem(path, m.line, m.text, m.remedy)]
    return [n for n in found if not (isinstance(n, Scalar) and n.empty)], []


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        text.encode()
    except UnicodeEncodeError as e:
        line = text.count("\n", 0, e.start) + 1
        raise YamlMistake(line, "the text holds a character that is no Unicode", "save the file as UTF-8") from None
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as e:
        raise syntax_mistake(e, text) from None
    except yaml.reader.ReaderError as e:
        raise YamlMistake(_line_of_byte(text, e), f"not YAML: {e.reason}", "remove the unprintable character") from None


def _line_of_byte(text: str, error: yaml.reader.ReaderError) -> int:
    """libyaml counts bytes of UTF-8."""
    return text.encode()[: max(0, error.position)].count(b"\n") + 1


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


class _Builder:
    """Builds one document's tree from events, by recursion of bounded depth."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}

    def node(self, event: yaml.Event, depth: int) -> Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise YamlMistake(line, f"nested more than {MAX_DEPTH} levels deep", "the format needs nine")
        if isinstance(event, AliasEvent):
            return self._alias(event, line)
        assert isinstance(event, ScalarEvent | CollectionStartEvent)
        if event.tag is not None and not event.tag.startswith("tag:yaml.org,2002:"):
            raise YamlMistake(line, f"unknown YAML tag {event.tag}", "leave the tag away")
        node: Node
        if isinstance(event, ScalarEvent):
            node = Scalar(line, event.value, event.style in (None, ""))
        elif isinstance(event, SequenceStartEvent):
            node = Sequence(line, self._items(depth))
        else:
            node = Mapping(line, self._pairs(depth))
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: AliasEvent, line: int) -> Node:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            raise YamlMistake(line, f"unknown alias *{event.anchor}", f"write &{event.anchor} before the value it stands for")
        return found

    def _items(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return items

    def _pairs(self, depth: int) -> list[tuple[Node, Node]]:
        pairs = []
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self.node(event, depth + 1)
            pairs.append((key, self.node(next(self._events), depth + 1)))
        return pairs
