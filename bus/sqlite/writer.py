"""The one thread of an open bus that writes topics: publishers that come together share a commit, and retention follows behind."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.envelope import Packed
from bus.pace import Pace
from bus.retention import Retention, Slice, retention_of
from bus.sqlite.log import Log
from kernel.clock import Clock, monotonic
from kernel.errors import NotAvailable

COMMIT_BYTES = 8 << 20
ENDED = "the thread that writes the bus has ended: restart the process, and report what it printed"
TIDY_EVERY = 1.0
"""Seconds between looks at what retention no longer keeps, while nobody publishes."""


@dataclass(frozen=True, slots=True)
class Job:
    """Records of one publish call; none: only asks where the topic ends, after everything that was handed in before."""

    topic: str
    records: Sequence[Packed]
    bytes: int
    done: Future[int]
    """Where the topic ends after these records."""


Outcome = tuple[Job, int | NotAvailable]


class Writer:
    """Commits jobs in the order they come, per topic all those of one round or none. `settle` is called in the event loop with outcomes."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        retention: Mapping[str, Retention],
        loop: AbstractEventLoop,
        settle: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._folder, self._clock, self._retention = folder, clock, retention
        self._loop, self._settle = loop, settle
        self._jobs: deque[Job] = deque()
        self._logs: dict[str, Log] = {}
        self._pace = Pace(last=monotonic())
        self._changed = threading.Condition()
        self._closing = self._ended = False
        self._taken: list[Job] = []
        self._thread = threading.Thread(target=self._run, name="bus-writer")

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hands a job over; never waits."""
        with self._changed:
            if self._ended:
                raise NotAvailable(ENDED)
            self._jobs.append(job)
            self._changed.notify()

    def close(self) -> None:
        """Writes what was handed in, then ends; blocks until then."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            more = False
            while (jobs := self._take(0.0 if more else TIDY_EVERY)) is not None:
                if jobs:
                    self._answer(self._write(jobs))
                more = self._tidy(jobs)
        finally:
            self._end()

    def _answer(self, outcomes: Sequence[Outcome]) -> None:
        self._taken = []
        self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _end(self) -> None:
        """Answers whoever is left: nobody after an orderly close, everybody where a defect ended this thread."""
        with self._changed:
            self._ended = True
            left = [*self._taken, *self._jobs]
            self._jobs.clear()
        if left:
            self._answer([(job, NotAvailable(ENDED)) for job in left])
        for log in self._logs.values():
            log.close()

    def _take(self, patience: float) -> list[Job] | None:
        """The next round's jobs, in turn; empty when there is none for a while, None when all is done."""
        with self._changed:
            if not self._jobs and not self._closing:
                self._changed.wait(patience)
            if not self._jobs:
                return None if self._closing else []
            while (wait := self._pace.wait(monotonic())) > 0 and not self._closing:
                self._changed.wait(wait)
            jobs: list[Job] = []
            size = 0
            while self._jobs and (not jobs or size + self._jobs[0].bytes <= COMMIT_BYTES):
                jobs.append(self._jobs.popleft())
                size += jobs[-1].bytes
            self._pace.spend(monotonic())
            self._taken = jobs
            return jobs

    def _write(self, jobs: Sequence[Job]) -> list[Outcome]:
        by_topic: dict[str, list[Job]] = {}
        for job in jobs:
            by_topic.setdefault(job.topic, []).append(job)
        outcomes: list[Outcome] = []
        for topic, together in by_topic.items():
            records = [r for job in together for r in job.records]
            try:
                end = self._log(topic).append(records, self._clock.now()).next - len(records)
            except NotAvailable as error:
                outcomes += [(job, error) for job in together]
                continue
            for job in together:
                end += len(job.records)
                outcomes.append((job, end))
        return outcomes

    def _tidy(self, jobs: Sequence[Job]) -> bool:
        """One slice of eviction for the topics just written or, at rest, for all, and the write-ahead log; whether more is due.

        A slice is larger than what was just added, so that eviction keeps up with any publisher.
        """
        least = Slice()
        limit = Slice(
            records=max(least.records, 2 * sum(len(job.records) for job in jobs)),
            bytes=max(least.bytes, 2 * sum(job.bytes for job in jobs)),
        )
        more = False
        for topic in {job.topic for job in jobs} or set(self._logs):
            log = self._log(topic)
            try:
                more |= log.evict(retention_of(topic, self._retention), self._clock.now(), limit)
                log.tidy()
            except NotAvailable:
                continue  # the same trouble meets the next publish, which reports it; what is due stays due
        return more

    def _log(self, topic: str) -> Log:
        log = self._logs.get(topic)
        if log is None:
            log = self._logs[topic] = Log(self._folder, topic)
        return log
