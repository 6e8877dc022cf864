"""Groups of what is at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dispatcher.gather import gathered
from kernel.errors import NotAvailable
from tests.support.waiting import until


async def numbers(count: int, gate: asyncio.Event | None = None, error: Exception | None = None) -> AsyncIterator[int]:
    for i in range(count):
        yield i
    if error is not None:
        raise error
    if gate is not None:
        await gate.wait()
        yield count


async def test_what_is_at_hand_comes_as_one_group_in_order() -> None:
    gate = asyncio.Event()
    async with gathered(numbers(7, gate)) as groups:
        assert await anext(groups) == list(range(7))
        gate.set()
        assert await anext(groups) == [7]
        with pytest.raises(StopAsyncIteration):
            await anext(groups)


async def test_no_group_is_larger_than_allowed_and_nothing_is_left_out() -> None:
    async with gathered(numbers(1000), most=64) as groups:
        found = [group async for group in groups]
    assert max(map(len, found)) == 64
    assert [i for group in found for i in group] == list(range(1000))


async def test_what_ends_the_source_is_raised_after_what_came_before() -> None:
    async with gathered(numbers(3, error=NotAvailable("gone"))) as groups:
        assert await anext(groups) == [0, 1, 2]
        with pytest.raises(NotAvailable, match="gone"):
            await anext(groups)


async def test_leaving_ends_the_source() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.set()

    async with gathered(endless(), most=4) as groups:
        await anext(groups)
    await until(ended.is_set)
