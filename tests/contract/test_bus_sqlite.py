"""What the embedded log promises beyond the port: it survives killed processes and full disks, and stays bounded."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from operator import attrgetter
from pathlib import Path

import pytest

from bus import KEEP, Retention, open_bus
from bus.sqlite import log
from bus.sqlite.files import topic_path
from kernel.bus import Bus
from kernel.clock import ManualClock, SystemClock, settle
from kernel.errors import NotAvailable
from schemas.records import DEAD_LETTERS, AuditAction, DeadLetter
from schemas.topic import Topic
from tests.contract.bus_backends import BusBackend, action, action_topic, numbers
from tests.support.waiting import until

TOPIC = action_topic("test.topic")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bus"


@pytest.fixture
def peer(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        started.append(BusBackend(f"sqlite://{folder}").peer(*words))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB; needs root, as the machines that run the whole suite give it."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mount], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no right to mount a small disk: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", mount], check=True)


def remount(disk: Path, how: str) -> None:
    """Makes the disk writable (rw) or not (ro)."""
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


async def everything(bus: Bus, topic: Topic[AuditAction]) -> list[AuditAction]:
    """All that the topic holds now."""
    count = next((s.records for s in await bus.stats() if s.topic == topic.name), 0)
    tail = bus.tail(topic, since=0)
    got = [await anext(tail) for _ in range(count)]
    await tail.aclose()  # type: ignore[attr-defined]
    return got


async def everyone(bus: Bus, topic: Topic[AuditAction], group: str, count: int) -> list[int]:
    """What a group gets until it has count records, all committed."""
    got: list[int] = []
    async with bus.subscribe(topic, group=group) as subscription:
        async for batch in subscription.batches():
            got += numbers(batch)
            await subscription.commit()
            if len(got) >= count:
                break
    return got


def listen(process: subprocess.Popen[str], kill_after: int, acknowledged: dict[str, list[int]]) -> None:
    """Notes what a flooding process says was acknowledged, and kills it in full flight."""
    assert process.stdout is not None
    for count, text in enumerate(process.stdout):
        if count == kill_after:
            process.send_signal(signal.SIGKILL)
        if text.startswith("acked") and text.endswith("\n"):
            _, key, n = text.split()
            acknowledged[key].append(int(n))


async def test_writers_killed_under_load_lose_nothing_they_acknowledged(folder: Path, peer: Callable[..., subprocess.Popen[str]]) -> None:
    acknowledged: dict[str, list[int]] = defaultdict(list)
    read: list[AuditAction] = []

    async def reader(bus: Bus) -> None:
        async with bus.subscribe(TOPIC, group="g") as subscription:
            async for batch in subscription.batches():
                read.extend(batch)
                await subscription.commit()

    async with asyncio.timeout(200), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(reader(bus))
        for turn, after in enumerate((30, 800, 1500, 200)):
            writers = [peer("flood", TOPIC.name, f"{name}{turn}.", "40") for name in "ab"]
            listening = (asyncio.to_thread(listen, w, after * (i + 1), acknowledged) for i, w in enumerate(writers))
            await asyncio.gather(*listening)
        assert sum(map(len, acknowledged.values())) >= 3 * (30 + 800 + 1500 + 200)
        stored = await everything(bus, TOPIC)
        await until(lambda: len(read) >= len(stored))
        reading.cancel()
    assert read == stored, "a reader in another process got the same, each record once"
    by_key: dict[str, list[int]] = defaultdict(list)
    for record in stored:
        by_key[record.user].append(int(record.target))
    for key, acked in acknowledged.items():
        assert by_key[key][: len(acked)] == acked == list(range(len(acked)))
    for found in by_key.values():
        assert found == list(range(len(found))), "none twice, none out of order"
    with sqlite3.connect(topic_path(folder, TOPIC.name)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


async def test_a_full_disk_is_reported_and_the_bus_works_again_when_room_returns(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (4 << 20))
    accepted: list[int] = []
    async with asyncio.timeout(120), open_bus(f"sqlite://{small_disk}/bus", clock=SystemClock()) as bus:
        for group in ("early", "late"):
            async with bus.subscribe(TOPIC, group=group):
                pass

        async def fill() -> None:
            for n in range(0, 300, 3):
                await bus.publish(TOPIC, [action(n + i, detail="x" * 40_000) for i in range(3)])
                accepted.extend((n, n + 1, n + 2))

        with pytest.raises(NotAvailable, match=r"test.topic.topic.db: .*(room|disk)"):
            await fill()
        with pytest.raises(NotAvailable):
            await bus.publish(TOPIC, [action(-1, detail="x" * 3_000_000)])
        assert numbers(await everything(bus, TOPIC)) == accepted, "what was refused is not there, not even in part"
        ballast.unlink()
        await bus.publish(TOPIC, [action(1000)])
        assert numbers(await everything(bus, TOPIC)) == [*accepted, 1000]
        async with bus.subscribe(TOPIC, group="late") as subscription:
            async for batch in subscription.batches():
                await subscription.commit()
                if 1000 in numbers(batch):
                    break
    with sqlite3.connect(topic_path(small_disk / "bus", TOPIC.name)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


async def test_a_failing_write_is_reported_and_the_bus_works_again(folder: Path) -> None:
    """The operating system refuses to let files grow: needs no rights, unlike a small disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    accepted: list[int] = []

    async def fill(bus: Bus) -> None:
        for n in range(300):
            await bus.publish(TOPIC, [action(n, detail="x" * 40_000)])
            accepted.append(n)

    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
        try:
            with pytest.raises(NotAvailable, match=r"test.topic.topic.db: .*(room|disk)"):
                await fill(bus)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert accepted
        assert numbers(await everything(bus, TOPIC)) == accepted
        await bus.publish(TOPIC, [action(1000)])
        assert numbers(await everything(bus, TOPIC)) == [*accepted, 1000]


