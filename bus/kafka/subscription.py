"""A consumer group's member on Kafka, and private reading."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Generic, Protocol, TypeVar

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from bus.envelope import Undecodable
from bus.kafka.errors import LOST
from bus.kafka.reader import ASK, REFRESH, SOON, Part, Reader
from kernel.clock import SystemClock, monotonic, pause, sleep
from schemas.topic import Topic

log = logging.getLogger(__name__)
R = TypeVar("R")
HANDOVER = 1.0
"""Seconds that a partition which leaves us waits for the commit of what was given out of it."""
SKEW_MS = 60_000
"""A record's own time may be so much later than the moment it was accepted."""
AGAIN = 1.0
"""Seconds between two tries of a commit."""
PATIENCE = 5.0
"""Seconds a commit may take; then the service goes on, and the next commit covers it."""
_TRIES = 20


class Host(Protocol):
    """What a reader needs of the bus it belongs to."""

    async def set_aside(self, topic: str, bad: Sequence[Undecodable]) -> None:
        """Puts undecodable records into `dead.letters`."""
        ...

    def opened(self, topic: Topic[R], tail: Tail[R]) -> AbstractAsyncContextManager[Reader[R]]:
        """A reader for private reading."""
        ...


@asynccontextmanager
async def _until(moved: asyncio.Event, reader: Reader[R]) -> AsyncIterator[None]:
    """Interrupts a reader when the share it reads is another one."""

    async def watch() -> None:
        await moved.wait()
        reader.interrupt()

    watching = asyncio.create_task(watch(), name="bus-share")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


