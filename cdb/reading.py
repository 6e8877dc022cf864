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


class Reported(Exception):
    """What is wrong with a value was reported already, where it stands; the value is left out."""


@dataclass(frozen=True, slots=True)
class Context:
    """The file being read, and where mistakes go."""

    path: str
    log: Log

    def place(self, node: Node) -> Place:
        return Place(self.path, node.line)


Read = Callable[[Node, Context], Any]
Keys = dict[str, Read]


@dataclass(frozen=True, slots=True)
class Refused:
    """The reader of a key that people may well try, and that cannot be: says why, and what to write instead."""

    text: str
    remedy: str

    def __call__(self, node: Node, ctx: Context) -> Any:
        raise Wrong(self.text, self.remedy)


def suggest(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name."""
    if name == "<<":
        return "merge keys are not known here: give the keys to a profile, and name it with profile"
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
        hint = "write `name:` instead of `- name`" if isinstance(node, Sequence) else "write `key: value` lines"
        ctx.log.add(ctx.place(node), f"{what} is not a mapping", hint)
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
            ctx.log.add(place, f"{what}: unknown key {key}", suggest(key, (k for k, r in keys.items() if not isinstance(r, Refused))))
            continue
        try:
            given[key] = Field(read(value, ctx), place)
        except Wrong as w:
            ctx.log.add(ctx.place(value), f"{what}: {key} {w.text}", w.remedy)
        except Reported:
            continue
    return given


def keys_in(node: Node) -> set[str]:
    """The keys written in a mapping, whatever their values: a key with a wrong value is not a missing key."""
    return {k.text for k, _ in node.pairs if isinstance(k, Scalar)} if isinstance(node, Mapping) else set()


def mapping_of(keys: Keys, what: str, example: str) -> Read:
    """A reader of a nested mapping."""

    def read(node: Node, ctx: Context) -> Given:
        if not isinstance(node, Mapping) and not (isinstance(node, Scalar) and node.empty):
            raise Wrong("is not a mapping", f"write e.g. {example}")
        return fields(node, keys, ctx, what)

    return read


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


def whole_between(low: int, high: int) -> Read:
    """An integer from low to high."""

    def read(node: Node, ctx: Context) -> int:
        value = whole(node, ctx)
        if not low <= value <= high:
            raise Wrong(f"is {value}", f"write a whole number from {low} to {high}")
        return value

    return read


def boolean(node: Node, ctx: Context) -> bool:
    """true or false, also yes/no and on/off."""
    written = text(node, ctx).lower()
    if written in ("true", "yes", "on"):
        return True
    if written in ("false", "no", "off"):
        return False
    raise Wrong(f"is neither true nor false: {_short(written)}", "write true or false")


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*([^\W\d]+)")
SHORTEST, LONGEST = 0.001, 36_525 * 86_400.0
"""A millisecond and a hundred years, in seconds: what is beyond is a mistake."""


def duration(node: Node, ctx: Context) -> float:
    """Seconds, from `500ms`, `10s`, `5m`, `1h`, `30d` or `2w`: from a millisecond to a hundred years."""
    return _duration(node, ctx, SHORTEST, LONGEST)


def between(low: float, high: float) -> Read:
    """A duration from low to high seconds."""
    return lambda node, ctx: _duration(node, ctx, low, high)


def _duration(node: Node, ctx: Context, low: float, high: float) -> float:
    written = text(node, ctx)
    if _NUMBER.fullmatch(written):
        number, unit = written, ""
    elif found := _DURATION.fullmatch(written):
        number, unit = found[1], found[2]
    else:
        raise Wrong(f"is not a duration: {_short(written)}", "write one number with its unit, e.g. 500ms, 10s, 5m, 1h, 30d or 2w")
    if float(number) <= 0:
        raise Wrong(f"must be longer than 0: {_short(written)}", "write e.g. 500ms or 10s")
    if unit not in _UNITS:
        raise Wrong(f"is not a duration: {_short(written)}", _with_unit(number, unit))
    seconds = float(number) * _UNITS[unit]
    if not low <= seconds <= high:
        raise Wrong(f"is too {'short' if seconds < low else 'long'}: {_short(written)}", f"write {shown(low)} to {shown(high)}")
    return seconds


def _with_unit(number: str, unit: str) -> str:
    """What a duration without a unit we know was meant to be."""
    words = {"": "s", "sec": "s", "second": "s", "minute": "min", "hour": "h", "hr": "h", "day": "d", "week": "w", "msec": "ms"}
    meant = words.get(unit.lower().removesuffix("s")) or (unit.lower() if unit.lower() in _UNITS else None)
    return f"did you mean {number}{meant}?" if meant else "the units are ms, s, m, h, d and w: write e.g. 500ms or 10s"


def shown(seconds: float) -> str:
    """A duration as it is written, in the largest unit in which it is whole."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms"


def forever(node: Node, ctx: Context) -> float | None:
    """A duration, or `forever`."""
    return None if isinstance(node, Scalar) and node.text == "forever" else duration(node, ctx)


def choice(*names: str, meant: dict[str, str] | None = None) -> Read:
    """One of some words. `meant`: what to write instead of words that other systems use."""

    def read(node: Node, ctx: Context) -> str:
        written = text(node, ctx)
        if written not in names:
            raise Wrong(f"is {_short(written)}", (meant or {}).get(written.lower()) or suggest(written, names))
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


def line_of(longest: int) -> Read:
    """A text of one line."""

    def read(node: Node, ctx: Context) -> str:
        written = text(node, ctx)
        if len(written) > longest or not written.isprintable():
            raise Wrong(f"is not one line of at most {longest} characters: {_short(written)}", "shorten it; the description may be longer")
        return written

    return read


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
