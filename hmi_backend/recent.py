"""The newest records of a topic, kept in memory for those who ask: bounded, filled from the bus."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from hmi_backend.paging import Page
from kernel.bus import Bus
from kernel.clock import DAY, Clock
from schemas.topic import Topic

R = TypeVar("R")


class Recent(Generic[R]):
    """Follows one topic. `run` is the only writer; pages are cut newest first and stay stable while records arrive."""

    def __init__(self, bus: Bus, topic: Topic[R], clock: Clock, *, keep: int, days: float = 1.0) -> None:
        self._bus, self._topic = bus, topic
        self._kept: deque[tuple[int, R]] = deque(maxlen=keep)
        self._since = clock.now() - round(days * DAY)
        self.seen = 0
        """Records read so far, also those no longer kept."""
        self.on_record: Callable[[R], None] = lambda record: None

    async def run(self) -> None:
        """Reads until cancelled."""
        async for record in self._bus.tail(self._topic, since=self._since):
            self._kept.append((self.seen, record))
            self.seen += 1
            self.on_record(record)

    @property
    def kept(self) -> Sequence[tuple[int, R]]:
        """Everything kept with its number, oldest first."""
        return self._kept

    @property
    def reaches(self) -> int:
        """Microseconds UTC from which on every record is kept."""
        full = len(self._kept) == self._kept.maxlen
        return max(self._since, self._topic.time(self._kept[0][1])) if full else self._since

    def newest_first(self) -> Sequence[R]:
        """Everything kept."""
        return [r for _, r in reversed(self._kept)]

    def page(self, first: int, before: int | None, wanted: Callable[[R], bool]) -> Page[R]:
        """At most `first` wanted records, newest first, older than number `before`."""
        rows: list[tuple[str, R]] = []
        for number, record in reversed(self._kept):
            if (before is None or number < before) and wanted(record):
                if len(rows) == first:
                    return Page(tuple(rows), True, before is not None)
                rows.append((str(number), record))
        return Page(tuple(rows), False, before is not None)
