"""Records from brokers: a thread per reader that fetches, decodes, and serves the group's rebalances whatever the event loop does."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bus.envelope import Undecodable, unpack
from bus.kafka.client_log import CLIENT_LOG
from bus.kafka.errors import REFUSED, not_available
from bus.kafka.layout import MESSAGE
from bus.kafka.place import KafkaPlace
from bus.kafka.wire import Wire
from bus.memo import Memo
from kernel.clock import SECOND, SystemClock, monotonic, pause
from kernel.errors import NotAvailable
from schemas.topic import Topic

log = logging.getLogger(__name__)
R = TypeVar("R")
T = TypeVar("T")

Fetched = tuple[int, Message]
"""A message and the tenure of its partition."""

CHUNKS = 2
"""Pieces that wait for the event loop; fetching stops beyond."""
RECORDS = 1000
BYTES = 4 << 20
PREFETCH = 8 << 20
POLL = 0.1
SOON = 0.005
"""Seconds between looks for a commit while one is due: only the thread that fetches may commit (the client library blocks others).
Also the shortest wait between two looks for messages; where none came for a while, an EIGHTH of that, up to LULL."""
LULL = 0.05
EIGHTH = 1 / 8
LOOK = 1.0
"""Seconds between two looks whether the clock was set back."""
SET_BACK = SECOND // 2
REFRESH = 5.0
"""Seconds between two looks whether topics are there. A bus that was lost and came back empty has them anew only when somebody publishes;
the client library would look for them after five minutes."""
STUCK = 1.0
"""Seconds after which a full hand-over pauses the partitions, so that the group's business goes on."""
ASK = 2.0
"""Seconds a broker may take to answer."""
AGAIN = 2.0
"""Seconds between two questions to a schema registry that does not answer."""


@dataclass(slots=True)
class Part(Generic[R]):
    """Records of one partition in a row."""

    partition: int
    tenure: int
    """Which stretch of owning the partition they belong to."""
    first: int
    next: int = 0
    evicted: int = 0
    """Records that were removed before them, unread."""
    records: list[R] = field(default_factory=list)
    bad: list[Undecodable] = field(default_factory=list)


def consumer_settings(place: KafkaPlace, group: str) -> dict[str, Any]:
    """Settings of every consumer: nothing is committed but by us."""
    return {
        **place.client,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "allow.auto.create.topics": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": round(place.session_timeout * 1000),
        "heartbeat.interval.ms": round(place.session_timeout * 1000 / 7),
        "topic.metadata.refresh.interval.ms": round(REFRESH * 1000),
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
        "queued.max.messages.kbytes": PREFETCH >> 10,
        "message.max.bytes": MESSAGE,
        "receive.message.max.bytes": 2 * MESSAGE,
    }


