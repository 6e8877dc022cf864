"""A process that appends to an archive beside others: `archive_writer_peer URL SOURCE COUNT`. Says each batch it was told is stored.

Batch n of a source is sample n of each of its points, one second after the one before. What is refused for now is appended again."""

from __future__ import annotations

import asyncio
import sys

from archive import open_archive
from kernel.clock import SECOND, ManualClock, SystemClock, sleep
from kernel.errors import NotAvailable
from kernel.live_config import LiveConfig
from schemas.records import PointBatch
from tests.support.archive_data import NOW, batch, column

POINTS = 20


def points_of(source: str) -> tuple[str, ...]:
    """A source's points."""
    return tuple(f"{source}.p{i}" for i in range(POINTS))


def batch_of(source: str, n: int) -> PointBatch:
    """Batch n."""
    at = NOW - DAY_AGO + n * SECOND
    return batch(n, points_of(source), column([at] * POINTS, [float(n)] * POINTS), source=source, covered=(at, at + SECOND))


DAY_AGO = 86_400 * SECOND


async def main(url: str, source: str, count: int) -> None:
    """Appends until it is done or killed."""
    async with open_archive(url, clock=ManualClock(NOW), config=LiveConfig()) as archive:
        n = 0
        while n < count:
            try:
                await archive.append([batch_of(source, n)])
            except NotAvailable:
                await sleep(SystemClock(), 0.1)
                continue
            sys.stdout.write(f"{n}\n")
            sys.stdout.flush()
            n += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
