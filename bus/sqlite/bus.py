"""The embedded bus: a folder with one SQLite file per topic, for the processes of one host."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bus.envelope import Undecodable, letters, pack
from bus.leases import this_process
from bus.memo import Memo
from bus.retention import Retention
from bus.sqlite.files import alone, topics_in
from bus.sqlite.groups import Groups, Progress
from bus.sqlite.log import Extent, Log
from bus.sqlite.subscription import Reader, SqliteSubscription
from bus.sqlite.waiting import Head, Room, Standby
from bus.sqlite.watcher import Watcher
from bus.sqlite.writer import Job, Outcome, Writer
from kernel.bus import TopicStats
from kernel.clock import Clock, monotonic, sleep
from kernel.errors import NotAvailable
from schemas.records import DEAD_LETTERS
from schemas.topic import Topic

R = TypeVar("R")
T = TypeVar("T")
P = ParamSpec("P")

IN_FLIGHT = 16 << 20
"""Bytes handed to the writer and not yet durable; publishers beyond that wait."""
READ_THREADS = 4


@asynccontextmanager
async def open_sqlite(folder: Path, *, clock: Clock, retention: Mapping[str, Retention]) -> AsyncIterator[SqliteBus]:
    """The bus of a folder, which is made where it is missing."""
    pool = ThreadPoolExecutor(READ_THREADS, "bus-reader")
    try:
        groups = await _to_the_end(asyncio.get_running_loop().run_in_executor(pool, _enter, folder))
        bus = SqliteBus(folder, clock, retention, groups, pool)
        try:
            yield bus
        finally:
            await bus.close()
    finally:
        pool.shutdown()


def _enter(folder: Path) -> Groups:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAvailable(f"bus folder {folder} cannot be made: {error.strerror}: check the path and its owner") from error
    groups = Groups(folder, this_process(uuid.uuid4().hex, monotonic()))
    try:
        groups.enter()
    except NotAvailable:
        groups.close()
        raise
    return groups


async def _to_the_end(work: asyncio.Future[T]) -> T:
    """The result of work that must not be left half done: a cancellation meanwhile is raised afterwards."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return work.result()


