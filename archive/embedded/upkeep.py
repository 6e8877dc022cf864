"""What goes on beside appending and reading: folding the head, sealing, compaction, retention. Bounded work in one worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from archive.embedded.sealer import Sealer
from archive.embedded.writer import Writer
from archive.tending import Tending
from kernel.clock import SECOND, Clock, sleep

FOLD_AFTER = 60 * SECOND
FOLD_SAMPLES = 1_500_000
"""The head is folded when it is a minute old or holds this many samples (some 50 MB)."""
MOST_SAMPLES = 3 * FOLD_SAMPLES
"""With so many in the head, appends wait until some are folded."""
LOOK_EVERY = 5.0
"""Seconds."""


class Upkeep(Tending):
    """Owns the background task; its methods may also be called at any time to have the work done at once."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        super().__init__()
        self.writer, self._clock = writer, clock
        self._sealer = Sealer(writer)
        self._folding = ThreadPoolExecutor(1, "ThreadPool-archive-fold")
        self._sealing = ThreadPoolExecutor(1, "ThreadPool-archive-seal")
        self._kick = asyncio.Event()

    def appended(self) -> None:
        """Looks whether it is time to fold."""
        held = self.writer.state.head.samples
        if held >= FOLD_SAMPLES:
            self._kick.set()
        if held >= MOST_SAMPLES:
            self.make_room(enough=False)

    async def fold(self) -> int:
        """Folds the head into the open tier; returns how many samples."""
        try:
            return await self.in_thread(self._folding, lambda: self.writer.fold(self._clock.now()))
        finally:
            if self.writer.state.head.samples < MOST_SAMPLES:
                self.make_room(enough=True)

    async def seal(self, *, everything: bool = False) -> int:
        """Seals what is due, or with `everything` all windows that are over; returns the number of new files."""
        return await self.in_thread(self._sealing, lambda: self._sealer.seal(self._clock.now(), everything=everything))

    async def compact(self) -> int:
        """Merges the files of days that are over and quiet; returns the number of days."""
        return await self.in_thread(self._sealing, lambda: self._sealer.compact(self._clock.now()))

    async def settle(self) -> None:
        """All at once, waiting for nothing: before a backup, after an import, for a measurement."""
        await self.fold()
        await self.seal(everything=True)
        await self.in_thread(self._sealing, lambda: self._sealer.compact(self._clock.now(), everything=True))
        await self.in_thread(self._sealing, self._sealer.tidy)

    async def retire(self) -> int:
        """Drops what is older than its class is kept; returns the number of files."""
        return await self.in_thread(self._sealing, lambda: self._sealer.retire(self._clock.now()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The background tasks live within."""
        try:
            async with self.tended((self._timer, self._folder, self._keeper), self._sealer.stopping.set):
                yield
        finally:
            await asyncio.to_thread(self._folding.shutdown)
            await asyncio.to_thread(self._sealing.shutdown)
            self._sealer.close()

    async def _timer(self) -> None:
        while True:
            await sleep(self._clock, LOOK_EVERY)
            oldest = self.writer.state.head.oldest
            if oldest and abs(self._clock.now() - oldest) >= FOLD_AFTER:  # in the future: the clock was set back
                await self.attempt("fold", self.fold)

    async def _keeper(self) -> None:
        while True:
            await sleep(self._clock, LOOK_EVERY)
            await self.attempt("retire", self.retire)
            await self.attempt("seal", self.seal)
            await self.attempt("compact", self.compact)

    async def _folder(self) -> None:
        while True:
            await self._kick.wait()
            self._kick.clear()
            await self.attempt("fold", self.fold)