class Reader(Generic[R]):
    """Fetches one topic. `begin` tells the consumer what to read; it runs in the thread."""

    def __init__(
        self,
        place: KafkaPlace,
        topic: Topic[R],
        wire: Wire,
        group: str,
        begin: Callable[[Reader[R], Consumer], None],
        memo: Memo[R],
        *,
        for_group: bool,
    ) -> None:
        self._wire, self._for_group, self._memo = wire, for_group, memo
        self._place, self._topic, self._begin = place, topic, begin
        self._settings = {**consumer_settings(place, group), "on_commit": self._committed}
        self._loop = asyncio.get_running_loop()
        self._slots = threading.Semaphore(CHUNKS)
        self._chunks: deque[list[Part[R]]] = deque()
        self._grown = asyncio.Event()
        self._closing = False
        self._failure: NotAvailable | None = None
        self._commits: deque[tuple[list[TopicPartition], asyncio.Future[KafkaError | None]]] = deque()
        self._sent: list[tuple[set[tuple[int, int]], asyncio.Future[KafkaError | None]]] = []
        self._tenures = itertools.count()
        self.paused = False
        """In the thread: nothing is fetched now."""
        self._stash: list[Fetched] = []
        self._came = 0.0
        """When the last message came, by the clock that is never stepped."""
        self._looked = 0.0
        self._offset = SystemClock().now() - round(monotonic() * SECOND)
        """Of the time of day to a clock that is never stepped."""
        self._expected: dict[int, int] = {}
        self.due = False
        """Something was given out and not yet committed."""
        self.owned: dict[int, int] = {}
        """Partition to tenure."""
        self.moved = asyncio.Event()
        """Set in the event loop when partitions came or went."""
        self.later: tuple[float, Callable[[Consumer], None]] | None = None
        """In the thread: what is to be done from a moment on, by the clock that is never stepped."""
        self.interrupted = False
        self.started: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name=f"bus-{topic.name}")
        self._thread.start()

    async def next(self) -> list[Part[R]]:
        """The next records, after waiting for some. Raises NotAvailable where there will be none."""
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self.interrupted:
                return []
            self._grown.clear()
            await self._grown.wait()
        self._slots.release()
        return self._chunks.popleft()

    def interrupt(self) -> None:
        """`next` waits no more, and gives nothing where there is nothing."""
        self.interrupted = True
        self._grown.set()

    def commit(self, offsets: list[TopicPartition]) -> asyncio.Future[KafkaError | None]:
        """Commits soon; the future tells what went wrong, or None."""
        done: asyncio.Future[KafkaError | None] = self._loop.create_future()
        self._commits.append((offsets, done))
        return done

    def serve_commits(self, consumer: Consumer, *, at_once: bool = False) -> None:
        """In the thread: sends what was asked for; `_committed` hears of it. at_once: waits for the answers, while the group does."""
        while self._commits:
            offsets, done = self._commits.popleft()
            try:
                if at_once:
                    consumer.commit(offsets=offsets, asynchronous=False)
                else:
                    consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as raised:
                self._post(_answer, done, raised.args[0])
            else:
                if at_once:
                    self._post(_answer, done, None)
                else:
                    self._sent.append((_spots(offsets), done))

    def _committed(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        """In the thread: a commit was answered."""
        spots = _spots(offsets)
        for i, (sent, done) in enumerate(self._sent):
            if sent == spots:
                del self._sent[i]
                self._post(_answer, done, error or next((p.error for p in offsets if p.error), None))
                return

    async def close(self) -> None:
        """Leaves the group and ends the thread."""
        self._closing = True
        self._slots.release()
        cancelled = False
        while not self._ended.done():
            try:
                await asyncio.shield(self._ended)
            except asyncio.CancelledError:
                cancelled = True
        self._thread.join()
        if cancelled:
            raise asyncio.CancelledError

    @property
    def closing(self) -> bool:
        """Whether it is about to end."""
        return self._closing

    def patiently(self, consumer: Consumer, call: Callable[[], T]) -> T:
        """In the thread: the brokers' answer, asked for again while they are away or a partition has no leader.

        Called while the client library serves a rebalance: a call that serves callbacks itself (list_topics does) makes the library forget
        the one it is in, and the next callback ends the process.
        """
        while True:
            try:
                return call()
            except KafkaException as error:
                self.heed(error.args[0])
                if self._closing:
                    raise
                pause(POLL)

    def take(self, partitions: Sequence[TopicPartition]) -> None:
        """In the thread: these are ours from now on, from these offsets."""
        for p in partitions:
            self.owned[p.partition] = next(self._tenures)
            self._expected[p.partition] = p.offset
        self._post(self.moved.set)

    def drop(self, partitions: Sequence[TopicPartition]) -> None:
        """In the thread: these are no longer ours; what was fetched of them and not yet given out is forgotten."""
        for p in partitions:
            self.owned.pop(p.partition, None)
        self._post(self.moved.set)

    def _run(self) -> None:
        try:
            consumer = Consumer(self._settings, logger=CLIENT_LOG)
            try:
                self._begin(self, consumer)
                self._post(self._start)
                while not self._closing:
                    self._step(consumer)
            finally:
                consumer.close()
        except NotAvailable as error:
            self._post(self._fail, error)
        except KafkaException as error:
            self._post(self._fail, not_available(self._place.shown, error.args[0], f"reading {self._topic.name}"))
        finally:
            self._post(self._end)

    def _step(self, consumer: Consumer) -> None:
        self._wait_for_room(consumer)
        self.serve_commits(consumer)
        if self.later is not None and monotonic() > self.later[0]:
            (_, call), self.later = self.later, None
            call(consumer)
        fetched = [] if self._closing else self._fetch(consumer)
        if fetched and self._learn(consumer, fetched):
            self.due = self._for_group
            self._post(self._deliver, self._parts(fetched))
        else:
            self._slots.release()

    def _wait_for_room(self, consumer: Consumer) -> None:
        """While the event loop is busy: commits are made and answered; if it lasts, nothing more is fetched, but the group's business
        goes on, since it must not take us for gone."""
        end = monotonic() + STUCK
        while not self._slots.acquire(timeout=SOON):
            self.serve_commits(consumer)
            if monotonic() > end:
                self._pause(consumer)
            if self.paused or self._sent:
                self._keep(consumer.poll(0), self._stash)
        if self.paused:
            self.paused = False
            consumer.resume(consumer.assignment())

    def _pause(self, consumer: Consumer) -> None:
        if not self.paused:
            self.paused = True
            consumer.pause(consumer.assignment())

    def _learn(self, consumer: Consumer, fetched: Sequence[Fetched]) -> bool:
        """Whether the messages can be decoded now. While the registry does not answer they wait, and the group's business goes on."""
        said = ""
        for number in self._wire.unknown(m.value() or b"" for _, m in fetched):
            while not self._closing:
                try:
                    self._wire.learn(number)
                    break
                except NotAvailable as error:
                    if str(error) != said:
                        said = str(error)
                        log.error("reading %s waits: %s", self._topic.name, said)
                self._pause(consumer)
                end = monotonic() + AGAIN
                while not self._closing and monotonic() < end:
                    self.serve_commits(consumer)
                    self._keep(self._poll(consumer, POLL), self._stash)
        return not self._closing

    def _fetch(self, consumer: Consumer) -> list[Fetched]:
        fetched, self._stash = self._stash, []
        size = self._keep(self._poll(consumer, 0 if fetched else SOON if self.due else POLL), fetched)
        while fetched and size < BYTES and len(fetched) < RECORDS:
            more = consumer.consume(50, 0)
            size += sum(self._keep(m, fetched) for m in more)
            if not more:
                break
        return fetched

    def _poll(self, consumer: Consumer, seconds: float) -> Message | None:
        """The next message, if one comes in so many seconds.

        The waiting is done here: the client library waits until a moment of the time of day (cnd_timedwait; librdkafka issue 2145), and
        goes on waiting for an hour when the clock is set back by one meanwhile, unless a message comes.
        """
        end = monotonic() + seconds
        while (message := consumer.poll(0)) is None:
            now = monotonic()
            if now - self._looked > LOOK:
                self._looked = now
                self._wake(consumer)
            if self._closing or now >= end:
                return None
            pause(min(max(SOON, EIGHTH * (now - self._came)), LULL, end - now))
        self._came = monotonic()
        return message

    def _wake(self, consumer: Consumer) -> None:
        """When the clock was set back: asks the library's main thread something, since that waits likewise and is to keep the membership
        of the group alive."""
        before, self._offset = self._offset, SystemClock().now() - round(monotonic() * SECOND)
        if self._offset < before - SET_BACK:
            consumer.assignment()

    def _keep(self, message: Message | None, fetched: list[Fetched]) -> int:
        """Puts a message with the tenure it belongs to; its size."""
        if message is None:
            return 0
        error = message.error()
        if error is not None:
            self.heed(error)
            return 0
        tenure = self.owned.get(message.partition() or 0)
        if tenure is None:
            return 0
        fetched.append((tenure, message))
        return len(message.value() or b"")

    def heed(self, error: KafkaError | None) -> None:
        """Says what goes wrong and may pass. Raises NotAvailable where it will not."""
        if error is None:
            return
        if error.code() == KafkaError.INVALID_SESSION_TIMEOUT:
            raise NotAvailable(
                f"bus {self._place.shown}: the brokers allow no session timeout of {self._place.session_timeout:g} s: set "
                "group.min.session.timeout.ms there to 3000, or ?session_timeout=6 here (members are then replaced later)"
            )
        if error.fatal() or error.code() in REFUSED:
            raise not_available(self._place.shown, error, f"reading {self._topic.name}")
        log.info("bus %s: reading %s: %s", self._place.shown, self._topic.name, error.str())

    def _parts(self, fetched: Sequence[Fetched]) -> list[Part[R]]:
        rows: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
        for tenure, m in fetched:
            rows.setdefault((m.partition() or 0, tenure), []).append((m.offset() or 0, m.value() or b""))
        parts = []
        for (partition, tenure), found in rows.items():
            if self.owned.get(partition) != tenure:
                continue
            unpacked = unpack(self._topic, found, self._memo, partition, partial(self._wire.decode, self._topic))
            part = Part(partition, tenure, found[0][0], found[-1][0] + 1, records=unpacked.records, bad=unpacked.bad)
            part.evicted = max(0, part.first - self._expected.get(partition, part.first))
            self._expected[partition] = part.next
            parts.append(part)
        return parts

    def _post(self, call: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(call, *arguments)

    def _start(self) -> None:
        if not self.started.done():
            self.started.set_result(None)

    def _deliver(self, parts: list[Part[R]]) -> None:
        self._chunks.append(parts)
        self._grown.set()

    def _end(self) -> None:
        for _, done in (*self._commits, *self._sent):
            _answer(done, KafkaError(KafkaError._STATE))
        self._ended.set_result(None)

    def _fail(self, error: NotAvailable) -> None:
        self._failure = error
        self._start()
        self._grown.set()


def _spots(offsets: Sequence[TopicPartition]) -> set[tuple[int, int]]:
    return {(p.partition, p.offset) for p in offsets}


def _answer(done: asyncio.Future[KafkaError | None], error: KafkaError | None) -> None:
    if not done.done():
        done.set_result(error)
