"""Typed reading of YAML nodes: tables say which keys a mapping has and how each is read; every mistake is collected with its line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from cdb.yaml_tree import Mapping, Node, Scalar, Sequence
from kernel.errors import Problem


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Field:
    """A value and where it was given. The value None means: given as `none`, so an inherited one does not hold."""

    value: Any
    place: Place


Given = dict[str, Field]
"""What a mapping gives, key by key; a nested mapping's value is again Given."""


class Log:
    """Collects problems of all documents, each once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self.blind = False
        """A file could not be read."""

    def add(self, place: Place, text: str, remedy: str = "") -> None:
        self._problems[Problem(place.path, place.line, text, remedy)] = None

    def unknown(self, place: Place, text: str, name: str, known: Iterable[str]) -> None:
        """Reports a name that nothing has. Passed over once a file could not be read at all: what it names may well stand there."""
        if not self.blind:
            self.add(place, text, suggest(name, known))

    def put(self, problem: Problem) -> None:
        self._problems[problem] = None

    def all(self) -> list[Problem]:
        """Ordered by file and line."""
        return sorted(self._problems, key=lambda p: (p.path, p.line))


class Wrong(Exception):
    """A value is not what its key wants; caught where the key is known."""

    def __init__(self, text: str, remedy: str) -> None:
        self.text, self.remedy = text, remedy
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Context:
    """The file being read, and where mistakes go."""

    path: str
    log: Log

    def place(self, node: Node) -> Place:
        return Place(self.path, node.line)


Read = Callable[[Node, Context], Any]
Keys = dict[str, Read]


def suggest(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return "there is none"
    return f"known: {', '.join(names[:25])}" + (", ..." if len(names) > 25 else "")


def entries(node: Node, ctx: Context, what: str) -> Iterable[tuple[str, int, Node]]:
    """Key, line and value of a mapping's entries; nothing written is an empty mapping. Reports double keys and keys that are not text."""
    if isinstance(node, Scalar) and node.empty:
        return
    if not isinstance(node, Mapping):
        ctx.log.add(ctx.place(node), f"{what} is not a mapping", "write `key: value` lines")
        return
    seen: dict[str, int] = {}
    for key, value in node.pairs:
        if not isinstance(key, Scalar):
            hint = "quote names that begin with {" if isinstance(key, Mapping) else "a key is a single word"
            ctx.log.add(ctx.place(key), f"{what}: a key is not text", hint)
        elif key.text in seen:
            ctx.log.add(ctx.place(key), f"{what}: {key.text} is given twice", f"the first stands in line {seen[key.text]}: remove one")
        else:
            seen[key.text] = key.line
            yield key.text, key.line, value


def fields(node: Node, keys: Keys, ctx: Context, what: str) -> Given:
    """Reads a mapping by a table of its keys. What is wrong is reported and left out."""
    given: Given = {}
    for key, line, value in entries(node, ctx, what):
        place = Place(ctx.path, line)
        read = keys.get(key)
        if read is None:
            ctx.log.add(place, f"{what}: unknown key {key}", suggest(key, keys))
            continue
        try:
            given[key] = Field(read(value, ctx), place)
        except Wrong as w:
            ctx.log.add(ctx.place(value), f"{what}: {key} {w.text}", w.remedy)
    return given


def mapping_of(keys: Keys, what: str) -> Read:
    """A reader of a nested mapping."""
    return lambda node, ctx: fields(node, keys, ctx, what)


def merge(*layers: Given) -> Given:
    """Later layers win, key by key, also within nested mappings."""
    out: Given = {}
    for layer in layers:
        for key, field in layer.items():
            before = out.get(key)
            if before is not None and isinstance(before.value, dict) and isinstance(field.value, dict):
                field = Field(merge(before.value, field.value), field.place)
            out[key] = field
    return out


def value_of(given: Given, key: str, default: Any = None) -> Any:
    """The value of a key, or the default where it is not given or given as none."""
    field = given.get(key)
    return default if field is None or field.value is None else field.value


# Readers of single values.


