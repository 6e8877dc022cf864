"""The newest samples, decoded, in memory: what the journal holds and what is not yet folded into slabs."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from archive.table import Table
from kernel.samples import Ints

BYTES_PER_SAMPLE = 32
"""Point id, time, value of eight bytes each, and what else a sample may carry."""
MOST_NAMES = 1_000_000
"""Names held in remembered lists, each counted as often as it occurs: some 100 MB at the very most."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One batch in the head."""

    journal: int
    """Its row in the journal."""
    source: int
    tables: tuple[Table, ...]
    n: int
    received: int
    published: int
    stored: int
    """Microseconds UTC."""


class Names:
    """Point and source names to ids and back; a point's sources. Ids are small numbers, given in the order of first sight."""

    def __init__(self) -> None:
        self.points: dict[str, int] = {}
        self.names: list[str] = [""]
        self.sources: dict[str, int] = {}
        self.source_names: list[str] = [""]
        self.origins: dict[int, tuple[int, ...]] = {}
        self.last_origin = 0
        self.lists: dict[int, bytes] = {}
        """Lists of names as the journal has them, by their number."""
        self._known: dict[tuple[str, int], tuple[tuple[str, ...], Ints]] = {}
        self._numbers: dict[int, tuple[tuple[str, ...], int]] = {}
        self._remembered = 0
        self._listed = 0

    def point(self, name: str, number: int) -> None:
        """Takes a point into the books."""
        self.points[name] = number
        self.names.append(name)

    def source(self, name: str, number: int) -> None:
        """Takes a source into the books."""
        self.sources[name] = number
        self.source_names.append(name)

    def origin(self, row: int, point: int, source: int) -> None:
        """A point was seen from a source."""
        self.origins[point] = (*self.origins.get(point, ()), source)
        self.last_origin = row

    def ids(self, source: str, names: tuple[str, ...]) -> Ints | None:
        """Ids of a batch's names, if this very tuple was seen from this source before: decoded batches share it."""
        found = self._known.get((source, id(names)))
        return found[1] if found is not None and found[0] is names else None

    def remember(self, source: str, names: tuple[str, ...], ids: Ints) -> None:
        """For the next batch with the same names."""
        self._remembered += len(names)
        if self._remembered > MOST_NAMES:
            self._known.clear()
            self._remembered = len(names)
        self._known[source, id(names)] = (names, ids)

    def number(self, names: tuple[str, ...]) -> int | None:
        """The number of this very list in the journal, if it has it."""
        found = self._numbers.get(id(names))
        return found[1] if found is not None and found[0] is names else None

    def list(self, names: tuple[str, ...], number: int, data: bytes) -> None:
        """The journal has a list of names."""
        self.lists[number] = data
        self._numbers[id(names)] = (names, number)
        self._listed += len(names)

    @property
    def full(self) -> bool:
        """Whether the journal should take no more lists for now: names that change with every batch are better left where they are."""
        return self._listed > MOST_NAMES

    def forget_lists(self) -> None:
        """The journal has none any more."""
        self.lists.clear()
        self._numbers.clear()
        self._listed = 0

    def look_up(self, names: tuple[str, ...]) -> Ints:
        """Ids of names that are all known."""
        return np.array([self.points[name] for name in names], dtype=np.int64)


class Head:
    """Parts by source. One writer, many readers: a reader gets a list of its own."""

    def __init__(self) -> None:
        self._parts: dict[int, list[Part]] = {}
        self._lock = threading.Lock()
        self.samples = 0
        self.oldest = 0
        """Microseconds UTC at which the oldest part was stored; 0 when empty."""

    def add(self, parts: list[Part]) -> None:
        """Makes parts visible to readers, all at once."""
        with self._lock:
            for part in parts:
                self._parts.setdefault(part.source, []).append(part)
                self.samples += part.n
                self.oldest = self.oldest or part.stored

    def drop(self, upto: int) -> None:
        """Forgets parts of journal rows <= upto."""
        with self._lock:
            self._parts = {s: left for s, ps in self._parts.items() if (left := [p for p in ps if p.journal > upto])}
            self.samples = sum(p.n for ps in self._parts.values() for p in ps)
            self.oldest = min((ps[0].stored for ps in self._parts.values()), default=0)

    def of(self, source: int) -> list[Part]:
        """The parts of one source, oldest first."""
        with self._lock:
            return list(self._parts.get(source, ()))

    def all(self) -> dict[int, list[Part]]:
        """Every part, by source."""
        with self._lock:
            return {s: list(ps) for s, ps in self._parts.items()}
