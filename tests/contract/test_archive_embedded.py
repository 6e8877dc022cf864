"""The embedded archive under stress: killed, full, read while it is rewritten, from other processes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest

from archive import open_archive
from archive.embedded import head, merge
from archive.embedded.adapter import EmbeddedArchive
from kernel.archive import Archive, Resample, ResampleMethod, SeriesQuery
from kernel.array import ArchiveClass, ArrayConfig, Site
from kernel.clock import DAY, SECOND, ManualClock
from kernel.errors import BadUsage, NotAvailable
from kernel.live_config import LiveConfig
from kernel.samples import Kind
from schemas.records import PointBatch
from tests.contract.archive_peer import POINTS, STEP, LeapingClock, batch_of
from tests.support.archive_data import NOW, batch, column, one

ROOT = Path(__file__).parents[2]
FAR = NOW + 365 * DAY


def opened(directory: Path, clock: ManualClock | LeapingClock, **more: object):  # type: ignore[no-untyped-def]
    return open_archive(f"sqlite://{directory}", clock=clock, config=LiveConfig(), **more)  # type: ignore[arg-type]


async def numbers(archive: Archive, point: str = POINTS[0]) -> list[int]:
    (block,) = await archive.series(SeriesQuery((point,), 0, FAR))
    assert block.series.time.tolist() == [NOW + n * STEP for n in block.series.value.astype(int).tolist()]
    found: list[int] = block.series.value.astype(int).tolist()
    return found


def killed_peer(directory: Path, first: int, wanted: int) -> int:
    """Lets a peer append, kills it after `wanted` batches or a few more, and returns the last batch it was told is stored."""
    peer = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.archive_peer", str(directory), str(first)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with peer:
        assert peer.stdout is not None
        lines = []
        for line in peer.stdout:
            lines.append(line)
            if len(lines) >= wanted:
                break
        peer.kill()
        lines += peer.stdout.read().splitlines(keepends=True)
    return max(int(line.split()[0]) for line in lines if line.endswith("\n"))


@pytest.mark.parametrize("round_", range(4))
async def test_nothing_acknowledged_is_lost_and_nothing_doubled_when_killed(tmp_path: Path, round_: int) -> None:
    random = Random(round_)
    stored = 0
    for _ in range(3):
        last = killed_peer(tmp_path / "archive", stored, random.randint(1, 120))
        async with opened(tmp_path / "archive", LeapingClock()) as archive:
            found = await numbers(archive)
            assert found == list(range(len(found)))
            assert len(found) > last
            report = await archive.append([batch_of(n) for n in range(len(found) + 2)])
            assert (report.stored, report.duplicate) == (2 * len(POINTS), len(found) * len(POINTS))
            for point in (POINTS[0], POINTS[-1]):
                assert await numbers(archive, point) == list(range(len(found) + 2))
            (block,) = await archive.series(SeriesQuery(POINTS[:1], NOW, NOW + (len(found) + 2) * STEP))
            assert block.gaps == ()
            stored = len(found) + 2
        assert not list((tmp_path / "archive").glob("*/*.part"))


async def test_reads_beside_folding_sealing_and_compaction_miss_and_double_nothing(tmp_path: Path) -> None:
    done = False
    acknowledged = 0

    async def write(archive: EmbeddedArchive) -> None:
        nonlocal done, acknowledged
        for n in range(400):
            await archive.append([batch_of(n)])
            acknowledged = n + 1
        done = True

    async def rewrite(archive: EmbeddedArchive) -> None:
        while not done:
            await archive.upkeep.fold()
            await archive.upkeep.seal(everything=True)
            await archive.upkeep.compact()

    async def read(archive: Archive, point: str) -> None:
        while not done:
            before = acknowledged
            found = await numbers(archive, point)
            assert found == list(range(len(found)))
            assert before <= len(found) <= acknowledged + 1
            whole = Resample(ResampleMethod.COUNT, buckets=1)
            (block,) = await archive.series(SeriesQuery((point,), NOW, NOW + max(1, before) * STEP, whole))
            assert block.series.value.tolist() == ([before] if before else block.series.value.tolist())
            at = await archive.at((point,), FAR)
            assert not before or at.number[0] >= before - 1

    clock = LeapingClock()
    async with opened(tmp_path, clock) as archive, opened(tmp_path, clock, read_only=True) as follower, asyncio.TaskGroup() as group:
        group.create_task(write(archive))
        group.create_task(rewrite(archive))
        for reader, point in ((archive, POINTS[0]), (archive, POINTS[7]), (follower, POINTS[0]), (follower, POINTS[39])):
            group.create_task(read(reader, point))


async def test_another_process_reads_what_is_stored_at_once(tmp_path: Path, clock: ManualClock) -> None:
    async with opened(tmp_path, clock, read_only=True) as reader:
        assert await numbers(reader) == []
        async with opened(tmp_path, LeapingClock()) as archive:
            for n in range(6):
                await archive.append([batch_of(n)])
                assert await numbers(reader) == list(range(n + 1))
                if n % 2:
                    await archive.upkeep.fold()
                    assert await numbers(reader) == list(range(n + 1))
            assert (await reader.stats()).samples == 6 * len(POINTS)
            with pytest.raises(BadUsage, match="read"):
                await reader.append([batch_of(9)])
        assert await numbers(reader) == list(range(6))


async def test_a_second_writer_is_turned_away(tmp_path: Path, clock: ManualClock) -> None:
    async with opened(tmp_path, clock):
        with pytest.raises(NotAvailable, match=str(os.getpid())):
            async with opened(tmp_path, clock):
                pass
    async with opened(tmp_path, clock):
        pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 48 MB, where the rights to make one are there; else an ordinary directory."""
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True).returncode == 0
    yield disk
    if mounted:
        subprocess.run(["umount", disk], check=True)


