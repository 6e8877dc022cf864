"""Series: a point as one source delivers it. Each has a number, given once and never changed.

Numbers are claimed in ranges by a lightweight transaction, so that no two writers give the same one. Two writers that see a new series at
the same moment may give it two numbers: readers look for all numbers of a name.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from archive.distributed.tables import SHELF
from cql import Link
from kernel.clock import monotonic
from kernel.samples import Ints

_COUNTER = "SELECT value FROM archive_counters WHERE name = 'series'"
_FIRST = "INSERT INTO archive_counters (name, value) VALUES ('series', ?) IF NOT EXISTS"
_CLAIM = "UPDATE archive_counters SET value = ? WHERE name = 'series' IF value = ?"
_LIST = "SELECT id, name, source FROM archive_series WHERE shelf = ? AND id > ?"
_PUT = "INSERT INTO archive_series (shelf, id, name, source) VALUES (?, ?, ?, ?)"
HOLE_PATIENCE = 60.0
"""Seconds after which numbers that were claimed and not used are not waited for any more."""
ROWS = 200
MOST_NAMES = 1_000_000
"""Names held in remembered lists, each counted as often as it occurs: some 100 MB at the very most."""


class Book:
    """Numbers by name and source, as far as they are known here."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.names: list[str] = [""]
        """By number."""
        self.sources: list[str] = [""]
        self.numbers: dict[str, tuple[int, ...]] = {}
        """All numbers of a name."""
        self._of: dict[tuple[str, str], int] = {}
        self._lists: dict[tuple[str, int], tuple[tuple[str, ...], Ints]] = {}
        self._remembered = 0
        self._complete = 0
        self._hole_since: float | None = None
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Takes in what others have added. One small request where there is nothing new."""
        with self._lock:
            rows = self._link.ask(_COUNTER)
            newest = int(rows[0][0]) if rows else 0
            if newest > self._complete:
                futures = [self._link.start(_LIST, (s, self._complete)) for s in range((self._complete + 1) // SHELF, newest // SHELF + 1)]
                for future in futures:
                    for number, name, source in self._link.wait(future):
                        self._take(number, name, source)
                self._note_complete(newest)

    def _take(self, number: int, name: str, source: str) -> None:
        missing = number + 1 - len(self.names)
        if missing > 0:
            self.names.extend([""] * missing)
            self.sources.extend([""] * missing)
        if not self.names[number]:
            self.sources[number] = source
            self.names[number] = name
            self.numbers[name] = (*self.numbers.get(name, ()), number)
            self._of.setdefault((source, name), number)

    def _note_complete(self, newest: int) -> None:
        at = self._complete
        while at < newest and at + 1 < len(self.names) and self.names[at + 1]:
            at += 1
        if at == newest:
            self._hole_since = None
        elif self._hole_since is None or at > self._complete:
            self._hole_since = monotonic()
        elif monotonic() - self._hole_since > HOLE_PATIENCE:
            at, self._hole_since = newest, None
        self._complete = at

    def ids(self, source: str, names: tuple[str, ...]) -> Ints | None:
        """Numbers of a batch's names, if this very tuple was seen from this source before: decoded batches share it."""
        found = self._lists.get((source, id(names)))
        return found[1] if found is not None and found[0] is names else None

    def settle(self, source: str, names: tuple[str, ...]) -> Ints:
        """Numbers of a batch's names; series not seen before get theirs."""
        unknown = [n for n in names if (source, n) not in self._of]
        if unknown:
            self.refresh()
            unknown = [n for n in unknown if (source, n) not in self._of]
        if unknown:
            self._add(source, unknown)
        ids = np.array([self._of[source, n] for n in names], dtype=np.int64)
        self._remembered += len(names)
        if self._remembered > MOST_NAMES:
            self._lists.clear()
            self._remembered = len(names)
        self._lists[source, id(names)] = (names, ids)
        return ids

    def look_up(self, source: str, names: tuple[str, ...]) -> Ints:
        """Numbers of a batch that is stored, which therefore has them all."""
        ids = self.ids(source, names)
        return self.settle(source, names) if ids is None else ids

    def _add(self, source: str, names: Sequence[str]) -> None:
        first = self._claim(len(names))
        rows = [((first + i) // SHELF, first + i, name, source) for i, name in enumerate(names)]
        futures = []
        for at in range(0, len(rows), ROWS):
            part = rows[at : at + ROWS]
            for shelf in {r[0] for r in part}:
                futures.append(self._link.start_batch(_PUT, [r for r in part if r[0] == shelf]))
        for future in futures:
            self._link.wait(future)
        with self._lock:
            for _, number, name, _ in rows:
                self._take(number, name, source)

    def _claim(self, count: int) -> int:
        """The first of `count` numbers that nobody else has."""
        while True:
            rows = self._link.ask(_COUNTER, serial=True)
            before = int(rows[0][0]) if rows else 0
            if rows:
                done = self._link.ask(_CLAIM, (before + count, before))
            else:
                done = self._link.ask(_FIRST, (count,))
            if done[0][0]:
                return before + 1
