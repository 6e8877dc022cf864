"""Between a protocol's driver and the bus: what one source delivered and the bus has not taken yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.columns import total
from collector.episodes import Episode
from collector.health import Health
from collector.processing import Processor
from collector.silence import Silence
from collector.table import Table
from collector.typed import shortened, typed
from kernel.array import NO_PROCESSING, Point
from kernel.batches import Column
from kernel.clock import SECOND, Clock
from kernel.meter import Meter
from kernel.samples import Kind
from schemas.records import DeadLetter, GapCause, StateEvent, StateKind

_log = logging.getLogger(__name__)
Description = tuple[str, tuple[float, float] | None, tuple[tuple[int, str], ...]]
"""Unit, range and labels as the device tells them."""
MAX_QUEUED = 100_000
"""Samples that wait for the bus; then the driver is asked to stop reading and the device's own queue holds."""
EXTEND_EVERY = 5 * SECOND // 2
"""With keep-alives every two seconds, coverage without samples is published at least every five."""
STEPPED = 2 * SECOND
"""The clock was set, where it moved so much against one that is never stepped."""
MAX_LETTER = 64 * 1024
"""Bytes of undecodable input kept per dead letter."""


@dataclass(frozen=True, slots=True, eq=False)
class Drained:
    """What is to be published next, in this order: samples by lane, then events and letters."""

    lanes: tuple[tuple[Column, ...], ...]
    samples: int
    covered: tuple[int, int]
    received: int
    events: tuple[StateEvent, ...]
    letters: tuple[DeadLetter, ...]
    mark: int
    """Becomes `accepted` when the bus has it all."""


