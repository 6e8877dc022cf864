"""Killed processes and full disks: nothing acknowledged is lost, nothing is stored twice, and people are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from archive import open_archive
from kernel.archive import SeriesQuery
from kernel.clock import SECOND, SystemClock, pause
from kernel.live_config import LiveConfig
from tests.support.platform import ROOT, eventually, mla, pids_of, running

POINTS = 200
pytestmark = pytest.mark.timeout(300)


@contextmanager
def publisher(data: Path, source: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A source that publishes as fast as the bus takes it; killed with SIGKILL at the end."""
    notes = data / f"{source}.notes"
    command = [sys.executable, "-m", "tests.support.publisher", f"sqlite://{data}/bus", str(notes), source, str(POINTS)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process, notes
    finally:
        process.kill()
        process.wait()


def acknowledged(notes: Path) -> int:
    """Number of batches that the bus has acknowledged."""
    lines = [line for line in notes.read_text().splitlines() if line.isdigit()] if notes.exists() else []
    return len(lines)


async def stored(data: Path, point: str) -> list[int]:
    """Values of a point in the archive, in the order of their times."""
    clock = SystemClock()
    async with open_archive(f"sqlite://{data}/archive", clock=clock, config=LiveConfig(), read_only=True) as archive:
        query = SeriesQuery((point,), 0, clock.now() + 3600 * SECOND)
        [block] = await archive.series(query)
        return [int(v) for v in block.series.value.tolist()]


def lag(data: Path) -> int:
    """Points that entered the dispatcher and have not been accounted for, or -1 while it does not run."""
    services = json.loads(mla("status", "--json", data=data).stdout)
    lines = [h for h in services["hops"] if h["name"] == "dispatcher.store"]
    return sum(h["inside"] for h in lines) + round(sum(h["rate_in_per_s"] for h in lines)) if lines else -1


async def test_killing_every_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    sources = ["one", "two"]
    notes: list[Path] = []
    for source in sources:
        with running(tmp_path) as up, publisher(tmp_path, source) as (_, file):
            notes.append(file)
            eventually(lambda file=file: acknowledged(file) > 100, what="some batches under way")
            children = pids_of(up.process.pid)
            up.process.send_signal(signal.SIGKILL)
            up.process.wait()
            already = acknowledged(file)
            eventually(lambda file=file, n=already: acknowledged(file) > n + 50, what="batches while nobody stores them")
            eventually(lambda pids=children: not any(psutil.pid_exists(p) for p in pids), what="child processes that end with their parent")
    with running(tmp_path):
        eventually(lambda: lag(tmp_path) == 0, what="everything stored")
    for source, file in zip(sources, notes, strict=True):
        for point in (0, POINTS - 1):
            values = await stored(tmp_path, f"bench.{source}.p{point:05d}")
            assert values == list(range(len(values))), "each batch once, in order"
            assert len(values) in (acknowledged(file), acknowledged(file) + 1), "every acknowledged batch, at most one more"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 96 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_full_disk_is_told_and_survived(small_disk: Path) -> None:
    data = small_disk / "data"
    with running(data) as up, publisher(data, "one") as (source, notes):
        eventually(lambda: acknowledged(notes) > 50, what="some batches stored")
        filler = small_disk / "filler"
        _fill(filler)
        eventually(lambda: "refused" in notes.read_text() if notes.stat().st_size else False, what="a bus that says that it is full")
        assert up.get("/healthz")[0] == 200
        filler.unlink()
        before = acknowledged(notes)
        eventually(lambda: acknowledged(notes) > before + 50, what="batches again once there is room")
        source.kill()
        source.wait()
        eventually(lambda: lag(data) == 0, what="everything stored")
    values = await stored(data, "bench.one.p00000")
    assert values == list(range(len(values)))
    assert len(values) in (acknowledged(notes), acknowledged(notes) + 1)


def _fill(file: Path) -> None:
    """Takes what is left of the disk."""
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    out.write(os.urandom(size))
            except OSError:
                pause(0.01)
