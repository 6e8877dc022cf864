"""Which member does what: work divided among the living instances of a service, by heartbeats alone.

Rendezvous hashing (Thaler and Ravishankar 1996): each item goes to the member with the highest hash of (item, member), so that only the
items of a member that comes or goes move. Members learn of each other through heartbeats. Nobody asks a coordinator; instead each side is
careful: a newcomer waits SETTLE before it takes anything, and meanwhile the others hear of it and let go; a member that was itself not
running for LOST (a frozen process) lets go of everything first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from kernel.clock import SECOND
from schemas.records import Heartbeat, ServiceState

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
    """The living instances of one service, as one of them sees it. Fed with heartbeats and asked with the time."""

    me: str
    joined: int
    """Microseconds UTC at which this member began."""
    heard: dict[str, int] = field(default_factory=dict)
    """Other member to the time its last heartbeat was received."""
    awake: int = 0

    def hear(self, beat: Heartbeat, now: int) -> None:
        """Takes a heartbeat of any instance of the service."""
        if beat.instance == self.me:
            return
        if beat.state in _GONE:
            self.heard.pop(beat.instance, None)
        elif now - beat.time < LOST:
            self.heard[beat.instance] = now

    def members(self, now: int) -> frozenset[str]:
        """Who shares the work: everybody heard of lately, and this member once it has settled."""
        if self.awake and now - self.awake > LOST:
            self.joined = now  # this process stood still: others may have taken over, so begin anew
        self.awake = now
        self.heard = {m: t for m, t in self.heard.items() if now - t < LOST}
        settled = now - self.joined >= SETTLE
        return frozenset(self.heard) | ({self.me} if settled else frozenset())

    def mine(self, item: str, now: int) -> bool:
        """Whether an item belongs to this member now."""
        return owner(item, self.members(now)) == self.me
