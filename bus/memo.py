"""Records decoded lately, shared by the readers of one process: a dispatcher reads each batch twice and decodes it once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

R = TypeVar("R")
Key = tuple[int, int]
"""Partition and place in it."""
SIZE = 8 << 20
"""Bytes of the records remembered, as they travel."""


class Memo(Generic[R]):
    """Of one topic; any thread. It remembers nothing while there is but one reader. Records are frozen, so readers may share them."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._readers = 0
        self._known: dict[Key, tuple[bytes, R]] = {}
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
        found = self._known.get(key)
        return found[1] if found is not None and found[0] == data else None

    def keep(self, key: Key, data: bytes, record: R) -> None:
        """For the other readers; the oldest ones are forgotten."""
        if self._readers < 2:
            return
        with self._lock:
            if key in self._known:
                return
            self._known[key] = (data, record)
            self._bytes += len(data)
            while self._bytes > self._size:
                self._bytes -= len(self._known.pop(next(iter(self._known)))[0])
