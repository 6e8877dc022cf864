"""Explained silence: what was not stored, and why; what is held and filled, and what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel.archive import Archive, Fill, Gap, Resample, ResampleMethod, SeriesBlock, SeriesQuery
from kernel.clock import SECOND
from kernel.errors import BadUsage
from kernel.samples import Kind
from schemas.records import GapCause, StateEvent, StateKind
from tests.contract.archive_backends import Backend, archive, backend
from tests.support.archive_data import NOW, batch, one

__all__ = ["archive", "backend"]
T = NOW - 1000 * SECOND


def s(seconds: float) -> int:
    return T + round(seconds * SECOND)


def event(kind: StateKind, start: int, end: int | None = None, cause: GapCause = GapCause.DISCONNECTED, **more: object) -> StateEvent:
    given: dict[str, object] = {"points": (), "count": None, "detail": "", "time": start, **more}
    return StateEvent(source="s", kind=kind, cause=cause, start=start, end=end, **given)  # type: ignore[arg-type]


async def ask(archive: Archive, method: ResampleMethod, fill: Fill, *, end: float = 60, every: float = 10, point: str = "p") -> SeriesBlock:
    query = SeriesQuery((point,), T, s(end), Resample(method, every=round(every * SECOND), fill=fill))
    (block,) = await archive.series(query)
    return block


def shown(block: SeriesBlock) -> list[tuple[float, object]]:
    return [((t - T) / SECOND, v) for t, v in zip(block.series.time.tolist(), block.series.value.tolist(), strict=True)]


@pytest.fixture
async def with_hole(archive: Archive) -> Archive:
    """Samples at 1 s and 41 s, source covered from 0 to 20 s and from 40 to 60 s."""
    await archive.append([one(0, "p", [s(1)], [4.0], covered=(s(0), s(20)))])
    await archive.append([one(1, "p", [s(41)], [8.0], covered=(s(40), s(60)))])
    return archive


async def test_a_hole_in_the_coverage_is_a_gap(with_hole: Archive) -> None:
    (block,) = await with_hole.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == (Gap(s(20), s(40), GapCause.UNKNOWN),)
    assert block.complete
    (outside,) = await with_hole.series(SeriesQuery(("p",), T, s(20)))
    assert outside.gaps == ()


async def test_what_is_told_explains_the_hole(with_hole: Archive) -> None:
    await with_hole.append([], [event(StateKind.DISCONNECTED, s(20.5), detail="no route to host"), event(StateKind.CONNECTED, s(39.5))])
    (block,) = await with_hole.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == (Gap(s(20), s(39.5), GapCause.DISCONNECTED, None, "no route to host"),)


async def test_a_hole_is_explained_by_the_connection_that_ends_it_whatever_the_range(with_hole: Archive) -> None:
    await with_hole.append([], [event(StateKind.CONNECTED, s(0), s(0)), event(StateKind.CONNECTED, s(40), s(40))])
    for start, end in ((0, 60), (0, 20.5), (25, 30), (39, 60)):
        (block,) = await with_hole.series(SeriesQuery(("p",), s(start), s(end)))
        assert [(g.start, g.end, g.cause) for g in block.gaps] == [(s(20), s(40), GapCause.DISCONNECTED)]


async def test_a_gap_is_told_when_it_begins_and_again_when_it_ends(archive: Archive) -> None:
    begun = event(StateKind.GAP, s(5), None, GapCause.FILTERED, points=("p",), time=s(10), detail="filtered")
    over = event(StateKind.GAP, s(5), s(40), GapCause.FILTERED, points=("p",), time=s(41), count=35, detail="filtered")
    await archive.append([one(0, "p", [s(1)], [4.0], covered=(s(0), s(60)))], [begun])
    (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == (Gap(s(5), None, GapCause.FILTERED, None, "filtered"),)
    assert shown(await ask(archive, ResampleMethod.MEAN, Fill.PREVIOUS)) == [(0, 4.0)]
    await archive.append([one(1, "p", [s(40)], [8.0])], [over])
    for events in ([], [begun, over]):  # what comes again changes nothing
        await archive.append([], events)
        (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
        assert block.gaps == (Gap(s(5), s(40), GapCause.FILTERED, 35, "filtered"),)
        assert shown(await ask(archive, ResampleMethod.MEAN, Fill.PREVIOUS)) == [(0, 4.0), (40, 8.0), (50, 8.0)]


async def test_a_disconnection_lasts_until_coverage_or_connection(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(1)], [1.0], covered=(s(0), s(20)))], [event(StateKind.DISCONNECTED, s(20))])
    (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == (Gap(s(20), None, GapCause.DISCONNECTED),)
    assert block.complete
    await archive.append([one(1, "p", [s(50)], [1.0], covered=(s(45), s(55)))])
    (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == (Gap(s(20), s(45), GapCause.DISCONNECTED),)
    assert not block.complete


async def test_a_gap_of_some_points_is_theirs_alone(archive: Archive) -> None:
    told = event(StateKind.GAP, s(5), s(7), GapCause.OVERFLOW, points=("p",), count=12)
    await archive.append([one(0, "p", [s(1)], [1.0], covered=(s(0), s(60))), one(1, "q", [s(1)], [1.0])], [told])
    await archive.append([], [told])
    blocks = await archive.series(SeriesQuery(("p", "q"), T, s(60)))
    assert [b.gaps for b in blocks] == [(Gap(s(5), s(7), GapCause.OVERFLOW, 12),), ()]


async def test_an_answer_is_complete_only_up_to_what_has_arrived(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(1)], [1.0], covered=(s(0), s(20)))])
    (now, then) = [(await archive.series(SeriesQuery(("p",), T, end)))[0] for end in (s(21), s(20))]
    assert not now.complete
    assert then.complete


async def test_gaps_and_coverage_outlive_a_restart(backend: Backend) -> None:
    async with backend.open() as archive:
        await archive.append([one(0, "p", [s(1)], [4.0], covered=(s(0), s(20)))])
        await archive.append([batch(1, (), covered=(s(30), s(60)))], [event(StateKind.GAP, s(20), s(30), GapCause.EVICTED, count=3)])
    async with backend.open() as archive:
        (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
        assert block.gaps == (Gap(s(20), s(30), GapCause.EVICTED, 3),)
        assert block.complete


async def test_silence_of_a_covered_point_holds_its_value_and_a_gap_does_not(with_hole: Archive) -> None:
    block = await ask(with_hole, ResampleMethod.MEAN, Fill.PREVIOUS, end=80)
    assert shown(block) == [(0, 4.0), (10, 4.0), (40, 8.0), (50, 8.0)]
    assert shown(await ask(with_hole, ResampleMethod.MEAN, Fill.NONE)) == [(0, 4.0), (40, 8.0)]
    assert shown(await ask(with_hole, ResampleMethod.COUNT, Fill.NONE)) == [(0, 1), (10, 0), (40, 1), (50, 0)]
    assert shown(await ask(with_hole, ResampleMethod.STD, Fill.PREVIOUS)) == [(0, 0.0), (10, 0.0), (40, 0.0), (50, 0.0)]
    assert shown(await ask(with_hole, ResampleMethod.SUM, Fill.PREVIOUS)) == [(0, 4.0), (40, 8.0)]
    assert shown(await ask(with_hole, ResampleMethod.MEAN, Fill.LINEAR)) == [(0, 4.0), (40, 8.0)]
    assert shown(await ask(with_hole, ResampleMethod.INTERPOLATE, Fill.PREVIOUS)) == [(10, 4.0), (50, 8.0)]


async def test_a_value_from_before_the_range_is_held_unless_a_gap_lies_between(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(-50)], [3], kind=Kind.LONG, covered=(s(-60), s(25)))])
    assert shown(await ask(archive, ResampleMethod.LAST, Fill.PREVIOUS)) == [(0, 3), (10, 3), (20, 3)]
    await archive.append([], [event(StateKind.GAP, s(-20), s(-10), GapCause.OVERFLOW)])
    assert shown(await ask(archive, ResampleMethod.LAST, Fill.PREVIOUS)) == []


async def test_lines_between_samples(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(-10), s(5), s(45), s(65)], [0.0, 6.0, 14.0, 18.0], covered=(s(-60), s(70)))])
    assert shown(await ask(archive, ResampleMethod.INTERPOLATE, Fill.NONE)) == [
        (0, 4.0),
        (10, 7.0),
        (20, 9.0),
        (30, 11.0),
        (40, 13.0),
        (50, 15.0),
    ]
    linear = await ask(archive, ResampleMethod.LAST, Fill.LINEAR)
    assert shown(linear) == [(5, 6.0), (10, 7.0), (20, 9.0), (30, 11.0), (45, 14.0)]


async def test_bad_samples_are_visible_and_do_not_count(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(1), s(2), s(11), s(21)], [1.0, 99.0, 98.0, 2.0], quality=[0, 2, 2, 0], covered=(s(0), s(60)))])
    block = await ask(archive, ResampleMethod.MAX, Fill.NONE)
    assert shown(block) == [(1, 1.0), (11, 98.0), (21, 2.0)]
    assert block.series.quality.tolist() == [1, 2, 0]


async def test_refused_samples_are_told_and_hide_nothing(backend: Backend) -> None:
    wrong = one(1, "p", [-5, NOW + 3 * 86_400 * SECOND, NOW + 4 * 86_400 * SECOND], [7.0, 8.0, 9.0])
    query = SeriesQuery(("p", "q"), NOW - 30 * SECOND, NOW + 30 * SECOND)
    filled = replace(query, points=("p",), resample=Resample(ResampleMethod.MEAN, every=10 * SECOND, fill=Fill.PREVIOUS))
    counted = replace(filled, resample=Resample(ResampleMethod.COUNT, every=10 * SECOND))
    drawn = replace(filled, resample=Resample(ResampleMethod.INTERPOLATE, every=10 * SECOND))
    times = [NOW - 25 * SECOND, NOW + 25 * SECOND]
    async with backend.open() as archive:
        await archive.append([one(0, "p", times, [1.0, 6.0], covered=(NOW - 40 * SECOND, NOW + 40 * SECOND)), one(2, "q", [NOW], [1.0])])
        before = [(await archive.series(q))[0].series for q in (query, filled, counted, drawn)]
        assert [len(s) for s in before] == [2, 6, 6, 5]
        await archive.append([wrong])
        await archive.append([wrong])
    async with backend.open() as archive:
        blocks = [(await archive.series(q))[0] for q in (query, filled, counted, drawn)]
        for block, series in zip(blocks, before, strict=True):
            assert (block.series.time.tolist(), block.series.value.tolist()) == (series.time.tolist(), series.value.tolist())
            told = [(g.start, g.end, g.cause, g.count, g.detail.split(":")[0]) for g in block.gaps]
            assert sorted(told) == [
                (NOW, NOW, GapCause.LATE_REJECTED, 1, "past"),
                (NOW, NOW, GapCause.LATE_REJECTED, 2, "future"),
            ]
        assert (await archive.series(query))[1].gaps == ()
        (elsewhere,) = await archive.series(SeriesQuery(("p",), NOW + SECOND, NOW + 30 * SECOND))
        assert elsewhere.gaps == ()


async def test_a_session_that_survives_a_lost_connection_leaves_no_gap(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(1)], [1.0], covered=(s(0), s(20)))], [event(StateKind.DISCONNECTED, s(20), time=s(21))])
    (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == (Gap(s(20), None, GapCause.DISCONNECTED),)
    back = event(StateKind.CONNECTED, s(20), s(20), GapCause.UNKNOWN, time=s(25))
    await archive.append([one(1, "p", [s(22), s(26)], [2.0, 3.0], covered=(s(20), s(60)))], [back])
    (block,) = await archive.series(SeriesQuery(("p",), T, s(60)))
    assert block.gaps == ()
    assert block.series.value.tolist() == [1.0, 2.0, 3.0]
    assert shown(await ask(archive, ResampleMethod.LAST, Fill.PREVIOUS, end=40)) == [(1, 1.0), (10, 1.0), (26, 3.0), (30, 3.0)]


@pytest.mark.parametrize(
    ("method", "value", "quality"),
    [
        (ResampleMethod.MEAN, [(0, 2.0), (10, 7.0)], [1, 0]),
        (ResampleMethod.SUM, [(0, 4.0), (10, 7.0)], [1, 0]),
        (ResampleMethod.COUNT, [(0, 2), (10, 1), (20, 0), (30, 0), (40, 0), (50, 0)], [1, 0, 0, 0, 0, 0]),
        (ResampleMethod.MINMAX, [(3, 1.0), (4, 3.0), (11, 7.0)], [1, 1, 0]),
        (ResampleMethod.LTTB, [(3, 1.0), (11, 7.0)], [1, 0]),
        (ResampleMethod.INTERPOLATE, [(10, 3.0 + 4 * 6 / 7)], [0]),
        (ResampleMethod.FIRST, [(1, float("inf")), (11, 7.0)], [0, 0]),
    ],
)
async def test_infinities_do_not_spoil_numbers(
    archive: Archive, method: ResampleMethod, value: list[tuple[float, object]], quality: list[int]
) -> None:
    times, values = [s(t) for t in (1, 2, 3, 4, 11)], [float("inf"), float("-inf"), 1.0, 3.0, 7.0]
    await archive.append([one(0, "p", times, values, covered=(s(0), s(60)))])
    few = method in (ResampleMethod.LTTB, ResampleMethod.MINMAX)  # the samples as they are, unless there are more of them than buckets
    block = await ask(archive, method, Fill.NONE, end=20 if few else 60)
    assert shown(block) == [(t, pytest.approx(v)) for t, v in value]
    assert block.series.quality.tolist() == quality


async def test_texts_are_shown_by_their_last(archive: Archive) -> None:
    await archive.append([one(0, "p", [s(1), s(2), s(21)], ["a", "b", "c"], kind=Kind.TEXT, covered=(s(0), s(60)))])
    block = await ask(archive, ResampleMethod.MEAN, Fill.PREVIOUS, end=40)
    assert block.method is ResampleMethod.LAST
    assert shown(block) == [(2, "b"), (10, "b"), (21, "c"), (30, "c")]


async def test_few_samples_stay_raw_and_many_keep_their_extremes(archive: Archive) -> None:
    times = [s(i / 100) for i in range(6000)]
    values = [float(i % 7) for i in range(6000)]
    values[1234], values[4321] = 1e6, -1e6
    await archive.append([one(0, "p", times, values, covered=(s(0), s(60)))])
    block = await ask(archive, ResampleMethod.MINMAX, Fill.NONE, every=1)
    assert block.method is ResampleMethod.MINMAX
    assert len(block.series) == 120
    assert {(12.34, 1e6), (43.21, -1e6)} <= set(shown(block))
    triangles = await ask(archive, ResampleMethod.LTTB, Fill.NONE, every=1)
    assert len(triangles.series) == 60
    assert {(12.34, 1e6), (43.21, -1e6)} <= set(shown(triangles))
    few = await ask(archive, ResampleMethod.MINMAX, Fill.NONE, every=0.005)
    assert few.method is ResampleMethod.RAW
    assert len(few.series) == 6000


@pytest.mark.parametrize(
    ("resample", "text"),
    [
        (Resample(ResampleMethod.MEAN), "every"),
        (Resample(ResampleMethod.MEAN, every=1, buckets=1), "every"),
        (Resample(ResampleMethod.MEAN, every=0), "positive"),
        (Resample(ResampleMethod.MEAN, buckets=-1), "positive"),
        (Resample(ResampleMethod.MEAN, every=1), "export"),
    ],
)
async def test_impossible_grids_are_refused(archive: Archive, resample: Resample, text: str) -> None:
    with pytest.raises(BadUsage, match=text):
        await archive.series(SeriesQuery(("p",), T, s(60), resample))


async def test_impossible_questions_are_refused(archive: Archive) -> None:
    for query in (
        SeriesQuery(("p",), 10, 9),
        SeriesQuery(("p",), 0, 9, limit=0),
        SeriesQuery(("p",), 0, 9, cursor="x"),
        SeriesQuery(("p", "q"), 0, 9, cursor="5"),
    ):
        with pytest.raises(BadUsage):
            await archive.series(query)
