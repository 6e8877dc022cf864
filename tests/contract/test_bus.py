"""What every bus promises, written against the port alone."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import pytest

from bus import open_bus
from kernel.bus import Bus, Subscription, TopicStats
from kernel.clock import SystemClock, settle
from kernel.errors import BadUsage, NotAvailable
from schemas.records import DEAD_LETTERS, AuditAction, DeadLetter, Revision
from schemas.topic import Topic
from tests.contract.bus_backends import BACKENDS, Backend, BusBackend, action, numbers
from tests.support.waiting import until

R = TypeVar("R")


@pytest.fixture(params=BACKENDS.values(), ids=BACKENDS.keys())
async def bus_backend(request: pytest.FixtureRequest) -> AsyncIterator[BusBackend]:
    backend: Backend = request.param
    async with backend(request) as running:
        yield running


@pytest.fixture
async def bus(bus_backend: BusBackend) -> AsyncIterator[Bus]:
    async with bus_backend.open() as opened:
        yield opened


async def take(subscription: Subscription[R], count: int, *, commit: bool = True) -> list[R]:
    """Reads at least count records."""
    got: list[R] = []
    async for batch in subscription.batches():
        assert batch, "a batch is never empty"
        got += batch
        if commit:
            await subscription.commit()
        if len(got) >= count:
            break
    return got


async def read(bus: Bus, topic: Topic[R], group: str, count: int, *, commit: bool = True) -> list[R]:
    """Joins, reads at least count records, leaves."""
    async with asyncio.timeout(120), bus.subscribe(topic, group=group) as subscription:
        return await take(subscription, count, commit=commit)


async def stats_of(bus: Bus, topic: Topic[R]) -> TopicStats:
    return next(s for s in await bus.stats() if s.topic == topic.name)


async def line(peer: subprocess.Popen[str]) -> str:
    """The peer's next line."""
    assert peer.stdout is not None
    async with asyncio.timeout(120):
        return (await asyncio.get_running_loop().run_in_executor(None, peer.stdout.readline)).strip()