class Wanted:
    """The points that a source shall deliver; follows the configuration."""

    def __init__(self, points: Mapping[str, Point]) -> None:
        self.current = points
        self._changed = asyncio.Event()

    def replace(self, points: Mapping[str, Point]) -> None:
        """Wakes the reader of changes() if anything differs."""
        if points != self.current:
            self.current = points
            self._changed.set()

    async def changes(self) -> AsyncIterator[Mapping[str, Point]]:
        """Each later set of points; those that come while the reader is busy are skipped but for the last."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield self.current


class Feed:
    """A driver calls take, refuse, gap, covered, connected and lost; the runner drains. Nothing here waits but `room`."""

    def __init__(self, source: str, clock: Clock, meter: Meter, health: Health) -> None:
        self.source = source
        self.clock = clock
        self.table = Table()
        self.processor = Processor(self.table)
        self.silence = Silence()
        self.dirty = asyncio.Event()
        self.last_received = 0
        """Microseconds UTC of the newest sign of life; 0 before the first."""
        self.taken = 0
        """Counts calls of take: what a driver remembers to acknowledge once `accepted` has reached it."""
        self.accepted = 0
        self.is_connected = False
        self.descriptions: dict[str, Description] = {}
        """By point name, where the configuration lacks them."""
        self.browsed: Mapping[str, Point] = {}
        """Points that browsing found at the last connection."""
        self.told = False
        """Whether descriptions or browsed points changed since somebody looked and set it back."""
        self.skew_s = 0.0
        """Server clock minus ours at the newest sample that had a server time."""
        self._meter = meter
        self._health = health
        self._hop = meter.hop("collector.receive", source)
        self._lanes: dict[int, list[Column]] = {}
        self._queued = 0
        self._events: list[StateEvent] = []
        self._letters: list[DeadLetter] = []
        self._covered = (0, 0)
        self._covered_steady = 0.0
        """When coverage was last extended, by the steady clock."""
        self._extended = 0
        self._offset = clock.now() - round(clock.steady() * SECOND)
        """Of the clock to one that is never stepped."""
        self._lost_at = 0
        self._refused = ""
        self._mismatches = 0
        self._mistyped: set[int] = set()
        self._room = asyncio.Event()
        self._room.set()

    # --- for drivers -------------------------------------------------------------------------------------------------------------

    def enroll(self, points: Sequence[Point]) -> list[int]:
        """The slots of points, given on first use."""
        slots = self.table.slots([(p.name, p.type.kind) for p in points])
        for slot, point in zip(slots, points, strict=True):
            if point.type.processing is not NO_PROCESSING:
                self.processor.enroll(slot, point.name, point.type.processing)
        return slots

    def take(self, columns: Sequence[Column], received: int, lane: int = 0) -> None:
        """Samples by slot, as decoded: time 0 means that the device gave none. Columns of one lane travel in one batch."""
        self.last_received = received
        self.taken += 1
        for column in columns:
            if not len(column.time):
                continue
            self._hop.entered += len(column.time)
            timed = self._timed(column, received)
            self.table.last[timed.index] = timed.time
            self.silence.heard(timed.index, timed.time, self.clock.steady())
            for part in self._typed(shortened(timed)):
                for passed in self.processor.process(part, received):
                    self._lanes.setdefault(lane, []).append(passed)
                    self._queued += len(passed.time)
        self._settle()

    def tick(self, now: int) -> None:
        """Closes the windows of statistics that have ended, and tells of points that are held back or stay silent."""
        for episode in self.processor.withheld.tick():
            self._episode(GapCause.FILTERED, episode, "status filter or comparison window let no sample pass")
        for episode in self.silence.tick(self._covered_steady if self.is_connected else 0.0):
            self._episode(GapCause.STALE, episode, "the device is connected and does not deliver it")
        derived = self.processor.tick(now)
        if derived:
            self._lanes.setdefault(-1, []).extend(derived)
            self._queued += total(derived)
        self._settle()

    def refuse(self, count: int, reason: str, data: bytes) -> None:
        """Bytes that could not be decoded; count is the number of samples that they were said to hold."""
        self._hop.entered += count
        self._hop.explain("decode_error", count)
        now = self.clock.now()
        self._letters.append(DeadLetter(time=now, origin=self.source, reason=reason, data=data[:MAX_LETTER]))
        self.gap(GapCause.DECODE_ERROR, (), now, now, count=count or None, detail=reason)

    def gap(
        self, cause: GapCause, points: Sequence[str], start: int, end: int | None, *, count: int | None = None, detail: str = ""
    ) -> None:
        """Samples are missing, and this is why."""
        self._event(StateKind.GAP, cause, tuple(points), start, end, count, detail)

    def covered(self, until: int) -> None:
        """The source reported every change up to this moment. When our clock is stepped, nothing is claimed for what it jumped over."""
        start, end = self._covered
        self._covered_steady = self.clock.steady()
        offset = self.clock.now() - round(self._covered_steady * SECOND)
        if abs(offset - self._offset) > STEPPED:
            self._offset, self._extended = offset, until
            self._covered = (until, until) if start else (0, 0)
        elif start and until > end:
            self._covered = (start, until)
            if until - self._extended >= EXTEND_EVERY:
                self.dirty.set()

    def connected(self, since: int, detail: str = "") -> None:
        """The source delivers, and reports every change from `since` on."""
        self.is_connected = True
        self.last_received = max(self.last_received, since)
        self._covered = (since, since)
        self._extended = since
        self._covered_steady = self.clock.steady()
        self.silence.connected(self._covered_steady)
        self._health.good(f"source {self.source}")
        self._event(StateKind.CONNECTED, GapCause.UNKNOWN, (), since, since, None, detail)

    def resumed(self, detail: str) -> None:
        """The source delivers again, and will deliver what it had meanwhile: nothing is missing since it was lost."""
        self.connected(self._lost_at or self.clock.now(), detail)

    def lost(self, reason: str) -> None:
        """The source delivers no more; said once until it is connected again."""
        self._lost_at = self._covered[1] or self.last_received or self.clock.now()
        self._event(StateKind.DISCONNECTED, GapCause.DISCONNECTED, (), self._lost_at, None, None, reason)
        self.is_connected = False
        self.processor.withheld.forget()
        self.silence.lost()

    def refused(self, count: int, first: str = "") -> None:
        """How many points the source does not give just now. first: the name of one and the reason."""
        text = f"{count} points refused, first {first}" if count else ""
        if text == self._refused:
            return
        self._refused = text
        self._meter.gauges[f"{self.source}.refused_count"] = float(count)
        if count:
            self._health.bad(f"source {self.source}", text, "refused")
        else:
            self._health.good(f"source {self.source}", "refused")

    def describe(self, name: str, unit: str, span: tuple[float, float] | None, labels: Sequence[tuple[int, str]]) -> None:
        """What the device knows of a point and the configuration lacks. Logged once, and kept in `descriptions`."""
        if name in self.descriptions:
            return
        self.descriptions[name] = (unit, span, tuple(labels))
        self.told = True
        self._meter.gauges[f"{self.source}.described_count"] = float(len(self.descriptions))
        _log.info("source %s says of %s: unit %r, range %s, labels %s", self.source, name, unit, span, dict(labels))

    def found(self, browsed: Mapping[str, Point]) -> None:
        """Points that the device has on the source's browse paths."""
        if browsed != self.browsed:
            self.browsed, self.told = dict(browsed), True

    async def room(self) -> None:
        """Waits while too many samples wait for the bus."""
        await self._room.wait()

    # --- for the runner ----------------------------------------------------------------------------------------------------------

    def drain(self) -> Drained:
        """Takes everything that waits. Coverage is claimed up to the last sample in it, never beyond."""
        drained = Drained(
            tuple(tuple(c) for c in self._lanes.values()),
            self._queued,
            self._covered,
            self.last_received,
            tuple(self._events),
            tuple(self._letters),
            self.taken,
        )
        self._lanes, self._queued, self._events, self._letters = {}, 0, [], []
        start, end = self._covered
        self._covered = (end, end) if start else (0, 0)
        self._extended = end or self._extended
        if not self.is_connected:
            self._covered = (0, 0)
        self._room.set()
        return drained

    @property
    def queued(self) -> int:
        """Samples that wait for the bus."""
        return self._queued

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        counts = self.processor.counts()
        self._hop.entered += counts.pop("derived", 0)
        for cause, count in counts.items():
            self._hop.explain(cause, count)
        offered = self.processor.offered()
        if offered:
            entered = offered.pop("entered")
            hop = self._meter.hop("collector.statistics", self.source)
            hop.entered += entered
            hop.left += entered - sum(offered.values())
            hop.last = self.clock.now()
            for cause, count in offered.items():
                hop.explain(cause, count)
        if self._queued:
            self.dirty.set()
        if self._queued >= MAX_QUEUED:
            self._room.clear()

    def _episode(self, cause: GapCause, episode: Episode, detail: str) -> None:
        names = self.table.names_of(episode.slots)
        self.gap(cause, names, episode.start, episode.end, count=episode.count or None if episode.end else None, detail=detail)

    def _typed(self, column: Column) -> list[Column]:
        """The samples in the kinds of their points; what does not fit is passed on too, counted, and logged once for each point."""
        found, strange = typed(column, self.table.kind[column.index])
        if strange is None:
            return found
        self._meter.gauges[f"{self.source}.type_mismatch_count"] = float(self._mismatches + len(strange))
        self._mismatches += len(strange)
        for slot in set(np.unique(strange.index).tolist()) - self._mistyped:
            self._mistyped.add(slot)
            name, kind = self.table.names[slot], Kind(int(self.table.kind[slot])).name.lower()
            value = strange.value[int(np.argmax(strange.index == slot))]
            _log.warning("source %s: %s is configured as %s, but the device says %.80s", self.source, name, kind, value)
        return [*found, strange]

    def _timed(self, column: Column, received: int) -> Column:
        """Fills in times that the device did not give."""
        server, time = column.server, column.time
        if not server.all():
            server = np.where(server == 0, np.where(time == 0, received, time), server)
        if not time.all():
            time = np.where(time == 0, server, time)
        self.skew_s = (int(server[-1]) - received) / SECOND
        if server is column.server and time is column.time:
            return column
        return replace(column, time=time, server=server)

    def _event(
        self, kind: StateKind, cause: GapCause, points: tuple[str, ...], start: int, end: int | None, count: int | None, detail: str
    ) -> None:
        self._events.append(
            StateEvent(
                source=self.source,
                time=self.clock.now(),
                kind=kind,
                cause=cause,
                points=points,
                start=start,
                end=end,
                count=count,
                detail=detail,
            )
        )
        self.dirty.set()
