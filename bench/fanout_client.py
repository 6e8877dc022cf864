"""Many live subscribers in one process, for bench.fanout: reads its task as JSON from stdin, writes what it saw as JSON to stdout.

The process that measures is another one, so what readers cost does not count as the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np
import orjson
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from kernel.clock import SystemClock

LIVE = "subscription($p: [String!]!, $hz: Float!) { live(points: $p, maxHz: $hz) { seq points columns dropped serverTime } }"
DECODED = 10
"""Over GraphQL every so many-th subscriber reads the values, the others only take the message."""
clock = SystemClock()


@dataclass(slots=True)
class Seen:
    """What all subscribers together got after the start."""

    messages: int = 0
    values: int = 0
    bytes: int = 0
    dropped: int = 0
    lost: int = 0
    """Messages that are missing in the sequence."""
    delay_ms: list[float] = field(default_factory=list)


async def binary(url: str, token: str, points: list[str], hz: float, seen: Seen, ready: asyncio.Event) -> None:
    """/ws/live."""
    headers = {"authorization": f"Bearer {token}"}
    async with connect(url + "/ws/live", additional_headers=headers, compression=None, proxy=None, max_size=None) as ws:
        await ws.recv()
        await ws.send(json.dumps({"op": "subscribe", "id": 1, "points": points, "maxHz": hz}))
        await ws.recv()
        expected = 0
        async for text in ws:
            now = clock.now()
            message: dict[str, Any] = msgpack.unpackb(bytes(text), strict_map_key=False)  # type: ignore[arg-type]
            if message["seq"] and ready.is_set():
                time = np.frombuffer(message["t"], "<f8")
                seen.lost += message["seq"] - expected
                seen.delay_ms.append((now - float(time.max())) / 1000)
                _count(seen, len(text), len(time), message["dropped"])
            expected = message["seq"] + 1


async def graphql(url: str, token: str, points: list[str], hz: float, seen: Seen, ready: asyncio.Event, *, decode: bool) -> None:
    """The subscription `live`."""
    protocol = [Subprotocol("graphql-transport-ws")]
    async with connect(url + "/graphql", subprotocols=protocol, compression=None, proxy=None, max_size=None) as ws:
        await ws.send(json.dumps({"type": "connection_init", "payload": {"token": token}}))
        await ws.recv()
        await ws.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": LIVE, "variables": {"p": points, "hz": hz}}}))
        expected = 0
        while True:
            text = await ws.recv(decode=False)
            now = clock.now()
            if not decode:
                if ready.is_set():
                    _count(seen, len(text), len(points), 0)
                continue
            live = orjson.loads(text)["payload"]["data"]["live"]
            if live["seq"] and ready.is_set():
                seen.lost += live["seq"] - expected
                seen.delay_ms.append((now - max(live["columns"]["t"])) / 1000)
                _count(seen, len(text), len(live["points"]), live["dropped"])
            expected = live["seq"] + 1


def _count(seen: Seen, size: int, values: int, dropped: int) -> None:
    seen.messages += 1
    seen.bytes += size
    seen.values += values
    seen.dropped += dropped


async def main(task: dict[str, Any]) -> None:
    """Subscribes, says "ready", counts from the line "go" on, and answers at the end of stdin."""
    seen, started = Seen(), asyncio.Event()
    common = (task["url"], task["token"])
    async with asyncio.TaskGroup() as group:
        tasks = []
        for i, points in enumerate(task["points"]):
            if task["protocol"] == "binary":
                work = binary(*common, points, task["hz"], seen, started)
            else:
                work = graphql(*common, points, task["hz"], seen, started, decode=i % DECODED == 0)
            tasks.append(group.create_task(work))
            await clock.sleep_until(clock.now() + 5_000)
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        started.set()
        await asyncio.to_thread(sys.stdin.readline)
        for t in tasks:
            t.cancel()
    _say(json.dumps({name: getattr(seen, name) for name in Seen.__slots__}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
