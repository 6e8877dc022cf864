"""Results remembered for inputs that come again and again, in bounded memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Holds results of a total size of `most`; forgets all when full, since what comes again is soon here again. Any thread: at worst a
    result is worked out twice, or the size is counted a little wrong."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._known: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The result, where it is remembered."""
        return self._known.get(key)

    def put(self, key: K, value: V, size: int = 1) -> None:
        """Remembers it, unless it alone would take an eighth of the room."""
        if size > self._most // 8:
            return
        if self._held + size > self._most:
            self._known.clear()
            self._held = 0
        self._known[key] = value
        self._held += size
