"""Work that goes on when what it needs comes back: a full disk, a broker that restarts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from kernel.clock import Clock, sleep
from kernel.errors import NotAvailable
from kernel.meter import Meter

log = logging.getLogger(__name__)
PAUSE = 2.0


async def steadily(work: Callable[[], Awaitable[None]], clock: Clock, meter: Meter | None = None, *, pause: float = PAUSE) -> None:
    """Runs work() until it returns; each time it raises NotAvailable, waits `pause` seconds and runs it anew.

    Says once that it waits, and once that it is well again; with a meter the service counts as degraded meanwhile.
    """
    said = ""
    while True:
        try:
            await work()
            return
        except NotAvailable as error:
            if str(error) != said:
                said = str(error)
                log.error("waiting: %s", said)
            if meter is not None:
                meter.degraded(said)
        await sleep(clock, pause)
