"""What a session's messages lead to: acknowledgements, requests to send again, gaps and dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from asyncua.ua.uaerrors import BadMessageNotAvailable

from collector.feed import Feed
from collector.health import Health
from collector.opcua.driver import _Reading
from collector.opcua.items import Items, Sub
from collector.opcua.limits import Limits
from collector.opcua.security import Settings
from kernel.array import PointKind, Source
from kernel.clock import SECOND, ManualClock, settle
from kernel.errors import SourceLost
from kernel.meter import Meter
from schemas.records import GapCause, StateKind


def change(*values: tuple[int, float], status: int = 0) -> ua.DataChangeNotification:
    """A notification of doubles by handle, without times."""
    code = ua.StatusCode(ua.UInt32(status))
    return ua.DataChangeNotification(
        MonitoredItems=[
            ua.MonitoredItemNotification(ClientHandle=ua.UInt32(h), Value=ua.DataValue(ua.Variant(v, ua.VariantType.Double), code))
            for h, v in values
        ]
    )


def message(number: int, *data: Any) -> ua.NotificationMessage:
    return ua.NotificationMessage(SequenceNumber=ua.UInt32(number), NotificationData=list(data))


def response(number: int, *data: Any, sub: int = 5) -> bytes:
    made = ua.PublishResponse()
    made.Parameters.SubscriptionId = ua.UInt32(sub)
    made.Parameters.MoreNotifications = False
    made.Parameters.NotificationMessage = message(number, *data)
    return bytes(struct_to_binary(made))


class Server:
    """The part of a session that a reading uses after its items exist."""

    def __init__(self) -> None:
        self.kept: dict[int, ua.NotificationMessage] = {}
        self.asked: list[int] = []

    @property
    def ua(self) -> Server:
        return self

    async def republish_raw(self, sub: int, number: int) -> bytes:
        self.asked.append(number)
        if number not in self.kept:
            raise BadMessageNotAvailable
        return bytes(struct_to_binary(ua.RepublishResponse(NotificationMessage=self.kept[number])))


class Desk:
    """A reading with one subscription of two doubles, to which a test hands messages."""

    def __init__(self) -> None:
        self.clock, self.server, meter = ManualClock(), Server(), Meter("c")
        self.feed = Feed("s", self.clock, meter, Health(meter))
        self.feed.table.slots([("a", PointKind.DOUBLE), ("b", PointKind.DOUBLE)])
        session: Any = self.server
        self.reading = _Reading(Source("s", "opcua", "opc.tcp://x", "site"), session, Settings(), self.feed, self.clock)
        self.items = Items(session, self.feed, Settings(), Limits())
        now = self.clock.now()
        self.items.subs[5] = Sub(5, 0, 1.0, 0.5, 2.0, now, now, items={0: 10, 1: 11})
        self.feed.connected(now, "")
        self.hop = meter.hop("collector.receive", "s")

    def receive(self, *data: bytes) -> None:
        for one in data:
            self.reading._receive(self.items, one)

    def values(self) -> list[float]:
        return [v for lane in self.feed.drain().lanes for c in lane for v in c.value.tolist()]

    async def ask_again(self) -> None:
        """Lets the reading ask for what is missing."""
        task = asyncio.create_task(self.reading._republish())
        await settle()
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])


def gaps(feed: Feed) -> Sequence[Any]:
    return [e for e in feed.drain().events if e.kind is StateKind.GAP]


async def test_missing_messages_are_asked_for_again() -> None:
    desk = Desk()
    desk.server.kept = {2: message(2, change((0, 2.0))), 3: message(3, change((1, 3.0)))}
    desk.receive(response(1, change((0, 1.0))), response(4, change((0, 4.0))))
    assert desk.items.subs[5].missing == {2, 3}
    await desk.ask_again()
    assert desk.server.asked == [2, 3]
    assert desk.items.subs[5].missing == set()
    assert sorted(desk.values()) == [1.0, 2.0, 3.0, 4.0]
    assert desk.hop.entered == 4


async def test_a_keep_alive_tells_of_a_missing_message_too() -> None:
    desk = Desk()
    desk.server.kept = {2: message(2, change((0, 2.0)))}
    desk.receive(response(1, change((0, 1.0))), response(3))
    await desk.ask_again()
    assert desk.values() == [1.0, 2.0]


async def test_what_the_server_no_longer_has_is_a_gap() -> None:
    desk = Desk()
    desk.receive(response(1, change((0, 1.0))), response(3, change((0, 3.0))))
    await desk.ask_again()
    (gap,) = gaps(desk.feed)
    assert (gap.cause, gap.points) == (GapCause.UNKNOWN, ("a", "b"))
    assert "message 2" in gap.detail
    assert "BadMessageNotAvailable" in gap.detail
    assert desk.items.subs[5].missing == set()


async def test_coverage_waits_for_what_is_missing() -> None:
    desk = Desk()
    start = desk.clock.now()
    await desk.clock.advance(3)
    desk.receive(response(1, change((0, 1.0))))
    assert desk.feed.drain().covered == (start, start + 3 * SECOND)
    await desk.clock.advance(3)
    desk.receive(response(3, change((0, 3.0))))
    assert desk.feed.drain().covered == (start + 3 * SECOND, start + 3 * SECOND)


async def test_messages_are_acknowledged_once_the_bus_has_them() -> None:
    desk = Desk()
    desk.receive(response(1, change((0, 1.0))), response(2, change((1, 2.0))))
    assert desk.reading._due() == []
    desk.feed.accepted = desk.feed.drain().mark
    desk.receive(response(3, change((0, 3.0))))
    assert desk.reading._due() == [(5, 1), (5, 2)]
    assert desk.reading._due() == []


async def test_bytes_that_are_no_message_become_a_dead_letter() -> None:
    desk = Desk()
    whole = response(1, change((0, 1.0)))
    desk.receive(whole[:40])
    assert [letter.data for letter in desk.feed.drain().letters] == [whole[:40]]
    desk.receive(response(1, ua.EventNotificationList()))
    assert "type 916" in desk.feed.drain().letters[0].reason


async def test_samples_of_items_that_nobody_created() -> None:
    desk = Desk()
    desk.receive(response(1, change((0, 1.0), (77, 2.0))))
    drained = desk.feed.drain()
    assert [c.value.tolist() for lane in drained.lanes for c in lane] == [[1.0]]
    assert len(drained.letters) == 1
    assert (desk.hop.entered, desk.hop.lost) == (2, {"decode_error": 1})


async def test_overflow_becomes_a_gap_of_its_point() -> None:
    desk = Desk()
    desk.receive(response(1, change((1, 1.0))))
    before = desk.clock.now()
    await desk.clock.advance(2)
    desk.receive(response(2, change((1, 9.0), status=0x480)))
    (gap,) = gaps(desk.feed)
    assert (gap.cause, gap.points, gap.start) == (GapCause.OVERFLOW, ("b",), before)


async def test_a_subscription_that_the_server_ends() -> None:
    desk = Desk()
    ended = ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTimeout)))
    with pytest.raises(SourceLost, match="BadTimeout"):
        desk.receive(response(1, ended))
    moved = ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(ua.StatusCodes.GoodSubscriptionTransferred)))
    desk.receive(response(2, moved))


async def test_a_message_of_a_subscription_deleted_a_moment_ago() -> None:
    desk = Desk()
    desk.receive(response(1, change((0, 1.0)), sub=6))
    assert desk.values() == []
