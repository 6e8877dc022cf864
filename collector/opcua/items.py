"""Subscriptions and their monitored items: created in chunks that the server allows, changed without touching the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from asyncua import ua

from collector.feed import Feed
from collector.opcua import plan
from collector.opcua.address import parse
from collector.opcua.limits import Limits
from collector.opcua.metadata import lacks
from collector.opcua.quality import qualities
from collector.opcua.security import Settings
from collector.opcua.session import RawSession, as_lost, status_name
from kernel.array import DeadbandKind, Point
from kernel.batches import Column
from kernel.errors import SourceLost
from kernel.samples import Kind

_log = logging.getLogger(__name__)
NO_FILTER = frozenset(
    (
        ua.StatusCodes.BadFilterNotAllowed,
        ua.StatusCodes.BadMonitoredItemFilterUnsupported,
        ua.StatusCodes.BadMonitoredItemFilterInvalid,
        ua.StatusCodes.BadDeadbandFilterInvalid,
    )
)
"""Answers that mean: this item, but without its deadband."""
TOO_MANY = (ua.StatusCodes.BadTooManyOperations, ua.StatusCodes.BadEncodingLimitsExceeded, ua.StatusCodes.BadRequestTooLarge)
MOST_TOLD = 20
"""Refused points of one request that the log names."""
PATIENT_INTERVALS = 5.0
"""Sampling intervals without an owed sample after which a point is stale."""
_ORDER = ("double", "long", "bool", "enum", "text")


@dataclass(slots=True, eq=False)
class Sub:
    """A subscription of ours on the server."""

    id: int
    lane: int
    sampling: float
    publishing: float
    """Seconds, as the server revised it."""
    keep_alive: float
    """Seconds between its messages when nothing changes."""
    heard: float
    """Steady seconds of its newest message, or of the moment when its items were last completed."""
    since: int
    """Microseconds UTC at which its items were last completed."""
    covered: int = 0
    next_number: int = 0
    missing: set[int] = field(default_factory=set)
    items: dict[int, int] = field(default_factory=dict)
    """Slot to the server's id of the item."""


