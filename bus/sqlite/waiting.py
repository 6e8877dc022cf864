"""What tasks of one event loop wait for: that a topic grows, that publishers' bytes are written, that a lease is free."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from itertools import islice

from bus.envelope import Packed
from kernel.errors import NotAvailable

FRESH_BYTES = 1 << 20
FRESH_RECORDS = 2000


class Head:
    """The end of a topic: how far it is known to reach, and the newest records where they were published in this process, so that a
    reader who keeps up needs no look at the file. `end` may be read from any thread; the rest belongs to the event loop."""

    def __init__(self) -> None:
        self.end = 0
        self._closed = False
        self._grown = asyncio.Event()
        self._fresh: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def advance(self, end: int) -> None:
        """The topic reaches to `end` (the number of its next record); wakes those who wait for that."""
        if end > self.end:
            self.end = end
            self._wake()

    def extend(self, end: int, records: Sequence[Packed]) -> None:
        """These records were written in this process, and the topic reaches to `end` after them."""
        first = end - len(records)
        if self._fresh and self._fresh[-1][0] + 1 != first:  # another process published in between
            self._fresh.clear()
            self._bytes = 0
        for seq, (_, data) in enumerate(records[-FRESH_RECORDS:], max(first, end - FRESH_RECORDS)):
            self._fresh.append((seq, data))
            self._bytes += len(data)
        while self._fresh and (self._bytes > FRESH_BYTES or len(self._fresh) > FRESH_RECORDS):
            self._bytes -= len(self._fresh.popleft()[1])
        self.advance(end)

    def fresh(self, position: int) -> list[tuple[int, bytes]]:
        """The records from a position on, numbered, where they are at hand; empty where the file must be read."""
        if not self._fresh or not self._fresh[0][0] <= position <= self._fresh[-1][0]:
            return []
        return list(islice(self._fresh, position - self._fresh[0][0], None))

    def close(self) -> None:
        """Nothing more will come: waiting now raises NotAvailable."""
        self._closed = True
        self._wake()

    async def beyond(self, position: int) -> None:
        """Returns once the record at `position` is there."""
        while self.end <= position:
            if self._closed:
                raise NotAvailable("the bus was closed while a reader waited")
            await self._grown.wait()

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


class Room:
    """Bytes that may be under way at once. Those who wait are let in in turn, and one larger than all the room once it is empty."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._door = asyncio.Lock()
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        """Waits until there is room."""
        async with self._door:
            while self._used and self._used + size > self._size:
                self._freed.clear()
                await self._freed.wait()
            self._used += size

    def give(self, size: int) -> None:
        """Bytes taken before are free again."""
        self._used -= size
        self._freed.set()


class Standby:
    """Members of this process that wait for a group's lease."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[asyncio.Event]] = defaultdict(list)

    def add(self, topic: str, group: str) -> asyncio.Event:
        """An event that is set when the lease was given up here."""
        event = asyncio.Event()
        self._waiting[topic, group].append(event)
        return event

    def remove(self, topic: str, group: str, event: asyncio.Event) -> None:
        """It waits no more."""
        self._waiting[topic, group].remove(event)

    def free(self, topic: str, group: str) -> None:
        """A member of this process left: wakes those who stand by."""
        for event in self._waiting[topic, group]:
            event.set()

    def free_all(self) -> None:
        """Wakes everybody: the bus closes."""
        for topic, group in self._waiting:
            self.free(topic, group)
