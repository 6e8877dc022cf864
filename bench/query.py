"""One day of one 1 Hz point to 1 000 buckets of min, max and mean: in the archive, and over GraphQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import cdb
from archive import open_archive
from bench.archive import START, column_of, settled
from bench.load import quantised
from bench.result import Result, cores, percentiles, rss_mb
from bench.series import over_graphql
from kernel.archive import Archive, Resample, ResampleMethod, SeriesQuery
from kernel.batches import build
from kernel.clock import DAY, SECOND, ManualClock, monotonic
from kernel.live_config import LiveConfig
from kernel.samples import Kind

BUCKETS = 1000
METHODS = (ResampleMethod.MIN, ResampleMethod.MAX, ResampleMethod.MEAN)


async def query(seconds: float, points: int, rate: float | None) -> Result:
    """The value is the median of min, max and mean together, as one plot asks for them."""
    config = cdb.compile(cdb.scaled(points), 1)
    name = next(iter(config.points))
    live, clock = LiveConfig(config), ManualClock(START)
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        async with open_archive(f"sqlite://{Path(folder)}/archive", clock=clock, config=live) as archive:
            await day_of(archive, clock, name)
            single = [await timed(archive, name, (m,)) for m in METHODS for _ in range(20)]
            together = [await timed(archive, name) for _ in range(max(20, int(seconds * 10)))]
            many = [await _timed_many(archive, [n for n, _ in zip(config.points, range(20), strict=False)]) for _ in range(5)]
        graphql = await over_graphql(Path(folder), max(20, int(seconds * 3)))
    p50, p99 = percentiles(together)
    return Result(
        "query",
        p50,
        "ms",
        lost=0,
        setup=f"one day of one 1 Hz point to {BUCKETS} buckets of min, max and mean, embedded, {points} points configured, {cores()}",
        p50_ms=p50,
        p99_ms=p99,
        rss_mb=rss_mb(),
        extra={"one_method_p50_ms": percentiles(single)[0], "minmax_20_points_p50_ms": percentiles(many)[0], **graphql},
    )


async def day_of(archive: Archive, clock: ManualClock, name: str) -> None:
    """One day of a 1 Hz point, sealed."""
    rng = np.random.default_rng(3)
    time = (START + np.arange(86_400) * SECOND + rng.integers(0, 6, 86_400) * 1000)[:, None]
    value = quantised(rng, 86_400, 1)
    for seq, i in enumerate(range(0, 86_400, 600)):
        column = column_of(Kind.DOUBLE, 0, time[i : i + 600], value[i : i + 600])
        end = int(time[i : i + 600].max())
        await archive.append(
            [
                build(
                    source="q",
                    epoch=1,
                    seq=seq,
                    received=end,
                    published=end,
                    names=[name],
                    columns=[column],
                    covered=(int(time[i, 0]), end),
                )
            ]
        )
        await clock.advance(600)
    await settled(archive, clock)


async def timed(archive: Archive, name: str, methods: tuple[ResampleMethod, ...] = METHODS) -> float:
    """Milliseconds of the methods, asked for at once."""
    begun = monotonic()
    await asyncio.gather(*(archive.series(SeriesQuery((name,), START, START + DAY, Resample(m, buckets=BUCKETS))) for m in methods))
    return (monotonic() - begun) * 1000


async def _timed_many(archive: Archive, names: list[str]) -> float:
    begun = monotonic()
    await archive.series(SeriesQuery(tuple(names), START, START + DAY, Resample(ResampleMethod.MINMAX, buckets=BUCKETS)))
    return (monotonic() - begun) * 1000
