"""The port of data in motion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from schemas.topic import Topic

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class TopicStats:
    """What a topic holds now."""

    topic: str
    records: int
    bytes: int
    first_time: int
    """Microseconds UTC of the oldest record kept; 0 when empty."""
    last_time: int
    lag: Mapping[str, int]
    """Consumer group to records not yet committed."""
    evicted: Mapping[str, int] = field(default_factory=dict)
    """Consumer group to records that retention removed before the group had read them, in all."""


class Subscription(Protocol[R_co]):
    """A consumer group's member, reading."""

    @property
    def lost(self) -> Mapping[str, int]:
        """Records this member passed over and will never yield, by cause: `evicted` (retention was faster), `decode_error`. Totals since
        it joined."""
        ...

    def batches(self) -> AsyncIterator[Sequence[R_co]]:
        """Non-empty batches, at least once, in order per key, from the group's committed offset on (a new group starts at the oldest
        record kept). Waits while there is nothing. Bytes that cannot be decoded go to `dead.letters` and are passed over."""
        ...

    def tail(self, *, window: int) -> AsyncIterator[R_co]:
        """Private reading of this member's share, beside `batches` and without commits, so that members divide this work, too: from the
        first record at most `window` microseconds old when the share was given; when the share changes, from there again, so records may
        come again. While there is no share, or `batches` is not read, nothing comes."""
        ...

    async def commit(self) -> None:
        """All that was yielded so far is done. A commit lost to a rebalance or crash means that it comes again."""
        ...


class Bus(Protocol):
    """Named topics of records. Order holds per key; nothing accepted is lost within the topic's retention."""

    async def publish(self, topic: Topic[R], records: Sequence[R]) -> None:
        """Returns once the records are durable; waits while the bus is behind. Raises NotAvailable where it cannot take them (full disk,
        broker gone): none or some may have been stored, so publish them again."""
        ...

    def subscribe(self, topic: Topic[R], *, group: str) -> AbstractAsyncContextManager[Subscription[R]]:
        """Joins a consumer group. Members of one group share the work; another takes over within 5 s when one dies."""
        ...

    def tail(self, topic: Topic[R], *, since: int | None = None) -> AsyncIterator[R]:
        """Private reading without commits: from now on, or from the first record whose time is >= since (microseconds UTC). What is
        published after it began is given whatever its time: clocks differ."""
        ...

    async def stats(self) -> Sequence[TopicStats]:
        """One entry per topic that exists."""
        ...
