"""What is known of each source besides its samples: which batches were stored, and which times are covered. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from archive.encoding import pack, unpack


class Spans:
    """A union of closed intervals of integers, kept coalesced: [1, 3] and [4, 9] are [1, 9]."""

    __slots__ = ("_spans",)

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans: list[tuple[int, int]] = []
        for low, high in spans:
            self.add(low, high)

    def __contains__(self, value: int) -> bool:
        i = bisect_right(self._spans, value, key=_low) - 1
        return i >= 0 and value <= self._spans[i][1]

    def __len__(self) -> int:
        return len(self._spans)

    def add(self, low: int, high: int) -> None:
        """Adds [low, high]."""
        spans = self._spans
        if spans and spans[-1][0] <= low <= spans[-1][1] + 1:  # the usual case: it continues the last one
            spans[-1] = (spans[-1][0], max(spans[-1][1], high))
            return
        a = bisect_right(spans, low, key=_low) - 1
        if a < 0 or spans[a][1] + 1 < low:
            a += 1
        b = bisect_right(spans, high + 1, key=_low)
        if a < b:
            low, high = min(low, spans[a][0]), max(high, spans[b - 1][1])
        spans[a:b] = [(low, high)]

    def all(self) -> list[tuple[int, int]]:
        """Ascending."""
        return list(self._spans)


def _low(span: tuple[int, int]) -> int:
    return span[0]


class Marks:
    """Which batches were stored, by (source, epoch): sequence numbers as spans, so that a run of a source takes one of them."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, int], Spans] = {}
        self.changed: set[tuple[str, int]] = set()

    def __contains__(self, batch: tuple[str, int, int]) -> bool:
        source, epoch, seq = batch
        spans = self._spans.get((source, epoch))
        return spans is not None and seq in spans

    def add(self, source: str, epoch: int, low: int, high: int) -> None:
        """Batches low to high are stored."""
        self._spans.setdefault((source, epoch), Spans()).add(low, high)
        self.changed.add((source, epoch))

    def spans(self, source: str, epoch: int) -> list[tuple[int, int]]:
        """What is stored of one run of a source."""
        found = self._spans.get((source, epoch))
        return found.all() if found else []


class Coverage:
    """The times in which each source was connected and reported every change."""

    def __init__(self) -> None:
        self._spans: dict[str, Spans] = {}
        self.changed: set[str] = set()

    def add(self, source: str, low: int, high: int) -> None:
        """Covered from low to high; nothing is claimed by an empty interval."""
        if high > low:
            self._spans.setdefault(source, Spans()).add(low, high)
            self.changed.add(source)

    def spans(self, source: str) -> list[tuple[int, int]]:
        """Ascending; empty where nothing was ever claimed."""
        found = self._spans.get(source)
        return found.all() if found else []

    def all(self) -> dict[str, list[tuple[int, int]]]:
        """Of every source that ever claimed something."""
        return {source: spans.all() for source, spans in self._spans.items()}


def pack_batches(columns: NDArray[np.int64]) -> bytes:
    """Four rows (first and last sample time, received, published) of a source's batches, ascending by arrival, as few bytes."""
    first, last, received, published = columns
    parts = [pack(np.diff(first, prepend=0)), pack(last - first), pack(received - last), pack(published - received)]
    head = np.array([columns.shape[1], *map(len, parts)], dtype="<u4").tobytes()
    return head + b"".join(parts)


def unpack_batches(data: bytes) -> NDArray[np.int64]:
    """The four rows that pack_batches wrote."""
    n, *sizes = np.frombuffer(data, "<u4", 5).tolist()
    ends = np.cumsum([20, *sizes]).tolist()
    a, b, c, d = (unpack(data[i:j], n, np.int64) for i, j in pairwise(ends))
    first = np.cumsum(a, dtype=np.int64)
    last = first + b
    received = last + c
    return np.stack([first, last, received, received + d])
