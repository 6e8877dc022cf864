"""Reading what a topic holds, to its present end."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from kernel.bus import Bus
from kernel.clock import SystemClock, monotonic, sleep
from schemas.topic import Topic

R = TypeVar("R")
PATIENCE = 10.0


async def read_all(bus: Bus, topic: Topic[R], since: int, first: int | None = None) -> list[R]:
    """The records of a topic from a time on (microseconds UTC), in order; at most `first`. Ends where the topic ended at the call."""
    held = next((t for t in await bus.stats() if t.topic == topic.name), None)
    if held is None or not held.records:
        return []
    last, found = held.last_time, list[R]()

    async def collect() -> None:
        async for record in bus.tail(topic, since=since):
            found.append(record)
            if topic.time(record) >= last or (first is not None and len(found) >= first):
                return

    reader, begun, seen = asyncio.create_task(collect()), monotonic(), -1
    while not reader.done() and (len(found) != seen or monotonic() - begun < PATIENCE):
        if len(found) != seen:
            seen, begun = len(found), monotonic()
        if last < since:
            break
        await sleep(SystemClock(), 0.05)
    reader.cancel()
    await asyncio.wait([reader])
    if reader.done() and not reader.cancelled():
        reader.result()
    return found
