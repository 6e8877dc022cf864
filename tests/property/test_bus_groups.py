"""A consumer group against a model, under any sequence of publishing, reading, committing, leaving and re-opening."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from operator import attrgetter

import hypothesis.strategies as st
from hypothesis import given, settings

from bus import open_bus
from kernel.bus import Bus, Subscription
from kernel.clock import SystemClock
from schemas.records import AuditAction, Revision
from schemas.topic import Topic

TOPIC: Topic[AuditAction] = Topic("t", AuditAction, attrgetter("user"), attrgetter("time"))
FOREIGN: Topic[Revision] = Topic("t", Revision, attrgetter("author"), attrgetter("time"))
STEPS = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 400)),
    st.tuples(st.just("spoil"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["read", "commit", "leave", "reopen", "elsewhere"]), st.just(0)),
)


class Play:
    """One bus folder and what should come out of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.published: list[int | None] = []
        """Every record by its number; None is one that cannot be decoded."""
        self.committed = 0
        self.yielded = 0
        self.bus: Bus
        self.subscription: Subscription[AuditAction]

    async def play(self, steps: Sequence[tuple[str, int]]) -> None:
        async with AsyncExitStack() as house:
            await self.open(house)
            for step, count in steps:
                if step == "publish":
                    await self.publish(self.bus, count)
                elif step == "spoil":
                    await self.bus.publish(FOREIGN, [Revision(number=1, base=0, time=0, author="", comment="", paths=())] * count)
                    self.published += [None] * count
                elif step == "elsewhere":
                    async with open_bus(self.url, clock=SystemClock()) as other:
                        await self.publish(other, 3)
                elif step == "read":
                    await self.read()
                elif step == "commit":
                    await self.subscription.commit()
                    self.committed = self.yielded
                else:
                    await house.aclose()
                    await self.open(house)
                    self.yielded = self.committed
            await self.read_all()

    async def open(self, house: AsyncExitStack) -> None:
        self.bus = await house.enter_async_context(open_bus(self.url, clock=SystemClock()))
        self.subscription = await house.enter_async_context(self.bus.subscribe(TOPIC, group="g"))

    async def publish(self, bus: Bus, count: int) -> None:
        n = len(self.published)
        actions = [AuditAction(time=n + i, user="u", role="", action="", target="", ok=True) for i in range(count)]
        await bus.publish(TOPIC, actions)
        self.published += range(n, n + count)

    async def read(self) -> None:
        """One batch, where there is one to come."""
        waiting = [n for n in self.published[self.yielded :] if n is not None]
        if not waiting:
            return
        batch = [r.time for r in await anext(self.subscription.batches())]
        assert batch == waiting[: len(batch)]
        self.yielded = batch[-1] + 1

    async def read_all(self) -> None:
        while any(n is not None for n in self.published[self.yielded :]):
            await self.read()


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_a_group_gets_everything_in_order_from_its_last_commit_on(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(asyncio.wait_for(Play(f"sqlite://{folder}/bus").play(steps), 120))