def limit_size(archive: EmbeddedArchive, disk: Path) -> None:
    """Where the disk is not small, the file is kept small: SQLite then reports a full disk."""
    if not os.path.ismount(disk):
        archive.upkeep.writer.db.execute("PRAGMA max_page_count = 700")


async def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    random = np.random.default_rng(1)

    def noise(n: int):  # type: ignore[no-untyped-def]
        times = [NOW + n * SECOND + i for i in range(5000)]
        return batch(n, ("a", "b"), column(times, random.normal(size=5000), index=[i % 2 for i in range(5000)]))

    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(34_000_000))
    sent = []
    clock = ManualClock(NOW + 5 * DAY)
    async with opened(small_disk / "archive", clock) as archive:
        limit_size(archive, small_disk)
        full = None
        while full is None:
            sent.append(noise(len(sent)))
            try:
                await archive.append([sent[-1]])
            except NotAvailable as error:
                full = str(error)
        assert "room" in full
        with pytest.raises(NotAvailable):
            await archive.append([sent[-1], noise(len(sent))])
        refused = sent.pop()
        (block,) = await archive.series(SeriesQuery(("a",), 0, FAR, limit=10_000_000))
        assert len(block.series) == 2500 * len(sent)
        with suppress(NotAvailable):
            await archive.upkeep.fold()
        ballast.unlink()
        archive.upkeep.writer.db.execute("PRAGMA max_page_count = 1000000")
        report = await archive.append([*sent, refused])
        assert (report.stored, report.duplicate) == (5000, 5000 * len(sent))
        await archive.upkeep.fold()
        await archive.upkeep.seal(everything=True)
        (block,) = await archive.series(SeriesQuery(("b",), 0, FAR, limit=10_000_000))
        assert len(block.series) == 2500 * (len(sent) + 1)
    for file in (small_disk / "archive").rglob("*.db"):
        db = sqlite3.connect(file)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
    async with opened(small_disk / "archive", clock) as archive:
        assert (await archive.stats()).samples == 5000 * (len(sent) + 1)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[EmbeddedArchive]:
    async with opened(tmp_path, ManualClock(NOW + 5 * DAY)) as archive:
        yield archive


