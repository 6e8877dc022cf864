"""What goes on beside appending and reading: leases, folding, sealing. Bounded work in one worker thread, owned by the open archive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from archive.classes import ClassBook
from archive.distributed.folder import Tools, fold, fold_entries, fold_of_the_dead
from archive.distributed.journal import Journal
from archive.distributed.lease import RENEW, NamedLease, Silence
from archive.distributed.sealer import Sealer
from archive.distributed.tables import ensure_class
from archive.distributed.writer import Writer
from archive.tending import Tending
from kernel.array import ArchiveClass
from kernel.clock import SECOND, Clock, SystemClock, sleep
from kernel.errors import NotAvailable

FOLD_AFTER = 60 * SECOND
MANY_SAMPLES = 1_500_000
"""With so many appended and in parts that are neither full nor old, the largest are folded until half is left."""
MOST_SAMPLES = 3 * MANY_SAMPLES
"""With so many appended and not folded (some 150 MB), appends wait until some are."""
LOOK_EVERY = 5.0
"""Seconds."""
_SOURCES = "SELECT source FROM archive_roots"


class Upkeep(Tending):
    """Owns the background tasks; its methods may also be called at any time to have the work done at once."""

    def __init__(self, tools: Tools, writer: Writer, classes: ClassBook, clock: Clock) -> None:
        super().__init__()
        self.writer = writer
        self._tools, self._classes, self._clock = tools, classes, clock
        self._journal = Journal(tools.link)
        self._sealer = Sealer(tools, self._ensure)
        self._keeper = NamedLease(tools.link, "upkeep")
        self._silence = Silence()
        self._folding = ThreadPoolExecutor(1, "ThreadPool-archive-fold")
        self._sealing = ThreadPoolExecutor(1, "ThreadPool-archive-seal")
        self._beat = ThreadPoolExecutor(1, "ThreadPool-archive-lease")
        self._made: dict[str, ArchiveClass] = {}
        self._held = False

    def appended(self) -> None:
        """Looks whether there is still room."""
        if self.writer.samples() >= MOST_SAMPLES:
            self.make_room(enough=False)

    async def fold(self, *, everything: bool = True) -> int:
        """Folds this writer's parts: all, or those that are full or a minute old, and the largest of too many. Returns how many samples."""
        try:
            return await self.in_thread(self._folding, lambda: self._fold(everything))
        finally:
            if self.writer.samples() < MOST_SAMPLES:
                self.make_room(enough=True)

    async def seal(self, *, everything: bool = False) -> int:
        """Seals what is due, or with `everything` all windows that are over, and takes over from the dead, where no other process does.
        Returns the number of windows."""
        return await self.in_thread(self._sealing, lambda: self._keep(everything))

    async def settle(self) -> None:
        """All at once, waiting for nothing: before a backup, after an import, for a measurement."""
        await self.fold()
        await self.seal(everything=True)

    def ensure_tables(self) -> None:
        """Makes the chunk tables of the classes in force. Blocks."""
        for found in self._classes.all():
            if self._made.get(found.name) != found:
                ensure_class(self._tools.link, found)
                self._made[found.name] = found

    def _ensure(self, name: str) -> None:
        """A class that is no longer configured keeps its data for ever."""
        if name not in self._made:
            self._made[name] = ArchiveClass(name)
            ensure_class(self._tools.link, self._made[name])

    def _fold(self, everything: bool) -> int:
        now = self._clock.now()
        total = 0
        for part in self.writer.take(now, 0) if everything else self.writer.take(now - FOLD_AFTER, MANY_SAMPLES):
            entries = fold_entries(self._tools, part.key) if part.doubtful else part.entries
            total += fold(self._tools, part.key, entries, self._journal, now)
            self.writer.folded(part)
        self.writer.lease.note_low(self.writer.low())
        return total

    def _keep(self, everything: bool) -> int:
        if not self._keeper.hold():
            self._held = False
            return 0
        if not self._held:
            self._sealer.forget()
            self._held = True
        self.ensure_tables()
        now = self._clock.now()
        fold_of_the_dead(self._tools, self.writer.lease.writer, now, self._silence, self._classes.forget)
        retention = {c.name: self._classes.retention(c.name) for c in self._classes.all()}
        done = 0
        for (source,) in self._tools.link.ask(_SOURCES):
            if not self._keeper.hold():
                break
            done += self._sealer.seal(source, now, retention, everything=everything)
        return done

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The background tasks live within."""
        try:
            async with self.tended((self._pulse, self._folder, self._keeping), self._sealer.stopping.set):
                yield
        finally:
            await asyncio.shield(asyncio.to_thread(self._end))

    def _end(self) -> None:
        self._folding.shutdown()
        self._sealing.shutdown()
        self._beat.shutdown()
        try:
            self.writer.lease.leave(empty=self.writer.samples() == 0)
            if self._held:
                self._keeper.drop()
        except NotAvailable:
            return  # the leases end by themselves

    async def _pulse(self) -> None:
        """Leases are real seconds, whatever clock the archive is given."""
        while True:
            await sleep(SystemClock(), RENEW)
            await self.attempt("lease", lambda: self.in_thread(self._beat, self.writer.lease.renew))

    async def _folder(self) -> None:
        while True:
            await sleep(self._clock, 1.0)
            await self.attempt("fold", lambda: self.fold(everything=False))

    async def _keeping(self) -> None:
        while True:
            await sleep(self._clock, LOOK_EVERY)
            await self.attempt("seal", self.seal)
