"""Whatever is done in whatever order, the archive says the same as a dictionary."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import open_archive
from kernel.archive import Archive, SeriesQuery
from kernel.array import ArchiveClass, ArrayConfig, Point, PointType, Site
from kernel.clock import DAY, SECOND, ManualClock
from kernel.live_config import LiveConfig
from kernel.samples import Kind
from schemas.records import PointBatch
from tests.support.archive_data import batch, column

POINTS = ("a", "b", "c", "d")
START = 1_800_000_000 * SECOND // DAY * DAY
CONFIG = ArrayConfig(
    1,
    Site(),
    {},
    {},
    {p: Point(p, PointType(archive_class="quick" if p in "cd" else "standard"), "x") for p in POINTS},
    {"standard": ArchiveClass("standard", 3600.0), "quick": ArchiveClass("quick", 60.0)},
)
TIMES = st.one_of(st.integers(0, 20), st.integers(0, 7200), st.integers(0, 2 * 86_400)).map(lambda s: START + s * SECOND)
SAMPLES = st.lists(st.tuples(st.integers(0, 3), TIMES, st.integers(-1000, 1000)), min_size=1, max_size=12)
APPEND = st.tuples(st.just("append"), st.sampled_from([Kind.DOUBLE, Kind.LONG]), SAMPLES)
STEPS = st.lists(
    st.one_of(APPEND, APPEND, st.tuples(st.sampled_from(["fold", "seal", "compact", "again", "reopen"]))), min_size=1, max_size=25
)


@dataclass
class Model:
    """What should be there."""

    samples: dict[tuple[str, int], float] = field(default_factory=dict)
    kinds: dict[tuple[str, int], Kind] = field(default_factory=dict)
    sent: list[PointBatch] = field(default_factory=list)

    def of(self, point: str, start: int, end: int) -> list[tuple[int, float]]:
        return sorted((t, v) for (p, t), v in self.samples.items() if p == point and start <= t < end)


def made(seq: int, kind: Kind, rows: Sequence[tuple[int, int, int]]) -> PointBatch:
    index, time, value = (np.array(c) for c in zip(*rows, strict=True))
    return batch(seq, POINTS, column(time.tolist(), value, kind=kind, index=index))


async def check(archive: Archive, model: Model, limit: int) -> None:
    blocks = await archive.series(SeriesQuery(POINTS, 0, START + 3 * DAY))
    for point, block in zip(POINTS, blocks, strict=True):
        assert list(zip(block.series.time.tolist(), block.series.value.tolist(), strict=True)) == model.of(point, 0, 1 << 62)
        paged: list[Any] = []
        cursor = None
        while True:
            (page,) = await archive.series(SeriesQuery((point,), 0, START + 3 * DAY, limit=limit, cursor=cursor))
            assert len(page.series) <= limit
            paged += zip(page.series.time.tolist(), page.series.value.tolist(), strict=True)
            cursor = page.next_cursor
            if cursor is None:
                break
            assert not page.complete
        assert paged == model.of(point, 0, 1 << 62)
    for moment in (START + 10 * SECOND, START + 3600 * SECOND, START + 3 * DAY):
        found = (await archive.at(POINTS, moment)).values()
        for point, value in zip(POINTS, found, strict=True):
            rows = model.of(point, 0, moment + 1)
            assert value == (rows[-1][1] if rows else None)
    stats = await archive.stats()
    assert stats.samples >= len(model.samples)


async def play(steps: list[Any], limit: int, directory: str) -> None:
    clock = ManualClock(START + 3 * DAY)
    model = Model()
    at = 0
    while at < len(steps):
        async with open_archive(f"sqlite://{directory}/archive", clock=clock, config=LiveConfig(CONFIG)) as archive:
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
                elif step[0] == "seal":
                    await archive.upkeep.seal(everything=True)  # type: ignore[attr-defined]
                else:
                    clock = ManualClock(clock.now() + 700 * SECOND)
                    await getattr(archive.upkeep, step[0])()  # type: ignore[attr-defined]
                await check(archive, model, limit)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(1, 7))
def test_the_archive_is_a_dictionary_that_lasts(steps: list[Any], limit: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(steps, limit, directory))