async def test_a_disk_that_became_read_only_is_reported(small_disk: Path) -> None:
    async with asyncio.timeout(120), open_bus(f"sqlite://{small_disk}/bus", clock=SystemClock()) as bus:
        await bus.publish(TOPIC, [action(0)])
    remount(small_disk, "ro")
    with pytest.raises(NotAvailable, match=r"bus/groups.db: .*(read-only|owner)"):
        async with open_bus(f"sqlite://{small_disk}/bus", clock=SystemClock()):
            pass
    remount(small_disk, "rw")
    async with open_bus(f"sqlite://{small_disk}/bus", clock=SystemClock()) as bus:
        assert numbers(await everything(bus, TOPIC)) == [0]


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAvailable, match="cannot be made"):
        async with open_bus(f"sqlite://{tmp_path}/file/bus", clock=SystemClock()):
            pass


async def test_a_damaged_file_is_reported_and_other_topics_go_on(folder: Path) -> None:
    folder.mkdir()
    topic_path(folder, TOPIC.name).write_bytes(b"this is no database" * 100)
    async with open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        with pytest.raises(NotAvailable, match=r"test\.topic\.topic\.db: it is no SQLite file"):
            await bus.publish(TOPIC, [action(0)])
        await bus.publish(action_topic("other"), [action(1)])
        assert [s.topic for s in await bus.stats()] == ["other"]
        topic_path(folder, TOPIC.name).unlink()
        await bus.publish(TOPIC, [action(0)])
        assert numbers(await everything(bus, TOPIC)) == [0]


async def test_a_topic_file_that_was_moved_away_is_read_from_its_new_beginning(folder: Path) -> None:
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        await bus.publish(TOPIC, [action(n) for n in range(10)])
        await everyone(bus, TOPIC, "g", 10)
    topic_path(folder, TOPIC.name).unlink()
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        await bus.publish(TOPIC, [action(n) for n in range(100, 103)])
        assert await everyone(bus, TOPIC, "g", 3) == [100, 101, 102]
        assert (await bus.stats())[0].lag == {"g": 0}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_defect_in_the_writer_leaves_nobody_waiting(folder: Path) -> None:
    class Broken(SystemClock):
        def now(self) -> int:
            raise ZeroDivisionError

    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=Broken()) as bus:
        for _ in range(10):
            with pytest.raises(NotAvailable, match="restart the process"):
                await bus.publish(TOPIC, [action(0, detail="x" * 5_000_000)])


