"""Topics are made on first use, as the table of layouts says; those that exist are taken as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from bus.kafka.client_log import CLIENT_LOG
from bus.kafka.errors import TELLING, not_available
from bus.kafka.layout import layout_of, topic_settings
from bus.kafka.place import KafkaPlace
from bus.retention import Retention
from kernel.clock import SystemClock, monotonic, sleep
from kernel.errors import NotAvailable

T = TypeVar("T")
ASK = 5.0
"""Seconds the brokers may take to answer."""
SPREAD = 20.0
"""Seconds a new topic may take to be known and led everywhere."""


class Topics:
    """What the cluster knows of topics. Calls block in threads of the event loop's executor."""

    def __init__(self, place: KafkaPlace, retention: Mapping[str, Retention]) -> None:
        self._place, self._retention = place, retention
        self._trouble: KafkaError | None = None
        settings: dict[str, Any] = {**place.client, "error_cb": self._hear}
        self.admin = AdminClient(settings, logger=CLIENT_LOG)
        self._known: set[str] = set()
        self._making: dict[str, asyncio.Lock] = {}

    def name(self, topic: str) -> str:
        """The topic's name on the cluster."""
        return self._place.prefix + topic

    async def look(self) -> None:
        """Finds out which topics exist. Raises NotAvailable where no broker answers."""
        self._known = set((await self.ask(lambda: self.admin.list_topics(timeout=ASK))).topics)

    async def ensure(self, topic: str) -> None:
        """The topic exists when it returns. Raises NotAvailable."""
        name = self.name(topic)
        if name in self._known:
            return
        async with self._making.setdefault(name, asyncio.Lock()):
            if name not in self._known:
                await self._make(topic, name)
                self._known.add(name)
        self._making.pop(name, None)

    def forget(self, topic: str) -> None:
        """Somebody removed it: it is made again on next use."""
        self._known.discard(self.name(topic))

    async def ask(self, call: Callable[[], T]) -> T:
        """The answer to a blocking call; what goes wrong is a NotAvailable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(None, call)
        except KafkaException as error:
            self.admin.poll(0)  # serves _hear
            raise not_available(self._place.shown, self._trouble or error.args[0], "asking") from error

    def _hear(self, error: KafkaError) -> None:
        if error.code() in TELLING:
            self._trouble = error

    async def _make(self, topic: str, name: str) -> None:
        partitions = self._place.partitions or layout_of(topic).partitions
        settings = topic_settings(topic, partitions, self._retention)
        new = NewTopic(name, num_partitions=partitions, replication_factor=self._place.replication, config=settings)
        try:
            making = self.admin.create_topics([new], operation_timeout=ASK, request_timeout=2 * ASK)[name]
            await self.ask(making.result)
        except NotAvailable as error:
            cause: Any = error.__cause__
            if cause is None or cause.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        end = monotonic() + SPREAD
        while not await self._led(name):
            if monotonic() > end:
                raise NotAvailable(f"bus {self._place.shown}: topic {name} has no leader: check that enough brokers run")
            await sleep(SystemClock(), 0.02)

    async def _led(self, name: str) -> bool:
        found = (await self.ask(lambda: self.admin.list_topics(topic=name, timeout=ASK))).topics[name]
        return found.error is None and bool(found.partitions) and all(p.leader >= 0 for p in found.partitions.values())