class Items:
    """What is subscribed on one session. Methods raise SourceLost when the connection fails; a refused item is only that item's."""

    def __init__(self, session: RawSession, feed: Feed, settings: Settings, limits: Limits) -> None:
        self._session = session
        self._feed = feed
        self._settings = settings
        self._chunk = limits.items
        self._namespaces = limits.namespaces
        self._here = settings.deadband == "here" or (not settings.deadband and limits.hides_drift)
        """Whether no deadband is left to the server."""
        self._busy = asyncio.Lock()
        self._points: dict[str, tuple[Point, int]] = {}
        self._lanes = 0
        self.whole = False
        """Whether the last change was made to its end; if not, only a new session brings certainty."""
        self._described: set[int] = set()
        self.banded_here: set[int] = set()
        """Slots whose deadband the server does not apply."""
        self.subs: dict[int, Sub] = {}
        self.refused: dict[int, tuple[Point, int]] = {}
        """Slot to the point and the status with which the server refused it."""

    async def apply(self, points: Mapping[str, Point]) -> None:
        """Makes the subscribed points these: creates and deletes what differs, and nothing else."""
        async with self._changing():
            gone = [n for n, (p, _) in self._points.items() if (new := points.get(n)) is None or _differs(p, new)]
            await self._remove(gone)
            fresh = [p for n, p in points.items() if n not in self._points]
            slots = self._feed.enroll(fresh)
            added = list(zip(fresh, slots, strict=True))
            self._points.update({p.name: (p, slot) for p, slot in added})
            await self._add(added)

    async def retry(self) -> None:
        """Asks again for the items that the server refused."""
        async with self._changing():
            await self._add([(p, slot) for slot, (p, _) in self.refused.items()])

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        async with self._busy:
            self.whole = False
            yield
            self.whole = True
            self._tell()

    def _tell(self) -> None:
        """What is refused, for whoever asks how the collector is."""
        point, status = next(iter(self.refused.values()), (None, 0))
        self._feed.refused(len(self.refused), f"{point.name}: {status_name(status)}" if point is not None else "")

    def undescribed(self) -> dict[str, ua.NodeId]:
        """The nodes of subscribed points whose configuration lacks what the server may know, each told once."""
        found = {}
        for name, (point, slot) in self._points.items():
            if slot not in self._described and slot not in self.refused and lacks(point):
                self._described.add(slot)
                node = parse(point.address, self._namespaces)
                if not isinstance(node, int):
                    found[name] = node
        return found

    def described(self, name: str, span: tuple[float, float]) -> None:
        """The server's range of a point, for a percent deadband that is applied here."""
        point, slot = self._points.get(name, (None, -1))
        if point is not None and slot in self.banded_here and point.type.range is None:
            self._feed.processor.deadband_here(slot, point, span[1] - span[0])

    async def _remove(self, names: Sequence[str]) -> None:
        slots = {self._points.pop(n)[1] for n in names}
        for name in names:
            self._feed.table.retire(name)
        self._feed.silence.drop(np.array(sorted(slots), np.int64), self._feed.clock.now())
        for slot in slots & set(self.refused):
            del self.refused[slot]
        for sub in list(self.subs.values()):
            mine = [s for s in sub.items if s in slots]
            ids = [sub.items.pop(s) for s in mine]
            with as_lost("deleting monitored items"):
                if not sub.items:
                    del self.subs[sub.id]
                    await self._session.delete_subscriptions([sub.id])
                    continue
                for i in range(0, len(ids), self._chunk):
                    await self._session.delete_monitored_items(
                        ua.DeleteMonitoredItemsParameters(SubscriptionId=sub.id, MonitoredItemIds=ids[i : i + self._chunk])
                    )

    async def _add(self, points: Iterable[tuple[Point, int]]) -> None:
        def sampling(entry: tuple[Point, int]) -> float:
            return entry[0].type.sampling

        # like kinds side by side: the server reports in this order, and runs of one type decode fastest
        ordered = sorted(points, key=lambda e: (e[0].type.sampling, _ORDER.index(e[0].type.kind.value), e[1]))
        for interval, same in groupby(ordered, key=sampling):
            waiting = list(same)
            while waiting:
                sub = await self._with_room(interval)
                free = plan.MAX_ITEMS - len(sub.items)
                room = min(self._chunk, free) if free > 0 else self._chunk
                await self._create(sub, waiting[:room])
                waiting = waiting[room:]
                if not sub.items:
                    await self._drop(sub)

    async def _with_room(self, sampling: float) -> Sub:
        """A subscription for points of this sampling interval; where the server allows no more, the emptiest there is."""
        alike = [sub for sub in self.subs.values() if sub.sampling == sampling]
        for sub in alike:
            if len(sub.items) < plan.MAX_ITEMS:
                return sub
        publishing = plan.publishing_interval(sampling, self._settings.publishing_interval)
        try:
            with as_lost("creating a subscription"):
                made = await self._session.create_raw_subscription(
                    publishing, plan.keep_alive_count(publishing), plan.lifetime_count(publishing)
                )
        except SourceLost as error:
            if getattr(error.__cause__, "code", 0) != ua.StatusCodes.BadTooManySubscriptions or not self.subs:
                raise
            return min(alike or self.subs.values(), key=lambda sub: len(sub.items))
        revised = made.RevisedPublishingInterval / 1000
        now = self._feed.clock.now()
        keep_alive, heard = revised * made.RevisedMaxKeepAliveCount, self._feed.clock.steady()
        sub = Sub(made.SubscriptionId, self._lanes, sampling, revised, keep_alive, heard, now)
        self._lanes += 1
        self.subs[sub.id] = sub
        return sub

    async def _drop(self, sub: Sub) -> None:
        del self.subs[sub.id]
        with as_lost("deleting a subscription"):
            await self._session.delete_subscriptions([sub.id])

    async def _create(self, sub: Sub, points: Sequence[tuple[Point, int]]) -> None:
        """Creates items; those whose deadband is not allowed once more without it, filtered on our side."""
        plain: list[tuple[Point, int, ua.NodeId]] = []
        asked, refused = [], []
        for point, slot in points:
            node = parse(point.address, self._namespaces)
            if isinstance(node, int):
                refused.append((point, slot, node))
            else:
                asked.append((point, slot, node))
        for (point, slot, node), status in zip(asked, await self._request(sub, asked, filtered=True), strict=True):
            if status in NO_FILTER and self._filter(point) is not None:
                plain.append((point, slot, node))
            elif status:
                refused.append((point, slot, status))
            elif self._here and point.type.deadband > 0:
                self._band_here(point, slot)
        if plain:
            _log.info("source %s: the server refuses the deadband of %d points; they are filtered here", self._feed.source, len(plain))
            for (point, slot, _), status in zip(plain, await self._request(sub, plain, filtered=False), strict=True):
                if status:
                    refused.append((point, slot, status))
                else:
                    self._band_here(point, slot)
        self._refuse(refused, sub.lane)
        sub.since, sub.heard = self._feed.clock.now(), self._feed.clock.steady()
        self._expect([(point, slot) for point, slot in points if slot in sub.items])

    def _expect(self, created: Sequence[tuple[Point, int]]) -> None:
        """The server owes every new item a first sample (OPC 10000-4, 5.13.1), and with `trigger: timestamp` one per sampling interval."""
        every = self._settings.trigger == "timestamp"
        for (sampling, once), same in groupby(created, key=lambda e: (e[0].type.sampling, not every or e[0].type.deadband > 0)):
            slots = np.array([slot for _, slot in same], np.int64)
            self._feed.silence.expect(slots, PATIENT_INTERVALS * sampling, self._feed.clock, once=once)

    def _band_here(self, point: Point, slot: int) -> None:
        self.banded_here.add(slot)
        self._feed.processor.deadband_here(slot, point)

    def _filter(self, point: Point) -> ua.DataChangeFilter | None:
        """The data change filter that the server is asked for; None where its default does."""
        return _filter(point.type.deadband_kind, 0.0 if self._here else point.type.deadband, self._settings.trigger)

    async def _request(self, sub: Sub, asked: Sequence[tuple[Point, int, ua.NodeId]], *, filtered: bool) -> list[int]:
        """One CreateMonitoredItems; the status of each item, 0 where it was created."""
        if not asked:
            return []
        params = ua.CreateMonitoredItemsParameters(SubscriptionId=sub.id, TimestampsToReturn=ua.TimestampsToReturn.Both)
        params.ItemsToCreate = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=slot,
                    SamplingInterval=point.type.sampling * 1000,
                    Filter=self._filter(point) if filtered else None,
                    QueueSize=self._settings.queue_size or plan.queue_size(point.type.sampling, sub.publishing),
                    DiscardOldest=True,
                ),
            )
            for point, slot, node in asked
        ]
        try:
            with as_lost("creating monitored items"):
                results = await self._session.create_monitored_items(params)
        except SourceLost as error:
            if getattr(error.__cause__, "code", 0) not in TOO_MANY or len(asked) == 1:
                raise
            half = self._chunk = len(asked) // 2  # a limit that the server did not tell
            return await self._request(sub, asked[:half], filtered=filtered) + await self._request(sub, asked[half:], filtered=filtered)
        found = []
        for (_, slot, _), result in zip(asked, results, strict=True):
            status = int(result.StatusCode.value)
            if status >> 31 == 0:
                status = 0
                sub.items[slot] = result.MonitoredItemId
                self.refused.pop(slot, None)
            found.append(status)
        return found

    def _refuse(self, refused: Sequence[tuple[Point, int, int]], lane: int) -> None:
        """The points get a bad sample with the server's reason, once for each reason: all in one column, and few lines in the log."""
        fresh = [(p, slot, status) for p, slot, status in refused if (b := self.refused.get(slot)) is None or b[1] != status]
        self.refused.update({slot: (point, status) for point, slot, status in refused})
        if not fresh:
            return
        for point, _, status in fresh[:MOST_TOLD]:
            _log.warning("source %s: %s (%s) is refused: %s", self._feed.source, point.name, point.address, status_name(status))
        if len(fresh) > MOST_TOLD:
            _log.warning("source %s: and %d more points are refused", self._feed.source, len(fresh) - MOST_TOLD)
        now, n = self._feed.clock.now(), len(fresh)
        moment = np.full(n, now, np.int64)
        codes = np.array([status for _, _, status in fresh], np.uint32)
        slots = np.array([slot for _, slot, _ in fresh], np.int64)
        self._feed.take((Column(Kind.DOUBLE, slots, moment, moment, np.full(n, np.nan), qualities(codes), codes),), now, lane)


def _differs(old: Point, new: Point) -> bool:
    """Whether the server has to be told."""
    a, b = old.type, new.type
    return (old.address, a.sampling, a.deadband, a.deadband_kind, a.kind) != (new.address, b.sampling, b.deadband, b.deadband_kind, b.kind)


def _filter(kind: DeadbandKind, deadband: float, trigger: str) -> ua.DataChangeFilter | None:
    if deadband <= 0 and trigger != "timestamp":
        return None
    number = 0 if deadband <= 0 else 1 if kind is DeadbandKind.ABSOLUTE else 2
    when = ua.DataChangeTrigger.StatusValueTimestamp if trigger == "timestamp" else ua.DataChangeTrigger.StatusValue
    return ua.DataChangeFilter(Trigger=when, DeadbandType=number, DeadbandValue=max(deadband, 0.0))
