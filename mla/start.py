"""What `mla up` does besides running services: a first configuration, log-ins, the simulated array and its past."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence

import cdb
from kernel.clock import DAY, SECOND, SystemClock, settle
from mla.children import Child
from mla.logins import first_logins, local_token
from mla.platform import Platform
from mla.settings import Settings
from simulator.history import history

log = logging.getLogger(__name__)
SIMULATORS = 2
MARK = "demo.history"


class Start:
    """prepare() is run before the services start, ready() once they serve."""

    def __init__(self, settings: Settings, *, demo: bool, say: Callable[[str], None]) -> None:
        self._settings, self._demo, self._say = settings, demo, say

    async def prepare(self, platform: Platform) -> Sequence[Child]:
        """The first configuration, log-ins, and the processes to run beside the services."""
        snapshot = await platform.config_store.load()
        if snapshot.revision is None and self._demo:
            await cdb.Editor(platform.config_store, SystemClock()).publish(
                dict(cdb.example()), base=0, author="mla", comment="The example: a mini-array of nine telescopes"
            )
        first_logins(self._settings.data)
        local_token(self._settings.data)
        return simulators(self._settings) if self._demo else []

    async def ready(self, platform: Platform) -> None:
        """Says where the HMI is and who may log in; gives a fresh demo a past."""
        config = platform.config.current
        self._say(f"MLA serves {len(config.points)} points of {len(config.sources)} sources (configuration revision {config.revision})")
        self._say(f"HMI: http://{self._settings.http}/")
        for user, password in first_logins(self._settings.data):
            self._say(f"log in as {user} with password {password}")
        if not config.points:
            self._say("no configuration yet: publish one with `mla cdb import FOLDER -m COMMENT`, or try `mla up --demo`")
        if self._demo:
            await self._past(platform)

    async def _past(self, platform: Platform) -> None:
        mark = self._settings.data / MARK
        if mark.exists():
            return
        archive, config, now = platform.need_archive(), platform.config.current, platform.clock.now()
        begun, samples = os.times().user, 0
        batches = iter(history(config, now - DAY, now - 5 * SECOND))
        while chunk := await asyncio.to_thread(lambda: [b for _, b in zip(range(16), batches, strict=False)]):
            report = await archive.append(chunk)
            samples += report.stored
            await settle(1)
        mark.touch()
        log.info("a day of history: %d samples, %.1f s of CPU", samples, os.times().user - begun)


def simulators(settings: Settings, count: int = SIMULATORS) -> list[Child]:
    """The processes of the simulated array."""
    return [Child(f"simulator {i + 1}/{count}", ("simulate", "--share", f"{i}/{count}"), settings.environment()) for i in range(count)]
