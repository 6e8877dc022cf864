"""Batch source to bus to hot queue and archive: points per second, CPU per million points, memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import cdb
from bench.flow import Flow, mixes, send
from bench.places import places
from bench.result import Result, cores, per_million
from kernel.clock import SystemClock
from kernel.live_config import LiveConfig
from mla.cli.progress import bars


async def ingest(seconds: float, points: int, rate: float | None, *, engines: bool = False) -> Result:
    """As fast as it goes, or at `rate` points per second."""
    config = cdb.compile(cdb.scaled(points), 1)
    with TemporaryDirectory(prefix="mla-bench-") as folder, places(Path(folder), engines) as at:
        with bars() as told:
            passed = await send(at, SystemClock(), LiveConfig(config), Flow(mixes(config), seconds, rate), told)
        disk = 0 if engines else sum(f.stat().st_size for f in (Path(folder) / "archive").rglob("*") if f.is_file())
    return Result(
        "ingest",
        passed.points / passed.seconds,
        "points/s",
        lost=passed.points - passed.stored,
        setup=f"{points} points configured, a scan of every source per batch, {at.about}, our side in one process, {cores()}",
        cpu_s_per_million=passed.cpu / passed.points * 1e6,
        rss_mb=passed.rss_mb,
        extra={
            "points": passed.points,
            "seconds": passed.seconds,
            "live_points": passed.live,
            "batches": passed.batches,
            "cpu_us_per_batch": passed.cpu / passed.batches * 1e6,
            **per_million(passed.engines, passed.points),
            **({} if engines else {"archive_bytes_per_point": disk / passed.points}),
        },
    )
