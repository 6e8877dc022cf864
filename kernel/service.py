"""The port of a service: a coroutine that reads topics and writes topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Service(Protocol):
    """Serves until cancelled; fails by raising, which ends its process."""

    async def run(self, ready: Callable[[], None]) -> None:
        """Calls ready() once it serves."""
        ...
