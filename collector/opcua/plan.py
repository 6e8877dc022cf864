"""Which subscription serves which points, and with what settings. Times are seconds."""

from __future__ import annotations

import math
from bisect import bisect_right

LADDER = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0)
"""Publishing intervals: few values, so that points of like sampling share a subscription."""
MAX_ITEMS = 4000
"""Monitored items per subscription."""
KEEP_ALIVE = 2.0
"""A server with nothing to say says so this often; it also bounds the publishing interval."""
LIFETIME = 120.0
"""A server forgets a subscription that nobody asks for this long."""
COVER = 10.0
"""The server's queue of an item holds at least this much, so that a late publish loses nothing."""
MAX_QUEUE = 1000


def publishing_interval(sampling: float, wanted: float | None = None) -> float:
    """The largest step of the ladder that is at most half the sampling interval, so that a value waits no longer than that; for
    sampling below a tenth of a second the smallest step."""
    if wanted is not None:
        return min(wanted, KEEP_ALIVE)
    at = bisect_right(LADDER, max(sampling, 0.0) / 2 + 1e-9)
    return LADDER[max(at - 1, 0)]


def queue_size(sampling: float, publishing: float) -> int:
    """Values that the server keeps between publishes: at least twice what one interval brings, and what COVER brings."""
    step = max(sampling, 0.001)
    return max(2, min(math.ceil(max(2 * publishing, COVER) / step), max(MAX_QUEUE, math.ceil(2 * publishing / step))))


def keep_alive_count(publishing: float) -> int:
    """Publishing intervals between keep-alives."""
    return max(1, round(KEEP_ALIVE / publishing))


def lifetime_count(publishing: float) -> int:
    """Publishing intervals without a request after which the server deletes the subscription; at least three keep-alives (OPC 10000-4)."""
    return max(3 * keep_alive_count(publishing), math.ceil(LIFETIME / publishing))
