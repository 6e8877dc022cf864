"""Live values to many screens over real sockets: what the server pays, how late they are, and what becomes of a reader that stops.

Every subscriber follows 2 000 points, and all of them change at every tick: the most that can be asked. Readers are processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import connect

import cdb
from archive import open_archive
from archive.export import ArchiveExporter
from bench.load import Mix
from bench.result import Result, cores, percentiles, rss_mb
from bus import open_bus
from hmi_backend.roles import Role
from hmi_backend.service import HmiBackend, HmiPorts
from hmi_backend.users import Users
from kernel.clock import SECOND, SystemClock, cpu_seconds, monotonic, sleep
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from mon_queue import open_hot

SUBSCRIBERS: Final = 200
FOLLOWED: Final = 2000
HZ: Final = 4.0
PROCESSES: Final = 2
PER_BATCH: Final = 2000


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of subscribing."""

    cores: float
    """The server at the full rate, feeding the hot queue included. Where too busy to deliver every tick, scaled up to it."""
    delivered: float
    """Messages that came, as a share of subscribers × rate: below 1, newer values took the place of older ones; nothing queues up."""
    p50_ms: float
    p99_ms: float
    messages: int
    values: int
    bytes: int
    dropped: int
    lost: int


@dataclass(slots=True)
class Site:
    """The server under test."""

    service: HmiBackend
    names: Sequence[str]
    token: str

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.service.port}"


async def fanout(seconds: float, points: int, rate: float | None) -> Result:
    """The value is the share of a core that the server needs for 200 GraphQL subscribers that all look at the same page."""
    hz = HZ if rate is None else rate / FOLLOWED
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        async with _site(Path(folder), max(points, FOLLOWED)) as site:
            part = max(2.0, seconds / 3)
            same = [list(site.names[:FOLLOWED])] * SUBSCRIBERS
            rng = np.random.default_rng(7)
            own = [[site.names[i] for i in rng.choice(len(site.names), FOLLOWED, replace=False)] for _ in range(SUBSCRIBERS)]
            page = await _measure(site, "graphql", same, hz, part)
            each = await _measure(site, "graphql", own, hz, part)
            plots = await _measure(site, "binary", own, hz, part)
            rss = rss_mb()
            stalled = await _stalled(site, hz)
    return Result(
        "fanout",
        page.cores,
        "cores",
        lost=page.lost + each.lost + plots.lost,
        setup=f"{SUBSCRIBERS} subscribers x {FOLLOWED} points, 30 % integers, all changing at {hz:g} Hz, {points} configured, {cores()}",
        cpu_s_per_million=page.cores / (SUBSCRIBERS * FOLLOWED * hz) * 1e6,
        p50_ms=page.p50_ms,
        p99_ms=page.p99_ms,
        rss_mb=rss,
        extra={**_told("same", page), **_told("own", each), **_told("binary_own", plots), **stalled},
    )


def _told(name: str, m: Measured) -> dict[str, Any]:
    return {
        f"{name}_cores": m.cores,
        f"{name}_delivered": m.delivered,
        f"{name}_p50_ms": m.p50_ms,
        f"{name}_p99_ms": m.p99_ms,
        f"{name}_messages": m.messages,
        f"{name}_mb": m.bytes / 1e6,
        f"{name}_dropped": m.dropped,
    }


@asynccontextmanager
async def _site(root: Path, points: int) -> AsyncIterator[Site]:
    """A server on the embedded rooms."""
    clock, documents = SystemClock(), cdb.scaled(points)
    live = LiveConfig(cdb.compile(documents, 1))
    async with (
        open_bus(f"sqlite://{root}/bus", clock=clock) as bus,
        open_hot("memory://", clock=clock) as hot,
        open_archive(f"sqlite://{root}/archive", clock=clock, config=live) as archive,
        cdb.open_config(f"sqlite://{root}/cdb", clock=clock) as store,
    ):
        users = Users.open(root / "users.json", clock=clock)
        ports = HmiPorts(
            bus, hot, archive, store, cdb.Editor(store, clock), live, ArchiveExporter(archive, live), clock, Meter("hmi"), cdb.compile
        )
        service = HmiBackend(ports, host="127.0.0.1", port=0, users=users, views=root / "views.sqlite", static=None)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(service.run(ready.set))
            await ready.wait()
            try:
                yield Site(service, sorted(live.current.points), users.issue_token("bench", Role.VIEWER))
            finally:
                task.cancel()


