"""Requests to the managers, and their answers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

from kernel.bus import Bus
from kernel.clock import SECOND, Clock, sleep
from schemas.records import COMMANDS_REPLIES, COMMANDS_REQUESTS, CommandReply, CommandRequest, CommandVerb

WAIT_S = 10.0
GATHER_S = 0.3


class Commands:
    """Publishes requests and hands each answer to the one who waits for it."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self.wait_s = WAIT_S
        self._waiting: dict[str, list[CommandReply]] = {}
        self._arrived: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Reads answers until cancelled."""
        async for reply in self._bus.tail(COMMANDS_REPLIES, since=self._clock.now() - SECOND):
            if reply.id in self._waiting:
                self._waiting[reply.id].append(reply)
                self._arrived[reply.id].set()

    async def ask(self, target: str, verb: CommandVerb, user: str, reason: str) -> tuple[str, Sequence[CommandReply]]:
        """The request's id and the answers of every instance that gave one; none after wait_s seconds of silence."""
        request = CommandRequest(id=uuid.uuid4().hex, time=self._clock.now(), target=target, verb=verb, user=user, reason=reason)
        replies = self._waiting[request.id] = []
        arrived = self._arrived[request.id] = asyncio.Event()
        try:
            await self._bus.publish(COMMANDS_REQUESTS, [request])
            waiter = asyncio.ensure_future(arrived.wait())
            limit = asyncio.ensure_future(sleep(self._clock, self.wait_s))
            try:
                await asyncio.wait({waiter, limit}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiter.cancel()
                limit.cancel()
                await asyncio.gather(waiter, limit, return_exceptions=True)
            if replies:
                await sleep(self._clock, GATHER_S)  # a system is several services: their answers come together
            return request.id, tuple(replies)
        finally:
            del self._waiting[request.id], self._arrived[request.id]
