"""Which archive class each point belongs to, by the configuration in force."""

from __future__ import annotations

import threading
from typing import Protocol

import numpy as np

from kernel.array import ArchiveClass
from kernel.clock import DAY, SECOND
from kernel.live_config import LiveConfig
from kernel.samples import Bytes, Ints

STANDARD = ArchiveClass("standard")
SHORTEST, LONGEST = 60 * SECOND, DAY


class Named(Protocol):
    """Who knows the name of each point id: names[id]."""

    names: list[str]


class ClassBook:
    """Implements fold.Classes. Points not in the configuration belong to the class `standard`. Any thread; a class keeps its number."""

    def __init__(self, names: Named, config: LiveConfig) -> None:
        self._names, self._config = names, config
        self._revision: object = None
        self._in_force: list[ArchiveClass] = []
        self._classes: list[ArchiveClass] = []
        """By number: all that ever were in force here."""
        self._numbers: dict[str, int] = {}
        self._of: Bytes = np.zeros(0, np.uint8)
        self._lock = threading.Lock()

    def _refresh(self) -> None:
        config = self._config.current
        if config is not self._revision:
            self._in_force = [config.classes.get("standard", STANDARD), *(c for n, c in config.classes.items() if n != "standard")]
            for found in self._in_force:
                number = self._numbers.setdefault(found.name, len(self._classes))
                self._classes[number : number + 1] = [found]
            self._of = np.zeros(0, np.uint8)
            self._revision = config
        n = len(self._names.names)
        if len(self._of) < n:
            numbers, known = self._numbers, config.points
            more = [numbers.get(known[name].type.archive_class, 0) if name in known else 0 for name in self._names.names[len(self._of) : n]]
            self._of = np.concatenate([self._of, np.array(more, np.uint8)])

    def forget(self) -> None:
        """Names may have been given to ids that had none."""
        self._revision = None

    def all(self) -> list[ArchiveClass]:
        """The classes in force, `standard` among them."""
        with self._lock:
            self._refresh()
            return list(self._in_force)

    def of(self, points: Ints) -> Bytes:
        with self._lock:
            self._refresh()
            known = self._of
        numbers: Bytes = known[points]
        return numbers

    def name(self, number: int) -> str:
        return self._classes[number].name

    def chunk(self, number: int) -> int:
        return min(max(round(self._classes[number].chunk * SECOND), SHORTEST), LONGEST)

    def retention(self, name: str) -> int | None:
        """Microseconds a class is kept; None: for ever. Data of a class that is no longer configured is kept."""
        found = next((c.retention for c in self.all() if c.name == name), None)
        return None if found is None else round(found * SECOND)
