"""What readers and publishers wait for."""

from __future__ import annotations

import asyncio

import pytest

from bus.sqlite.waiting import FRESH_BYTES, FRESH_RECORDS, Head, Room, Standby
from kernel.clock import settle
from kernel.errors import NotAvailable


async def test_a_head_wakes_those_whose_record_is_there() -> None:
    head = Head()
    near, far = asyncio.create_task(head.beyond(4)), asyncio.create_task(head.beyond(5))
    head.advance(5)
    await settle()
    assert near.done()
    assert not far.done()
    head.advance(3)
    assert head.end == 5
    head.extend(6, [(0, b"f")])
    await far


async def test_a_head_that_is_closed_lets_nobody_wait() -> None:
    head = Head()
    head.advance(2)
    waiting = asyncio.create_task(head.beyond(2))
    await settle()
    head.close()
    with pytest.raises(NotAvailable, match="closed"):
        await waiting
    await head.beyond(1)


async def test_fresh_records_are_a_stretch_up_to_the_end() -> None:
    head = Head()
    head.extend(12, [(0, b"10"), (0, b"11")])
    head.extend(13, [(0, b"12")])
    assert head.fresh(9) == []
    assert head.fresh(10) == [(10, b"10"), (11, b"11"), (12, b"12")]
    assert head.fresh(12) == [(12, b"12")]
    assert head.fresh(13) == []


async def test_another_process_in_between_ends_the_stretch() -> None:
    head = Head()
    head.extend(10, [(0, b"9")])
    head.advance(15)
    head.extend(16, [(0, b"15")])
    assert head.fresh(9) == []
    assert head.fresh(15) == [(15, b"15")]


async def test_nothing_added_changes_nothing() -> None:
    head = Head()
    head.extend(10, [(0, b"9")])
    head.extend(10, [])
    assert head.fresh(9) == [(9, b"9")]


async def test_fresh_records_are_bounded() -> None:
    head = Head()
    head.extend(5000, [(0, b"x")] * 5000)
    assert [seq for seq, _ in head.fresh(5000 - FRESH_RECORDS)] == list(range(5000 - FRESH_RECORDS, 5000))
    assert head.fresh(4999 - FRESH_RECORDS) == []
    half = b"x" * (FRESH_BYTES // 2)
    head.extend(5003, [(0, half)] * 3)
    assert [seq for seq, _ in head.fresh(5001)] == [5001, 5002]
    assert head.fresh(5000) == []
    head.extend(5004, [(0, b"x" * (FRESH_BYTES + 1))])
    assert head.fresh(5003) == []


async def test_room_lets_in_in_turn() -> None:
    room = Room(100)
    await room.take(60)
    second, third = asyncio.create_task(room.take(50)), asyncio.create_task(room.take(10))
    await settle()
    assert not second.done()
    assert not third.done(), "a small one does not overtake"
    room.give(60)
    await settle()
    assert second.done()
    assert third.done()


async def test_one_larger_than_the_room_enters_alone() -> None:
    room = Room(100)
    await room.take(10)
    giant = asyncio.create_task(room.take(1000))
    await settle()
    assert not giant.done()
    room.give(10)
    await giant
    after = asyncio.create_task(room.take(1))
    await settle()
    assert not after.done()
    room.give(1000)
    await after


async def test_a_publisher_who_gives_up_waiting_blocks_nobody() -> None:
    room = Room(100)
    await room.take(100)
    impatient, patient = asyncio.create_task(room.take(50)), asyncio.create_task(room.take(50))
    await settle()
    impatient.cancel()
    room.give(100)
    await patient


async def test_those_who_stand_by_are_woken_by_group() -> None:
    standby = Standby()
    mine, other = standby.add("t", "g"), standby.add("t", "other")
    standby.free("t", "g")
    assert mine.is_set()
    assert not other.is_set()
    standby.remove("t", "g", mine)
    standby.free_all()
    assert other.is_set()
