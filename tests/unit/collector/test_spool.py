"""The spool keeps order, survives crashes, stays within its bounds and tells what it gave up."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from collector.health import Health
from collector.publisher import Parcel, Publisher
from collector.spool import Spool
from kernel.batches import size
from kernel.clock import SystemClock
from kernel.meter import Meter
from schemas.records import GapCause, PointBatch, ServiceState, StateEvent, StateKind
from tests.peers.recording_bus import RecordingBus
from tests.support.points import T0, batch
from tests.support.waiting import until

NAMES = [f"ast1.p{i}" for i in range(50)]


def batches(first: int, count: int, source: str = "ast1.opcua") -> list[PointBatch]:
    return [batch(NAMES, [float(i)] * 50, seq=i, time=T0 + i, source=source) for i in range(first, first + count)]


def event() -> StateEvent:
    return StateEvent(source="ast1.opcua", time=T0, kind=StateKind.CONNECTED, cause=GapCause.UNKNOWN, points=(), start=T0)


async def read(spool: Spool) -> tuple[list[PointBatch], list[StateEvent]]:
    found: list[PointBatch] = []
    events: list[StateEvent] = []
    while (segment := await spool.oldest()) is not None:
        found += segment.records[0]
        events += segment.records[1]
        await spool.drop_oldest()
    return found, events


async def test_what_is_kept_comes_back_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment=2000)
    await spool.open()
    assert spool.empty
    for i in range(0, 30, 3):
        assert await spool.append([*batches(i, 3), event()], T0) == []
    assert len(list(tmp_path.iterdir())) > 2
    again = Spool(tmp_path, segment=2000)
    await again.open()
    found, events = await read(again)
    assert [b.seq for b in found] == list(range(30))
    assert len(events) == 10
    assert again.empty
    assert not list(tmp_path.iterdir())


async def test_a_torn_end_costs_only_itself(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await spool.open()
    await spool.append(batches(0, 3), T0)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for cut in range(len(whole)):
        file.write_bytes(whole[:cut])
        again = Spool(tmp_path)
        await again.open()
        segment = await again.oldest()
        assert segment is not None
        found = [b.seq for b in segment.records[0]]
        assert found == list(range(len(found)))
        assert len(found) == cut * 3 // len(whole)
    (tmp_path / "notes.txt").write_text("not ours")
    again = Spool(tmp_path)
    await again.open()
    await again.append(batches(3, 1), T0)  # goes into a segment of its own, after the torn one
    found, _ = await read(again)
    assert [b.seq for b in found] == [0, 1, 3]


async def test_a_full_spool_gives_up_the_oldest_and_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=12_000, segment=3000)
    await spool.open()
    given_up = 0
    for i in range(100):
        for gone, inherited in await spool.append(batches(i, 1), T0 + i):
            given_up += sum(map(size, gone))
            assert not inherited
    assert spool.bytes <= 12_000
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) == spool.bytes
    found, events = await read(spool)
    assert given_up > 0
    assert given_up + sum(map(size, found)) == 100 * 50
    assert found[-1].seq == 99
    assert {(e.kind, e.cause, e.points) for e in events} == {(StateKind.GAP, GapCause.EVICTED, tuple(sorted(NAMES)))}
    assert sum(e.count or 0 for e in events) == given_up
    assert min(e.start for e in events) == T0
    assert max(e.end or 0 for e in events) == T0 + found[0].seq - 1


async def test_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    await spool.open()
    await spool.append(batches(0, 1), T0)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("collector.spool.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            await spool.append(batches(1, 1), T0)
    await spool.append(batches(2, 1), T0)
    found, _ = await read(spool)
    assert [b.seq for b in found] == [0, 2]


async def test_a_segment_that_cannot_be_made_is_not_there(tmp_path: Path) -> None:
    """The folder is gone: nothing is kept, nothing is read, and all is well when it is back."""
    spool = Spool(tmp_path / "spool")
    await spool.open()
    (tmp_path / "spool").rmdir()
    for i in range(2):
        with pytest.raises(OSError, match="No such file"):
            await spool.append(batches(i, 1), T0)
        assert spool.empty
        assert await spool.oldest() is None
    (tmp_path / "spool").mkdir()
    await spool.append(batches(2, 1), T0)
    assert [b.seq for b in (await read(spool))[0]] == [2]


async def test_what_was_evicted_for_nothing_is_told_when_the_disk_takes_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, limit=4000, segment=1000)
    await spool.open()
    count = given_up = 0
    while not given_up:
        given_up = sum(size(b) for gone, _ in await spool.append(batches(count, 1), T0) for b in gone)
        count += 1

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr("collector.spool.os.fsync", full)
            with pytest.raises(OSError, match="No space"):
                await spool.append(batches(count, 1), T0)
    for gone, _ in await spool.append(batches(count, 1), T0):
        given_up += sum(map(size, gone))
    found, events = await read(spool)
    assert given_up + sum(map(size, found)) == (count + 1) * 50
    assert sum(e.count or 0 for e in events if e.cause is GapCause.EVICTED) == given_up


async def test_a_spool_that_is_not_needed_any_more_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bus and spool are on one full disk; then there is room again, and the bus takes everything at once."""
    bus, meter, folder = RecordingBus(), Meter("collector"), tmp_path / "spool"
    meter.state = ServiceState.RUNNING
    publisher = Publisher(bus, SystemClock(), meter, Health(meter), Spool(folder))
    running = asyncio.create_task(publisher.run())
    await until(folder.exists)
    folder.rmdir()
    bus.refuses = "disk full"
    done = publisher.submit(Parcel(tuple(batches(0, 1))))
    await until(lambda: bus.calls > 2 and meter.last_error.startswith("spool"))
    assert (meter.state, done.done()) == (ServiceState.DEGRADED, False)
    assert meter.last_error == f"spool: {folder}: No such file or directory; make room on its disk"
    assert [r.message for r in caplog.records] == ["the bus takes nothing: disk full"]
    bus.refuses = ""
    async with asyncio.timeout(120):
        await done
    assert meter.state is ServiceState.RUNNING
    running.cancel()
    await asyncio.wait([running])
