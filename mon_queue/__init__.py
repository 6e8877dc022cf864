"""The hot monitoring queue: last values, a recent window, live subscriptions. A URL picks the adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from kernel.clock import Clock
from kernel.errors import BadUsage
from kernel.hot_queue import HotQueue
from mon_queue.memory import MemoryHotQueue

SCHEMES = ("memory", "redis", "rediss")


@asynccontextmanager
async def open_hot(url: str, *, clock: Clock, retention: float = 120.0, max_bytes: int = 64 << 20) -> AsyncIterator[HotQueue]:
    """Opens the hot queue at a URL: `memory://` lives in this process, `redis://` (with TLS `rediss://`) serves many.

    retention: seconds that the recent window reaches back at most; max_bytes bounds its memory.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        yield MemoryHotQueue(clock, retention=retention, max_bytes=max_bytes)
    elif scheme in ("redis", "rediss"):
        from mon_queue.redis import open_redis
        from mon_queue.redis_url import redis_place

        async with open_redis(redis_place(url), clock=clock, retention=retention, max_bytes=max_bytes) as opened:
            yield opened
    else:
        raise BadUsage(f"hot queue {url!r}: unknown scheme {scheme!r}; known are: {', '.join(s + '://' for s in SCHEMES)}")
