"""A device whose samples count: its every point holds the number of the second, so that what is stored can be compared with what was sent.

python -m tests.support.device PORT BANKS POINTS NOTES

One OPC-UA server per bank, at PORT, PORT + 1 ..., each with POINTS points at 1 Hz. Each line of NOTES is a second that was put into every
point, written before anybody can read it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import cdb
from kernel.clock import SECOND, SystemClock
from mla.children import PARENT, until_orphaned
from simulator.blocks import Block, make_blocks
from simulator.opcua.endpoint import Endpoint
from tests.support.platform import ROOT

_SITE = "site: {name: site, title: Bench, latitude: 0, longitude: 0, height: 0}\n"
_BANK = """templates:
  bank:
    title: A bank of counters
    parameters: {{port: }}
    sources:
      opcua: {{protocol: opcua, url: "opc.tcp://127.0.0.1:{{port}}", nodes: "ns=2;s={{point}}"}}
    assemblies:
      count:
        title: Counters
        points:
          "c{{00001..{points:05d}}}": {{kind: long, sampling: 1s, description: The number of the second}}
"""


def documents(port: int, banks: int, points: int) -> dict[str, str]:
    """The configuration of the device."""
    lines = (f"  bank{i + 1}: {{title: Bank {i + 1}, template: bank, parameters: {{port: {port + i}}}}}\n" for i in range(banks))
    return {"site.yaml": _SITE, "bank.yaml": _BANK.format(points=points), "banks.yaml": "assets:\n" + "".join(lines)}


def noted(file: Path) -> list[int]:
    """The moments at which the device set its points, microseconds UTC, ascending."""
    return [int(line) * SECOND for line in file.read_text().splitlines()]


@contextmanager
def device(port: int, banks: int, points: int, notes: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The device as a process of its own."""
    command = [sys.executable, "-m", "tests.support.device", str(port), str(banks), str(points), str(notes)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, PARENT: str(os.getpid())})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _count(port: int, banks: int, points: int, notes: Path) -> None:
    config, clock = cdb.compile(documents(port, banks, points), 1), SystemClock()
    by_source = {s: [p for p in config.points.values() if p.source == s] for s in config.sources}
    blocks = {s: make_blocks(found, 1.0) for s, found in by_source.items()}
    endpoints = [
        Endpoint(config.sources[s], s.upper(), found, {p.asset: p.asset for p in by_source[s]}, clock, None, {})
        for s, found in blocks.items()
    ]
    every = [b for found in blocks.values() for b in found]
    with notes.open("a", buffering=1) as out:
        due = _set(every, clock.now() // SECOND, out.write) + SECOND
        async with AsyncExitStack() as stack:
            for endpoint in endpoints:
                stack.push_async_callback(endpoint.close)
                await endpoint.open()
            while True:
                now = clock.now()
                if now >= due:
                    due = _set(every, now // SECOND, out.write) + SECOND
                    for endpoint in endpoints:
                        if endpoint.subscriptions is not None:
                            endpoint.subscriptions.on_scan(every)
                publishing = [e.subscriptions for e in endpoints if e.subscriptions is not None]
                for subscriptions in publishing:
                    await subscriptions.publish_due(now)
                await clock.sleep_until(min([due, *(d for s in publishing if (d := s.next_due()) is not None)]))


def _set(blocks: list[Block], number: int, note: Callable[[str], object]) -> int:
    """Puts a number into every point; returns its moment."""
    moment = number * SECOND
    note(f"{number}\n")
    for block in blocks:
        block.value[:], block.time[:], block.scanned, block.fresh[:] = number, moment, moment, True
    return moment


async def _main(port: int, banks: int, points: int, notes: Path) -> None:
    counting = asyncio.create_task(_count(port, banks, points, notes))
    orphaned = asyncio.create_task(until_orphaned())
    done, _ = await asyncio.wait([counting, orphaned], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
