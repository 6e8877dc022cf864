"""Time passes only here."""

from __future__ import annotations

import asyncio
import time


def monotonic() -> float:
    """Seconds of a clock that never goes back."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Blocks."""
    time.sleep(seconds)


async def rest(seconds: float) -> None:
    """Waits, and lets others run."""
    await asyncio.sleep(seconds)
