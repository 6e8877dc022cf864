"""Reads one OPC-UA server: asks for messages, decodes them, and notices when something is missing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping

from asyncua import ua

from collector.columns import take
from collector.feed import Feed, Wanted
from collector.opcua.browse import browse_points
from collector.opcua.decode import EPOCH_1601, decode_data_change
from collector.opcua.items import Items, Sub
from collector.opcua.overflow import overflow_gaps
from collector.opcua.quality import quality_of
from collector.opcua.security import Pki, Settings, read_options, read_password
from collector.opcua.sequence import follow
from collector.opcua.session import Session, as_lost, describe, node_id, status_name
from collector.opcua.wire import DATA_CHANGE, STATUS_CHANGE, Message, Notification, Undecodable, parse_publish, parse_republish
from kernel.array import Point, Source
from kernel.clock import SECOND, Clock, sleep
from kernel.errors import SourceLost
from kernel.quality import Quality
from schemas.records import GapCause

_log = logging.getLogger(__name__)
MAX_PUMPS = 8
GONE = (ua.StatusCodes.BadMessageNotAvailable, ua.StatusCodes.BadSubscriptionIdInvalid)


class OpcUaDriver:
    """The driver of protocol `opcua`. Between two runs it keeps the session, whose subscriptions a short loss does not end."""

    def __init__(self, source: Source, clock: Clock, pki: Pki | None = None) -> None:
        self._source = source
        self._clock = clock
        self._pki = pki

    async def run(self, feed: Feed, wanted: Wanted) -> None:
        """See collector.driver.Driver."""
        settings, identity = read_options(self._source.options, self._pki)
        session = Session(self._source.url, settings, read_password(identity), self._clock)
        await session.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                await _Reading(self._source, session, settings, feed, self._clock, tasks).start(wanted)
        except BaseExceptionGroup as group:
            losses, others = group.split(SourceLost)
            if losses is None or others is not None:
                raise
            raise SourceLost(_first(losses)) from losses
        finally:
            await session.close()


def _first(group: BaseExceptionGroup[SourceLost]) -> str:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return str(inner)


class _Reading:
    """One session's life."""

    def __init__(self, source: Source, session: Session, settings: Settings, feed: Feed, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self._source = source
        self._session = session
        self._settings = settings
        self._feed = feed
        self._clock = clock
        self._tasks = tasks
        self._acks: deque[tuple[int, int, int]] = deque()
        self._missing: asyncio.Queue[tuple[Sub, int]] = asyncio.Queue(10_000)
        self._pumps = 0
        self._asking = 0
        self._heard = clock.now()

    async def start(self, wanted: Wanted) -> None:
        """Subscribes, then leaves tasks behind in the group."""
        began = self._clock.now()
        session, source, feed = self._session, self._source, self._feed
        self._items = Items(session.ua, feed, self._settings, await self._operation_limit())
        browsed = await browse_points(session.ua, source) if source.browse else {}
        self._tasks.create_task(session.renew_channel(), name=f"{source.name}: renew")
        self._tasks.create_task(self._watch(), name=f"{source.name}: watchdog")
        await self._apply({**browsed, **wanted.current})
        feed.connected(self._clock.now(), f"{len(self._items.subs)} subscriptions after {(self._clock.now() - began) / SECOND:.1f} s")
        self._tasks.create_task(self._follow(wanted, browsed), name=f"{source.name}: follow")
        self._tasks.create_task(self._retry_refused(), name=f"{source.name}: retry")
        self._tasks.create_task(self._republish(), name=f"{source.name}: republish")

    async def _operation_limit(self) -> int:
        node = node_id(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall)
        with as_lost("reading the server's limits"):
            (value,) = await self._session.ua.read_attributes([node], ua.AttributeIds.Value)
        limit = value.Value.Value if value.Value is not None else None
        return limit if isinstance(limit, int) else 0

    async def _apply(self, points: Mapping[str, Point]) -> None:
        await self._items.apply(points)
        while self._items.subs and self._pumps < min(len(self._items.subs) + 1, MAX_PUMPS):
            self._pumps += 1
            self._tasks.create_task(self._pump(), name=f"{self._source.name}: pump {self._pumps}")

    async def _follow(self, wanted: Wanted, browsed: Mapping[str, Point]) -> None:
        async for points in wanted.changes():
            await self._apply({**browsed, **points})

    async def _retry_refused(self) -> None:
        while True:
            await sleep(self._clock, self._settings.retry_refused)
            if self._items.refused:
                await self._items.retry()

    async def _watch(self) -> None:
        """The connection is lost when nothing at all is heard, a subscription when it misses many of its own keep-alives."""
        while True:
            await sleep(self._clock, min(0.5, self._settings.watchdog / 4))
            now = self._clock.now()
            if not self._items.subs:
                await self._probe()
            if not self._asking:
                self._heard = now
            silent = (now - self._heard) / SECOND
            slowest = max((s.keep_alive for s in self._items.subs.values()), default=0.0)
            if silent > max(self._settings.watchdog, 1.5 * slowest if slowest < 60 else slowest + self._settings.watchdog):
                raise SourceLost(f"nothing heard for {silent:.1f} s")
            for sub in self._items.subs.values():
                if self._asking and (now - max(sub.heard, sub.since)) / SECOND > 4 * max(sub.keep_alive, self._settings.watchdog):
                    raise SourceLost(f"subscription {sub.id} is silent for {(now - sub.heard) / SECOND:.1f} s")

    async def _probe(self) -> None:
        """Without subscriptions only a question shows that the server lives; it also keeps the session."""
        await sleep(self._clock, self._settings.watchdog / 2)
        with as_lost("asking for the server's state"):
            await self._session.ua.read_attributes([node_id(ua.ObjectIds.Server_ServerStatus_State)], ua.AttributeIds.Value)
        self._heard = self._clock.now()
        self._feed.covered(self._heard)

    # --- messages ----------------------------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """One of several requests that always wait at the server."""
        session = self._session.ua
        try:
            while True:
                await self._feed.room()
                if not self._items.subs:
                    return
                self._asking += 1
                try:
                    with as_lost("asking for messages"):
                        data = await session.publish_raw(self._due())
                finally:
                    self._asking -= 1
                self._receive(data)
        except SourceLost as error:
            code = getattr(error.__cause__, "code", 0)
            if code == ua.StatusCodes.BadNoSubscription and not self._items.subs:
                return
            if code == ua.StatusCodes.BadTooManyPublishRequests and self._pumps > 1:
                return
            raise
        finally:
            self._pumps -= 1

    def _due(self) -> list[tuple[int, int]]:
        """Messages whose samples the bus has accepted, and which the server may forget."""
        due = []
        while self._acks and self._acks[0][0] <= self._feed.accepted:
            _, subscription, number = self._acks.popleft()
            due.append((subscription, number))
        return due

    def _receive(self, data: bytes) -> None:
        received = self._heard = self._clock.now()
        try:
            answer = parse_publish(data)
        except Undecodable as error:
            self._feed.refuse(0, str(error), data)
            return
        sub = self._items.subs.get(answer.subscription)
        if sub is None:
            return  # deleted a moment ago
        sub.heard = received
        message = answer.message
        missing, sub.next_number = follow(sub.next_number, message.number, bool(message.notifications))
        for number in missing:
            self._lack(sub, number)
        if message.notifications:
            self._deliver(sub, message, received)
        if not answer.more and not sub.missing:
            sub.covered = _covered_until(message.published, received)
            self._feed.covered(min(s.covered for s in self._items.subs.values()))

    def _deliver(self, sub: Sub, message: Message, received: int) -> None:
        for notification in message.notifications:
            self._notify(sub, notification, received)
        self._acks.append((self._feed.taken, sub.id, message.number))

    def _notify(self, sub: Sub, notification: Notification, received: int) -> None:
        if notification.type_id == DATA_CHANGE:
            self._data_change(sub, notification.body, received)
        elif notification.type_id == STATUS_CHANGE:
            status = int.from_bytes(notification.body[:4], "little")
            if quality_of(status) is Quality.BAD:
                raise SourceLost(f"the server ended subscription {sub.id}: {status_name(status)}")
        else:
            self._feed.refuse(0, f"a notification of type {notification.type_id}, which nobody asked for", notification.body)

    def _data_change(self, sub: Sub, body: bytes, received: int) -> None:
        decoded = decode_data_change(body)
        size = len(self._feed.table)
        columns = [c if int(c.index.max()) < size else take(c, c.index < size) for c in decoded.columns]
        for gap in overflow_gaps(columns, self._feed.table):
            self._feed.gap(GapCause.OVERFLOW, (gap.point,), gap.start, gap.end, detail="the server's queue of this item overflowed")
        self._feed.take(columns, received, sub.lane)
        strange = decoded.count - sum(len(c) for c in columns)
        if strange:
            self._feed.refuse(strange, "samples of items that nobody created", body)
        if decoded.reason:
            self._feed.refuse(decoded.lost, decoded.reason, decoded.rest)

    def _lack(self, sub: Sub, number: int) -> None:
        sub.missing.add(number)
        try:
            self._missing.put_nowait((sub, number))
        except asyncio.QueueFull:
            self._give_up(sub, number, "too many messages are missing")

    async def _republish(self) -> None:
        """Fetches messages that went missing; what the server no longer has is a gap."""
        while True:
            sub, number = await self._missing.get()
            try:
                data = await self._session.ua.republish_raw(sub.id, number)
                self._deliver(sub, parse_republish(data), self._clock.now())
                sub.missing.discard(number)
            except (ua.UaStatusCodeError, Undecodable) as error:
                self._give_up(sub, number, describe(error))
            except (OSError, TimeoutError) as error:
                raise SourceLost(f"asking for message {number} again: {describe(error)}") from error

    def _give_up(self, sub: Sub, number: int, why: str) -> None:
        sub.missing.discard(number)
        names = tuple(self._feed.table.names[slot] for slot in sub.items)
        start = sub.covered or sub.since
        self._feed.gap(
            GapCause.UNKNOWN, names, start, self._clock.now(), detail=f"message {number} of subscription {sub.id} is lost: {why}"
        )


def _covered_until(published: int, received: int) -> int:
    """Up to when a message reports every change: its publish time, where the server's clock agrees with ours within a second."""
    told = published // 10 - EPOCH_1601
    return told if received - SECOND <= told <= received else received
