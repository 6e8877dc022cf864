"""What only the archive on Cassandra can be asked: its tiers seen from outside, several writers, dead and frozen ones, a cut network."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archive import open_archive
from archive.distributed import sealer, upkeep, writer
from archive.distributed.adapter import DistributedArchive
from archive.distributed.journal import Journal
from archive.distributed.tables import chunk_table
from cql import read_place
from kernel.archive import Archive, SeriesQuery
from kernel.array import ArchiveClass
from kernel.clock import DAY, SECOND, ManualClock
from kernel.errors import NotAvailable
from kernel.live_config import LiveConfig
from kernel.samples import Kind
from schemas.records import GapCause, StateEvent, StateKind
from tests.contract.archive_writer_peer import DAY_AGO, batch_of, points_of
from tests.property.test_archive_model import CONFIG, POINTS, START, STEPS, Model, check, made
from tests.support.archive_data import NOW, batch, column, one
from tests.support.cassandra import administrator, emptied
from tests.support.severed import way_to
from tests.support.waiting import until

Look = Callable[[str, str], list[Any]]
ROOT = Path(__file__).parents[2]
HOUR = 3600 * SECOND
T = NOW - DAY_AGO


@pytest.fixture
def url(cassandra_url: str) -> str:
    """An empty archive."""
    return emptied(cassandra_url, "archive")


@pytest.fixture
async def archive(url: str, clock: ManualClock) -> AsyncIterator[DistributedArchive]:
    async with open_archive(url, clock=clock, config=LiveConfig()) as opened:
        assert isinstance(opened, DistributedArchive)
        yield opened


@pytest.fixture
def look(url: str) -> Iterator[Look]:
    """Rows of a table, by a statement without its keyspace."""
    with administrator(url) as session:
        yield lambda columns, table: session.execute(f"SELECT {columns} FROM {read_place(url).keyspace}.{table}").all()


async def raw(archive: Archive, point: str, start: int = 0, end: int = NOW) -> tuple[list[int], list[object]]:
    (block,) = await archive.series(SeriesQuery((point,), start, end))
    return block.series.time.tolist(), block.series.value.tolist()


def hour_of(point: str, seq: int, every: float, value: float = 1.0, start: int = T) -> Any:
    times = [start + round(i * every * SECOND) for i in range(round(3600 / every))]
    return one(seq, point, times, np.full(len(times), value) + np.arange(len(times)) % 7)


async def test_a_sample_goes_from_journal_to_open_tier_to_chunk(archive: DistributedArchive, look: Look) -> None:
    await archive.append([hour_of("fast", 0, 1.0), hour_of("slow", 1, 600.0)])
    before = [await raw(archive, p) for p in ("fast", "slow")]
    assert len(look("row", "archive_journal")) == 2
    assert await archive.upkeep.fold() == 3606
    assert (look("row", "archive_journal"), look("part", "archive_parts")) == ([], [])
    assert [await raw(archive, p) for p in ("fast", "slow")] == before
    assert (await archive.stats()).open_samples == 3606
    assert await archive.upkeep.seal(everything=True) > 0
    chunks = {(chunk // SECOND, n) for chunk, n in look("chunk, n", "archive_chunks_standard")}
    assert chunks == {(3600, 3600), (86_400, 6)}
    stats = await archive.stats()
    assert (stats.samples, stats.open_samples, stats.classes["standard"][0]) == (3606, 0, 3606)
    assert [await raw(archive, p) for p in ("fast", "slow")] == before
    found = await archive.at(("fast", "slow", "never"), T + 700 * SECOND)
    assert found.time.tolist() == [T + 700 * SECOND, T + 600 * SECOND, 0]
    assert found.received.tolist() == [NOW, NOW, 0]


async def test_while_much_comes_the_largest_parts_do_not_wait_to_be_a_minute_old(
    archive: DistributedArchive, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "MANY_SAMPLES", 1000)
    for n, source in ((300, "a"), (500, "b")):
        await archive.append([one(0, f"{source}.p", range(T, T + n), np.ones(n), source=source)])
    assert await archive.upkeep.fold(everything=False) == 0
    await archive.append([one(0, "c.p", range(T, T + 200), np.ones(200), source="c")])
    assert await archive.upkeep.fold(everything=False) == 500
    assert {source for (source,) in look("source", "archive_parts")} == {"a", "c"}
    assert archive.upkeep.writer.samples() == 500


async def test_late_data_of_a_sealed_window_is_merged_into_its_chunk(archive: DistributedArchive, look: Look) -> None:
    await archive.append([hour_of("p", 0, 1.0)])
    await archive.upkeep.fold()
    await archive.upkeep.seal(everything=True)
    await archive.append([one(1, "p", [T + 10 * SECOND, T + 10 * SECOND + 1], [99.0, 98.0])])
    expected = await raw(archive, "p")
    assert expected[1][10:12] == [99.0, 98.0]
    await archive.upkeep.fold()
    assert await raw(archive, "p") == expected
    await archive.upkeep.seal(everything=True)
    assert await raw(archive, "p") == expected
    assert look("n", "archive_chunks_standard") == [(3601,)]
    await archive.append([one(2, "p", [T + 10 * SECOND], [5], kind=Kind.LONG)])
    await archive.upkeep.fold()
    await archive.upkeep.seal(everything=True)
    assert (await raw(archive, "p"))[1][10] == 5.0
    assert (await archive.stats()).samples == 3601


async def test_partitions_have_the_size_wanted_whatever_the_rate(archive: DistributedArchive, look: Look) -> None:
    noise = np.random.default_rng(1)
    for seq, (point, every) in enumerate((("ten", 0.1), ("one", 1.0))):
        times = [T + round(i * every * SECOND) for i in range(round(3600 / every))]
        await archive.append([one(seq, point, times, noise.normal(size=len(times)))])
    await archive.upkeep.fold()
    await archive.upkeep.seal(everything=True)
    names = dict(look("id, name", "archive_series"))
    sizes = {names[i]: len(data) for i, data in look("id, data", "archive_chunks_standard")}
    lengths = {names[i]: length // HOUR for i, length in look("id, length", "archive_buckets")}
    for point in ("ten", "one"):
        assert 2 << 20 <= sizes[point] * lengths[point] <= 4 << 20
    assert lengths["one"] >= 8 * lengths["ten"]


async def test_writers_beside_each_other_and_a_reader(url: str, clock: ManualClock) -> None:
    def opened(*, read_only: bool = False) -> Any:
        return open_archive(url, clock=clock, config=LiveConfig(), read_only=read_only)

    async with opened() as first, opened() as second, opened(read_only=True) as reader:
        await asyncio.gather(*(w.append([batch_of(s, n) for n in range(10)]) for w, s in ((first, "a"), (second, "b"))))
        for source in ("a", "b"):
            for point in points_of(source):
                assert (await raw(reader, point))[1] == [float(n) for n in range(10)]
        assert (await second.append([batch_of("a", n) for n in range(8, 12)])).duplicate == 40
        assert (await first.append([batch_of("a", n) for n in range(9, 13)])).duplicate == 60
        await second.append([batch_of("b", 10)])
        await first.append([batch_of("b", n) for n in range(10, 12)])
        await second.append([batch_of("b", n) for n in range(11, 13)])  # simply goes on, so it is not looked up: folding finds it out
        await asyncio.gather(first.upkeep.fold(), second.upkeep.fold())
        assert (await raw(reader, "a.p7"))[1] == [float(n) for n in range(13)]
        assert (await reader.stats()).samples == 13 * 20 + 13 * 20


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_gap_keeps_its_end_whatever_the_clocks_of_those_say_who_write_it(archive: DistributedArchive, look: Look) -> None:
    kind, cause, start = StateKind.GAP, GapCause.STALE, NOW - 9
    begun = StateEvent(source="s", time=NOW, kind=kind, cause=cause, points=("a",), start=start, end=None, count=None, detail="owed")
    for event in (begun, replace(begun, end=NOW - 5), begun):
        await archive.append([], [event])
    assert look("end", "archive_events") == [(NOW - 5,)]


async def test_what_dead_and_frozen_writers_left_is_there_once(url: str, clock: ManualClock, look: Look) -> None:
    def peer(source: str, batches: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.contract.archive_writer_peer", url, source, str(batches)]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)

    with peer("killed", 1_000_000) as killed, peer("frozen", 400) as frozen:
        assert killed.stdout is not None
        assert frozen.stdout is not None
        for _ in range(30):
            last = int(await asyncio.to_thread(killed.stdout.readline))
            await asyncio.to_thread(frozen.stdout.readline)
        killed.kill()
        frozen.send_signal(signal.SIGSTOP)
        async with open_archive(url, clock=clock, config=LiveConfig()) as archive:
            assert isinstance(archive, DistributedArchive)
            assert len((await raw(archive, "killed.p0"))[1]) >= last + 1, "the journal is read at once, whoever wrote it"

            async def taken_over() -> bool:
                await archive.upkeep.seal()
                return len(look("writer", "archive_writers")) == 1

            await until(taken_over)
            assert look("row", "archive_journal") == []
            frozen.send_signal(signal.SIGCONT)
            assert await asyncio.to_thread(frozen.wait) == 0
            assert (await raw(archive, "frozen.p3"))[1] == [float(n) for n in range(400)]
            stored = (await raw(archive, "killed.p3"))[1]
            assert stored == [float(n) for n in range(len(stored))]
            assert len(stored) >= last + 1
            await archive.upkeep.seal()
            assert (await archive.stats()).samples == 20 * (400 + len(stored))


async def test_a_cut_network_is_said_and_survived(url: str, clock: ManualClock) -> None:
    place = read_place(url)
    async with way_to(*place.hosts[0]) as way:
        there = f"cassandra://127.0.0.1:{way.port}/{place.keyspace}"
        async with open_archive(there, clock=clock, config=LiveConfig()) as archive:
            await archive.append([batch_of("s", 0)])
            await way.cut()
            with pytest.raises(NotAvailable, match="does not answer"):
                await archive.append([batch_of("s", 1)])
            with pytest.raises(NotAvailable, match="does not answer"):
                await archive.series(SeriesQuery(("s.p0",), 0, NOW))
            await way.mend()

            async def appended() -> bool:
                try:
                    await archive.append([batch_of("s", 1)])
                except NotAvailable:
                    return False
                return True

            await until(appended)
            assert (await raw(archive, "s.p0"))[1] == [0.0, 1.0]


async def test_new_points_seen_by_two_writers_at_once(url: str, clock: ManualClock) -> None:
    def opened() -> Any:
        return open_archive(url, clock=clock, config=LiveConfig())

    async with opened() as first, opened() as second:
        await asyncio.gather(first.append([batch_of("s", 0)]), second.append([batch_of("s", 1)]))
        for point in points_of("s"):
            assert (await raw(first, point))[1] == [0.0, 1.0]
        await asyncio.gather(first.upkeep.fold(), second.upkeep.fold())
        assert (await raw(second, "s.p5"))[1] == [0.0, 1.0]
        assert (await first.at(("s.p5",), NOW)).values() == [1.0]


async def test_an_append_whose_answer_got_lost_is_stored_once(archive: DistributedArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    true_write = Journal.write

    def lossy(self: Journal, wanted: Any) -> None:
        true_write(self, wanted)
        raise NotAvailable("the answer got lost")

    await archive.append([batch_of("s", 0)])
    monkeypatch.setattr(Journal, "write", lossy)
    with pytest.raises(NotAvailable, match="got lost"):
        await archive.append([batch_of("s", n) for n in (1, 2)])
    monkeypatch.setattr(Journal, "write", true_write)
    assert (await archive.append([batch_of("s", n) for n in (1, 2, 3)])).stored == 60
    assert (await raw(archive, "s.p0"))[1] == [0.0, 1.0, 2.0, 3.0]
    await archive.upkeep.fold()
    assert (await raw(archive, "s.p0"))[1] == [0.0, 1.0, 2.0, 3.0]
    assert (await archive.stats()).samples == 80


async def test_readers_pass_over_what_was_folded_long_ago(archive: DistributedArchive, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PART_BYTES", 1)
    for n in range(70):
        await archive.append([batch_of("s", n)])
    await archive.upkeep.fold()
    assert look("low", "archive_writers") == [(71,)]
    await archive.append([batch_of("s", 70)])
    assert (await raw(archive, "s.p0"))[1] == [float(n) for n in range(71)]


async def test_what_a_node_would_not_take_at_once_is_cut(archive: DistributedArchive, look: Look) -> None:
    noise = np.random.default_rng(2).normal(size=900_000)
    times = T + np.arange(900_000) * 4000
    cuts = [slice(a, a + 300_000) for a in range(0, 900_000, 300_000)]
    await archive.append([one(seq, "busy", times[cut].tolist(), noise[cut]) for seq, cut in enumerate(cuts)])
    assert len(look("part", "archive_parts")) >= 2

    async def check() -> None:
        (block,) = await archive.series(SeriesQuery(("busy",), T, NOW))
        assert block.series.value.tobytes() == noise.tobytes()
        assert (await archive.at(("busy", "never"), T + 4000 * 500_000)).values() == [noise[500_000], None]

    await check()
    await archive.upkeep.fold()
    await check()
    await archive.upkeep.seal(everything=True)
    assert sorted(look("piece", "archive_chunks_standard")) == [(i,) for i in range(7)]
    await check()
    await archive.append([one(9, "busy", [int(times[7])], ["text"], kind=Kind.TEXT)])
    await archive.upkeep.settle()
    assert sorted(look("kind, piece", "archive_chunks_standard")) == [*((1, i) for i in range(7)), (3, 0)]
    assert (await archive.stats()).samples == 900_000


async def test_names_with_large_batches_are_kept_once(archive: DistributedArchive, look: Look) -> None:
    names = tuple(f"telescope.camera.module{i:05}.temperature" for i in range(20_000))
    for seq in range(3):
        at = T + seq * SECOND
        await archive.append([batch(seq, names, column([at] * len(names), np.arange(len(names)) + seq / 7))])
    sizes = [size for (size,) in look("size", "archive_journal")]
    assert max(sizes) > 3 * min(sizes)
    assert (await raw(archive, names[19_999]))[1] == [19_999 + seq / 7 for seq in range(3)]
    await archive.upkeep.fold()
    assert (await raw(archive, names[0]))[1] == [seq / 7 for seq in range(3)]


async def test_a_class_has_a_table_and_its_chunks_a_time_to_live(url: str, clock: ManualClock) -> None:
    quick = CONFIG.classes["quick"]
    classes = {**CONFIG.classes, "quick": ArchiveClass("quick", quick.chunk, retention=10 * 86_400.0)}
    config = LiveConfig(type(CONFIG)(1, CONFIG.site, {}, {}, CONFIG.points, classes))
    async with open_archive(url, clock=clock, config=config) as archive:
        assert isinstance(archive, DistributedArchive)
        await archive.append([hour_of("c", 0, 0.1), one(1, "c", [NOW - 11 * DAY], [1.0])])
        await archive.upkeep.fold()
        await archive.upkeep.seal(everything=True)
        place = read_place(url)
        with administrator(url) as session:
            table = session.cluster.metadata.keyspaces[place.keyspace].tables[chunk_table("quick")]
            assert table.options["default_time_to_live"] == 11 * 86_400
            assert "TimeWindowCompactionStrategy" in table.options["compaction"]["class"]
            left = [r[0] for r in session.execute(f"SELECT TTL(data) FROM {place.keyspace}.{chunk_table('quick')}")]
        assert len(left) == 60
        assert all(9 * 86_400 - 7200 < ttl < 9 * 86_400 + 7200 for ttl in left)


async def play(steps: list[Any], limit: int, url: str) -> None:
    """The steps of the model test, on Cassandra; compaction is the engine's business."""
    clock = ManualClock(START + 3 * DAY)
    model = Model()
    at = 0
    while at < len(steps):
        async with open_archive(url, clock=clock, config=LiveConfig(CONFIG)) as archive:
            assert isinstance(archive, DistributedArchive)
            while at < len(steps):
                step = steps[at]
                at += 1
                if step[0] == "append":
                    model.sent.append(made(len(model.sent), step[1], step[2]))
                    await archive.append([model.sent[-1]])
                    for index, time, value in step[2]:
                        model.samples[POINTS[index], time] = value
                elif step[0] == "again":
                    report = await archive.append(model.sent)
                    assert report.stored == 0
                elif step[0] == "reopen":
                    break
                elif step[0] == "fold":
                    clock = ManualClock(clock.now() + 700 * SECOND)
                    await archive.upkeep.fold()
                else:
                    await archive.upkeep.seal(everything=True)
                await check(archive, model, limit)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, limit=st.integers(2, 7), few=st.sampled_from([2, 256]))
@pytest.mark.timeout(300)
def test_the_archive_is_a_dictionary_that_lasts(cassandra_url: str, steps: list[Any], limit: int, few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealer, "FEW", few)
        asyncio.run(play(steps, limit, emptied(cassandra_url, "archive")))


async def test_a_point_keeps_its_kind_beside_points_of_another_kind(archive: DistributedArchive) -> None:
    times = [T + i * SECOND for i in range(20)]
    mixed = batch(
        0,
        ("mix.a", "mix.b", "mix.c"),
        column(times * 2, [0.5] * 40, index=[0] * 20 + [2] * 20),
        column(times, list(range(20)), kind=Kind.LONG, index=1),
    )
    await archive.append([mixed])
    await archive.upkeep.fold()
    (block,) = await archive.series(SeriesQuery(("mix.b",), 0, NOW))
    assert block.series.value.dtype == np.int64
    assert block.series.value.tolist() == list(range(20))
