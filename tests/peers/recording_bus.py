"""A bus that keeps what it is given, in the order of acceptance, and can be told to refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from kernel.batches import columns, size
from kernel.bus import Subscription, TopicStats
from kernel.errors import BadUsage, NotAvailable
from schemas.codec import codec
from schemas.records import Discovery, PointBatch, StateEvent, StateKind
from schemas.topic import Topic


class RecordingBus:
    """The writing half of the Bus port, in memory. Records pass through the codec, as on any bus."""

    def __init__(self) -> None:
        self.records: dict[str, list[Any]] = defaultdict(list)
        self.refuses = ""
        self.calls = 0

    async def publish(self, topic: Topic[Any], records: Sequence[Any]) -> None:
        self.calls += 1
        if self.refuses:
            raise NotAvailable(self.refuses)
        self.records[topic.name] += [codec(type(r)).decode(codec(type(r)).encode(r)) for r in records]

    def subscribe(self, topic: Topic[Any], *, group: str) -> AbstractAsyncContextManager[Subscription[Any]]:
        raise BadUsage("the recording bus is only written")

    def tail(self, topic: Topic[Any], *, since: int | None = None) -> AsyncIterator[Any]:
        raise BadUsage("the recording bus is only written")

    async def stats(self) -> Sequence[TopicStats]:
        return ()

    # --- what tests ask ---

    @property
    def batches(self) -> list[PointBatch]:
        return self.records["monitoring.points"]

    @property
    def events(self) -> list[StateEvent]:
        return self.records["monitoring.state"]

    @property
    def discoveries(self) -> list[Discovery]:
        return self.records["monitoring.discovered"]

    def of(self, kind: StateKind) -> list[StateEvent]:
        return [e for e in self.events if e.kind is kind]

    @property
    def samples(self) -> int:
        return sum(map(size, self.batches))

    def values(self, point: str) -> list[tuple[int, Any, int, int]]:
        """Time, value, quality and status of a point's samples, as they came."""
        found = []
        for batch in self.batches:
            if point not in batch.names:
                continue
            at = batch.names.index(point)
            for c in columns(batch):
                for i in (c.index == at).nonzero()[0].tolist():
                    value = c.value[i]
                    found.append((int(c.time[i]), value.item() if hasattr(value, "item") else value, int(c.quality[i]), int(c.status[i])))
        return found

    def last(self, point: str) -> Any:
        values = self.values(point)
        return values[-1][1] if values else None
