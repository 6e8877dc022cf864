"""Processes that benchmarks start: services of ours, and the peer they read."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.places import Places
from kernel.errors import BadUsage


def opcua_peer() -> Any:
    """What starts a node-opcua server. Raises BadUsage outside a checkout."""
    try:
        from tests.peers.opcua_peer import opcua_peer as found
    except ImportError as error:
        raise BadUsage("this benchmark needs a checkout: its node-opcua server is in tests/peers") from error
    return found


@asynccontextmanager
async def service(name: str, at: Places, data: Path) -> AsyncIterator[psutil.Process]:
    """`mla run NAME` on these places; stopped on leaving, if it is still there."""
    places_of = {"MLA_BUS_URL": at.bus, "MLA_HOT_URL": at.hot, "MLA_ARCHIVE_URL": at.archive}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mla", "--data", str(data), "run", name, stdout=asyncio.subprocess.DEVNULL, env={**os.environ, **places_of}
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
