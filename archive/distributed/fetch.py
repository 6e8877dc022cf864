"""Fetching for readers: a few answers ahead of the one that is decoded, and slabs that were read lately."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np

from archive.distributed.folder import INDEX
from archive.slab import Slab, open_slab
from cql import Link
from kernel.samples import Ints

AHEAD = 16
"""Answers under way while one is decoded: some 100 kB."""
OVERHEAD = 300
"""Bytes that keeping a slab takes besides its data."""
REMEMBERED = 32 << 20
"""Bytes of slabs kept."""
_SLAB = "SELECT data FROM archive_slabs WHERE base = ? AND section = ? AND low = ?"


class Gone(Exception):
    """A section was sealed and removed between two looks: look again."""


class Ahead:
    """Answers to requests in order, some ahead. Blocks; one thread."""

    def __init__(self, link: Link, requests: Sequence[tuple[str, Sequence[Any]]], ahead: int = AHEAD) -> None:
        self._link, self._requests, self._ahead = link, requests, ahead
        self._flying: dict[int, Any] = {}

    def get(self, place: int) -> list[tuple[Any, ...]]:
        """The answer to one of them."""
        for i in range(place, min(place + self._ahead, len(self._requests))):
            if i not in self._flying:
                self._flying[i] = self._link.start(*self._requests[i])
        for i in [i for i in self._flying if i < place]:
            del self._flying[i]
        return self._link.wait(self._flying.pop(place))


class Slabs:
    """Slabs of the open tier, which never change, and where each is. Blocks; any thread."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._data: OrderedDict[tuple[UUID, int, int], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find(self, keys: Sequence[tuple[UUID, int]], point: int) -> list[Slab | None]:
        """For each section, the slab that a series is in, if it has any."""
        indexes = self._get([(*key, INDEX) for key in keys])
        wanted = []
        for key, data in zip(keys, indexes, strict=True):
            lows: Ints = np.frombuffer(data, "<u4").astype(np.int64)
            at = int(np.searchsorted(lows, point, side="right")) - 1
            wanted.append(None if at < 0 else (*key, int(lows[at])))
        found = iter(self._get([w for w in wanted if w is not None]))
        return [None if w is None else open_slab(next(found)) for w in wanted]

    def _get(self, keys: Sequence[tuple[UUID, int, int]]) -> list[bytes]:
        with self._lock:
            held = {key: self._data[key] for key in keys if key in self._data}
            for key in held:
                self._data.move_to_end(key)
        missing = [key for key in keys if key not in held]
        requests = Ahead(self._link, [(_SLAB, key) for key in missing])
        for i, key in enumerate(missing):
            rows = requests.get(i)
            if not rows:
                raise Gone
            held[key] = bytes(rows[0][0])
        with self._lock:
            for key in missing:
                if key not in self._data:
                    self._data[key] = held[key]
                    self._size += len(held[key]) + OVERHEAD
            while self._size > REMEMBERED:
                self._size -= len(self._data.popitem(last=False)[1]) + OVERHEAD
        return [held[key] for key in keys]
