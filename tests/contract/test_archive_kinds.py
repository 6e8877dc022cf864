"""Every method of resampling has a defined answer for every kind of point, and says which method it used."""

from __future__ import annotations

import pytest

from kernel.archive import Fill, Resample, ResampleMethod, SeriesBlock, SeriesQuery
from kernel.array import ArrayConfig, Point, PointKind, PointType, Site
from kernel.clock import SECOND
from kernel.live_config import LiveConfig
from kernel.samples import Kind
from tests.contract.archive_backends import Backend, backend
from tests.support.archive_data import NOW, one

__all__ = ["backend"]
T = NOW - 1000 * SECOND
KINDS = {"d": PointKind.DOUBLE, "l": PointKind.LONG, "b": PointKind.BOOL, "e": PointKind.ENUM, "t": PointKind.TEXT}
VALUES: dict[str, tuple[Kind, list[object]]] = {
    "d": (Kind.DOUBLE, [0.0, 4.0, 1.0]),
    "l": (Kind.LONG, [0, 4, 1]),
    "b": (Kind.LONG, [0, 1, 1]),
    "e": (Kind.LONG, [0, 4, 1]),
    "t": (Kind.TEXT, ["off", "on", "off"]),
}
M = ResampleMethod
SUMS = (M.MEAN, M.MEDIAN, M.STD, M.SUM)
CONFIG = LiveConfig(ArrayConfig(1, Site(), {}, {}, {n: Point(n, PointType(kind=k), "site", "s", "x") for n, k in KINDS.items()}, {}))


def shown(block: SeriesBlock) -> list[tuple[float, object]]:
    return [((t - T) / SECOND, v) for t, v in zip(block.series.time.tolist(), block.series.value.tolist(), strict=True)]


async def test_every_method_answers_for_every_kind(backend: Backend) -> None:
    """Samples at 1, 2 and 15 s, in buckets of 5 s until 20 s."""
    async with backend.open(config=CONFIG) as archive:
        for seq, (name, (kind, values)) in enumerate(VALUES.items()):
            times = [T + s * SECOND for s in (1, 2, 15)]
            await archive.append([one(seq, name, times, values, kind=kind, covered=(T, T + 20 * SECOND))])

        async def ask(method: ResampleMethod, fill: Fill, points: tuple[str, ...] = tuple(VALUES)) -> dict[str, SeriesBlock]:
            resample = Resample(method, every=5 * SECOND, fill=fill)
            blocks = await archive.series(SeriesQuery(points, T, T + 20 * SECOND, resample))
            assert [b.series.point for b in blocks] == list(points)
            return {b.series.point: b for b in blocks}

        for method in M:
            for fill in Fill:
                blocks = await ask(method, fill)
                codes = {v for _, v in shown(blocks["e"])}
                assert codes <= {0, 4, 1} or method is M.COUNT, (method, fill, codes)
                assert {v for _, v in shown(blocks["t"])} <= {"off", "on"} or method is M.COUNT, (method, fill)
                if method not in (*SUMS, M.COUNT):
                    assert {v for _, v in shown(blocks["b"])} <= {0, 1}, (method, fill)
                if method in SUMS:
                    assert [blocks[n].method for n in VALUES] == [method, method, method, M.LAST, M.LAST]
                elif method is M.INTERPOLATE:
                    assert [blocks[n].method for n in VALUES] == [method, method, M.LAST, M.LAST, M.LAST]
        mean = await ask(M.MEAN, Fill.LINEAR)
        assert shown(mean["b"]) == [(0, 0.5), (5, 1.0), (10, 1.0), (15, 1.0)]
        assert shown(mean["e"]) == [(2, 4), (5, 4), (10, 4), (15, 1)]
        drawn = await ask(M.INTERPOLATE, Fill.LINEAR, ("e", "d"))
        assert shown(drawn["e"]) == [(2, 4), (5, 4), (10, 4), (15, 1)]
        assert shown(drawn["d"])[0] == (5, pytest.approx(4 - 3 * 3 / 13))


@pytest.mark.parametrize("name", ["t", "unconfigured"])
async def test_a_text_that_did_not_change_in_the_range_is_still_a_text(backend: Backend, name: str) -> None:
    """The last text is from before the range, or the range lies before the first: nothing is drawn, and what is held is the text."""
    async with backend.open(config=CONFIG) as archive:
        await archive.append([one(0, name, [T + SECOND, T + 90 * SECOND], ["off", "on"], kind=Kind.TEXT, covered=(T, T + 100 * SECOND))])
        for start, held in ((T + 20 * SECOND, "off"), (T - 60 * SECOND, None), (T + 95 * SECOND, "on")):
            for method in M:
                for fill in Fill:
                    query = SeriesQuery((name,), start, start + 4 * SECOND, Resample(method, every=SECOND, fill=fill))
                    (block,) = await archive.series(query)
                    if method is not M.COUNT and method is not M.RAW:
                        expected = {held} if held and fill is not Fill.NONE else set()
                        assert set(block.series.value.tolist()) == expected, (start, method, fill)
                    if method is M.INTERPOLATE and held:
                        assert block.method is M.LAST


async def test_a_point_that_was_a_text_once_is_drawn_as_the_number_it_is(backend: Backend) -> None:
    """No line begins at a text."""
    async with backend.open(config=CONFIG) as archive:
        await archive.append([one(0, "d", [T + SECOND], ["off"], kind=Kind.TEXT, covered=(T, T + 2 * SECOND))])
        await archive.append([one(1, "d", [T + 15 * SECOND, T + 25 * SECOND], [1.0, 2.0], covered=(T + 2 * SECOND, T + 30 * SECOND))])
        for method in (*SUMS, M.INTERPOLATE, M.LAST):
            for fill in Fill:
                query = SeriesQuery(("d",), T + 5 * SECOND, T + 25 * SECOND, Resample(method, every=5 * SECOND, fill=fill))
                (block,) = await archive.series(query)
                numbers = [v for v in block.series.value.tolist() if not isinstance(v, str)]
                assert numbers, (method, fill)
                assert set(block.series.value.tolist()) - set(numbers) <= {"off"}, (method, fill)
                assert fill is Fill.PREVIOUS or len(numbers) == len(block.series), (method, fill)
