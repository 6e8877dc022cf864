"""The hot queues that the contract suite runs against."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from kernel.clock import ManualClock
from kernel.hot_queue import HotQueue
from mon_queue import open_hot


@pytest.fixture(params=["memory", "redis"])
async def hot(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[HotQueue]:
    """An empty hot queue with a window of 60 s."""
    url = "memory://"
    if request.param == "redis":
        url = f"{request.getfixturevalue('redis_url')}?prefix={uuid.uuid4().hex}:"
    async with open_hot(url, clock=clock, retention=60) as opened:
        yield opened