class KafkaSubscription(Generic[R]):
    """Yields the records of the partitions that the group gives to this member."""

    def __init__(self, host: Host, topic: Topic[R], name: str) -> None:
        self._host, self._topic, self._name = host, topic, name
        self._reader: Reader[R] | None = None
        self._given: dict[int, tuple[int, int]] = {}
        """Partition to (tenure, next offset) of what was yielded and not yet committed."""
        self._owed: dict[int, tuple[int, int]] = {}
        """The same of what the service called done and the brokers have not taken yet."""
        self._evicted: dict[int, int] = {}
        """Per partition, records evicted before the group read them, in all; kept with the committed offset."""
        self._lost: dict[str, int] = {}

    @property
    def lost(self) -> dict[str, int]:
        """See kernel.bus.Subscription."""
        return dict(self._lost)

    def begin(self, reader: Reader[R], consumer: Consumer) -> None:
        """In the reader's thread: joins the group."""
        self._reader = reader
        consumer.subscribe([self._name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._taken_away)

    async def batches(self) -> AsyncIterator[Sequence[R]]:
        """See kernel.bus.Subscription."""
        while True:
            all_committed = not self._given
            records = await self._accept(await self._next())
            if records:
                yield records
            elif all_committed and self._given:
                await self.commit()  # nobody will be asked to commit what nobody was given

    async def tail(self, *, window: int) -> AsyncIterator[R]:
        """See kernel.bus.Subscription: the partitions that the group gives to this member."""
        assert self._reader is not None
        while True:
            self._reader.moved.clear()
            share = set(self._reader.owned.copy())
            if not share:
                await self._reader.moved.wait()
                continue
            tail = Tail(self._host, self._topic, self._name, SystemClock().now() - window, share)
            async with (
                self._host.opened(self._topic, tail) as reader,
                _until(self._reader.moved, reader),
                aclosing(tail.records(reader)) as records,
            ):
                async for record in records:
                    yield record

    async def commit(self) -> None:
        """See kernel.bus.Subscription. What cannot be committed now is tried again; nothing is ever skipped."""
        self._owed |= self._given
        self._given = {}
        await self._pay()

    async def _next(self) -> Sequence[Part[R]]:
        """The next records; meanwhile commits that failed are tried again."""
        assert self._reader is not None
        while True:
            try:
                async with asyncio.timeout(AGAIN if self._owed else None):
                    return await self._reader.next()
            except TimeoutError:
                await self._pay()

    async def _pay(self) -> None:
        assert self._reader is not None
        owed = self._owed = {p: g for p, g in self._owed.items() if self._owns(p, g[0])}
        offsets = [TopicPartition(self._name, p, upto, metadata=str(self._evicted.get(p, 0))) for p, (_, upto) in owed.items()]
        if not offsets or await self._commit(offsets):
            self._owed = {}
        self._reader.due = bool(self._given or self._owed)

    async def _commit(self, offsets: list[TopicPartition]) -> bool:
        """Whether the group's coordinator took it."""
        assert self._reader is not None
        for _ in range(_TRIES):
            answer = self._reader.commit(offsets)
            await asyncio.wait([answer], timeout=PATIENCE)
            error = answer.result() if answer.done() else KafkaError(KafkaError._TIMED_OUT)
            if error is None:
                return True
            if error.code() not in (KafkaError.REBALANCE_IN_PROGRESS, KafkaError._WAIT_COORD, KafkaError.NOT_COORDINATOR):
                say = log.info if error.code() in LOST else log.warning
                say("commit of %s not taken: %s; it is tried again, or the records come again", self._name, error.str())
                return False
            await sleep(SystemClock(), 0.1)
        return False

    async def _accept(self, parts: Sequence[Part[R]]) -> list[R]:
        records: list[R] = []
        for part in parts:
            if part.bad and self._owns(part.partition, part.tenure):
                await self._host.set_aside(self._topic.name, part.bad)
        for part in parts:  # no await from here on: what is noted as given is given
            if not self._owns(part.partition, part.tenure):
                continue
            self._given[part.partition] = (part.tenure, part.next)
            self._count("decode_error", len(part.bad))
            self._count_evicted(part.partition, part.evicted)
            records += part.records
        if self._reader is not None:
            self._reader.due = bool(self._given or self._owed)
        return records

    def _owns(self, partition: int, tenure: int) -> bool:
        return self._reader is not None and self._reader.owned.get(partition) == tenure

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """In the thread. A group that never committed starts at the oldest record, and that is written down at once; where the
        committed record was evicted meanwhile, the first one read tells how many are missing."""
        assert self._reader is not None
        known = self._reader.patiently(consumer, lambda: consumer.committed(partitions, timeout=ASK))
        fresh = []
        for p in known:
            metadata = p.metadata
            self._evicted[p.partition] = int(metadata) if metadata and metadata.isdecimal() else 0
            if p.offset == OFFSET_INVALID:
                place = TopicPartition(self._name, p.partition)
                asked = self._reader.patiently(consumer, lambda place=place: consumer.get_watermark_offsets(place, timeout=ASK))  # type: ignore[misc]
                p.offset = asked[0]
                fresh.append(TopicPartition(self._name, p.partition, p.offset))
        self._reader.take(known)
        consumer.incremental_assign([TopicPartition(self._name, p.partition, p.offset) for p in known])
        (consumer.pause if self._reader.paused else consumer.resume)(known)  # a partition keeps its pause while it is away
        if fresh:
            consumer.commit(offsets=fresh, asynchronous=True)
        self._reader.later = None if self._reader.owned else (monotonic() + REFRESH, self._join_anew_where_nobody_reads)

    def _join_anew_where_nobody_reads(self, consumer: Consumer) -> None:
        """In the thread, while the group gives this member nothing. Either there are more members than partitions, or the group was divided
        when a lost bus had come back without the topic; the client library, which knew the topic before, sees nothing new when it is made.
        A partition is nobody's where no offset was ever committed: who is given one writes it down at once."""
        assert self._reader is not None
        self._reader.later = (monotonic() + REFRESH, self._join_anew_where_nobody_reads)
        try:
            about = consumer.list_topics(self._name, timeout=ASK).topics[self._name]
            partitions = [TopicPartition(self._name, p) for p in about.partitions]
            known = consumer.committed(partitions, timeout=ASK) if partitions else []
        except KafkaException as error:
            self._reader.heed(error.args[0])
            return
        if any(p.offset == OFFSET_INVALID for p in known) and not self._reader.owned:
            log.info("topic %s is there anew and nobody reads it: joining its group again", self._name)
            consumer.unsubscribe()
            self.begin(self._reader, consumer)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """In the thread. Gives the service a moment to commit, so that others need not read the same again."""
        assert self._reader is not None
        end = monotonic() + HANDOVER
        while self._reader.due and not self._reader.closing and monotonic() < end:
            self._reader.serve_commits(consumer, at_once=True)
            pause(SOON)
        self._taken_away(consumer, partitions)

    def _taken_away(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        assert self._reader is not None
        self._reader.drop(partitions)
        consumer.incremental_unassign(partitions)

    def _count(self, cause: str, records: int) -> None:
        if records:
            self._lost[cause] = self._lost.get(cause, 0) + records

    def _count_evicted(self, partition: int, records: int) -> None:
        self._count("evicted", records)
        self._evicted[partition] = self._evicted.get(partition, 0) + records


class Tail(Generic[R]):
    """Private reading: every partition or some, from the end or from a moment on."""

    def __init__(self, host: Host, topic: Topic[R], name: str, since: int | None, share: Collection[int] | None = None) -> None:
        self._host, self._topic, self._name, self._since, self._share = host, topic, name, since, share
        self._reached: set[int] = set()
        self._ends: dict[int, int] = {}
        """Partition to its end at the beginning: what comes later is wanted, whatever its time says."""

    def begin(self, reader: Reader[R], consumer: Consumer) -> None:
        """In the reader's thread: finds the first records; waits for brokers that are away."""
        known = reader.patiently(consumer, lambda: self._partitions(consumer))
        partitions = [TopicPartition(self._name, p) for p in known if self._share is None or p in self._share]
        ends = self._ends = {p.partition: self._end(reader, consumer, p) for p in partitions}
        if self._since is None:
            starts = ends
            self._reached = set(ends)
        else:
            moment = max(0, self._since // 1000 - SKEW_MS)
            asked = [TopicPartition(self._name, p.partition, moment) for p in partitions]
            found = reader.patiently(consumer, lambda: consumer.offsets_for_times(asked, timeout=ASK))
            starts = {p.partition: p.offset if p.offset >= 0 else ends[p.partition] for p in found}
        chosen = [TopicPartition(self._name, p, offset) for p, offset in starts.items()]
        reader.take(chosen)
        consumer.assign(chosen)

    def _partitions(self, consumer: Consumer) -> Collection[int]:
        about = consumer.list_topics(self._name, timeout=ASK).topics[self._name]
        if about.error is not None:
            raise KafkaException(about.error)
        return [int(p) for p in about.partitions]

    def _end(self, reader: Reader[R], consumer: Consumer, place: TopicPartition) -> int:
        return reader.patiently(consumer, lambda: int(consumer.get_watermark_offsets(place, timeout=ASK)[1]))

    async def records(self, reader: Reader[R]) -> AsyncGenerator[R, None]:
        """One by one, until the reader is interrupted."""
        while not reader.interrupted:
            for part in await reader.next():
                if part.bad:
                    await self._host.set_aside(self._topic.name, part.bad)
                fresh = part.next - max(part.first, self._ends.get(part.partition, 0))
                for left, record in zip(range(len(part.records), 0, -1), part.records, strict=True):
                    if left <= fresh or part.partition in self._reached or self._topic.time(record) >= (self._since or 0):
                        self._reached.add(part.partition)
                        yield record
