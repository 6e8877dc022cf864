"""Bytes per point of one day of 1 Hz series, each point with its own jitter of 0 to 5 ms."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from archive import open_archive
from archive.embedded.adapter import EmbeddedArchive
from bench.load import noise, quantised, states
from bench.result import Result, cores, rss_mb
from kernel.archive import Archive, ArchiveStats
from kernel.array import ArchiveClass, ArrayConfig, Point, PointKind, PointType, Site
from kernel.batches import Column, build
from kernel.clock import DAY, SECOND, ManualClock, SystemClock, cpu_seconds, sleep
from kernel.live_config import LiveConfig
from kernel.samples import Ints, Kind
from schemas.records import PointBatch

START = 20_000 * DAY
SERIES = 40
CHUNK = 3600.0
BATCH = 600
"""Seconds of samples per batch."""


async def archive(seconds: float, points: int, rate: float | None) -> Result:
    """The mix over SERIES series of a day; the clock is moved past the day so that everything is sealed."""
    names = [f"bench.mix.s{i:02d}" for i in range(SERIES)]
    live = LiveConfig(_config(names))
    clock = ManualClock(START)
    batches = _day(names)
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        begun = cpu_seconds()
        async with open_archive(f"sqlite://{folder}/archive", clock=clock, config=live) as opened:
            for batch in batches:
                await opened.append([batch])
                await clock.advance(BATCH)
            stats = await settled(opened, clock)
            cpu, rss = cpu_seconds() - begun, rss_mb()
        files = {f: f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()}
        sealed = sum(size for f, size in files.items() if f.parent.name == "day")
    n = SERIES * 86_400
    return Result(
        "archive",
        sealed / n,
        "bytes/point",
        lost=n - stats.samples,
        setup=f"{SERIES} series of one day at 1 Hz with 0 to 5 ms jitter, 50 % quantised, 20 % float32 noise, 15 % states, 15 % constants; "
        f"sealed files with their indices, chunks of an hour, compacted after the day, {cores()}",
        cpu_s_per_million=cpu / n * 1e6,
        rss_mb=rss,
        extra={"points": n, "open_tier_file_mb": (sum(files.values()) - sealed) / 1e6},
    )


async def settled(opened: Archive, clock: ManualClock) -> ArchiveStats:
    """Lets the background work seal and compact what is over, until nothing changes any more."""
    quiet, before = 0, (-1, -1)
    while quiet < 20:
        await clock.advance(600)
        await sleep(SystemClock(), 0.1)
        stats = await opened.stats()
        quiet = quiet + 1 if (stats.open_samples, stats.bytes) == before and stats.open_samples == 0 else 0
        before = (stats.open_samples, stats.bytes)
    assert isinstance(opened, EmbeddedArchive)
    await opened.upkeep.settle()
    return await opened.stats()


def _config(names: list[str]) -> ArrayConfig:
    types = [PointType(PointKind.DOUBLE if i < SERIES * 0.7 else PointKind.LONG, archive_class="day") for i in range(SERIES)]
    points = {n: Point(n, t, "bench", "bench.mix", n) for n, t in zip(names, types, strict=True)}
    return ArrayConfig(1, Site(), {}, {}, points, {"day": ArchiveClass("day", chunk=CHUNK), "standard": ArchiveClass("standard")})


def _day(names: list[str]) -> list[PointBatch]:
    rng, steps = np.random.default_rng(7), 86_400
    quant, loud, state = int(SERIES * 0.5), int(SERIES * 0.2), int(SERIES * 0.15)
    doubles = np.hstack([quantised(rng, steps, quant), noise(rng, steps, loud)])
    longs = np.hstack([states(rng, steps, state), np.tile(rng.integers(0, 9, SERIES - quant - loud - state), (steps, 1))])
    time = START + np.arange(steps)[:, None] * SECOND + rng.integers(0, 6, (steps, SERIES)) * 1000
    return [_batch(names, i // BATCH, time[i : i + BATCH], doubles[i : i + BATCH], longs[i : i + BATCH]) for i in range(0, steps, BATCH)]


def _batch(names: list[str], seq: int, time: Ints, doubles: NDArray[np.float64], longs: Ints) -> PointBatch:
    end, split = int(time.max()), doubles.shape[1]
    return build(
        source="bench.mix",
        epoch=START,
        seq=seq,
        received=end,
        published=end,
        names=names,
        covered=(int(time.min()), end),
        columns=[column_of(Kind.DOUBLE, 0, time[:, :split], doubles), column_of(Kind.LONG, split, time[:, split:], longs)],
    )


def column_of(kind: Kind, first: int, time: Ints, value: NDArray[np.float64] | Ints) -> Column:
    steps, n = value.shape
    index = np.tile(np.arange(first, first + n, dtype=np.int64), steps)
    at = time.ravel()
    return Column(kind, index, at, at, value.ravel(), np.zeros(len(at), np.uint8), np.zeros(len(at), np.uint32))
