"""Records decoded lately, shared by the readers of one process: a dispatcher reads each batch twice and decodes it once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")
Key = tuple[int, int]
"""Partition and place in it."""
SIZE = 32 << 20
"""Bytes of the records remembered, as they travel: as far as readers may be apart. Those that all had are forgotten at once."""


@dataclass(slots=True)
class _Held(Generic[R]):
    """A record that others have not had yet."""

    data: bytes
    record: R
    wanted: int
    """How many readers."""


class Memo(Generic[R]):
    """Of one topic; any thread. It remembers nothing while there is but one reader. Records are frozen, so readers may share them."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._readers = 0
        self._known: dict[Key, _Held[R]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """As long as one reads the topic."""
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers < 2:
                    self._known.clear()
                    self._bytes = 0

    def find(self, key: Key, data: bytes) -> R | None:
        """The record of these very bytes, if another reader had them."""
        with self._lock:
            return self._hand_out(key, data)

    def keep(self, key: Key, data: bytes, record: R) -> None:
        """For the other readers. Those that are too far behind will not find the oldest ones."""
        with self._lock:
            if self._readers < 2 or self._hand_out(key, data) is not None or key in self._known:
                return
            self._known[key] = _Held(data, record, self._readers - 1)
            self._bytes += len(data)
            while self._bytes > self._size:
                self._bytes -= len(self._known.pop(next(iter(self._known))).data)

    def _hand_out(self, key: Key, data: bytes) -> R | None:
        """One reader less waits for it."""
        found = self._known.get(key)
        if found is None or found.data != data:
            return None
        found.wanted -= 1
        if not found.wanted:
            del self._known[key]
            self._bytes -= len(data)
        return found.record
