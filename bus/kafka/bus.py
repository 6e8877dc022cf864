"""The bus on Kafka: for platforms of many processes and hosts."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from bus.envelope import Packed, Undecodable, letters, pack
from bus.kafka.place import KafkaPlace
from bus.kafka.publisher import Message, Publisher
from bus.kafka.reader import Reader
from bus.kafka.registry import RegistryPlace, SchemaRegistry
from bus.kafka.stats import measure
from bus.kafka.subscription import KafkaSubscription, Tail
from bus.kafka.topics import Topics
from bus.kafka.wire import PlainWire, RegisteredWire, Wire
from bus.memo import Memo
from bus.retention import Retention
from kernel.bus import TopicStats
from kernel.clock import Clock, sleep
from kernel.errors import NotAvailable
from schemas.records import DEAD_LETTERS
from schemas.topic import Topic

R = TypeVar("R")


@asynccontextmanager
async def open_kafka(
    place: KafkaPlace, *, clock: Clock, retention: Mapping[str, Retention], registry: RegistryPlace | None = None
) -> AsyncIterator[KafkaBus]:
    """The bus of a cluster. Raises NotAvailable where no broker answers, or where a schema registry is named and does not."""
    topics = Topics(place, retention)
    await topics.look()
    wire: Wire = PlainWire()
    if registry is not None:
        schemas = SchemaRegistry(registry)
        await asyncio.get_running_loop().run_in_executor(None, schemas.check)
        wire = RegisteredWire(schemas, topics.name)
    bus = KafkaBus(place, clock, topics, wire)
    try:
        yield bus
    finally:
        await bus.close()


class KafkaBus:
    """See kernel.bus.Bus. Made by open_kafka."""

    def __init__(self, place: KafkaPlace, clock: Clock, topics: Topics, wire: Wire) -> None:
        self._place, self._clock, self._topics, self._wire = place, clock, topics, wire
        self._publisher = Publisher(place, self._closed_error)
        self._closed = False
        self._memos: defaultdict[str, Memo[Any]] = defaultdict(Memo)
        self._starting: dict[str, set[asyncio.Future[None]]] = {}

    async def publish(self, topic: Topic[R], records: Sequence[R]) -> None:
        """See kernel.bus.Bus."""
        self._check_open()
        packed: Sequence[Packed] = pack(topic, records)
        if not packed:
            return
        packed = await self._wire.framed(topic, packed)
        messages = [Message(topic.key(r).encode(), data, time) for r, (time, data) in zip(records, packed, strict=True)]
        if waiting := self._starting.get(topic.name):
            # a tail `from now on` that was asked for before gets these records, unless it waits for a broker that is away
            await asyncio.wait(list(waiting), timeout=self._place.publish_timeout)
        await self._topics.ensure(topic.name)
        try:
            await self._publisher.publish(self._topics.name(topic.name), messages)
        except NotAvailable:
            self._topics.forget(topic.name)  # perhaps it was removed
            raise

    @asynccontextmanager
    async def subscribe(self, topic: Topic[R], *, group: str) -> AsyncIterator[KafkaSubscription[R]]:
        """See kernel.bus.Bus."""
        self._check_open()
        await self._topics.ensure(topic.name)
        subscription = KafkaSubscription(self, topic, self._topics.name(topic.name))
        memo = self._memos[topic.name]
        member = f"{self._place.prefix}{group}.{topic.name}"
        reader = Reader(self._place, topic, self._wire, member, subscription.begin, memo, for_group=True)
        try:
            await reader.started
            with memo.reading():
                yield subscription
        finally:
            await reader.close()

    async def tail(self, topic: Topic[R], *, since: int | None = None) -> AsyncIterator[R]:
        """See kernel.bus.Bus."""
        self._check_open()
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        starting = self._starting.setdefault(topic.name, set())
        starting.add(begun)
        async with AsyncExitStack() as stack:
            try:
                await self._topics.ensure(topic.name)
                tail = Tail(self, topic, self._topics.name(topic.name), since)
                reader = await stack.enter_async_context(self.opened(topic, tail))
            finally:
                begun.set_result(None)
                starting.discard(begun)
            async for record in tail.records(reader):
                yield record

    @asynccontextmanager
    async def opened(self, topic: Topic[R], tail: Tail[R]) -> AsyncIterator[Reader[R]]:
        """A reader for private reading."""
        memo, nobody = self._memos[topic.name], f"{self._place.prefix}tail.{uuid.uuid4().hex}"
        reader = Reader(self._place, topic, self._wire, nobody, tail.begin, memo, for_group=False)
        try:
            await reader.started
            with memo.reading():
                yield reader
        finally:
            await reader.close()

    async def stats(self) -> Sequence[TopicStats]:
        """See kernel.bus.Bus."""
        self._check_open()
        return await self._topics.ask(lambda: measure(self._place, self._topics))

    async def set_aside(self, topic: str, bad: Sequence[Undecodable]) -> None:
        """Puts undecodable records into `dead.letters`; waits for room there, since passing over them unseen would be a loss."""
        if topic == DEAD_LETTERS.name:
            return
        while True:
            try:
                await self.publish(DEAD_LETTERS, letters(topic, bad, self._clock.now()))
                return
            except NotAvailable:
                self._check_open()
                await sleep(self._clock, 1.0)

    async def close(self) -> None:
        """Waits a moment for what is under way. Publishers that still wait get NotAvailable."""
        self._closed = True
        await self._publisher.close()

    def _closed_error(self) -> NotAvailable:
        return NotAvailable(f"the bus {self._place.shown} was closed")

    def _check_open(self) -> None:
        if self._closed:
            raise self._closed_error()
