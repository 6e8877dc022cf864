"""A process that appends to an archive, folding, sealing and compacting all the while, until it is killed. Prints each batch it stored.

Arguments: directory, number of the first batch.
"""

from __future__ import annotations

import asyncio
import sys

from archive import open_archive
from archive.embedded.adapter import EmbeddedArchive
from kernel.clock import DAY, SECOND, SystemClock
from kernel.live_config import LiveConfig
from tests.support.archive_data import NOW, batch, column

POINTS = tuple(f"p{i}" for i in range(40))
STEP = 300 * SECOND


class LeapingClock(SystemClock):
    """Ahead of all samples, and eleven minutes further at every look, so that upkeep always has something to do."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> int:
        self._looks += 1
        return NOW + 30 * DAY + self._looks * 660 * SECOND


def batch_of(n: int):  # type: ignore[no-untyped-def]
    """Batch n: sample n of every point."""
    return batch(
        n, POINTS, column([NOW + n * STEP] * len(POINTS), [float(n)] * len(POINTS)), covered=(NOW + n * STEP, NOW + (n + 1) * STEP)
    )


async def upkeep(archive: EmbeddedArchive) -> None:
    while True:
        await archive.upkeep.fold()
        await archive.upkeep.seal(everything=True)
        await archive.upkeep.compact()


async def main(directory: str, first: int) -> None:
    async with open_archive(f"sqlite://{directory}", clock=LeapingClock(), config=LiveConfig()) as archive, asyncio.TaskGroup() as group:
        assert isinstance(archive, EmbeddedArchive)
        group.create_task(upkeep(archive))
        n = first
        while True:
            report = await archive.append([batch_of(n)])
            sys.stdout.write(f"{n} {report.stored}\n")
            sys.stdout.flush()
            n += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
