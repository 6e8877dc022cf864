"""Waiting for a condition, never for a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from kernel.clock import SystemClock, monotonic, sleep


async def until(condition: Callable[[], object | Awaitable[object]], timeout: float = 90.0, what: str = "") -> object:
    """Returns the condition's first true answer; fails with `what` after timeout seconds: many, since busy
    machines are slow and a condition that comes costs no more than its time."""
    end = monotonic() + timeout
    while True:
        answer = condition()
        if isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what or condition}")
        await sleep(SystemClock(), 0.02)
