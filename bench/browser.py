"""The screens in a real browser: the Array page usable, a value in the hot queue to its pixel, twenty plots panned, an hour's heap.

hmi_web/bench drives a headless Chromium with software rendering; the values it sees come from here, so it is known when each was in the hot
queue. For the hour the clocks of server and page run faster, and every point changes at the full rate.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

import hmi_backend
from bench.result import Result, cores, percentiles
from bench.screens import PASSWORD, PULSE, USER, FastClock, Site, site
from deploy.engines import running
from kernel.clock import SECOND, SystemClock
from kernel.errors import BadUsage

WEB: Final = Path(__file__).parents[1] / "hmi_web"
HZ: Final = 4.0
HOUR_MESSAGES: Final = round(3600 * HZ)
FACTOR: Final = 10.0
"""How much faster than the computer's the clocks of the accelerated hour run."""
SHOWN: Final = re.compile(r"(\d+\.\d\d)$")


async def browser(seconds: float, points: int, rate: float | None, engines: bool = False) -> Result:
    """The value is the 99th percentile from hot queue to pixel at 4 Hz, over `seconds`. `engines`: the hot queue is a Redis."""
    _check()
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        root = Path(folder)
        redis = running("redis", root / "redis", say=lambda text: click.echo(text, err=True))
        with redis if engines else nullcontext("memory://") as hot_url:
            screens, told = await _screens(root / "now", hot_url, seconds)
        hour = await _hour(root / "hour")
    drawn, arrived = _delays(told, screens["pixel"])
    p50, p99 = percentiles(drawn)
    hot = "Redis, another process's values" if engines else "memory"
    return Result(
        "browser",
        p99,
        "ms",
        lost=0,
        setup=f"the example array, hot queue: {hot}; headless Chromium, software rendering, {cores()}",
        p50_ms=p50,
        p99_ms=p99,
        extra={
            "values_seen": len(drawn),
            "arrived_p99_ms": percentiles(arrived)[1],
            "array_usable_ms": screens["usable"]["median"],
            "array_usable_worst_ms": screens["usable"]["worst"],
            "array_first_paint_ms": screens["usable"]["firstPaint"],
            "pan_fps": screens["pan"]["fps"],
            "pan_frame_p95_ms": screens["pan"]["frameP95Ms"],
            "hour_messages": hour["messages"],
            "hour_heap_growth_percent": hour["growthPercent"],
            "hour_heap_bytes": hour["bytes"],
            "hour_took_s": hour["seconds"],
            "hour_sockets": hour["sockets"],
        },
    )


async def _screens(root: Path, hot_url: str, seconds: float) -> tuple[dict[str, Any], Sequence[tuple[str, int]]]:
    async with site(root, SystemClock(), hot_url) as served, asyncio.TaskGroup() as group:
        feeds = [group.create_task(served.everything(1.0, but=PULSE)), group.create_task(served.pulse())]
        seen = await _node(served, ("usable", "pixel", "pan"), {"MLA_BENCH_SECONDS": str(seconds)})
        for feed in feeds:
            feed.cancel()
        return seen, served.told


async def _hour(root: Path) -> dict[str, Any]:
    async with site(root, FastClock(FACTOR), "memory://") as served, asyncio.TaskGroup() as group:
        feed = group.create_task(served.everything(HZ))
        seen = await _node(served, ("heap",), {"MLA_BENCH_MESSAGES": str(HOUR_MESSAGES), "MLA_BENCH_FACTOR": str(FACTOR)})
        feed.cancel()
    found: dict[str, Any] = seen["heap"]
    return found


def _delays(told: Sequence[tuple[str, int]], seen: Mapping[str, Sequence[tuple[int, str]]]) -> tuple[list[float], list[float]]:
    """Milliseconds of every value that was drawn: from hot queue to the first frame that shows it, and to its arrival in the page.

    The text of a cell changes too while its value stays: a mark comes or goes.
    """
    put, arrived, drawn = dict(told), {text: at for at, text in seen["arrived"]}, dict[str, int]()
    for at, text in seen["drawn"]:
        shown = SHOWN.search(text)
        if shown and shown[1] in arrived:
            drawn.setdefault(shown[1], at)
    return _ms(put, drawn), _ms(put, {text: arrived[text] for text in drawn})


def _ms(put: Mapping[str, int], then: Mapping[str, int]) -> list[float]:
    return [(at - put[text]) * 1000 / SECOND for text, at in then.items() if text in put]


async def _node(served: Site, parts: Sequence[str], more: Mapping[str, str]) -> dict[str, Any]:
    address = f"http://127.0.0.1:{served.service.port}"
    env = {**os.environ, "MLA_URL": address, "MLA_USER": USER, "MLA_PASSWORD": PASSWORD, **more}
    process = await asyncio.create_subprocess_exec("node", "bench/main.mjs", *parts, cwd=WEB, env=env, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the browser's part of the benchmark failed: what it printed is above")
    found: dict[str, Any] = json.loads(out)
    return found


def _check() -> None:
    """Says what is missing before anything starts."""
    if shutil.which("node") is None or not (WEB / "node_modules" / "playwright-core").is_dir():
        raise BadUsage("this benchmark needs a checkout with Node and the HMI's tools: run `make web`")
    if not (Path(hmi_backend.__file__).parent / "static" / "index.html").is_file():
        raise BadUsage("the HMI is not built: run `make web`")
