"""Live values for one reader: a snapshot, then changes, not faster than it asked for and never queued."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from hmi_backend.errors import BadRequest
from hmi_backend.state import Backend
from kernel.clock import Clock
from kernel.samples import Changes

SLOWEST_HZ, FASTEST_HZ = 0.01, 50.0


async def feed(backend: Backend, points: Sequence[str], *, every: bool, max_hz: float) -> AsyncGenerator[Changes, None]:
    """What changed since the last pull, at most max_hz times a second. Ends only by being closed.

    The hot queue remembers, per reader, which points changed: nothing piles up here, however long the reader takes.
    """
    check_rate(max_hz)
    hop = backend.meter.hop("hmi.live")
    backend.links.streams += 1
    try:
        async with backend.hot.live(points, every=every) as changes, aclosing(paced(changes, backend.clock, max_hz)) as pace:
            async for c in pace:
                hop.entered += len(c.samples) + c.dropped
                hop.explain("overflow", c.dropped)
                yield c
                hop.left += len(c.samples)
                hop.last = backend.clock.now()
    finally:
        backend.links.streams -= 1


def check_rate(max_hz: float) -> None:
    """Raises BadRequest naming the range."""
    if not SLOWEST_HZ <= max_hz <= FASTEST_HZ:
        raise BadRequest(f"maxHz is between {SLOWEST_HZ} and {FASTEST_HZ:.0f}: a screen shows 4, a plot 10")


async def paced(changes: AsyncIterator[Changes], clock: Clock, max_hz: float) -> AsyncGenerator[Changes, None]:
    """The first change after quiet at once, then at most max_hz of them a second.

    This is the only stage between hot queue and screen that waits: a change is taken from the hot queue when it may be sent, so it is the
    newest there is, and at most 1 / max_hz seconds old.
    """
    pause = 1 / max_hz
    async for c in changes:
        due = clock.steady() + pause
        yield c
        await clock.sleep(due - clock.steady())
