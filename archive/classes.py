"""Which archive class each point belongs to, by the configuration in force."""

from __future__ import annotations

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
    """Implements fold.Classes. Points not in the configuration belong to the class `standard`."""

    def __init__(self, names: Named, config: LiveConfig) -> None:
        self._names, self._config = names, config
        self._revision: object = None
        self._classes: list[ArchiveClass] = []
        self._of: Bytes = np.zeros(0, np.uint8)

    def _refresh(self) -> None:
        config = self._config.current
        if config is not self._revision:
            self._classes = [config.classes.get("standard", STANDARD), *(c for n, c in config.classes.items() if n != "standard")]
            self._of = np.zeros(0, np.uint8)
            self._revision = config
        n = len(self._names.names)
        if len(self._of) < n:
            number = {c.name: i for i, c in enumerate(self._classes)}
            known = config.points
            more = [number.get(known[name].type.archive_class, 0) if name in known else 0 for name in self._names.names[len(self._of) : n]]
            self._of = np.concatenate([self._of, np.array(more, np.uint8)])

    def forget(self) -> None:
        """Names may have been given to ids that had none."""
        self._revision = None

    def all(self) -> list[ArchiveClass]:
        """The classes in force, `standard` among them."""
        self._refresh()
        return list(self._classes)

    def of(self, points: Ints) -> Bytes:
        self._refresh()
        numbers: Bytes = self._of[points]
        return numbers

    def name(self, number: int) -> str:
        return self._classes[number].name

    def chunk(self, number: int) -> int:
        return min(max(round(self._classes[number].chunk * SECOND), SHORTEST), LONGEST)

    def retention(self, name: str) -> int | None:
        """Microseconds a class is kept; None: for ever. Data of a class that is no longer configured is kept."""
        self._refresh()
        found = next((c.retention for c in self._classes if c.name == name), None)
        return None if found is None else round(found * SECOND)
