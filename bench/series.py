"""`series` over GraphQL and HTTP: twenty points, one day at 1 Hz, 1 000 buckets, as a page of plots asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np

import cdb
from archive import open_archive
from archive.export import ArchiveExporter
from bench.archive import START, column_of, settled
from bench.load import quantised
from bench.result import percentiles
from bus import open_bus
from hmi_backend.roles import Role
from hmi_backend.service import HmiBackend, HmiPorts
from hmi_backend.users import Users
from kernel.archive import Archive
from kernel.batches import build
from kernel.clock import DAY, SECOND, ManualClock, SystemClock, cpu_seconds, monotonic
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from kernel.samples import Kind
from mon_queue import open_hot

POINTS: Final = 20
BUCKETS: Final = 1000
STEP: Final = 600
"""Seconds per batch."""
DOCUMENT: Final = """query Series($points: [String!]!, $from: Time!, $to: Time!, $resample: Resample!) {
  series(points: $points, from: $from, to: $to, resample: $resample) {
    point unit kind method columns complete nextCursor gaps { start end cause count detail } } }"""


async def over_graphql(root: Path, times: int) -> dict[str, Any]:
    """Milliseconds until the answer is here, and of the server's CPU, for MINMAX and for MEAN."""
    clock, live, past = SystemClock(), LiveConfig(cdb.compile(cdb.scaled(1000), 1)), ManualClock(START)
    names = [n for n, _ in zip(live.current.points, range(POINTS), strict=False)]
    async with (
        open_bus(f"sqlite://{root}/bus", clock=clock) as bus,
        open_hot("memory://", clock=clock) as hot,
        open_archive(f"sqlite://{root}/series", clock=past, config=live) as archive,
        cdb.open_config(f"sqlite://{root}/cdb", clock=clock) as store,
    ):
        await _day(archive, past, names)
        users = Users.open(root / "users.json", clock=clock)
        exporter = ArchiveExporter(archive, live)
        ports = HmiPorts(bus, hot, archive, store, cdb.Editor(store, clock), live, exporter, clock, Meter("hmi"), cdb.compile)
        service = HmiBackend(ports, host="127.0.0.1", port=0, users=users, views=root / "views.sqlite", static=None)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service.run(ready.set))
            await ready.wait()
            headers = {"authorization": f"Bearer {users.issue_token('bench', Role.ENGINEER)}"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}", headers=headers, trust_env=False) as client:
                found = {method: await _asked(client, names, method, times) for method in ("MINMAX", "MEAN")}
            task.cancel()
    return {f"graphql_20_points_{method.lower()}_{key}": value for method, told in found.items() for key, value in told.items()}


async def _asked(client: httpx.AsyncClient, names: Sequence[str], method: str, times: int) -> dict[str, float]:
    resample = {"method": method, "buckets": BUCKETS}
    body = {"query": DOCUMENT, "variables": {"points": names, "from": START, "to": START + DAY, "resample": resample}}
    took, cpu, size = [], [], 0
    for _ in range(times):
        begun, used = monotonic(), cpu_seconds()
        answer = await client.post("/graphql", json=body, timeout=60)
        took.append((monotonic() - begun) * 1000)
        cpu.append((cpu_seconds() - used) * 1000)
        size = int(answer.headers["content-length"])
    blocks = answer.json()["data"]["series"]
    if len(blocks) != POINTS or min(len(b["columns"]["t"]) for b in blocks) < BUCKETS:
        raise RuntimeError("the answer has fewer points or buckets than were asked for")
    p50, p99 = percentiles(took)
    return {"p50_ms": p50, "p99_ms": p99, "cpu_p50_ms": percentiles(cpu)[0], "bytes": size}


async def _day(archive: Archive, clock: ManualClock, names: Sequence[str]) -> None:
    """One day at 1 Hz with jitter, sealed."""
    rng = np.random.default_rng(3)
    for seq, begin in enumerate(range(0, 86_400, STEP)):
        time = START + (begin + np.arange(STEP))[:, None] * SECOND + rng.integers(0, 6, (STEP, len(names))) * 1000
        column = column_of(Kind.DOUBLE, 0, time, quantised(rng, STEP, len(names)))
        start, end = START + begin * SECOND, int(time.max())
        batch = build(
            source="q", epoch=1, seq=seq, received=end, published=end, names=names, columns=[column], covered=(start, end)
        )  # fmt: skip
        await archive.append([batch])
        await clock.advance(STEP)
    await settled(archive, clock)
