"""What tasks of one event loop wait for: that a topic grows, that publishers' bytes are written, that a lease is free."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from kernel.errors import NotAvailable


class Head:
    """How far a topic is known to reach. `end` may be read from any thread; the rest belongs to the event loop."""

    def __init__(self) -> None:
        self.end = 0
        self._closed = False
        self._grown = asyncio.Event()

    def advance(self, end: int) -> None:
        """The topic reaches to `end` (the number of its next record); wakes those who wait for that."""
        if end > self.end:
            self.end = end
            self._wake()

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
