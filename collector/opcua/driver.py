"""Reads one OPC-UA server: asks for messages, decodes them, and notices when something is missing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Any

from asyncua import ua

from collector.columns import take
from collector.feed import Feed, Wanted
from collector.opcua.browse import browse_points
from collector.opcua.decode import EPOCH_1601, decode_data_change
from collector.opcua.items import Items, Sub
from collector.opcua.limits import Limits, read_limits
from collector.opcua.metadata import describe_nodes
from collector.opcua.overflow import overflow_gaps
from collector.opcua.quality import quality_of
from collector.opcua.security import Pki, Settings, read_options, read_password
from collector.opcua.sequence import follow
from collector.opcua.session import LinkLost, Session, as_lost, describe, node_id, status_name
from collector.opcua.wire import DATA_CHANGE, STATUS_CHANGE, Message, Notification, Undecodable, parse_publish, parse_republish
from kernel.array import Point, Source
from kernel.clock import SECOND, Clock, sleep
from kernel.errors import SourceLost
from kernel.quality import Quality
from schemas.records import GapCause

_log = logging.getLogger(__name__)
MAX_PUMPS = 8
VALUE = ua.AttributeIds.Value


class OpcUaDriver:
    """The driver of protocol `opcua`. Between two runs it keeps a session whose connection broke: the server goes on collecting in its
    queues, and what it sent into the void it sends again."""

    def __init__(self, source: Source, clock: Clock, pki: Pki | None = None) -> None:
        self._source = source
        self._clock = clock
        self._pki = pki
        self._kept: tuple[Session, _Reading] | None = None

    async def run(self, feed: Feed, wanted: Wanted) -> None:
        """See collector.driver.Driver."""
        session, reading = await self._resumed() or await self._opened(feed)
        keep = False
        try:
            async with asyncio.TaskGroup() as tasks:
                await reading.start(wanted, tasks)
        except BaseExceptionGroup as group:
            losses, others = group.split(SourceLost)
            if losses is None or others is not None:
                raise
            loss = _first(losses)
            keep = isinstance(loss, LinkLost) and reading.whole
            raise SourceLost(str(loss)) from losses
        finally:
            if keep:
                session.abort()
                self._kept = session, reading
            else:
                await session.close()

    async def _opened(self, feed: Feed) -> tuple[Session, _Reading]:
        settings, identity = read_options(self._source.options, self._pki)
        session = Session(self._source.url, settings, read_password(identity), self._clock)
        await session.open()
        return session, _Reading(self._source, session, settings, feed, self._clock)

    async def _resumed(self) -> tuple[Session, _Reading] | None:
        """The session of before; None when there is none, or the server has forgotten it."""
        if self._kept is None:
            return None
        kept = self._kept
        session, reading = kept
        if reading.expired(self._clock.steady()) or not await session.resume():
            self._kept = None
            await session.close()
            return None
        return kept


def _first(group: BaseExceptionGroup[SourceLost]) -> BaseException:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner


class _Reading:
    """One session's life, over any number of connections."""

    def __init__(self, source: Source, session: Session, settings: Settings, feed: Feed, clock: Clock) -> None:
        self._source = source
        self._session = session
        self._settings = settings
        self._feed = feed
        self._clock = clock
        self._tasks: asyncio.TaskGroup
        self._items: Items | None = None
        self._limits = Limits()
        self._browsed: Mapping[str, Point] = {}
        self._acks: deque[tuple[int, int, int]] = deque()
        self._missing: asyncio.Queue[tuple[Sub, int]] = asyncio.Queue(10_000)
        self._pumps = 0
        self._asking = 0
        self._heard = clock.steady()
        """Steady seconds of the newest sign of life."""

    async def start(self, wanted: Wanted, tasks: asyncio.TaskGroup) -> None:
        """Subscribes, or takes up what is subscribed; then leaves tasks behind in the group."""
        began = self._heard = self._clock.steady()
        self._tasks, self._pumps, self._asking = tasks, 0, 0
        self._begin(self._session.renew_channel(), "renew")
        again = self._items is not None
        if self._items is None:
            self._limits = await read_limits(self._session.ua)
            self._items = Items(self._session.ua, self._feed, self._settings, self._limits)
        items = self._items
        if self._source.browse and not again:
            self._browsed = await browse_points(self._session.ua, self._source, self._limits)
            self._feed.found(self._browsed)
        for sub in items.subs.values():
            sub.heard = began
        self._begin(self._watch(items), "watchdog")
        await self._apply(items, wanted.current)
        self._begin(self._follow(items, wanted), "follow")
        self._begin(self._retry_refused(items), "retry")
        self._begin(self._republish(), "republish")
        if again:
            self._feed.resumed("the session went on; what was sent meanwhile is asked for again")
        else:
            seconds = self._clock.steady() - began
            self._feed.connected(self._clock.now(), f"{len(items.subs)} subscriptions after {seconds:.1f} s")

    def expired(self, now: float) -> bool:
        """Whether the server will have ended the session by now, steady seconds."""
        return now - self._heard > self._settings.session_timeout

    @property
    def whole(self) -> bool:
        """Whether what is subscribed is known to be what was wanted."""
        return self._items is not None and self._items.whole

    def _begin(self, work: Coroutine[Any, Any, None], what: str) -> None:
        self._tasks.create_task(work, name=f"{self._source.name}: {what}")

    async def _apply(self, items: Items, points: Mapping[str, Point]) -> None:
        await items.apply({**self._browsed, **points})
        asked = items.undescribed()
        if asked:
            self._begin(self._describe(items, asked), "describe")
        while items.subs and self._pumps < min(len(items.subs) + 1, MAX_PUMPS):
            self._pumps += 1
            self._begin(self._pump(items), f"pump {self._pumps}")

    async def _describe(self, items: Items, nodes: Mapping[str, ua.NodeId]) -> None:
        """Reports units and labels that the configuration lacks and the server knows. A server that refuses to tell loses nothing else."""
        try:
            found = await describe_nodes(self._session.ua, nodes, self._limits)
        except LinkLost:
            raise
        except SourceLost as error:
            _log.warning("source %s: units and labels stay unknown: %s", self._source.name, error)
            return
        for name, known in found.items():
            if known.range is not None:
                items.described(name, known.range)
            self._feed.describe(name, known.unit, known.range, known.labels)

    async def _follow(self, items: Items, wanted: Wanted) -> None:
        async for points in wanted.changes():
            await self._apply(items, points)

    async def _retry_refused(self, items: Items) -> None:
        while True:
            await sleep(self._clock, self._settings.retry_refused)
            if items.refused:
                await items.retry()

    async def _watch(self, items: Items) -> None:
        """The connection is lost when nothing at all is heard, a subscription when it misses many of its own keep-alives."""
        limit = self._settings.watchdog
        while True:
            await sleep(self._clock, min(0.5, limit / 4))
            if not items.subs:
                await self._probe()
            now = self._clock.steady()
            if not self._asking:
                self._heard = now  # the bus is behind: nobody asked, so nobody answers
                continue
            silent = now - self._heard
            intervals = [s.keep_alive for s in items.subs.values()] or [0.0]
            if silent > max(limit, 1.5 * min(intervals)):
                raise LinkLost(f"nothing heard for {silent:.1f} s")
            for sub in items.subs.values():
                quiet = now - sub.heard
                if quiet > 4 * max(*intervals, limit):
                    raise SourceLost(f"subscription {sub.id} is silent for {quiet:.1f} s")

    async def _probe(self) -> None:
        """Without subscriptions only a question shows that the server lives; it also keeps the session."""
        await sleep(self._clock, self._settings.watchdog / 2)
        with as_lost("asking for the server's state"):
            await self._session.ua.read_attributes([node_id(ua.ObjectIds.Server_ServerStatus_State)], VALUE)
        self._heard = self._clock.steady()
        self._feed.covered(self._clock.now())

    # --- messages ----------------------------------------------------------------------------------------------------------------

    async def _pump(self, items: Items) -> None:
        """One of several requests that always wait at the server."""
        session = self._session.ua
        try:
            while True:
                await self._feed.room()
                if not items.subs:
                    return
                self._asking += 1
                try:
                    with as_lost("asking for messages"):
                        data = await session.publish_raw(self._due())
                finally:
                    self._asking -= 1
                self._receive(items, data)
        except SourceLost as error:
            code = getattr(error.__cause__, "code", 0)
            if code == ua.StatusCodes.BadNoSubscription and not items.subs:
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

    def _receive(self, items: Items, data: bytes) -> None:
        received, self._heard = self._clock.now(), self._clock.steady()
        try:
            answer = parse_publish(data)
        except Undecodable as error:
            self._feed.refuse(0, str(error), data)
            return
        sub = items.subs.get(answer.subscription)
        if sub is None:
            return  # deleted a moment ago
        sub.heard = self._heard
        message = answer.message
        missing, sub.next_number = follow(sub.next_number, message.number, bool(message.notifications))
        for number in missing:
            self._lack(sub, number)
        if message.notifications:
            self._deliver(sub, message, received)
        if not answer.more and not sub.missing:
            sub.covered = _covered_until(message.published, received)
            self._feed.covered(min(s.covered for s in items.subs.values()))

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
        for gap in overflow_gaps(columns, self._feed.table, received):
            self._feed.gap(GapCause.OVERFLOW, gap.points, gap.start, gap.end, detail="the server's queues of these items overflowed")
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
                raise LinkLost(f"asking for message {number} again: {describe(error)}") from error

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