def text(node: Node, ctx: Context) -> str:
    """Any text that is not empty."""
    if not isinstance(node, Scalar):
        raise Wrong("is not a text", "write a single value")
    if not node.text.strip() or node.empty:
        raise Wrong("is empty", "write a value, or leave the key away")
    return node.text


_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,4})?", re.ASCII)


def number(node: Node, ctx: Context) -> float:
    """A finite number."""
    written = text(node, ctx)
    if _NUMBER.fullmatch(written) is None or not math.isfinite(value := float(written)):
        raise Wrong(f"is not a number: {_short(written)}", "write a number such as 0.5, without a unit")
    return value


def positive(node: Node, ctx: Context) -> float:
    """A number above 0."""
    value = number(node, ctx)
    if value <= 0:
        raise Wrong(f"must be greater than 0: {value:g}", "write a number greater than 0")
    return value


def whole(node: Node, ctx: Context) -> int:
    """An integer of at most 18 digits."""
    written = text(node, ctx)
    if re.fullmatch(r"[-+]?[0-9]{1,18}", written) is None:
        raise Wrong(f"is not a whole number: {_short(written)}", "write a whole number such as 3")
    return int(written)


def boolean(node: Node, ctx: Context) -> bool:
    """true or false, also yes/no and on/off."""
    written = text(node, ctx).lower()
    if written in ("true", "yes", "on"):
        return True
    if written in ("false", "no", "off"):
        return False
    raise Wrong(f"is neither true nor false: {_short(written)}", "write true or false")


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.ASCII)


def duration(node: Node, ctx: Context) -> float:
    """Seconds, from `500ms`, `10s`, `5m`, `1h`, `30d` or `2w`; more than 0."""
    written = text(node, ctx)
    found = _DURATION.fullmatch(written)
    if found is None or found[2] not in _UNITS:
        plain = f"did you mean {written}s?" if _NUMBER.fullmatch(written) else "write e.g. 500ms, 10s, 5m, 1h, 30d or 2w"
        raise Wrong(f"is not a duration: {_short(written)}", plain)
    seconds = float(found[1]) * _UNITS[found[2]]
    if not 0 < seconds < 1e12:
        raise Wrong(f"must be longer than 0: {_short(written)}", "write e.g. 10s")
    return seconds


def forever(node: Node, ctx: Context) -> float | None:
    """A duration, or `forever`."""
    return None if isinstance(node, Scalar) and node.text == "forever" else duration(node, ctx)


def choice(*names: str) -> Read:
    """One of some words."""

    def read(node: Node, ctx: Context) -> str:
        written = text(node, ctx)
        if written not in names:
            raise Wrong(f"is {_short(written)}", suggest(written, names))
        return written

    return read


def or_none(read: Read) -> Read:
    """What `read` reads, or `none`: an inherited value does not hold."""
    return lambda node, ctx: None if isinstance(node, Scalar) and (node.empty or node.text == "none") else read(node, ctx)


def list_of(read: Read) -> Read:
    """A list; a single value stands for a list of one."""

    def items(node: Node, ctx: Context) -> tuple[Any, ...]:
        nodes = node.items if isinstance(node, Sequence) else [node]
        if not nodes:
            raise Wrong("is empty", "write at least one, or leave the key away")
        return tuple(read(n, ctx) for n in nodes)

    return items


def pair(node: Node, ctx: Context) -> tuple[float, float]:
    """[low, high]."""
    values = coordinates(node, ctx)
    if values[0] >= values[1]:
        raise Wrong(f"runs from {values[0]:g} to {values[1]:g}", "write [low, high] with low < high")
    return values


def coordinates(node: Node, ctx: Context) -> tuple[float, float]:
    """Two numbers."""
    if not isinstance(node, Sequence) or len(node.items) != 2:
        raise Wrong("is not a list of two numbers", "write e.g. [0, 100]")
    return number(node.items[0], ctx), number(node.items[1], ctx)


def _short(written: str) -> str:
    line = written.replace("\n", " ")
    return line if len(line) <= 40 else line[:37] + "..."
