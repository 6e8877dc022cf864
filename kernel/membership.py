"""Which member does what: work divided among the living instances of a service, by heartbeats alone.

Rendezvous hashing (Thaler and Ravishankar 1996): each item goes to the member with the highest hash of (item, member), so that only the
items of a member that comes or goes move. Members learn of each other through heartbeats. Nobody asks a coordinator; instead each side is
careful: a newcomer waits SETTLE before it takes anything, and meanwhile the others hear of it and let go; a member that was itself not
running for LOST (a frozen process) lets go of everything first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from kernel.bus import Bus
from kernel.clock import SECOND, Clock, sleep
from kernel.fleet import FORGET_AFTER
from kernel.steady import steadily
from schemas.records import HEARTBEATS, Heartbeat, ServiceState

SETTLE = 3 * SECOND
"""Twice a heartbeat's interval and a second for the bus: whoever was there before has let go by then."""
LOST = 3 * SECOND
"""A member silent for so long is taken over; with a heartbeat's interval of a second this happens within 5 s."""
_GONE = (ServiceState.STOPPED, ServiceState.STOPPING, ServiceState.FAILED)


def owner(item: str, members: Iterable[str]) -> str | None:
    """The member that an item belongs to; None where there is none."""
    return max(members, key=lambda m: blake2b(f"{item}\0{m}".encode(), digest_size=8).digest(), default=None)


@dataclass(slots=True)
class Membership:
    """The living instances of one service, as one of them sees it. Fed with heartbeats and asked with the time, in microseconds of a clock
    that is never stepped."""

    me: str
    joined: int
    """When this member began."""
    heard: dict[str, int] = field(default_factory=dict)
    """Other member to the time its last heartbeat was received."""
    awake: int = 0

    def hear(self, beat: Heartbeat, now: int, age: int = 0) -> None:
        """Takes a heartbeat of any instance of the service. age: how old it is by its own time; that of another host may be far off."""
        if beat.instance == self.me:
            return
        if beat.state in _GONE:
            self.heard.pop(beat.instance, None)
        elif not LOST <= age < FORGET_AFTER:
            self.heard[beat.instance] = now

    def members(self, now: int) -> frozenset[str]:
        """Who shares the work: everybody heard of lately, and this member once it has settled."""
        if self.awake and now - self.awake > LOST and self.heard:
            self.joined = now  # this process stood still: the others have taken over, so begin anew
        self.awake = now
        self.heard = {m: t for m, t in self.heard.items() if now - t < LOST}
        settled = now - self.joined >= SETTLE
        return frozenset(self.heard) | ({self.me} if settled else frozenset())

    def mine(self, item: str, now: int) -> bool:
        """Whether an item belongs to this member now."""
        return owner(item, self.members(now)) == self.me


LOOK = 0.25
"""Seconds between looks at who is alive."""


class Share:
    """The part of a service's work that belongs to this instance, by the heartbeats on the bus."""

    def __init__(self, bus: Bus, clock: Clock, service: str, me: str) -> None:
        self._bus, self._clock, self._service = bus, clock, service
        self._membership = Membership(me, self._now())

    def mine(self, item: str) -> bool:
        """Whether an item belongs to this instance now."""
        return self._membership.mine(item, self._now())

    async def changes(self) -> AsyncIterator[frozenset[str]]:
        """The members whenever they change; serves `mine` as long as it is iterated."""
        listening = asyncio.create_task(steadily(self._listen, self._clock), name=f"{self._service}: members")
        before: frozenset[str] | None = None
        try:
            while True:
                if listening.done():
                    listening.result()
                members = self._membership.members(self._now())
                if members != before:
                    before = members
                    yield members
                await sleep(self._clock, LOOK)
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    def _now(self) -> int:
        return round(self._clock.steady() * SECOND)

    async def _listen(self) -> None:
        async for beat in self._bus.tail(HEARTBEATS, since=self._clock.now() - LOST):
            if beat.service == self._service:
                self._membership.hear(beat, self._now(), self._clock.now() - beat.time)