async def test_reading_goes_on_after_a_reader_was_cancelled_while_it_stood_by(folder: Path) -> None:
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        await bus.publish(TOPIC, [action(0)])
        got: list[int] = []
        async with bus.subscribe(TOPIC, group="g") as subscription:
            for turns in range(20):  # wherever the cancellation strikes
                reading = asyncio.ensure_future(anext(subscription.batches()))
                await settle(turns)
                reading.cancel()
                await asyncio.wait([reading])
                got += [] if reading.cancelled() else numbers(reading.result())
            await bus.publish(TOPIC, [action(1)])
            async for batch in subscription.batches():
                got += numbers(batch)
                if got[-1] == 1:
                    break
    assert got == [0, 1]


class NoticingClock(ManualClock):
    """Says when somebody waits on it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = asyncio.Event()

    async def sleep_until(self, moment: int) -> None:
        self.waited_for.set()
        await super().sleep_until(moment)


async def test_undecodable_records_wait_until_dead_letters_can_be_written(folder: Path) -> None:
    clock = NoticingClock()
    foreign = Topic(TOPIC.name, DeadLetter, attrgetter("origin"), attrgetter("time"))
    folder.mkdir()
    damaged = topic_path(folder, DEAD_LETTERS.name)
    damaged.write_bytes(b"this is no database" * 100)
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=clock) as bus:
        await bus.publish(foreign, [DeadLetter(time=0, origin="", reason="", data=b"")])
        await bus.publish(TOPIC, [action(1)])
        reading = asyncio.create_task(everyone(bus, TOPIC, "g", 1))
        await clock.waited_for.wait()
        assert not reading.done()
        damaged.unlink()
        await clock.advance(1)
        assert await reading == [1]
        tail = bus.tail(DEAD_LETTERS, since=0)
        assert (await anext(tail)).origin == TOPIC.name
        await tail.aclose()  # type: ignore[attr-defined]


async def test_a_subscription_that_outlives_its_bus_says_so(folder: Path) -> None:
    async with asyncio.timeout(120), AsyncExitStack() as late:
        async with open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
            await bus.publish(TOPIC, [action(0)])
            waiting = [asyncio.create_task(everyone(bus, TOPIC, "g", 2)) for _ in range(2)]
            tailing = asyncio.ensure_future(anext(bus.tail(TOPIC)))
            subscription = await late.enter_async_context(bus.subscribe(TOPIC, group="late"))
            await until(lambda: not bus_is_behind(folder))
        for task in (*waiting, tailing):
            with pytest.raises(NotAvailable, match="closed"):
                await task
        with pytest.raises(NotAvailable, match="closed"):
            await anext(subscription.batches())


def bus_is_behind(folder: Path) -> bool:
    """Whether group g has records to commit."""
    with sqlite3.connect(folder / "groups.db") as db:
        row = db.execute("SELECT next FROM groups WHERE name = 'g'").fetchone()
    db.close()
    return row != (1,)


def test_a_write_ahead_log_that_grew_behind_a_slow_reader_shrinks_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LARGE_WAL_BYTES", 1 << 20)
    folder.mkdir()
    topic = log.Log(folder, "t")
    topic.append([(0, b"x")], 0)
    slow = sqlite3.connect(topic.path, isolation_level=None)
    slow.execute("BEGIN")
    slow.execute("SELECT * FROM records").fetchone()
    wal = Path(f"{topic.path}-wal")
    for _ in range(6):
        topic.append([(0, b"x" * 1_000_000)], 0)
        topic.tidy()
    assert wal.stat().st_size > 5_000_000
    slow.execute("COMMIT")
    slow.close()
    for _ in range(6):
        topic.append([(0, b"x" * 1_000_000)], 0)
        topic.tidy()
    assert wal.stat().st_size < 5_000_000
    assert topic.extent().next == 13
    topic.close()


async def test_publishers_of_one_process_share_commits(folder: Path) -> None:
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus, asyncio.TaskGroup() as tasks:
        for n in range(2000):
            tasks.create_task(bus.publish(TOPIC, [action(n)]))
    with sqlite3.connect(topic_path(folder, TOPIC.name)) as db:
        commits, records = db.execute("SELECT count(DISTINCT stored), count(*) FROM records").fetchone()
    db.close()
    assert records == 2000
    assert commits <= 40


async def test_retention_by_bytes_bounds_the_file_and_counts_what_a_group_never_read(folder: Path) -> None:
    rule = {TOPIC.name: Retention(None, 2_000_000)}
    size = 0
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock(), retention=rule) as bus:
        assert await bus.stats() == []
        async with bus.subscribe(TOPIC, group="slow") as subscription:
            for n in range(0, 2000, 40):
                await bus.publish(TOPIC, [action(n + i, detail="x" * 10_000) for i in range(40)])
                if n == 1000:
                    size = topic_path(folder, TOPIC.name).stat().st_size

            async def evicted() -> bool:
                return (await bus.stats())[0].bytes <= 2_000_000

            await until(evicted)
            stats = (await bus.stats())[0]
            assert stats.evicted == {"slow": 2000 - stats.records}
            assert stats.lag == {"slow": stats.records}
            got: list[int] = []
            async for batch in subscription.batches():
                got += numbers(batch)
                await subscription.commit()
                if got[-1] == 1999:
                    break
            assert got == list(range(2000 - stats.records, 2000))
            assert subscription.lost == {"evicted": 2000 - len(got)}
            after = (await bus.stats())[0]
            assert (after.evicted, after.lag) == (stats.evicted, {"slow": 0})
    assert topic_path(folder, TOPIC.name).stat().st_size <= max(1.3 * size, 6_000_000), "freed pages are used again"


async def test_retention_by_age(folder: Path, clock: ManualClock) -> None:
    rules = {TOPIC.name: Retention(3600.0), "kept": KEEP}
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=clock, retention=rules) as bus:
        for topic in (TOPIC, action_topic("kept")):
            await bus.publish(topic, [action(n) for n in range(2500)])
        await clock.advance(3000)
        await bus.publish(TOPIC, [action(9998)])
        await clock.advance(601)

        async def records() -> dict[str, int]:
            return {s.topic: s.records for s in await bus.stats()}

        async def settled() -> bool:
            return await records() == {TOPIC.name: 1, "kept": 2500}

        await until(settled, what="2500 records older than an hour leave in slices, the younger stays")
        await clock.advance(3600 * 24 * 365)
        await bus.publish(TOPIC, [action(9999)])
        assert (await records())["kept"] == 2500


async def test_a_member_that_is_frozen_is_replaced_and_its_late_commit_counts_for_nothing(
    folder: Path, peer: Callable[..., subprocess.Popen[str]]
) -> None:
    async with asyncio.timeout(120), open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        await bus.publish(TOPIC, [action(0)])
        frozen = peer("member", TOPIC.name, "g")
        assert frozen.stdout is not None
        assert [await asyncio.to_thread(frozen.stdout.readline) for _ in range(2)] == ["open\n", "got 0\n"]

        async def committed() -> bool:
            return (await bus.stats())[0].lag == {"g": 0}

        await until(committed)
        os.kill(frozen.pid, signal.SIGSTOP)
        await bus.publish(TOPIC, [action(1)])
        async with bus.subscribe(TOPIC, group="g") as subscription:
            async for batch in subscription.batches():
                assert numbers(batch) == [1]
                break
            os.kill(frozen.pid, signal.SIGCONT)
            assert await asyncio.to_thread(frozen.stdout.readline) == "got 1\n", "it does not know yet that it lost the lease"
            await bus.publish(TOPIC, [action(2)])
            assert (await bus.stats())[0].lag == {"g": 2}, "its commit was refused"
            await subscription.commit()
            assert (await bus.stats())[0].lag == {"g": 1}


async def test_the_threads_end_with_the_bus(folder: Path) -> None:
    before = set(threading.enumerate())
    async with open_bus(f"sqlite://{folder}", clock=SystemClock()) as bus:
        await bus.publish(TOPIC, [action(0)])
        assert {t.name for t in set(threading.enumerate()) - before} >= {"bus-writer", "bus-watcher"}
    assert set(threading.enumerate()) == before
