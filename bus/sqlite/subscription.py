"""A consumer group's member on the embedded log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Generic, ParamSpec, Protocol, TypeVar

from bus.envelope import Undecodable, Unpacked, unpack
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


AT_ONCE_RECORDS = 200
AT_ONCE_BYTES = 1 << 19
"""What is decoded in the event loop, within two milliseconds or so; more is decoded in a thread."""


class Reader(Generic[R]):
    """Reads a topic forward from a position, for a subscription or a tail."""

    def __init__(self, host: Host, topic: Topic[R], log: Log, head: Head) -> None:
        self._host, self._topic, self._log, self._head = host, topic, log, head
        self._position = 0
        self._looked = False
        self.lost: dict[str, int] = {}

    @property
    def position(self) -> int:
        """The next record to read."""
        return self._position

    def seek(self, position: int) -> None:
        """Goes on from another record."""
        self._position, self._looked = position, False

    async def next(self) -> tuple[Sequence[R], int]:
        """The next records, after waiting for some, and how many were evicted before them. Empty where none could be decoded."""
        evicted = 0
        while True:
            if rows := self._head.fresh(self._position):
                unpacked = await self._unpack(rows)
                break
            if self._looked:  # to the end; from there on the head knows
                await self._head.beyond(self._position)
                if self._head.fresh(self._position):
                    continue
            stretch, unpacked = await self._host.run(self._read, self._position)
            rows, evicted = stretch.rows, evicted + stretch.evicted
            self._position = stretch.next
            if rows:
                break
            self._looked = True
        self._position = rows[-1][0] + 1
        self._count("evicted", evicted)
        if unpacked.bad:
            await self._host.set_aside(self._topic.name, unpacked.bad, rows[0][0])
            self._count("decode_error", len(unpacked.bad))
        return unpacked.records, evicted

    async def _unpack(self, rows: Rows) -> Unpacked[R]:
        if len(rows) <= AT_ONCE_RECORDS and sum(len(data) for _, data in rows) <= AT_ONCE_BYTES:
            return unpack(self._topic, rows)
        return await self._host.run(unpack, self._topic, rows)

    def _read(self, position: int) -> tuple[Stretch, Unpacked[R]]:
        stretch = self._log.read(position)
        return stretch, unpack(self._topic, stretch.rows)

    def _count(self, cause: str, records: int) -> None:
        if records:
            self.lost[cause] = self.lost.get(cause, 0) + records


class SqliteSubscription(Generic[R]):
    """Yields while it holds the group's lease; stands by while another member does."""

    def __init__(self, host: Host, reader: Reader[R], topic: str, group: str, number: int) -> None:
        self._host, self._reader = host, reader
        self._topic, self._group, self._number = topic, group, number
        self._holds = False
        self._yielded = 0
        self._committed = 0
        self._evicted = 0

    @property
    def lost(self) -> dict[str, int]:
        """Records this member passed over and will never yield, by cause: `evicted`, `decode_error`."""
        return dict(self._reader.lost)

    async def batches(self) -> AsyncIterator[Sequence[R]]:
        """See kernel.bus.Subscription."""
        while True:
            if not self._holds:
                await self._claim()
            all_committed = self._yielded == self._committed
            records, evicted = await self._reader.next()
            self._yielded = self._reader.position
            self._evicted += evicted
            if records:
                yield records
            elif all_committed:
                await self.commit()  # nobody will be asked to commit what nobody was given

    async def commit(self) -> None:
        """See kernel.bus.Subscription."""
        if not self._holds or self._yielded == self._committed:
            return
        upto, evicted = self._yielded, self._evicted
        self._holds = await self._host.run(self._host.groups.commit, self._topic, self._group, self._number, upto, evicted)
        self._committed = upto
        self._evicted -= evicted

    async def _claim(self) -> None:
        progress = await self._host.claim(self._topic, self._group, self._number)
        self._reader.seek(progress.next)
        self._yielded = self._committed = progress.next
        self._evicted = 0
        self._holds = True
