"""A consumer group's member on the embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Generic, ParamSpec, Protocol, TypeVar

from bus.envelope import Undecodable, Unpacked, unpack
from bus.memo import Memo
from bus.sqlite.groups import Groups, Progress
from bus.sqlite.log import Log, Stretch
from bus.sqlite.waiting import Head
from schemas.topic import Topic

R = TypeVar("R")
T = TypeVar("T")
P = ParamSpec("P")
Rows = Sequence[tuple[int, bytes]]


class Host(Protocol):
    """What a reader needs of the bus it belongs to."""

    groups: Groups

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a blocking call in a thread of the bus."""
        ...

    async def set_aside(self, topic: str, bad: Sequence[Undecodable], first: int) -> None:
        """Puts undecodable records into `dead.letters`, once."""
        ...

    async def claim(self, topic: str, group: str, reader: int) -> Progress:
        """Stands by until the group's lease is ours."""
        ...

    def recent(self, topic: Topic[R], window: int) -> AsyncGenerator[R, None]:
        """Records from `window` microseconds ago on."""
        ...


AT_ONCE_RECORDS = 200
AT_ONCE_BYTES = 1 << 19
"""What is decoded in the event loop, within two milliseconds or so; more is decoded in a thread."""


class Reader(Generic[R]):
    """Reads a topic forward from a position, for a subscription or a tail."""

    def __init__(self, host: Host, topic: Topic[R], log: Log, head: Head, memo: Memo[R]) -> None:
        self._host, self._topic, self._log, self._head, self._memo = host, topic, log, head, memo
        self._looked = False
        self.position = 0
        """The next record to read."""
        self.evicted = 0
        """Records that left the topic before they were read, in all."""
        self.undecodable = 0

    def seek(self, position: int) -> None:
        """Goes on from another record."""
        self.position, self._looked = position, False

    async def resume(self, position: int) -> None:
        """Goes on from a record that was noted down earlier; from the oldest, where the topic's file was made anew since."""
        extent = await self._host.run(self._log.extent)
        self.seek(position if position <= extent.next else extent.first)

    async def next(self) -> Sequence[R]:
        """The next records, after waiting for some; empty where none of them could be decoded."""
        while True:
            if rows := self._head.fresh(self.position):
                unpacked = await self._unpack(rows)
                break
            if self._looked:  # to the end; from there on the head knows
                await self._head.beyond(self.position)
                if self._head.fresh(self.position):
                    continue
            stretch, unpacked = await self._host.run(self._read, self.position)
            rows = stretch.rows
            self.evicted += stretch.evicted
            self.position += stretch.evicted
            if rows:
                break
            self._looked = True
        if unpacked.bad:
            await self._host.set_aside(self._topic.name, unpacked.bad, rows[0][0])
        self.undecodable += len(unpacked.bad)
        self.position = rows[-1][0] + 1
        return unpacked.records

    async def _unpack(self, rows: Rows) -> Unpacked[R]:
        if len(rows) <= AT_ONCE_RECORDS and sum(len(data) for _, data in rows) <= AT_ONCE_BYTES:
            return unpack(self._topic, rows, self._memo)
        return await self._host.run(unpack, self._topic, rows, self._memo)

    def _read(self, position: int) -> tuple[Stretch, Unpacked[R]]:
        stretch = self._log.read(position)
        return stretch, unpack(self._topic, stretch.rows, self._memo)


class SqliteSubscription(Generic[R]):
    """Yields while it holds the group's lease; stands by while another member does."""

    def __init__(self, host: Host, reader: Reader[R], topic: Topic[R], group: str, number: int) -> None:
        self._host, self._reader = host, reader
        self._records, self._topic, self._group, self._number = topic, topic.name, group, number
        self._holds = False
        self._claimed = asyncio.Event()
        self._yielded = 0
        self._committed = 0
        self._evicted = 0
        """How many the reader had found evicted at the last commit."""

    @property
    def lost(self) -> dict[str, int]:
        """See kernel.bus.Subscription."""
        found = {"evicted": self._reader.evicted, "decode_error": self._reader.undecodable}
        return {cause: count for cause, count in found.items() if count}

    async def batches(self) -> AsyncIterator[Sequence[R]]:
        """See kernel.bus.Subscription."""
        while True:
            if not self._holds:
                await self._claim()
            all_committed = self._yielded == self._committed
            records = await self._reader.next()
            self._yielded = self._reader.position
            if records:
                yield records
            elif all_committed:
                await self.commit()  # nobody will be asked to commit what nobody was given

    async def tail(self, *, window: int) -> AsyncIterator[R]:
        """See kernel.bus.Subscription: all of the topic, for the member that holds the lease."""
        while True:
            await self._claimed.wait()
            self._claimed.clear()
            async with aclosing(self._host.recent(self._records, window)) as records:
                async for record in records:
                    if not self._holds:
                        break
                    yield record

    async def commit(self) -> None:
        """See kernel.bus.Subscription."""
        if not self._holds or self._yielded == self._committed:
            return
        upto, evicted = self._yielded, self._reader.evicted
        self._holds = await self._host.run(self._host.groups.commit, self._topic, self._group, self._number, upto, evicted - self._evicted)
        self._committed, self._evicted = upto, evicted

    async def _claim(self) -> None:
        progress = await self._host.claim(self._topic, self._group, self._number)
        await self._reader.resume(progress.next)
        self._yielded = self._committed = self._reader.position
        self._evicted = self._reader.evicted
        self._holds = True
        self._claimed.set()