class SqliteBus:
    """See kernel.bus.Bus. Made by open_sqlite."""

    def __init__(self, folder: Path, clock: Clock, retention: Mapping[str, Retention], groups: Groups, pool: ThreadPoolExecutor) -> None:
        self._folder, self._clock, self._pool = folder, clock, pool
        self.groups = groups
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._heads: dict[str, Head] = {}
        self._memos: defaultdict[str, Memo[Any]] = defaultdict(Memo)
        self._standby = Standby()
        self._room = Room(IN_FLIGHT)
        self._numbers = itertools.count()
        self._reporting = asyncio.Lock()
        self._measured: dict[str, Log] = {}
        self._writer = Writer(folder, clock, retention, self._loop, self._settle)
        self._watcher = Watcher(folder, groups, self._post)
        self._writer.start()
        self._watcher.start()

    async def publish(self, topic: Topic[R], records: Sequence[R]) -> None:
        """See kernel.bus.Bus."""
        packed = pack(topic, records)
        if packed:
            size = sum(len(data) for _, data in packed)
            await self._room.take(size)
            try:
                done = self._hand_in(topic.name, packed, size)
            except NotAvailable:
                self._room.give(size)
                raise
            await done

    @asynccontextmanager
    async def subscribe(self, topic: Topic[R], *, group: str) -> AsyncIterator[SqliteSubscription[R]]:
        """See kernel.bus.Bus."""
        log, number, memo = Log(self._folder, topic.name), next(self._numbers), self._memos[topic.name]
        try:
            extent = await self.run(log.extent)
            await self.run(self.groups.join, topic.name, group, extent.first)
            with memo.reading():
                yield SqliteSubscription(self, Reader(self, topic, log, self._followed(topic.name), memo), topic, group, number)
        finally:
            if self._closed:  # every lease was given up
                log.close()
            else:
                await _to_the_end(self._submit(self._leave, number, log))
                self._standby.free(topic.name, group)

    def recent(self, topic: Topic[R], window: int) -> AsyncGenerator[R, None]:
        """Records from `window` microseconds ago on."""
        return self.tail(topic, since=self._clock.now() - window)

    async def tail(self, topic: Topic[R], *, since: int | None = None) -> AsyncGenerator[R, None]:
        """See kernel.bus.Bus."""
        log, memo = Log(self._folder, topic.name), self._memos[topic.name]
        try:
            reader = Reader(self, topic, log, self._followed(topic.name), memo)
            if since is None:  # asked in turn with the publishers, so that whatever is published from now on comes after
                reader.seek(await self._hand_in(topic.name, (), 0))
            else:
                reader.seek(await self.run(log.find, since))
            with memo.reading():
                while True:
                    for record in await reader.next():
                        yield record
        finally:
            if self._closed:
                log.close()
            else:
                self._submit(log.close)

    async def stats(self) -> Sequence[TopicStats]:
        """See kernel.bus.Bus."""
        return await self.run(self._measure)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a blocking call in a thread of the bus."""
        self._check_open()
        return await self._submit(call, *args, **kwargs)

    async def claim(self, topic: str, group: str, reader: int) -> Progress:
        """Stands by until the group's lease is ours."""
        free = self._standby.add(topic, group)
        try:
            while (progress := await self.run(self.groups.claim, topic, group, reader)) is None:
                self._watcher.stand_by(topic, group, free.set)
                await free.wait()
                free.clear()
                self._check_open()
            return progress
        finally:
            self._watcher.stand_down(topic, group, free.set)
            self._standby.remove(topic, group, free)

    async def set_aside(self, topic: str, bad: Sequence[Undecodable], first: int) -> None:
        """Puts undecodable records into `dead.letters`, once; waits for room there, since passing over them unseen would be a loss."""
        if topic == DEAD_LETTERS.name:
            return
        while True:
            try:
                # several readers find the same records at the same moment: whoever is second sees what the first one reported
                async with self._reporting, alone(self._folder / "letters.lock", self._clock):
                    fresh = await self.run(self.groups.unreported, topic, [b.seq for b in bad])
                    await self.publish(DEAD_LETTERS, letters(topic, [b for b in bad if b.seq in fresh], self._clock.now()))
                    await self.run(self.groups.report, topic, sorted(fresh), first)
                return
            except NotAvailable:
                self._check_open()
                await sleep(self._clock, 1.0)

    async def close(self) -> None:
        """Writes what was handed in, gives up every lease and ends the threads. Whoever still waits gets NotAvailable."""
        self._closed = True
        for head in self._heads.values():
            head.close()
        self._standby.free_all()
        await _to_the_end(self._submit(self._shut))

    def _shut(self) -> None:
        self._writer.close()
        self._watcher.close()
        for log in self._measured.values():
            log.close()
        self.groups.leave()
        self.groups.close()

    def _leave(self, number: int, log: Log) -> None:
        log.close()
        self.groups.release(number)

    def _submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        return self._loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))

    def _hand_in(self, topic: str, records: Sequence[tuple[int, bytes]], size: int) -> asyncio.Future[int]:
        self._check_open()
        done: asyncio.Future[int] = self._loop.create_future()
        self._writer.submit(Job(topic, records, size, done))
        return done

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        for job, outcome in outcomes:
            self._room.give(job.bytes)
            if isinstance(outcome, NotAvailable):
                if not job.done.done():
                    job.done.set_exception(NotAvailable(str(outcome)))
                continue
            if (head := self._heads.get(job.topic)) is not None:
                head.extend(outcome, job.records)
            if not job.done.done():
                job.done.set_result(outcome)

    def _followed(self, topic: str) -> Head:
        head = self._heads.get(topic)
        if head is None:
            self._check_open()
            head = self._heads[topic] = Head()
            self._watcher.follow(topic, lambda: head.end, head.advance)
        return head

    def _measure(self) -> list[TopicStats]:
        progress = self.groups.progress()
        found = []
        for topic in topics_in(self._folder):
            log = self._measured.get(topic)
            if log is None:
                log = self._measured[topic] = Log(self._folder, topic)
            try:
                (first_time, last_time), extent = log.times(), log.extent()
            except NotAvailable:
                continue  # one damaged file hides no other topic; whoever uses it is told
            found.append(_stats(topic, extent, first_time, last_time, [p for p in progress if p.topic == topic]))
        return found

    def _post(self, call: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(call)

    def _check_open(self) -> None:
        if self._closed:
            raise NotAvailable(f"the bus {self._folder} was closed")


def _stats(topic: str, extent: Extent, first_time: int, last_time: int, groups: Sequence[Progress]) -> TopicStats:
    return TopicStats(
        topic=topic,
        records=extent.next - extent.first,
        bytes=extent.bytes,
        first_time=first_time,
        last_time=last_time,
        lag={p.group: max(0, extent.next - max(p.next, extent.first)) for p in groups},
        evicted={p.group: p.evicted + max(0, extent.first - p.next) for p in groups},
    )