async def test_a_busy_point_is_split_by_time_when_its_day_is_compacted(archive: EmbeddedArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MOST_PER_POINT", 1000)
    day = NOW // DAY * DAY
    times = [day + i * 5 * SECOND for i in range(17_280)]
    values = np.sin(np.arange(len(times)))
    await archive.append([one(0, "busy", times, values), one(1, "slow", times[::100], [1] * 173, kind=Kind.LONG)])
    await archive.upkeep.fold()
    await archive.upkeep.seal(everything=True)
    await archive.append([one(2, "busy", times[:3], [5.0, 6.0, 7.0])])
    values[:3] = [5.0, 6.0, 7.0]
    await archive.upkeep.fold()
    await archive.upkeep.seal(everything=True)
    for _ in range(2):
        for a, b in ((0, 17_280), (0, 10), (9_000, 9_001), (17_000, 17_280)):
            (block,) = await archive.series(SeriesQuery(("busy",), times[a], times[b - 1] + 1))
            assert block.series.time.tolist() == times[a:b]
            assert block.series.value.tobytes() == values[a:b].tobytes()
        assert (await archive.at(("slow", "busy"), FAR)).time.tolist() == [times[17_200], times[-1]]
        assert (await archive.stats()).open_samples == 0
        await archive.upkeep.compact()


async def test_whole_days_are_dropped_when_their_class_is_kept_no_longer(tmp_path: Path) -> None:
    clock = ManualClock(NOW + 7200 * SECOND)
    keep = LiveConfig(ArrayConfig(1, Site(), {}, {}, {}, {"standard": ArchiveClass("standard", 3600.0, 3 * 86_400.0)}))
    async with open_archive(f"sqlite://{tmp_path}", clock=clock, config=keep) as archive:
        assert isinstance(archive, EmbeddedArchive)
        await archive.append([one(i, "p", [NOW - i * DAY], [float(i)]) for i in range(9)])
        await archive.upkeep.fold()
        await archive.upkeep.seal(everything=True)
        assert len(list(tmp_path.glob("standard/*.db"))) == 9
        await archive.upkeep.retire()
        (block,) = await archive.series(SeriesQuery(("p",), 0, FAR))
        assert block.series.value.tolist() == [2.0, 1.0, 0.0]
        assert len(list(tmp_path.glob("standard/*.db"))) == 3


async def test_the_background_task_folds_and_seals_by_itself(tmp_path: Path) -> None:
    clock = ManualClock(NOW // DAY * DAY)
    async with opened(tmp_path, clock) as archive:
        now = clock.now()
        await archive.append([one(0, "p", [now + i for i in range(1000)], list(range(1000)))])
        await clock.advance(70)
        await archive.upkeep.fold()
        assert archive.upkeep.writer.state.head.samples == 0
        await clock.advance(7000)
        while not list(tmp_path.glob("standard/*.db")):
            await clock.advance(5)
        assert (await archive.stats()).open_samples == 0
        assert archive.upkeep.last_error == ""


async def test_files_of_an_interrupted_seal_are_removed(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "standard").mkdir()
    for name in ("2027-01-01.9.db", "2027-01-01.9.part"):
        (tmp_path / "standard" / name).write_bytes(b"half a file")
    async with opened(tmp_path, clock):
        assert list(tmp_path.glob("standard/*")) == []


async def test_a_damaged_file_is_named_and_not_believed(tmp_path: Path) -> None:
    async with opened(tmp_path, LeapingClock()) as archive:
        await archive.append([batch_of(n) for n in range(50)])
        await archive.upkeep.fold()
        await archive.upkeep.seal(everything=True)
    (file,) = tmp_path.glob("standard/*.db")
    db = sqlite3.connect(file)
    number, data = db.execute("SELECT id, data FROM slab ORDER BY id LIMIT 1").fetchone()
    db.execute("UPDATE slab SET data = ? WHERE id = ?", (data[:-1] + bytes((data[-1] ^ 1,)), number))
    db.commit()
    db.close()
    async with opened(tmp_path, LeapingClock()) as archive:
        with pytest.raises(NotAvailable, match=r"standard/.*damaged.*backup"):
            await numbers(archive)


async def test_names_that_change_with_every_batch_are_kept_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "MOST_NAMES", 100)
    clock = LeapingClock()
    lists = [tuple(f"p{i}.{j}" for j in range(30)) for i in range(9)]
    sent = [batch(n, lists[n // 3], column([NOW + n] * 30, [float(n)] * 30)) for n in range(27)]
    for part in (sent[:10], sent[10:20], sent[20:]):
        async with opened(tmp_path, clock) as archive, opened(tmp_path, clock, read_only=True) as follower:
            for one_batch in part:
                await archive.append([one_batch])
            for reader in (archive, follower):
                for i in range(part[-1].seq // 3):
                    (block,) = await reader.series(SeriesQuery((f"p{i}.29",), 0, FAR))
                    assert block.series.value.tolist() == [3.0 * i, 3.0 * i + 1, 3.0 * i + 2]
            if part[0].seq == 10:
                await archive.upkeep.fold()


async def test_settling_leaves_one_small_file_per_day(archive: EmbeddedArchive, tmp_path: Path) -> None:
    for n in range(6):
        await archive.append([batch_of(100 * n + k) for k in range(100)])
        await archive.upkeep.fold()
        await archive.upkeep.seal(everything=True)
    before = (await archive.stats()).samples
    await archive.upkeep.settle()
    stats = await archive.stats()
    days = {(NOW + n * STEP) // DAY for n in range(600)}
    assert len(list(tmp_path.glob("standard/*.db"))) == len(days)
    assert (stats.samples, stats.open_samples) == (before, 0)
    assert await numbers(archive) == list(range(600))


@pytest.mark.parametrize("stage", ["head", "folded", "sealed", "settled", "reopened"])
async def test_points_of_one_source_keep_their_kinds(tmp_path: Path, stage: str) -> None:
    """A source has numbers, states and texts; some points change their kind."""
    times = [NOW + i * SECOND for i in range(100)]
    clock = ManualClock(NOW + 5 * DAY)

    def made(n: int) -> PointBatch:
        at = [t + n * 3600 * SECOND for t in times]
        numbers = column([*at, at[0]], np.arange(101) / 4, index=[0] * 100 + [3])
        states = column([*at, at[1]], np.arange(101), kind=Kind.LONG, index=[1] * 100 + [3])
        texts = column([*at, at[2]], [f"t{i}" for i in range(101)], kind=Kind.TEXT, index=[2] * 100 + [3])
        return batch(n, ("number", "state", "text", "changing"), numbers, states, texts)

    async with opened(tmp_path, clock) as archive:
        for n in range(2):
            await archive.append([made(n)])
            if stage != "head":
                await archive.upkeep.fold()
            if stage in ("sealed", "settled"):
                await archive.upkeep.seal(everything=True)
        if stage == "settled":
            await archive.upkeep.settle()
    async with opened(tmp_path, clock, read_only=stage == "reopened") as archive:
        whole = SeriesQuery(("number", "state", "text", "changing"), 0, FAR)
        number, state, text, changing = (b.series.value for b in await archive.series(whole))
        assert (number.dtype, state.dtype, text.dtype) == (np.float64, np.int64, object)
        assert state.tolist() == [*range(100), *range(100)]
        assert changing.tolist() == [25.0, 100, "t100"] * 2
        (part,) = await archive.series(SeriesQuery(("changing",), times[1], times[1] + 1))
        assert (part.series.value.dtype, part.series.value.tolist()) == (np.int64, [100])
        mean = Resample(ResampleMethod.MEAN, buckets=1)
        blocks = await archive.series(SeriesQuery(("number", "state", "text"), times[0], times[99] + 1, mean))
        assert [b.method for b in blocks] == [ResampleMethod.MEAN, ResampleMethod.MEAN, ResampleMethod.LAST]
        assert [b.series.value.tolist() for b in blocks] == [[49.5 / 4], [49.5], ["t99"]]
        at = await archive.at(("state", "text", "changing"), FAR)
        assert at.values() == [99, "t99", "t100"]
