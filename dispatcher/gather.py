"""Records that come one by one, in the groups in which they came: one call to a store for all that is at hand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")
MOST = 500
"""Records in a group, and records that wait for the next one: reading goes on while a group is stored, and waits when it is ahead."""


@asynccontextmanager
async def gathered(source: AsyncIterator[T], most: int = MOST) -> AsyncIterator[AsyncIterator[list[T]]]:
    """Non-empty groups of what comes, in order. What ends the source ends the groups, after everything that came before."""
    held: deque[T] = deque()
    grown, room = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        async for item in source:
            while len(held) >= most:
                room.clear()
                await room.wait()
            held.append(item)
            grown.set()

    async def groups() -> AsyncIterator[list[T]]:
        while True:
            while not held and not reading.done():
                grown.clear()
                await grown.wait()
            if not held:
                reading.result()  # raises what ended it
                return
            group = list(held)
            held.clear()
            room.set()
            yield group

    reading = asyncio.create_task(read(), name="gather")
    reading.add_done_callback(lambda _: grown.set())
    try:
        yield groups()
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await source.aclose()  # type: ignore[attr-defined]  # an async generator, as every bus gives