@pytest.fixture
async def peer(bus_backend: BusBackend) -> AsyncIterator[Callable[..., subprocess.Popen[str]]]:
    """Starts other processes on the bus; they are killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        started.append(bus_backend.peer(*words))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def test_what_is_published_is_read_in_order_per_key(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    for n in range(0, 60, 3):
        await bus.publish(topic, [action(n + i, key=f"k{i}") for i in range(3)])
    got = await read(bus, topic, "g", 60)
    assert len(got) == 60
    for i in range(3):
        assert numbers(r for r in got if r.user == f"k{i}") == list(range(i, 60, 3))
    assert sorted(got, key=lambda r: r.time) == [action(n, key=f"k{n % 3}") for n in range(60)]


async def test_publishing_nothing_is_nothing(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    await bus.publish(topic, [])
    await bus.publish(topic, [action(1)])
    assert numbers(await read(bus, topic, "g", 1)) == [1]


async def test_a_record_of_another_topic_is_refused(bus: Bus) -> None:
    with pytest.raises(BadUsage, match="takes DeadLetter records, not AuditAction"):
        await bus.publish(DEAD_LETTERS, [action(1)])  # type: ignore[list-item]


async def test_a_waiting_reader_gets_what_comes(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    async with asyncio.timeout(120), bus.subscribe(topic, group="g") as subscription:
        for n in range(20):
            reading = asyncio.create_task(take(subscription, 1))
            await bus.publish(topic, [action(n)])
            assert numbers(await reading) == [n]


async def test_a_new_group_starts_at_the_oldest_record_and_each_group_gets_all(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    await bus.publish(topic, [action(n) for n in range(10)])
    assert numbers(await read(bus, topic, "first", 10)) == list(range(10))
    assert numbers(await read(bus, topic, "second", 10)) == list(range(10))


async def test_groups_of_the_same_name_on_two_topics_are_two(bus: Bus, bus_backend: BusBackend) -> None:
    one, two = bus_backend.topic(), bus_backend.topic()
    await bus.publish(one, [action(n) for n in range(5)])
    await bus.publish(two, [action(n) for n in range(7)])
    assert len(await read(bus, one, "g", 5)) == 5
    assert len(await read(bus, two, "g", 7)) == 7


async def test_what_is_not_committed_comes_again(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    await bus.publish(topic, [action(n) for n in range(10)])
    assert numbers(await read(bus, topic, "g", 10, commit=False)) == list(range(10))
    assert numbers(await read(bus, topic, "g", 10)) == list(range(10))
    await bus.publish(topic, [action(10)])
    assert numbers(await read(bus, topic, "g", 1)) == [10]


async def test_records_and_commits_outlive_the_process(bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    async with bus_backend.open() as bus:
        await bus.publish(topic, [action(n) for n in range(10)])
        await read(bus, topic, "g", 10)
        await bus.publish(topic, [action(n) for n in range(10, 15)])
    async with bus_backend.open() as bus:
        assert numbers(await read(bus, topic, "g", 5, commit=False)) == list(range(10, 15))
    async with bus_backend.open() as bus:
        assert numbers(await read(bus, topic, "g", 5)) == list(range(10, 15))


async def test_two_members_share_the_work_and_one_takes_over_when_the_other_leaves(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    got: list[int] = []
    enough = asyncio.Event()

    wanted = 100

    async def member() -> None:
        async with bus.subscribe(topic, group="g") as subscription:
            async for batch in subscription.batches():
                got.extend(numbers(batch))
                await subscription.commit()
                if len(set(got)) >= wanted:
                    enough.set()

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        members = [tasks.create_task(member()), tasks.create_task(member())]
        await bus.publish(topic, [action(n, key=str(n)) for n in range(100)])
        await enough.wait()
        assert sorted(got) == list(range(100)), "each record once while no member left"
        members[0].cancel()
        await asyncio.wait(members[:1])
        enough.clear()
        got.clear()
        wanted = 50
        last = tasks.create_task(member())
        await bus.publish(topic, [action(n, key=str(n)) for n in range(100, 150)])
        await enough.wait()
        assert set(got) == set(range(100, 150))
        members[1].cancel()
        last.cancel()


async def test_a_member_that_is_killed_is_replaced(bus: Bus, bus_backend: BusBackend, peer: Callable[..., subprocess.Popen[str]]) -> None:
    topic = bus_backend.topic()
    await bus.publish(topic, [action(0)])
    doomed = peer("hold", topic.name, "g")
    assert await line(doomed) == "open"
    assert await line(doomed) == "got 0"
    async with bus.subscribe(topic, group="g") as subscription:
        waiting = asyncio.create_task(take(subscription, 2))
        await bus.publish(topic, [action(1)])
        assert await line(doomed) == "got 1"
        assert not waiting.done()
        doomed.kill()
        assert numbers(await waiting) == [0, 1], "it had committed nothing"


async def test_a_share_is_followed_from_before_it_was_given_and_without_commits(bus: Bus, bus_backend: BusBackend) -> None:
    topic, now = bus_backend.topic(), SystemClock().now()
    await bus.publish(topic, [action(n, time=now - (10 - n) * 60_000_000) for n in range(10)])
    async with asyncio.timeout(120), bus.subscribe(topic, group="g") as subscription:
        tail = subscription.tail(window=150_000_000)
        reading = asyncio.create_task(take(subscription, 10, commit=False))
        assert [numbers([await anext(tail)]) for _ in range(2)] == [[8], [9]]
        assert numbers(await reading) == list(range(10)), "what is followed is also read"
        await bus.publish(topic, [action(10, time=now)])
        assert numbers([await anext(tail)]) == [10]
        await tail.aclose()  # type: ignore[attr-defined]
    assert numbers(await read(bus, topic, "g", 11)) == list(range(11)), "nothing was committed"


async def test_members_divide_what_they_follow_and_one_takes_over_when_the_other_leaves(bus: Bus, bus_backend: BusBackend) -> None:
    topic, clock = bus_backend.topic(), SystemClock()
    followed: dict[str, set[int]] = {"a": set(), "b": set()}
    sent = 0

    async def send(count: int) -> set[int]:
        nonlocal sent
        await bus.publish(topic, [action(n, key=f"k{n}", time=clock.now()) for n in range(sent, sent + count)])
        sent += count
        return set(range(sent - count, sent))

    async def work(subscription: Subscription[AuditAction]) -> None:
        async for _ in subscription.batches():
            await subscription.commit()

    async def follow(name: str, subscription: Subscription[AuditAction]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work(subscription))
            async for record in subscription.tail(window=300_000_000):
                followed[name].add(int(record.target))

    async def member(name: str) -> None:
        async with bus.subscribe(topic, group="g") as subscription:
            await follow(name, subscription)

    first = await send(30)
    a, b = asyncio.create_task(member("a")), asyncio.create_task(member("b"))
    await until(lambda: first <= followed["a"] | followed["b"], what=f"{followed}")
    a.cancel()
    await asyncio.wait([a])
    second = await send(30)
    await until(lambda: first | second <= followed["b"], what=f"{followed}")
    b.cancel()
    await asyncio.wait([b])


async def test_tail_from_now_on(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    await bus.publish(topic, [action(n) for n in range(5)])
    tail = bus.tail(topic)
    first = asyncio.ensure_future(anext(tail))
    await settle()
    await bus.publish(topic, [action(n) for n in range(5, 8)])
    async with asyncio.timeout(120):
        assert numbers([await first, await anext(tail), await anext(tail)]) == [5, 6, 7]
    await tail.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("since", "expected"), [(0, [0, 1, 2, 3, 4, 5]), (200, [2, 3, 4, 5]), (201, [3, 4, 5]), (450, [4, 5]), (901, [])])
async def test_tail_from_a_moment(bus: Bus, bus_backend: BusBackend, since: int, expected: Sequence[int]) -> None:
    topic = bus_backend.topic()
    times = [0, 100, 200, 400, 900, 500]
    await bus.publish(topic, [action(n, time=t) for n, t in enumerate(times)])
    tail = bus.tail(topic, since=since)
    async with asyncio.timeout(120):
        got = [await anext(tail) for _ in expected]
        assert numbers(got) == list(expected)
        following = asyncio.ensure_future(anext(tail))
        await settle()
        await bus.publish(topic, [action(99, time=1)])  # later, but from a clock that is behind
        assert numbers([await following]) == [99]
    await tail.aclose()  # type: ignore[attr-defined]


async def test_bytes_that_are_no_record_go_to_dead_letters_and_are_passed_over(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    foreign = Topic(topic.name, Revision, attrgetter("author"), attrgetter("time"))
    stranger = Revision(number=1, base=0, time=3, author="k", comment="", paths=())
    await bus.publish(topic, [action(0)])
    async with bus_backend.open_plain() as other:
        await other.publish(foreign, [stranger])
    await bus.publish(topic, [action(1)])
    async with asyncio.timeout(120), bus.subscribe(topic, group="g") as subscription:
        assert numbers(await take(subscription, 2)) == [0, 1]
        assert subscription.lost == {"decode_error": 1}
    assert numbers(await read(bus, topic, "another", 2)) == [0, 1]
    letters: list[DeadLetter] = []
    async with asyncio.timeout(120):
        async for letter in bus.tail(DEAD_LETTERS, since=0):
            if letter.origin == topic.name:
                letters.append(letter)
                break
    assert "not a AuditAction" in letters[0].reason
    async with asyncio.timeout(120):
        assert await read(bus, Topic(topic.name, Revision, attrgetter("author"), attrgetter("time")), "revisions", 1) == [stranger]
    assert letters[0].data[:2] == b"\xc3\x01"


async def test_a_group_with_nothing_but_undecodable_records_is_not_behind(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    foreign = Topic(topic.name, Revision, attrgetter("author"), attrgetter("time"))
    async with asyncio.timeout(120), bus.subscribe(topic, group="g") as subscription:
        reading = asyncio.create_task(take(subscription, 1))
        async with bus_backend.open_plain() as other:
            await other.publish(foreign, [Revision(number=1, base=0, time=3, author="k", comment="", paths=())])

        async def level() -> bool:
            return subscription.lost == {"decode_error": 1} and (await stats_of(bus, topic)).lag == {"g": 0}

        await until(level)
        await bus.publish(topic, [action(1)])
        assert numbers(await reading) == [1]


async def test_batches_are_bounded_and_publishers_wait_for_room(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    big = "x" * 100_000
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for k in range(20):
            tasks.create_task(bus.publish(topic, [action(n, key=str(k), detail=big) for n in range(20)]))
        async with bus.subscribe(topic, group="slow") as subscription:
            got: list[AuditAction] = []
            async for batch in subscription.batches():
                assert len(batch) <= 200, f"a batch of {len(batch)} records of 100 kB"
                got += batch
                await subscription.commit()
                if len(got) == 400:
                    break
    for k in range(20):
        assert numbers(r for r in got if r.user == str(k)) == list(range(20))


async def test_a_record_of_five_megabytes(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    records = [action(n, detail="x" * 5_000_000) for n in range(3)]
    await bus.publish(topic, records)
    assert await read(bus, topic, "g", 3) == records


async def test_many_topics_at_once(bus: Bus, bus_backend: BusBackend) -> None:
    topics = [bus_backend.topic() for _ in range(30)]

    async def both(topic: Topic[AuditAction]) -> None:
        reading = asyncio.create_task(read(bus, topic, "g", 20))
        for n in range(20):
            await bus.publish(topic, [action(n)])
        assert numbers(await reading) == list(range(20))

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for topic in topics:
            tasks.create_task(both(topic))


async def test_stats_say_what_a_topic_holds_and_who_is_behind(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    await bus.publish(topic, [action(n, time=1000 + n) for n in range(10)])
    await read(bus, topic, "done", 10)
    await read(bus, topic, "behind", 10, commit=False)
    found = await stats_of(bus, topic)
    assert (found.records, found.first_time, found.last_time) == (10, 1000, 1009)
    assert found.bytes > 0
    assert found.lag == {"done": 0, "behind": 10}
    assert not any(found.evicted.values())


async def test_several_processes_publish_at_the_same_time(
    bus: Bus, bus_backend: BusBackend, peer: Callable[..., subprocess.Popen[str]]
) -> None:
    topic = bus_backend.topic()
    for name in ("a", "b", "c"):
        peer("publish", topic.name, name, "100", "2000")
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read(bus, topic, "g", 350))
        for n in range(50):
            await bus.publish(topic, [action(n, key="own")])
    got = reading.result()
    for name, count in (("a", 100), ("b", 100), ("c", 100), ("own", 50)):
        assert numbers(r for r in got if r.user == name) == list(range(count))


async def test_a_waiting_reader_hears_of_another_process(
    bus: Bus, bus_backend: BusBackend, peer: Callable[..., subprocess.Popen[str]]
) -> None:
    topic = bus_backend.topic()
    reader = peer("member", topic.name, "g")
    assert await line(reader) == "open"
    for n in range(5):
        await bus.publish(topic, [action(n)])
        assert await line(reader) == f"got {n}"


async def test_a_cancelled_reader_or_publisher_leaves_the_bus_usable(bus: Bus, bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    waiting = asyncio.create_task(read(bus, topic, "g", 1))
    publishing = asyncio.create_task(bus.publish(topic, [action(0)]))
    await settle()
    publishing.cancel()
    waiting.cancel()
    await asyncio.wait([waiting, publishing])
    await bus.publish(topic, [action(1)])
    async with asyncio.timeout(120), bus.subscribe(topic, group="g") as subscription:
        async for batch in subscription.batches():
            if 1 in numbers(batch):
                break


async def test_a_closed_bus_says_so(bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    async with bus_backend.open() as bus:
        await bus.publish(topic, [action(0)])
    with pytest.raises(NotAvailable, match="closed"):
        await bus.publish(topic, [action(1)])


async def test_publishers_at_the_moment_of_closing_are_answered(bus_backend: BusBackend) -> None:
    topic = bus_backend.topic()
    async with bus_backend.open() as bus:
        publishing = [asyncio.create_task(bus.publish(topic, [action(n)])) for n in range(50)]
        await settle()
    async with asyncio.timeout(120):
        outcomes = await asyncio.gather(*publishing, return_exceptions=True)
    stored = [n for n, outcome in enumerate(outcomes) if outcome is None]
    async with bus_backend.open() as bus:
        if stored:
            assert set(stored) <= set(numbers(await read(bus, topic, "g", len(stored))))
    assert all(outcome is None or isinstance(outcome, NotAvailable) for outcome in outcomes)


@pytest.mark.parametrize("url", ["nats://somewhere", "bus", "sqlite://relative/bus", "sqlite:///"])
def test_a_url_that_names_no_bus_is_refused(url: str) -> None:
    with pytest.raises(BadUsage, match="sqlite:///ABSOLUTE/FOLDER"):
        open_bus(url, clock=SystemClock())
