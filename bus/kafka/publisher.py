"""Records to brokers: one idempotent producer, one thread that collects what became of them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from bus.kafka.client_log import CLIENT_LOG
from bus.kafka.errors import not_available
from bus.kafka.layout import MESSAGE
from bus.kafka.place import KafkaPlace
from kernel.errors import NotAvailable

log = logging.getLogger(__name__)
IN_FLIGHT = 16 << 20
"""Bytes handed to the producer and not yet acknowledged; publishers beyond that wait."""
TIME = "t"
"""Header: the record's time, microseconds UTC, eight bytes, big-endian, signed."""
_POLL = 0.2
_GOODBYE = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """A record as it goes to a broker."""

    key: bytes
    value: bytes
    time: int


class _Call:
    """What one publish waits for."""

    def __init__(self, messages: int, size: int, done: asyncio.Future[None]) -> None:
        self.left, self.size, self.done = messages, size, done
        self.sent = 0
        self.error: KafkaError | None = None


class Publisher:
    """Used from one event loop; closed with `close`."""

    def __init__(self, place: KafkaPlace, closed: Callable[[], NotAvailable]) -> None:
        self._place, self._closed_error = place, closed
        self._loop = asyncio.get_running_loop()
        self._settings: dict[str, Any] = {
            **place.client,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "zstd",
            "linger.ms": 2,
            "partitioner": "murmur2_random",
            "message.max.bytes": MESSAGE,
            "batch.size": 1 << 20,
            "queue.buffering.max.kbytes": 4 * IN_FLIGHT >> 10,
            "message.timeout.ms": round(place.publish_timeout * 1000),
        }
        self._producer = Producer(self._settings, logger=CLIENT_LOG)
        self._retired: list[Producer] = []
        self._in_flight = 0
        self._door = asyncio.Lock()
        self._freed = asyncio.Event()
        self._closing = False
        self._finished: list[_Call] = []
        self._counting = threading.Lock()
        self._handed = threading.Event()
        """Something was given to the producer. The client library waits until a moment of the time of day, and for an hour more when the
        clock is set back by one meanwhile (librdkafka issue 2145), unless something is delivered: so the thread waits for that only."""
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._collect, name="bus-producer")
        self._thread.start()

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Returns once every message is acknowledged by enough brokers. Raises NotAvailable."""
        size = sum(len(m.value) + len(m.key) + 64 for m in messages)
        done: asyncio.Future[None] = self._loop.create_future()
        call = _Call(len(messages), size, done)
        async with self._door:  # in turn, so that order holds per publisher
            while not self._closing and self._in_flight and self._in_flight + size > IN_FLIGHT:
                await self._room()
            self._check_open()
            self._in_flight += size
            try:
                while call.sent < len(messages):
                    self._hand_over(topic, messages, call)
                    if call.sent < len(messages):
                        await self._room()
                        self._check_open()
            except BaseException:
                done.cancel()  # nobody waits for it any more
                raise
            finally:
                self._withdraw(call, len(messages) - call.sent)
        await done

    def _hand_over(self, topic: str, messages: Sequence[Message], call: _Call) -> None:
        """Gives messages to the producer until its queue is full; call.sent says how many it took. Raises NotAvailable."""
        try:
            for m in messages[call.sent :]:
                self._producer.produce(
                    topic,
                    value=m.value,
                    key=m.key,
                    headers=[(TIME, m.time.to_bytes(8, "big", signed=True))],
                    on_delivery=lambda error, _: self._delivered(call, error),
                )
                call.sent += 1
                self._handed.set()
        except BufferError:
            return
        except KafkaException as raised:
            error = raised.args[0]
            if error.fatal() or error.code() == KafkaError._FATAL:
                self._renew()
            raise not_available(self._place.shown, error, "publishing") from raised

    def _withdraw(self, call: _Call, never_sent: int) -> None:
        """A publisher that was cancelled, or refused, leaves messages unsent: nobody waits for those."""
        if never_sent:
            with self._counting:
                call.left -= never_sent
                ended = call.left == 0
            if ended:
                self._settle([call])

    def _check_open(self) -> None:
        if self._closing:
            raise self._closed_error()

    def _delivered(self, call: _Call, error: KafkaError | None) -> None:
        """In the thread: one message is acknowledged or given up."""
        if error is not None and call.error is None:
            call.error = error
        with self._counting:
            call.left -= 1
            ended = call.left == 0
        if ended:
            self._finished.append(call)

    def _collect(self) -> None:
        """The thread: serves delivery reports until the producer is closed."""
        while not self._closing:
            if not self._in_flight:
                self._handed.wait(_POLL)
                self._handed.clear()
            self._producer.poll(_POLL if self._in_flight else 0)
            self._report()
            while self._retired:
                old = self._retired.pop()
                old.purge()
                old.flush(1.0)
                self._report()
        self._producer.flush(_GOODBYE)
        self._producer.purge()
        self._producer.flush(1.0)
        self._report()
        self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _report(self) -> None:
        if self._finished:
            finished, self._finished = self._finished, []
            self._loop.call_soon_threadsafe(self._settle, finished)

    def _settle(self, calls: Sequence[_Call]) -> None:
        for call in calls:
            self._in_flight -= call.size
            if call.error is not None and call.error.fatal():
                self._renew()
            if call.done.done():
                continue
            if call.error is None:
                call.done.set_result(None)
            elif self._closing and call.error.code() in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
                call.done.set_exception(self._closed_error())
            else:
                call.done.set_exception(not_available(self._place.shown, call.error, "publishing"))
        self._freed.set()

    def _renew(self) -> None:
        """An idempotent producer that lost its place can do nothing more: another takes over."""
        log.warning("bus %s: the producer lost its place in a partition and begins anew", self._place.shown)
        self._retired.append(self._producer)
        self._producer = Producer(self._settings, logger=CLIENT_LOG)

    async def _room(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    async def close(self) -> None:
        """Waits a moment for what is under way, gives up the rest, ends the thread. Every waiting publisher is answered."""
        self._closing = True
        self._freed.set()
        self._handed.set()
        cancelled = False
        while not self._ended.done():
            try:
                await asyncio.shield(self._ended)
            except asyncio.CancelledError:
                cancelled = True
        self._thread.join()
        if cancelled:
            raise asyncio.CancelledError
