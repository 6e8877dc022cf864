"""A source for fault tests: publishes batches until it is killed, and notes each one that the bus has acknowledged.

python -m tests.support.publisher BUS_URL NOTES SOURCE POINTS
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

import numpy as np

from bus import open_bus
from kernel.batches import Column, build
from kernel.clock import SECOND, SystemClock, sleep
from kernel.errors import NotAvailable
from kernel.samples import Kind
from schemas.records import MONITORING_POINTS, PointBatch


def batches(source: str, points: int, epoch: int) -> Iterator[PointBatch]:
    """Batch number s holds the value s of every point, at the time epoch + s milliseconds."""
    names = [f"bench.{source}.p{i:05d}" for i in range(points)]
    zeros = np.zeros(points, np.int64)
    seq = 0
    while True:
        time = np.full(points, epoch + seq * 1000, np.int64)
        column = Column(
            Kind.LONG,
            np.arange(points, dtype=np.int64),
            time,
            time,
            zeros + seq,
            zeros.astype(np.uint8),
            zeros.astype(np.uint32),
        )
        yield build(source=source, epoch=epoch, seq=seq, received=epoch, published=epoch, names=names, columns=[column])
        seq += 1


async def main(url: str, notes: str, source: str, points: int) -> None:
    clock = SystemClock()
    epoch = clock.now() - 60 * SECOND
    with open(notes, "a", buffering=1) as acknowledged:
        async with open_bus(url, clock=clock) as bus:
            for batch in batches(source, points, epoch):
                while True:
                    try:
                        await bus.publish(MONITORING_POINTS, [batch])
                        break
                    except NotAvailable as error:
                        acknowledged.write(f"refused {error}\n")
                        await sleep(clock, 0.2)
                acknowledged.write(f"{batch.seq}\n")
                await sleep(clock, 0.005)
                if os.getppid() == 1:
                    return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
