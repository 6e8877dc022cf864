"""One dispatcher in a process of its own, for benchmarks of several: `python -m bench.consumer`, told by lines of JSON on standard input.

First line: what to open. It answers `ready`; at `go` it begins to read, and says what it has stored and used until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import cdb
from bench.flow import dispatching, done, rooms
from bench.places import Places
from kernel.clock import SystemClock, cpu_seconds, sleep
from kernel.live_config import LiveConfig

EVERY = 0.1
"""Seconds between what it says."""


def say(**what: Any) -> None:
    """One line for who started this."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def consume() -> None:
    """Until standard input ends."""
    told = json.loads(await asyncio.to_thread(sys.stdin.readline))
    clock, config = SystemClock(), LiveConfig(cdb.compile(cdb.scaled(told["points"]), 1))
    at = Places(told["bus"], told["hot"], told["archive"], "")
    async with rooms(at, clock, config) as on:
        say(ready=True)
        if not await asyncio.to_thread(sys.stdin.readline):
            return
        cpu = cpu_seconds()
        async with dispatching(on, clock, config) as meter:
            hop, ending = meter.hop("dispatcher.store"), asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
            while not ending.done():
                again = hop.lost.get("duplicate", 0)
                say(done=hop.left + again, lost=done(hop) - hop.left - again, again=again, cpu=cpu_seconds() - cpu)
                await sleep(clock, EVERY)


if __name__ == "__main__":
    asyncio.run(consume())
