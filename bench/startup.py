"""`mla up` with many points configured: from the command to ready."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

import cdb
from bench.result import Result, cores, rss_mb
from kernel.clock import SystemClock, monotonic, sleep

ROUNDS = 3


async def startup(seconds: float, points: int, rate: float | None) -> Result:
    """The value is the median of three starts of an installation that was started before."""
    with TemporaryDirectory(prefix="mla-bench-") as folder:
        root = Path(folder)
        cdb.write_folder(root / "site", cdb.scaled(points))
        await _mla(root, "cdb", "import", str(root / "site"), "-m", "benchmark")
        begun = [await _start(root) for _ in range(ROUNDS + 1)][1:]
    times = sorted(t for t, _ in begun)
    return Result(
        "startup",
        times[len(times) // 2],
        "s",
        lost=0,
        setup=f"`mla up` with {points} points configured, to /readyz, {cores()}",
        rss_mb=max(r for _, r in begun),
        extra={"min_s": times[0], "max_s": times[-1]},
    )


def _command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "mla", "--data", str(root / "data"), *arguments]


async def _mla(root: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(*_command(root, *arguments), stdout=asyncio.subprocess.DEVNULL)
    if await process.wait():
        raise RuntimeError(f"mla {' '.join(arguments)} failed")


async def _start(root: Path) -> tuple[float, float]:
    """Seconds to ready, and the memory of all processes then, megabytes."""
    port = _free_port()
    begun = monotonic()
    process = await asyncio.create_subprocess_exec(
        *_command(root, "up", "--http", f"127.0.0.1:{port}"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(os.environ),
    )
    try:
        while not await _answers(port):
            await sleep(SystemClock(), 0.01)
        took = monotonic() - begun
        family = [process.pid, *(c.pid for c in psutil.Process(process.pid).children(recursive=True))]
        return took, rss_mb(family)
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    line = await reader.readline()
    writer.close()
    return b" 200 " in line


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
