"""The topic file against a list, under any sequence of appends, reads, searches, evictions and re-openings."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bus.pace import Pace
from bus.retention import Retention, Slice, evictable
from bus.sqlite.log import Log
from kernel.clock import SECOND

TIMES = st.integers(0, 2000)
SIZES = st.integers(0, 3000)


class LogMachine(RuleBasedStateMachine):
    """`kept` is the model: (sequence number, time, stored, data) of every record held."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.log = Log(self.folder, "a.topic/with?odd name")
        self.kept: list[tuple[int, int, int, bytes]] = []
        self.next = 0
        self.now = 0

    @rule(records=st.lists(st.tuples(TIMES, SIZES), max_size=8))
    def append_few(self, records: list[tuple[int, int]]) -> None:
        self._append([(time, b"%d" % i * size) for i, (time, size) in enumerate(records)])

    @rule(time=TIMES, count=st.integers(200, 600))
    def append_many(self, time: int, count: int) -> None:
        self._append([(time + i % 7, b"m") for i in range(count)])

    def _append(self, records: list[tuple[int, bytes]]) -> None:
        extent = self.log.append(records, self.now)
        for time, data in records:
            self.kept.append((self.next, time, self.now, data))
            self.next += 1
        assert extent.next == self.next

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(
        age=st.none() | st.integers(0, 200),
        size=st.none() | st.integers(0, 20_000),
        limit=st.builds(Slice, st.integers(1, 500), st.integers(1, 20_000)),
    )
    def evict(self, age: int | None, size: int | None, limit: Slice) -> None:
        while True:
            oldest = [(stored, len(data)) for _, _, stored, data in self.kept]
            count, _ = evictable(Retention(age, size), oldest, held=sum(s for _, s in oldest), now=self.now, limit=limit)
            assert self.log.evict(Retention(age, size), self.now, limit) == (count > 0)
            del self.kept[:count]
            if not count:
                break
        assert size is None or sum(len(k[3]) for k in self.kept) <= size

    @rule(back=st.integers(0, 700), records=st.integers(1, 50), size=st.integers(1, 5000))
    def read(self, back: int, records: int, size: int) -> None:
        position = max(0, self.next - back)
        found = self.log.read(position, records=records, size=size)
        held = [(seq, data) for seq, _, _, data in self.kept if seq >= position]
        assert found.rows == held[: len(found.rows)]
        assert bool(found.rows) == bool(held)
        assert len(found.rows) <= records
        assert sum(len(data) for _, data in found.rows[:-1]) < size
        first = held[0][0] if held else self.next
        assert found.evicted == first - position
        assert found.next == first + len(found.rows)

    @rule(since=TIMES)
    def find(self, since: int) -> None:
        assert self.log.find(since) == next((seq for seq, time, _, _ in self.kept if time >= since), self.next)

    @rule()
    def tidy_and_reopen(self) -> None:
        self.log.tidy()
        self.log.close()
        self.log = Log(self.folder, self.log.topic)

    @invariant()
    def extent_and_times(self) -> None:
        extent = self.log.extent()
        assert (extent.next - extent.first, extent.next) == (len(self.kept), self.next)
        assert extent.bytes == sum(len(k[3]) for k in self.kept)
        assert self.log.times() == ((self.kept[0][1], self.kept[-1][1]) if self.kept else (0, 0))

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()
            shutil.rmtree(self.folder)


LogMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLog = LogMachine.TestCase


@given(st.lists(st.floats(0, 0.2), min_size=50, max_size=300), st.floats(1, 100), st.floats(1, 20))
def test_no_stretch_of_time_sees_more_commits_than_rate_and_burst(gaps: list[float], rate: float, burst: float) -> None:
    pace, now, commits = Pace(rate=rate, burst=burst, filled=burst), 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += pace.wait(now)
        pace.spend(now)
        commits.append(now)
    for i in range(0, len(commits), 7):
        for j in range(i, len(commits), 5):
            assert j - i + 1 <= burst + 1 + rate * (commits[j] - commits[i]) + 1e-6
