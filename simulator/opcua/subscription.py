"""One client's subscription: the state machine of OPC 10000-4, 5.13.1.2, driven by the process's one schedule instead of a task each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from kernel.clock import Clock
from simulator.blocks import Block
from simulator.opcua.encoding import Published, encode_chunk, notification_message
from simulator.opcua.items import ItemGroup, ItemSpec

Publisher = Callable[..., Awaitable[None]]
Requests = Callable[[int], Any]
KEPT = 200
"""Unacknowledged messages kept for Republish."""


@dataclass(slots=True)
class Sampled:
    """A monitored item that is no simulated value, such as the server's clock: it is read at each publishing interval."""

    id: int
    node: Any
    attribute: Any
    handle: int
    reporting: bool
    last: Any = None


@dataclass(slots=True, eq=False)
class Subscription:
    """`pub_result_callback`, `pub_request_callback` and `session_id` carry asyncua's names: its session transfer sets them."""

    data: ua.CreateSubscriptionResult
    session_id: ua.NodeId
    pub_result_callback: Publisher
    pub_request_callback: Requests
    clock: Clock
    read: Callable[[Any, Any], ua.DataValue]
    enabled: bool
    limit: int
    """Notifications per publish response."""
    due: int = 0
    """Microseconds UTC of the next publishing moment."""
    groups: dict[int, ItemGroup] = field(default_factory=dict)
    where: dict[int, tuple[ItemGroup, int] | Sampled] = field(default_factory=dict)
    """Item id to its place; rows move only when items are deleted."""
    others: dict[int, Sampled] = field(default_factory=dict)
    others_waiting: list[bytes] = field(default_factory=list)
    unacknowledged: dict[int, bytes] = field(default_factory=dict)
    expired: bool = False
    _sequence: int = 1
    _idle: int = 0
    _late: int = 0
    _first: bool = True

    @property
    def interval(self) -> int:
        """Microseconds between publishing moments."""
        out: int = max(1, round(self.data.RevisedPublishingInterval * 1000))
        return out

    # ---- items

    def add(self, block: Block, specs: Sequence[ItemSpec]) -> None:
        """Monitors values of a block."""
        group = self.groups.get(id(block))
        if group is None:
            group = self.groups[id(block)] = ItemGroup(block)
        first = len(group.rows)
        group.add(specs)
        for i, spec in enumerate(specs):
            self.where[spec.id] = (group, first + i)

    def add_other(self, item: Sampled) -> None:
        """Monitors any other attribute."""
        self.where[item.id] = self.others[item.id] = item

    def remove(self, ids: Sequence[int]) -> list[bool]:
        """Deletes items; False where there is none of that id."""
        found = [self.where.pop(i, None) for i in ids]
        by_group: dict[int, list[int]] = {}
        for place in found:
            if isinstance(place, Sampled):
                del self.others[place.id]
            elif place is not None:
                by_group.setdefault(id(place[0].block), []).append(place[1])
        for key, rows in by_group.items():
            group = self.groups[key]
            group.remove(rows)
            for row, item in enumerate(group.rows["id"].tolist()):
                self.where[item] = (group, row)
            if not len(group.rows):
                del self.groups[key]
        return [place is not None for place in found]

    # ---- notifications

    def on_scan(self, blocks: Iterable[Block]) -> None:
        """Samples the items of the blocks that were just scanned."""
        for block in blocks:
            group = self.groups.get(id(block))
            if group is not None:
                group.sample()

    def _sample_others(self) -> None:
        for item in self.others.values():
            if not item.reporting:
                continue
            value = self.read(item.node, item.attribute)
            if item.last is None or value.Value != item.last.Value or value.StatusCode != item.last.StatusCode:
                item.last = value
                note = ua.MonitoredItemNotification()
                note.ClientHandle, note.Value = item.handle, value
                self.others_waiting.append(struct_to_binary(note))

    def _waiting(self) -> bool:
        return bool(self.others_waiting) or any(g.count for g in self.groups.values())

    async def publish_due(self, now: int) -> None:
        """The publishing moment has come: sends what waits, or a keep-alive, or notes that no publish request is there."""
        while self.due <= now:
            self.due += self.interval
        self._sample_others()
        self._late += 1
        if self._late > self.data.RevisedLifetimeCount:
            self.expired = True
            return
        if not self._first and not (self.enabled and self._waiting()):
            self._idle += 1
            if self._idle < self.data.RevisedMaxKeepAliveCount:
                self._late -= 1
                return
        while await self.publish_results() and self.enabled and self._waiting():
            pass

    async def publish_results(self, request: Any = None) -> bool:
        """Sends one response; called by asyncua with a publish request that came late. False: nothing was sent."""
        if not (self._first or (self.enabled and self._waiting()) or self._idle >= self.data.RevisedMaxKeepAliveCount):
            return False
        if request is None:
            request = self.pub_request_callback(self.data.SubscriptionId)
            if request is None:
                return False
        await self.pub_result_callback(self._next(), request)
        return True

    def _next(self) -> Published:
        pieces: list[bytes] = []
        count = 0
        if self.enabled:
            pieces, self.others_waiting = self.others_waiting[: self.limit], self.others_waiting[self.limit :]
            count = len(pieces)
            for group in self.groups.values():
                for chunk in group.take(self.limit - count):
                    pieces.append(encode_chunk(chunk))
                    count += len(chunk)
        message = notification_message(self._sequence, self.clock.now(), count, pieces)
        if count:
            self.unacknowledged[self._sequence] = message
            self._sequence = self._sequence % 0xFFFFFFFF + 1
            while len(self.unacknowledged) > KEPT:
                del self.unacknowledged[next(iter(self.unacknowledged))]
        self._idle = self._late = 0
        self._first = False
        more = self.enabled and self._waiting()
        return Published(self.data.SubscriptionId, tuple(self.unacknowledged), more, message)

    def acknowledge(self, sequence: int) -> bool:
        """The client has the message; False when it is not kept."""
        return self.unacknowledged.pop(sequence, None) is not None

    def republish(self, sequence: int) -> ua.NotificationMessage | None:
        """A message again; None when it is not kept."""
        message = self.unacknowledged.get(sequence)
        if message is None:
            return None
        from asyncua.common.utils import Buffer

        return struct_from_binary(ua.NotificationMessage, Buffer(message))

    @property
    def _not_acknowledged_results(self) -> dict[int, bytes]:
        """asyncua's name, read when a subscription is transferred."""
        return self.unacknowledged
