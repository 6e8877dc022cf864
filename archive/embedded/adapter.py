"""The embedded archive as the port: its writer and readers, and the upkeep that runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from archive.embedded.reader import Reader
from archive.embedded.state import State
from archive.embedded.store import only_writer
from archive.embedded.upkeep import Upkeep
from archive.embedded.writer import Writer
from archive.pooled import PooledArchive
from kernel.clock import Clock
from kernel.live_config import LiveConfig


class EmbeddedArchive(PooledArchive[Upkeep]):
    """Made by open_embedded."""


@asynccontextmanager
async def open_embedded(directory: Path, clock: Clock, config: LiveConfig, *, read_only: bool) -> AsyncIterator[EmbeddedArchive]:
    """One process stores and keeps up; any number of others read."""
    with ExitStack() as stack:
        if read_only:
            yield _opened(stack, Reader(directory, State(), follows=True), clock, config, None)
            return
        stack.enter_context(only_writer(directory))
        writer = await asyncio.to_thread(Writer, directory, config)
        stack.callback(writer.close)
        upkeep = Upkeep(writer, clock)
        async with upkeep.running():
            yield _opened(stack, Reader(directory, writer.state, follows=False), clock, config, upkeep)


def _opened(stack: ExitStack, reader: Reader, clock: Clock, config: LiveConfig, upkeep: Upkeep | None) -> EmbeddedArchive:
    archive = EmbeddedArchive(reader, clock, config, upkeep)
    stack.callback(reader.close)
    stack.callback(archive.close)
    return archive
