"""What the bus on Kafka promises beyond the port: partitions, rebalances, lost brokers, evicted records."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from operator import attrgetter
from pathlib import Path

import psutil
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from bus import open_bus
from bus.kafka import reader
from deploy.engines import down, status, up
from kernel.bus import Bus, TopicStats
from kernel.clock import SystemClock
from kernel.errors import NotAvailable
from schemas.records import AuditAction
from schemas.topic import Topic
from tests.contract.bus_backends import BusBackend, action, numbers
from tests.support.waiting import until


@pytest.fixture
def backend(kafka_url: str, request: pytest.FixtureRequest) -> BusBackend:
    """Topics with four partitions."""
    found = BusBackend(kafka_url)
    found.url += f"?prefix={found._run}.&partitions=4"
    return found


@pytest.fixture
async def bus(backend: BusBackend) -> AsyncIterator[Bus]:
    async with backend.open() as opened:
        yield opened


@pytest.fixture
def admin(kafka_url: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka_url.removeprefix("kafka://")})


async def stats_of(bus: Bus, topic: Topic[AuditAction]) -> TopicStats:
    return next(s for s in await bus.stats() if s.topic == topic.name)


class Member:
    """Reads for a group in a task of its own and commits after each batch, unless told to wait."""

    def __init__(self, bus: Bus, topic: Topic[AuditAction], got: list[AuditAction]) -> None:
        self._bus, self._topic, self._all = bus, topic, got
        self.got: list[AuditAction] = []
        self.go = asyncio.Event()
        self.go.set()
        self.lost: dict[str, int] = {}

    async def run(self) -> None:
        async with self._bus.subscribe(self._topic, group="g") as joined:
            async for batch in joined.batches():
                self.got += batch
                self._all += batch
                await self.go.wait()
                await joined.commit()
                self.lost = dict(joined.lost)


async def _all_committed(bus: Bus, topic: Topic[AuditAction]) -> bool:
    return (await stats_of(bus, topic)).lag == {"g": 0}


async def test_members_share_partitions_and_order_holds_per_key(bus: Bus, backend: BusBackend) -> None:
    topic = backend.topic()
    got: list[AuditAction] = []
    members = [Member(bus, topic, got) for _ in range(2)]
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(m.run()) for m in members]
        n = 0
        while not all(m.got for m in members):  # until both own partitions
            await bus.publish(topic, [action(n, key=f"k{i}") for i in range(20)])
            n += 1
        for _ in range(20):
            await bus.publish(topic, [action(n, key=f"k{i}") for i in range(20)])
            n += 1
        await until(lambda: len(set(map(attrgetter("user", "target"), got))) == 20 * n)
        await until(lambda: _all_committed(bus, topic), what="everything committed")
        for task in running:
            task.cancel()
    for member in members:
        for key in {r.user for r in member.got}:
            own = numbers(r for r in member.got if r.user == key)
            assert own == sorted(own), "order per key, redelivery after a rebalance aside"


async def test_a_member_busy_with_one_batch_does_not_hold_up_the_others(bus: Bus, backend: BusBackend) -> None:
    topic = backend.topic()
    got: list[AuditAction] = []
    busy, other = Member(bus, topic, got), Member(bus, topic, got)
    busy.go.clear()
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(busy.run())
        for n in range(4 * reader.CHUNKS):  # more than is fetched ahead, so that the reader pauses
            await bus.publish(topic, [action(n, key=f"k{i}") for i in range(20)])
            await until(lambda: busy.got)
        second = tasks.create_task(other.run())
        await until(lambda: other.got)
        busy.go.set()
        await until(lambda: len(set(map(attrgetter("user", "target"), got))) == 20 * 4 * reader.CHUNKS)
        await until(lambda: _all_committed(bus, topic), what="everything committed")
        first.cancel()
        second.cancel()


async def test_a_revoked_partition_comes_to_the_other_from_the_last_commit_on(bus: Bus, backend: BusBackend) -> None:
    """The busy member never commits: whatever it lost to the other is read again there; nothing is lost and its late commit is harmless."""
    topic = backend.topic()
    async with asyncio.timeout(120):
        async with bus.subscribe(topic, group="g") as one:
            await bus.publish(topic, [action(i, key=f"k{i}") for i in range(40)])
            seen: set[int] = set()
            async for batch in one.batches():
                seen.update(numbers(batch))
                if len(seen) == 40:
                    break
            again: list[AuditAction] = []
            member = Member(bus, topic, again)
            task = asyncio.create_task(member.run())
            await until(lambda: again)
            await one.commit()
            task.cancel()
            await asyncio.wait([task])
        rest: list[AuditAction] = []
        last = asyncio.create_task(Member(bus, topic, rest).run())
        await bus.publish(topic, [action(99, key="k0")])
        await until(lambda: 99 in numbers(rest))
        last.cancel()
        await asyncio.wait([last])
    assert set(numbers(again)) < set(range(40))
    assert Counter(numbers(again)).most_common(1)[0][1] == 1


async def test_records_evicted_before_they_were_read_are_counted(bus: Bus, backend: BusBackend, admin: AdminClient) -> None:
    topic = backend.topic()
    name = backend.url.partition("prefix=")[2].partition("&")[0] + topic.name
    async with asyncio.timeout(120):
        await bus.publish(topic, [action(n) for n in range(10)])
        async with bus.subscribe(topic, group="g") as joined:
            async for batch in joined.batches():
                if 9 in numbers(batch):
                    break
            await joined.commit()
        await bus.publish(topic, [action(n) for n in range(10, 30)])
        places = [TopicPartition(name, p, 20) for p in range(4)]
        ends = admin.list_offsets(_latest(places))
        partition = next(p.partition for p, f in ends.items() if f.result().offset == 30)
        for future in admin.delete_records([TopicPartition(name, partition, 25)]).values():
            future.result()
        found = await stats_of(bus, topic)
        assert (found.records, found.lag["g"], found.evicted["g"]) == (5, 5, 15)
        async with bus.subscribe(topic, group="g") as joined:
            async for batch in joined.batches():
                assert numbers(batch) == list(range(25, 30))
                break
            assert joined.lost == {"evicted": 15}
            await joined.commit()
        found = await stats_of(bus, topic)
        assert (found.lag["g"], found.evicted["g"]) == (0, 15), "the count outlives the commit"


def _latest(places: list[TopicPartition]) -> dict[TopicPartition, object]:
    from confluent_kafka.admin import OffsetSpec

    return {TopicPartition(p.topic, p.partition): OffsetSpec.latest() for p in places}


async def test_a_tail_reads_every_partition(bus: Bus, backend: BusBackend) -> None:
    topic = backend.topic()
    await bus.publish(topic, [action(n, key=f"k{n}") for n in range(40)])
    got: set[int] = set()
    async with asyncio.timeout(120):
        tail = bus.tail(topic, since=20)
        async for record in tail:
            got.add(int(record.target))
            if len(got) == 20:
                break
        await tail.aclose()  # type: ignore[attr-defined]
    assert got == set(range(20, 40))


async def test_nobody_there_is_said_plainly() -> None:
    with pytest.raises(NotAvailable, match=r"bus kafka://127.0.0.1:1: asking failed: .*; check that enough brokers run"):
        async with open_bus("kafka://u:secret@127.0.0.1:1", clock=SystemClock()):
            pass


@pytest.fixture
def private(tmp_path: Path) -> Iterator[str]:
    """A broker that the test may break."""
    try:
        yield up(["kafka"], tmp_path, tied=True)["kafka"]
    finally:
        down(["kafka"], tmp_path, at_once=True)


async def test_a_killed_broker_is_an_error_for_publishers_and_a_pause_for_readers(private: str, tmp_path: Path) -> None:
    topic = BusBackend(private).topic()
    async with asyncio.timeout(200), open_bus(f"{private}?publish_timeout=1", clock=SystemClock()) as bus:
        got: list[AuditAction] = []
        member = Member(bus, topic, got)
        reading = asyncio.create_task(member.run())
        await bus.publish(topic, [action(0)])
        await until(lambda: numbers(got) == [0])
        psutil.Process(status(["kafka"], tmp_path)[0].pids[0]).kill()
        with pytest.raises(NotAvailable, match=r"publishing failed: .*; check that enough brokers run"):
            await bus.publish(topic, [action(1)])
        assert not reading.done()
        assert up(["kafka"], tmp_path, tied=True)["kafka"] == private

        async def published() -> bool:
            try:
                await bus.publish(topic, [action(2)])
            except NotAvailable:
                return False
            return True

        await until(published)
        await until(lambda: 2 in numbers(got))
        assert set(numbers(got)) <= {0, 1, 2}
        reading.cancel()
        await asyncio.wait([reading])


async def test_a_tail_that_begins_while_the_broker_is_away_waits_for_it(private: str, tmp_path: Path) -> None:
    topic = BusBackend(private).topic()
    async with asyncio.timeout(200), open_bus(private, clock=SystemClock()) as bus:
        await bus.publish(topic, [action(0)])
        psutil.Process(status(["kafka"], tmp_path)[0].pids[0]).kill()
        got: list[AuditAction] = []

        async def follow() -> None:
            async for record in bus.tail(topic, since=0):
                got.append(record)

        following = asyncio.create_task(follow())
        done, _ = await asyncio.wait([following], timeout=2 * reader.ASK)  # the time that the brokers have for one answer, twice
        assert not done, following
        assert up(["kafka"], tmp_path, tied=True)["kafka"] == private
        await until(lambda: numbers(got) == [0] or following.done())
        assert not following.done(), following
        following.cancel()
        await asyncio.wait([following])


async def test_a_bus_that_comes_back_empty_is_read_as_soon_as_somebody_publishes(private: str, tmp_path: Path) -> None:
    topic = BusBackend(private).topic()
    async with asyncio.timeout(200), open_bus(f"{private}?publish_timeout=5", clock=SystemClock()) as bus:
        got: list[AuditAction] = []
        reading = asyncio.create_task(Member(bus, topic, got).run())
        await bus.publish(topic, [action(0)])
        await until(lambda: numbers(got) == [0])
        psutil.Process(status(["kafka"], tmp_path)[0].pids[0]).kill()
        shutil.rmtree(tmp_path / "kafka" / "node1" / "data")
        assert up(["kafka"], tmp_path, tied=True)["kafka"] == private

        async def published() -> bool:
            try:
                await bus.publish(topic, [action(1)])
            except NotAvailable:
                return False
            return True

        await until(published, what="published")
        await until(lambda: 1 in numbers(got), what="read")
        assert set(numbers(got)) <= {0, 1}
        reading.cancel()
        await asyncio.wait([reading])


@pytest.mark.slow
async def test_a_broker_of_three_is_lost_and_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    try:
        url = up(["kafka"], tmp_path, nodes={"kafka": 3}, tied=True)["kafka"]
        topic = BusBackend(url).topic()
        acknowledged: list[int] = []
        async with asyncio.timeout(200), open_bus(f"{url}?partitions=6", clock=SystemClock()) as bus:
            got: list[AuditAction] = []
            reading = asyncio.create_task(Member(bus, topic, got).run())

            async def flood() -> None:
                for n in range(100_000):
                    await bus.publish(topic, [action(n, key=f"k{n % 50}")])
                    acknowledged.append(n)

            publishing = asyncio.create_task(flood())
            await until(lambda: len(acknowledged) > 100)
            victim = status(["kafka"], tmp_path)[0].pids[0]
            psutil.Process(victim).kill()
            before = len(acknowledged)
            await until(lambda: len(acknowledged) > before + 500 or publishing.done())
            if publishing.done():
                await publishing
            publishing.cancel()
            await asyncio.wait([publishing])
            await until(lambda: set(acknowledged) <= set(numbers(got)) or reading.done())
            assert not reading.done(), reading
            reading.cancel()
            await asyncio.wait([reading])
    finally:
        down(["kafka"], tmp_path, at_once=True)


async def test_a_commit_that_no_broker_took_is_tried_again_while_nothing_comes(private: str, tmp_path: Path) -> None:
    topic = BusBackend(private).topic()
    async with asyncio.timeout(200), open_bus(private, clock=SystemClock()) as bus:
        await bus.publish(topic, [action(0)])
        got: list[AuditAction] = []
        member = Member(bus, topic, got)
        member.go.clear()
        reading = asyncio.create_task(member.run())
        await until(lambda: got)
        psutil.Process(status(["kafka"], tmp_path)[0].pids[0]).kill()
        member.go.set()
        up(["kafka"], tmp_path, tied=True)

        async def level() -> bool:
            try:
                return (await stats_of(bus, topic)).lag == {"g": 0}
            except NotAvailable:
                return False

        await until(level)
        reading.cancel()
        await asyncio.wait([reading])
