"""Shared by every test: warnings are errors (pyproject.toml), and a leftover task or thread fails the test that left it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from kernel.clock import ManualClock
from tests.support.demo import demo as demo

# a property's examples take as long as a busy machine lets them: time is measured by benchmarks, not by tests
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """Fails a test that leaves a thread of ours running (worker threads of executors end with their loop)."""
    before = set(threading.enumerate())
    yield
    left = [
        t
        for t in threading.enumerate()
        if t not in before and t.is_alive() and not t.daemon and "ThreadPool" not in t.name and not t.name.startswith("asyncio_")
    ]
    assert not left, f"threads left running: {left}"


@pytest.fixture(autouse=True)
async def no_leftover_tasks() -> object:
    """Fails an async test that leaves a task running."""
    yield
    me = asyncio.current_task()
    left = [t for t in asyncio.all_tasks() if t is not me and not t.done()]
    assert not left, f"tasks left running: {left}"