async def _feed(site: Site, names: Sequence[str], hz: float, stop: asyncio.Event) -> None:
    """Gives every point a new value at every tick; the source time is the moment it enters the hot queue."""
    hot, clock = site.service.backend.hot, site.service.backend.clock
    mixes = [Mix(f"bench{i}", names[i : i + PER_BATCH], steps=16, seed=i) for i in range(0, len(names), PER_BATCH)]
    epoch, seq, due = clock.now(), 0, clock.now()
    while not stop.is_set():
        for mix in mixes:
            now = clock.now()
            await hot.put([mix.batch(seq, epoch, now, now)])
        seq += 1
        due += round(SECOND / hz)
        await clock.sleep_until(due)


async def _measure(site: Site, protocol: str, wanted: Sequence[Sequence[str]], hz: float, seconds: float) -> Measured:
    """What the server's process needs while every subscriber reads."""
    clock, stop = site.service.backend.clock, asyncio.Event()
    names = sorted({n for points in wanted for n in points})
    async with asyncio.TaskGroup() as group:
        group.create_task(_feed(site, names, hz, stop))
        cpu, begun = cpu_seconds(), monotonic()
        await sleep(clock, 1.0)
        idle = (cpu_seconds() - cpu) / (monotonic() - begun)
        readers = [await _reader(site, protocol, wanted[i::PROCESSES], hz) for i in range(PROCESSES)]
        for r in readers:
            await _line(r)
        await sleep(clock, 1.0)
        cpu, begun = cpu_seconds(), monotonic()
        for r in readers:
            _write(r, "go")
        await sleep(clock, seconds)
        used = (cpu_seconds() - cpu) / (monotonic() - begun)
        for r in readers:
            _write(r, "stop")
        seen = [json.loads(await _line(r)) for r in readers]
        stop.set()
        for r in readers:
            await r.wait()
    p50, p99 = percentiles([d for s in seen for d in s["delay_ms"]])
    total = {k: sum(s[k] for s in seen) for k in ("messages", "values", "bytes", "dropped", "lost")}
    delivered = total["messages"] / (len(wanted) * hz * seconds)
    return Measured(idle + (used - idle) / min(1.0, max(delivered, 1e-3)), delivered, p50, p99, **total)


async def _reader(site: Site, protocol: str, wanted: Sequence[Sequence[str]], hz: float) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.fanout_client", stdin=pipe, stdout=pipe, limit=64 << 20)
    _write(process, json.dumps({"url": site.url, "token": site.token, "protocol": protocol, "hz": hz, "points": [list(w) for w in wanted]}))
    return process


def _write(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a reader ended early: what it printed is above")
    return line.decode().strip()


async def _stalled(site: Site, hz: float) -> dict[str, Any]:
    """A reader that stops reading: bytes held for it at most, and seconds until it is put out."""
    links, clock, stop = site.service.backend.links, site.service.backend.clock, asyncio.Event()
    names, before, most = site.names[:FOLLOWED], links.laggards, 0
    raw = socket.create_connection(("127.0.0.1", site.service.port))
    raw.setblocking(False)
    headers = {"authorization": f"Bearer {site.token}"}
    async with asyncio.TaskGroup() as group:
        group.create_task(_feed(site, names, hz * 4, stop))
        async with connect(
            site.url + "/ws/live", sock=raw, additional_headers=headers, max_queue=1, ping_interval=None, close_timeout=0.1
        ) as ws:
            await ws.recv()
            await ws.send(json.dumps({"op": "subscribe", "id": 1, "points": list(names), "maxHz": 50}))
            await ws.recv()
            ws.transport.pause_reading()
            begun = monotonic()
            while links.laggards == before and monotonic() - begun < 30:
                most = max(most, links.waiting())
                await sleep(clock, 0.02)
            took = monotonic() - begun
            ws.transport.abort()
        stop.set()
    return {"stalled_bytes": most, "stalled_dropped_s": took}
