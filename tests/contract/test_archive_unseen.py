"""A point of which no sample was ever stored: its configured source tells why."""

from __future__ import annotations

from kernel.archive import Fill, Gap, Resample, ResampleMethod, SeriesQuery
from kernel.array import ArrayConfig, Point, PointType, Site
from kernel.clock import SECOND
from kernel.live_config import LiveConfig
from schemas.records import GapCause, StateEvent, StateKind
from tests.contract.archive_backends import Backend, backend
from tests.support.archive_data import NOW, one

__all__ = ["backend"]
T = NOW - 1000 * SECOND
SOURCES = {"p": "s", "filtered": "s", "silent": "s", "down": "unplugged", "new": "unheard_of"}
CONFIG = LiveConfig(ArrayConfig(1, Site(), {}, {}, {n: Point(n, PointType(), "site", s, "x") for n, s in SOURCES.items()}, {}))


def s(seconds: float) -> int:
    return T + round(seconds * SECOND)


def event(source: str, kind: StateKind, start: int, cause: GapCause, points: tuple[str, ...] = (), detail: str = "") -> StateEvent:
    return StateEvent(source=source, time=start, kind=kind, cause=cause, points=points, start=start, end=None, count=None, detail=detail)


async def test_the_source_tells_why_there_is_nothing(backend: Backend) -> None:
    async with backend.open(config=CONFIG) as archive:
        await archive.append([one(0, "p", [s(1)], [1.0], covered=(s(0), s(20)))])
        await archive.append([one(1, "p", [s(41)], [1.0], covered=(s(40), s(60)))])
        window = event("s", StateKind.GAP, s(5), GapCause.FILTERED, ("filtered",), "window")
        cut = event("s", StateKind.DISCONNECTED, s(20), GapCause.DISCONNECTED, detail="cable")
        await archive.append((), [window, cut, event("unplugged", StateKind.DISCONNECTED, s(3), GapCause.DISCONNECTED, detail="refused")])
        query = SeriesQuery((*SOURCES, "nobody"), T, s(60))
        found = {b.series.point: b for b in await archive.series(query)}
        hole = Gap(s(20), s(40), GapCause.DISCONNECTED, None, "cable")
        assert found["p"].gaps == found["silent"].gaps == (hole,)
        assert found["filtered"].gaps == (Gap(s(5), s(20), GapCause.FILTERED, None, "window"), hole)
        assert found["down"].gaps == (Gap(s(3), None, GapCause.DISCONNECTED, None, "refused"),)
        assert found["new"].gaps == found["nobody"].gaps == ()
        assert {n: b.complete for n, b in found.items()} == {n: n != "new" for n in (*SOURCES, "nobody")}
        assert all(len(found[n].series) == 0 for n in SOURCES if n != "p")
        for method in ResampleMethod:
            for fill in Fill:
                for b in await archive.series(SeriesQuery(("silent", "down", "new"), T, s(60), Resample(method, buckets=6, fill=fill))):
                    counts = [0, 0, 0, 0] if b.series.point == "silent" and method is ResampleMethod.COUNT else []
                    assert b.series.value.tolist() == counts, (method, fill, b.series.point)
