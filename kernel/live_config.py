"""The configuration in force, for services that follow published revisions without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kernel.array import EMPTY, ArrayConfig


class LiveConfig:
    """Holds the newest compiled revision. Readers take `current`; those that must act on changes iterate `changes()`."""

    def __init__(self, config: ArrayConfig = EMPTY) -> None:
        self._config = config
        self._changed = asyncio.Event()

    @property
    def current(self) -> ArrayConfig:
        """The revision in force."""
        return self._config

    def replace(self, config: ArrayConfig) -> None:
        """Puts a revision in force and wakes every reader of changes()."""
        self._config = config
        self._changed.set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[ArrayConfig]:
        """The revision in force, then each later one; revisions published while a reader is busy are skipped but for the last."""
        seen: ArrayConfig | None = None
        while True:
            changed = self._changed
            if self._config is not seen:
                seen = self._config
                yield seen
            else:
                await changed.wait()
