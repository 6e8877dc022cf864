"""Child processes: started, watched, restarted with growing pauses, ended with their parent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kernel.clock import Clock, SystemClock, monotonic, sleep

log = logging.getLogger(__name__)
PATIENCE = 10.0
LONGEST_PAUSE = 10.0
PARENT = "MLA_CHILD_PARENT"


@dataclass(frozen=True, slots=True)
class Child:
    """A `mla` command to be run as a process of its own."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def children(wanted: Sequence[Child], clock: Clock) -> AsyncIterator[None]:
    """Keeps every child running while the context is open; stops them one after the other, the last first, at its end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_keep(child, clock), name=f"child {child.name}") for child in wanted]
        try:
            yield
        finally:
            for task in reversed(tasks):
                task.cancel()
                await asyncio.wait([task])


async def _keep(child: Child, clock: Clock) -> None:
    pause = 0.5
    while True:
        begun = monotonic()
        try:
            how = f"ended with code {await _run(child)}"
        except OSError as error:
            how = f"cannot be started: {error}"
        pause = 0.5 if monotonic() - begun > 30 else min(pause * 2, LONGEST_PAUSE)
        log.error("process %s %s; starting it again in %.1f s", child.name, how, pause)
        await sleep(clock, pause)


async def _run(child: Child) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mla",
        *child.arguments,
        env={**os.environ, **child.environment, PARENT: str(os.getpid())},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C at the terminal is the parent's to hand on
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
        log.warning("process %s did not stop within %g s and is killed", process.pid, PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_orphaned() -> None:
    """Returns when the process that started this one is gone; never, where none is named."""
    parent = int(os.environ.get(PARENT, "0"))
    clock = SystemClock()
    while not parent or os.getppid() == parent:
        await sleep(clock, 1.0)
