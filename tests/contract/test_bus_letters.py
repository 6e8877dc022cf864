"""What nobody can decode is told once, however many readers find it at the same moment."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from operator import attrgetter
from pathlib import Path

from bus import open_bus
from kernel.bus import Bus
from kernel.clock import SystemClock
from schemas.records import DEAD_LETTERS, AuditAction, DeadLetter
from schemas.topic import Topic
from tests.contract.bus_backends import action, action_topic

TOPIC = action_topic("test.letters")
FOREIGN = Topic(TOPIC.name, DeadLetter, attrgetter("origin"), attrgetter("time"))


async def first_readable(bus: Bus, topic: Topic[AuditAction]) -> None:
    async with aclosing(bus.tail(topic, since=0)) as tail:  # type: ignore[type-var]  # an async generator
        await anext(tail)


async def committed(bus: Bus, topic: Topic[AuditAction], group: str) -> None:
    async with bus.subscribe(topic, group=group) as subscription:
        await anext(subscription.batches())


async def test_readers_of_several_buses_that_find_the_same_garbage_tell_of_it_once(tmp_path: Path) -> None:
    url, clock = f"sqlite://{tmp_path}/bus", SystemClock()
    async with asyncio.timeout(120), open_bus(url, clock=clock) as one, open_bus(url, clock=clock) as other:
        await one.publish(FOREIGN, [DeadLetter(time=n, origin="", reason="", data=b"") for n in range(3)])
        await one.publish(TOPIC, [action(1)])
        async with asyncio.TaskGroup() as readers:
            for bus in (one, other):
                for n in range(3):
                    readers.create_task(first_readable(bus, TOPIC))
                    readers.create_task(committed(bus, TOPIC, f"{id(bus)}.{n}"))
        letters = next(t for t in await one.stats() if t.topic == DEAD_LETTERS.name)
        assert letters.records == 3
