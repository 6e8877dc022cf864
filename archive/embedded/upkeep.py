"""What goes on beside appending and reading: folding the head, sealing, compaction, retention. Bounded work in one worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from archive.embedded.writer import Writer
from kernel.clock import SECOND, Clock, sleep
from kernel.errors import NotAvailable

T = TypeVar("T")
FOLD_AFTER = 60 * SECOND
FOLD_SAMPLES = 1_500_000
"""The head is folded when it is a minute old or holds this many samples (some 50 MB)."""
MOST_SAMPLES = 3 * FOLD_SAMPLES
"""With so many in the head, appends wait until some are folded."""
LOOK_EVERY = 5.0
"""Seconds."""


class Upkeep:
    """Owns the background task; its methods may also be called at any time to have the work done at once."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self.writer, self._clock = writer, clock
        self._pool = ThreadPoolExecutor(1, "ThreadPool-archive-upkeep")
        self._busy = asyncio.Lock()
        self._kick = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._failure: BaseException | None = None
        self.last_error = ""
        """Why the last round could not be done; it is tried again. Empty when all is well."""

    async def room(self) -> None:
        """Waits while the head is full. Raises what ended the background task, if something has."""
        if self._failure is not None:
            raise self._failure
        await self._room.wait()

    def appended(self) -> None:
        """Looks whether it is time to fold."""
        held = self.writer.state.head.samples
        if held >= FOLD_SAMPLES:
            self._kick.set()
        if held >= MOST_SAMPLES:
            self._room.clear()

    async def fold(self) -> int:
        """Folds the head into the open tier; returns how many samples."""
        return await self._work(lambda: self.writer.fold(self._clock.now()))

    async def _work(self, work: Callable[[], T]) -> T:
        async with self._busy:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
            finally:
                if self.writer.state.head.samples < MOST_SAMPLES:
                    self._room.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The background task lives within."""
        tasks = [asyncio.create_task(self._guarded(self._timer)), asyncio.create_task(self._guarded(self._folder))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._pool.shutdown()

    async def _guarded(self, loop: Callable[[], object]) -> None:
        try:
            await loop()  # type: ignore[misc]
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = error
            self._room.set()
            raise

    async def _timer(self) -> None:
        while True:
            await sleep(self._clock, LOOK_EVERY)
            oldest = self.writer.state.head.oldest
            if oldest and self._clock.now() - oldest >= FOLD_AFTER:
                await self._attempt(self.fold)

    async def _folder(self) -> None:
        while True:
            await self._kick.wait()
            self._kick.clear()
            await self._attempt(self.fold)

    async def _attempt(self, work: Callable[[], object]) -> None:
        """A full disk is not the end: the head stays as it is, and the next round tries again."""
        try:
            await work()  # type: ignore[misc]
            self.last_error = ""
        except NotAvailable as error:
            self.last_error = str(error)
