"""How cost grows with the number of points configured: the same flow and the same question, with 1 000, 20 000 and 200 000 points.

The flow is the same samples in the same batches: a source with few points is sampled more often. What a batch costs beside its points is
measured on its own, with batches of a few samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cdb
from archive import open_archive
from bench.archive import START
from bench.flow import Flow, Passed, Told, mixes, send
from bench.load import Mix
from bench.places import places
from bench.query import day_of, timed
from bench.result import Result, cores, percentiles, rss_mb
from kernel.archive import Archive
from kernel.array import ArrayConfig
from kernel.clock import SECOND, ManualClock, SystemClock, cpu_seconds
from kernel.live_config import LiveConfig
from mla.cli.progress import bars

SIZES = (1_000, 20_000, 200_000)
SAMPLES = 2_000
"""In each batch, about: what a source of 20 000 points' array gives in a second."""
SMALL = 100
"""Points of a small batch: a device's, every second."""
WARM = 3
ROUNDS = 40
HOURS = 24
"""Samples of every other point in the day that is asked for."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Two parameters: what a batch costs, and what each of its points costs more. CPU seconds."""

    batch: float
    point: float


async def growth(seconds: float, points: int, rate: float | None) -> Result:
    """The value is the dearest CPU per sample relative to the cheapest; --points is the largest number configured (default 200 000)."""
    sizes = [n for n in SIZES if n < points] + [points] if points != 20_000 else list(SIZES)
    with bars() as told:
        flows = {n: await _flow(n, SAMPLES, seconds, told) for n in sizes}
        small = await _flow(sizes[0], SMALL, seconds, told)
        queries = {n: await _query(n, told) for n in sizes}
    per_sample = {n: f.cpu / f.points * 1e6 for n, f in flows.items()}
    cost = fitted((small, flows[sizes[0]]))
    return Result(
        "growth",
        max(per_sample.values()) / min(per_sample.values()),
        "times the CPU per sample, from cheapest to dearest",
        lost=sum(f.points - f.stored for f in (*flows.values(), small)),
        setup=f"batches of about {SAMPLES} samples with {', '.join(map(str, sizes))} points configured, embedded engines, {cores()}",
        cpu_s_per_million=per_sample[sizes[-1]],
        rss_mb=rss_mb(),
        extra={
            **{f"cpu_s_per_million_{n}_points": v for n, v in per_sample.items()},
            **{f"query_p50_ms_{n}_points": p50 for n, (p50, _) in queries.items()},
            **{f"query_cpu_ms_{n}_points": cpu for n, (_, cpu) in queries.items()},
            "query_cpu_growth": max(c for _, c in queries.values()) / min(c for _, c in queries.values()),
            "samples_per_small_batch": small.points / small.batches,
            "cpu_ms_per_small_batch": small.cpu / small.batches * 1e3,
            "model_cpu_ms_per_batch": cost.batch * 1e3,
            "model_cpu_us_per_point": cost.point * 1e6,
        },
    )


def fitted(passed: tuple[Passed, Passed]) -> Cost:
    """The line through two runs with batches of different size."""
    (xa, ya), (xb, yb) = ((p.points / p.batches, p.cpu / p.batches) for p in passed)
    point = (yb - ya) / (xb - xa)
    return Cost(ya - point * xa, point)


async def _flow(points: int, samples: int, seconds: float, told: Told) -> Passed:
    config = cdb.compile(cdb.scaled(points), 1)
    sources: Sequence[Mix] = mixes(config, samples)
    scans = {m.source: max(1, samples // len(m.names)) for m in sources}
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder), False) as at:
        return await send(at, SystemClock(), LiveConfig(config), Flow(sources, seconds, scans=scans, warm=WARM), told)


async def _query(points: int, told: Told) -> tuple[float, float]:
    """Min, max and mean of one day of a 1 Hz point, where every other point has a sample per hour: median milliseconds, and milliseconds
    of CPU."""
    config = cdb.compile(cdb.scaled(points), 1)
    name = next(iter(config.points))
    clock = ManualClock(START)
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        async with open_archive(f"sqlite://{Path(folder)}/archive", clock=clock, config=LiveConfig(config)) as archive:
            told(f"a day of {points} points", 0, 1)
            await _others(archive, config)
            await day_of(archive, clock, name)
            await timed(archive, name)
            cpu = cpu_seconds()
            p50 = percentiles([await timed(archive, name) for _ in range(ROUNDS)])[0]
            return p50, (cpu_seconds() - cpu) / ROUNDS * 1000


async def _others(archive: Archive, config: ArrayConfig) -> None:
    sources = mixes(config)
    for hour in range(HOURS):
        time = START + hour * 3600 * SECOND + SECOND // 2
        await archive.append([m.batch(hour, START, time, time) for m in sources])
