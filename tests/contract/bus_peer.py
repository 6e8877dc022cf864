"""Another process on a bus, for tests. Speaks on standard output, one line per event; ends when its input ends.

bus_peer URL publish TOPIC KEY COUNT SIZE   publishes action 0 ... COUNT - 1 with SIZE bytes each, one call each; says `acked N` after each
bus_peer URL flood TOPIC KEY WRITERS        publishes without end from many tasks (keys KEY0, KEY1 ...); says `acked KEY N`
bus_peer URL member TOPIC GROUP             reads and commits for a group; says `got N` for each record
bus_peer URL hold TOPIC GROUP               reads for a group and never commits
"""

from __future__ import annotations

import asyncio
import os
import sys

from bus import open_bus
from kernel.bus import Bus
from kernel.clock import SystemClock
from tests.contract.bus_backends import action, action_topic


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def publish(bus: Bus, topic: str, key: str, count: str, size: str) -> None:
    for n in range(int(count)):
        await bus.publish(action_topic(topic), [action(n, key=key, detail="x" * int(size))])
        say(f"acked {n}")


async def flood(bus: Bus, topic: str, key: str, writers: str) -> None:
    async def one(own: str) -> None:
        n = 0
        while True:
            await bus.publish(action_topic(topic), [action(n, key=own, detail="x" * 300)])
            say(f"acked {own} {n}")
            n += 1

    async with asyncio.TaskGroup() as tasks:
        for w in range(int(writers)):
            tasks.create_task(one(f"{key}{w}"))


async def member(bus: Bus, topic: str, group: str) -> None:
    async with bus.subscribe(action_topic(topic), group=group) as subscription:
        async for batch in subscription.batches():
            for record in batch:
                say(f"got {record.target}")
            await subscription.commit()


async def hold(bus: Bus, topic: str, group: str) -> None:
    async with bus.subscribe(action_topic(topic), group=group) as subscription:
        async for batch in subscription.batches():
            for record in batch:
                say(f"got {record.target}")


async def main(url: str, what: str, *words: str) -> None:
    loop = asyncio.get_running_loop()
    async with open_bus(url, clock=SystemClock(), registry=os.environ["MLA_REGISTRY_URL"]) as bus, asyncio.TaskGroup() as tasks:
        say("open")
        work = tasks.create_task({"publish": publish, "flood": flood, "member": member, "hold": hold}[what](bus, *words))
        if what != "publish":
            await loop.run_in_executor(None, sys.stdin.read)
            work.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
