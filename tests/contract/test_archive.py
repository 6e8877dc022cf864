"""The contract of the archive port: the same promises for every adapter."""

from __future__ import annotations

import numpy as np

from kernel.archive import Archive, SeriesQuery
from kernel.clock import SECOND
from kernel.samples import Kind
from tests.contract.archive_backends import Backend, archive, backend
from tests.support.archive_data import NOW, batch, column, one

__all__ = ["archive", "backend"]
DAY_BEFORE = NOW - 86_400 * SECOND


async def raw(archive: Archive, point: str, start: int = 0, end: int = NOW + 10 * SECOND) -> tuple[list[int], list[object]]:
    (block,) = await archive.series(SeriesQuery((point,), start, end))
    return block.series.time.tolist(), block.series.value.tolist()


async def test_what_is_appended_is_read_at_once_and_after_a_restart(backend: Backend) -> None:
    times = [NOW - 3 * SECOND, NOW - 2 * SECOND, NOW - SECOND]
    async with backend.open() as archive:
        report = await archive.append([one(0, "a.b.c", times, [1.5, np.nan, -0.0], quality=[0, 2, 1], status=[0, 0x80000000, 7])])
        assert (report.offered, report.stored, report.duplicate, report.late, dict(report.refused)) == (3, 3, 0, 0, {})
        (first,) = await archive.series(SeriesQuery(("a.b.c",), 0, NOW))
    async with backend.open() as archive:
        (second,) = await archive.series(SeriesQuery(("a.b.c",), 0, NOW))
    for block in (first, second):
        assert block.series.time.tolist() == times
        assert block.series.value.tobytes() == np.array([1.5, np.nan, -0.0]).tobytes()
        assert block.series.quality.tolist() == [0, 2, 1]
        assert block.series.status.tolist() == [0, 0x80000000, 7]


async def test_a_batch_that_comes_again_is_stored_once(backend: Backend) -> None:
    first, second = one(0, "p", [NOW - 2], [1.0]), one(1, "p", [NOW - 1], [2.0])
    async with backend.open() as archive:
        await archive.append([first, second])
        report = await archive.append([first, second, first])
        assert (report.stored, report.duplicate) == (0, 3)
    async with backend.open() as archive:
        report = await archive.append([second, one(0, "p", [NOW], [3.0], epoch=2)])
        assert (report.stored, report.duplicate) == (1, 1)
        assert await raw(archive, "p") == ([NOW - 2, NOW - 1, NOW], [1.0, 2.0, 3.0])


async def test_batches_may_overtake_each_other(archive: Archive) -> None:
    await archive.append([one(5, "p", [NOW - 1], [5.0])])
    report = await archive.append([one(4, "p", [NOW - 2], [4.0])])
    assert (report.stored, report.duplicate, report.late) == (1, 0, 1)
    assert await raw(archive, "p") == ([NOW - 2, NOW - 1], [4.0, 5.0])


async def test_the_last_write_of_a_point_and_time_wins(archive: Archive) -> None:
    await archive.append([one(0, "p", [NOW - 2, NOW - 1], [1.0, 2.0])])
    await archive.append([one(1, "p", [NOW - 2], [9.0])])
    assert await raw(archive, "p") == ([NOW - 2, NOW - 1], [9.0, 2.0])


async def test_kinds_may_change(archive: Archive) -> None:
    await archive.append([one(0, "p", [1], [2**62], kind=Kind.LONG), one(1, "p", [2], [2.5])])
    (block,) = await archive.series(SeriesQuery(("p",), 0, 10))
    assert block.series.value.dtype == np.float64
    assert block.series.value.tolist() == [float(2**62), 2.5]
    await archive.append([one(2, "p", [3], ["on"], kind=Kind.TEXT)])
    assert await raw(archive, "p") == ([1, 2, 3], [2**62, 2.5, "on"])
    (block,) = await archive.series(SeriesQuery(("p",), 0, 2))
    assert block.series.value.dtype == np.int64


async def test_points_of_one_batch_are_kept_apart(archive: Archive) -> None:
    numbers = column([NOW - 5, NOW - 4, NOW - 3], [1.0, 2.0, 3.0], index=[0, 1, 0])
    words = column([NOW - 2], ["ein Text"], kind=Kind.TEXT, index=[2])
    await archive.append([batch(0, ("a", "b", "c"), numbers, words)])
    assert await raw(archive, "a") == ([NOW - 5, NOW - 3], [1.0, 3.0])
    assert await raw(archive, "b") == ([NOW - 4], [2.0])
    assert await raw(archive, "c") == ([NOW - 2], ["ein Text"])
    assert await raw(archive, "never.seen.point") == ([], [])


async def test_impossible_times_are_refused_and_the_rest_is_stored(archive: Archive) -> None:
    times = [-5, NOW - 1, NOW + 3 * 86_400 * SECOND]
    report = await archive.append([one(0, "p", times, [1.0, 2.0, 3.0])])
    assert (report.offered, report.stored, dict(report.refused)) == (3, 1, {"past": 1, "future": 1})
    assert await raw(archive, "p", -(1 << 62), 1 << 62) == ([NOW - 1], [2.0])


async def test_the_sample_in_force_at_a_moment(archive: Archive) -> None:
    await archive.append(
        [batch(0, ("a", "b"), column([100, 200], [1.5, 2.5], index=0), column([150], [7], kind=Kind.LONG, index=1), at=777)]
    )
    found = await archive.at(("b", "a", "never"), 199)
    assert found.kind.tolist() == [Kind.LONG, Kind.DOUBLE, Kind.NONE]
    assert found.time.tolist() == [150, 100, 0]
    assert found.received.tolist() == [777, 777, 0]
    assert found.values() == [7, 1.5, None]
    assert (await archive.at(("a",), 99)).kind.tolist() == [Kind.NONE]


async def test_stats_count_what_is_there(archive: Archive) -> None:
    assert (await archive.stats()).samples == 0
    await archive.append([one(0, "p", [NOW - 9, NOW], [1.0, 2.0])])
    stats = await archive.stats()
    assert (stats.samples, stats.open_samples, stats.oldest, stats.newest) == (2, 2, NOW - 9, NOW)
    assert stats.bytes > 0
    assert stats.disk_free_bytes > 0
