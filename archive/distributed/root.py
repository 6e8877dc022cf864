"""What a source's tiers hold, as one value: changed by lightweight transactions, so that every step happens once or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgpack
import numpy as np
import zstandard

from archive.encoding import pack, unpack
from archive.ledger import Spans
from cql import Link
from cql.link import undecided
from kernel.clock import DAY
from kernel.errors import NotAvailable
from kernel.samples import Ints, Kind

_READ = "SELECT version, data FROM archive_roots WHERE source = ?"
_VERSION = "SELECT version FROM archive_roots WHERE source = ?"
_FIRST = "INSERT INTO archive_roots (source, version, data) VALUES (?, ?, ?) IF NOT EXISTS"
_NEXT = "UPDATE archive_roots SET version = ?, data = ? WHERE source = ? IF version = ?"
_TOTALS = "INSERT INTO archive_totals (k, source, data) VALUES (0, ?, ?) USING TIMESTAMP ?"
FORM = 1
PERIOD = 30 * DAY
TRIES = 50


@dataclass(frozen=True, slots=True)
class Section:
    """Slabs of one class, window and kind from one fold, in one partition of the open tier."""

    base: UUID
    number: int
    archive_class: str
    window: int
    chunk: int
    kind: Kind
    first: int
    last: int
    low: int
    high: int
    n: int
    bytes: int
    made: int
    """When its newest batch was stored: orders what was written."""

    @property
    def key(self) -> tuple[UUID, int]:
        """Where its slabs are."""
        return self.base, self.number


@dataclass(slots=True)
class Total:
    """Sealed samples of a class and a period of time."""

    n: int = 0
    bytes: int = 0
    first: int = 1 << 62
    last: int = 0

    def add(self, n: int, size: int, first: int, last: int) -> None:
        """Counts a chunk."""
        self.n, self.bytes = self.n + n, self.bytes + size
        self.first, self.last = min(self.first, first), max(self.last, last)


@dataclass(slots=True)
class Root:
    """One version; a change makes the next one."""

    version: int = 0
    """Microseconds UTC at which it was made, and always greater than the one before."""
    marks: dict[int, Spans] = field(default_factory=dict)
    """By epoch: the sequence numbers stored."""
    covered: Spans = field(default_factory=Spans)
    folded: dict[str, int] = field(default_factory=dict)
    """By writer: its journal parts up to this one are folded."""
    sections: list[Section] = field(default_factory=list)
    garbage: list[tuple[UUID, int, int]] = field(default_factory=list)
    """Sections that are sealed: base, number, when. Readers may still be at them for a while."""
    sealed: dict[str, int] = field(default_factory=dict)
    """By class and chunk length: windows that end up to here were sealed once."""
    totals: dict[tuple[str, int], Total] = field(default_factory=dict)
    """By class and number of the period: what is sealed."""
    newest: dict[int, int] = field(default_factory=dict)
    """By series: its newest source time."""

    def encode(self) -> bytes:
        """Compressed; form first."""
        ids = np.array(sorted(self.newest), dtype=np.int64)
        times = np.array([self.newest[i] for i in ids.tolist()], dtype=np.int64)
        body = {
            "marks": {e: s.all() for e, s in self.marks.items()},
            "covered": self.covered.all(),
            "folded": self.folded,
            "sections": [(s.base.bytes, s.number, s.archive_class, s.window, s.chunk, int(s.kind), *_rest(s)) for s in self.sections],
            "garbage": [(b.bytes, n, at) for b, n, at in self.garbage],
            "sealed": self.sealed,
            "totals": [(c, p, t.n, t.bytes, t.first, t.last) for (c, p), t in self.totals.items()],
            "newest": (len(ids), pack(np.diff(ids, prepend=0)), pack(times)),
        }
        return bytes((FORM,)) + zstandard.ZstdCompressor(level=3).compress(msgpack.packb(body))


def _rest(s: Section) -> tuple[int, ...]:
    return s.first, s.last, s.low, s.high, s.n, s.bytes, s.made


def decode(version: int, data: bytes) -> Root:
    """The root that encode wrote."""
    if data[0] != FORM:
        raise ValueError(f"root of form {data[0]} is not known: written by a newer version?")
    body: dict[str, Any] = msgpack.unpackb(zstandard.ZstdDecompressor().decompress(data[1:]), strict_map_key=False, use_list=False)
    n, ids, times = body["newest"]
    return Root(
        version=version,
        marks={e: Spans(spans) for e, spans in body["marks"].items()},
        covered=Spans(body["covered"]),
        folded=dict(body["folded"]),
        sections=[Section(UUID(bytes=b), i, c, w, length, Kind(k), *rest) for b, i, c, w, length, k, *rest in body["sections"]],
        garbage=[(UUID(bytes=b), i, at) for b, i, at in body["garbage"]],
        sealed=dict(body["sealed"]),
        totals={(c, p): Total(*rest) for c, p, *rest in body["totals"]},
        newest=dict(zip(np.cumsum(unpack(ids, n, np.int64)).tolist(), unpack(times, n, np.int64).tolist(), strict=True)),
    )


def newest_of(root: Root) -> tuple[Ints, Ints]:
    """Series and their newest times, as columns."""
    return np.fromiter(root.newest.keys(), np.int64, len(root.newest)), np.fromiter(root.newest.values(), np.int64, len(root.newest))


class Roots:
    """Reads roots, remembering each for as long as its version lasts, and changes them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._known: dict[str, Root] = {}

    def read(self, source: str) -> Root:
        """The newest root; do not change it. Blocks."""
        known = self._known.get(source)
        if known is not None:
            rows = self._link.ask(_VERSION, (source,))
            if rows and rows[0][0] == known.version:
                return known
        rows = self._link.ask(_READ, (source,))
        if not rows:
            return Root()
        root = self._known[source] = decode(*rows[0])
        return root

    def change(self, source: str, now: int, work: Callable[[Root], bool]) -> Root:
        """Applies `work` to the newest root, again if another process was first; returns the new one. `work` says whether it changed
        anything and may be called several times. Blocks."""
        for _ in range(TRIES):
            rows = self._link.ask(_READ, (source,), serial=True)
            root = decode(*rows[0]) if rows else Root()
            if not work(root):
                return root
            before, root.version = root.version, max(now, root.version + 1)
            if self._swap(source, before, root):
                self._link.ask(_TOTALS, (source, _totals(root), root.version))
                self._known[source] = root
                return root
        raise NotAvailable(f"{self._link.place.shown}: too many processes change the archive's root of {source} at once; try again")

    def _swap(self, source: str, before: int, root: Root) -> bool:
        data = root.encode()
        try:
            if before:
                return bool(self._link.ask(_NEXT, (root.version, data, source, before))[0][0])
            return bool(self._link.ask(_FIRST, (source, root.version, data))[0][0])
        except NotAvailable as error:
            if not undecided(error):
                raise
            rows = self._link.ask(_READ, (source,), serial=True)
            return bool(rows) and (rows[0][0], bytes(rows[0][1])) == (root.version, data)


def _totals(root: Root) -> bytes:
    """What stats needs of a source: class, sealed samples and bytes, open samples and bytes, first, last."""
    found: dict[str, list[int]] = {}
    for (name, _), t in root.totals.items():
        _add(found.setdefault(name, [0, 0, 0, 0, 1 << 62, 0]), 0, t.n, t.bytes, t.first, t.last)
    for s in root.sections:
        _add(found.setdefault(s.archive_class, [0, 0, 0, 0, 1 << 62, 0]), 2, s.n, s.bytes, s.first, s.last)
    packed: bytes = msgpack.packb(found)
    return packed


def _add(line: list[int], at: int, n: int, size: int, first: int, last: int) -> None:
    line[at] += n
    line[at + 1] += size
    line[4], line[5] = min(line[4], first), max(line[5], last)
