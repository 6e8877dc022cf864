"""What goes on beside appending and reading, on either engine: background tasks, what they could not do, and whether appends must wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from kernel.errors import NotAvailable

T = TypeVar("T")
Loop = Callable[[], Awaitable[None]]


class Stopped(Exception):
    """The program ends: what was begun is left off, and begun again next time."""


class Tending:
    """Owned by the open archive; who tends it knows what is to be done, and when."""

    def __init__(self) -> None:
        self._room = asyncio.Event()
        self._room.set()
        self._failure: BaseException | None = None
        self._errors: dict[str, str] = {}

    @property
    def last_error(self) -> str:
        """What could not be done at the last try; it is tried again. Empty when all is well."""
        return "; ".join(self._errors.values())

    async def room(self) -> None:
        """Waits while too much is to be folded. Raises what ended a background task, if something has."""
        if self._failure is not None:
            raise self._failure
        await self._room.wait()

    def make_room(self, *, enough: bool) -> None:
        """Lets appends go on, or wait."""
        (self._room.set if enough else self._room.clear)()

    async def in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """What blocks."""
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    async def attempt(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """A full disk or a cluster that does not answer is not the end: everything stays as it is, and the next round tries again."""
        try:
            await work()
            self._errors.pop(name, None)
        except NotAvailable as error:
            self._errors[name] = str(error)
        except Stopped:
            return

    @asynccontextmanager
    async def tended(self, loops: Sequence[Loop], stop: Callable[[], None]) -> AsyncIterator[None]:
        """The background tasks live within; `stop` asks work in threads to be left off."""
        tasks = [asyncio.create_task(self._guarded(loop)) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            stop()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, loop: Loop) -> None:
        try:
            await loop()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whoever appends next hears of it
            self._failure = error
            self._room.set()
            raise
