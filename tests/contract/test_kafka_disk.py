"""The disk under Kafka is full: the broker ends, publishers are told, and everything arrives once after space was made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import open_bus
from deploy.engines import down, status, up
from kernel.bus import Bus
from kernel.clock import SystemClock, monotonic, sleep
from kernel.errors import NotAvailable
from schemas.records import MONITORING_POINTS, PointBatch
from tests.support.privileged import fill, small_disk
from tests.support.publisher import batches

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PATIENCE = 180.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the engine keeps what it has: a disk of 200 MB."""
    with small_disk(tmp_path / "kafka", "200m"):
        yield tmp_path
        down(["kafka"], tmp_path, at_once=True)


class Source:
    """Publishes each batch until the bus has taken it, as collectors do."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._batches = batches("one", 500, SystemClock().now())
        self._next: PointBatch | None = None
        self.taken: list[int] = []

    async def publish(self) -> bool:
        """Whether the next one was taken."""
        self._next = self._next or next(self._batches)
        try:
            await self._bus.publish(MONITORING_POINTS, [self._next])
        except NotAvailable:
            return False
        self.taken.append(self._next.seq)
        self._next = None
        return True

    async def publish_until(self, taken: int) -> None:
        """Until so many more were taken."""
        end, wanted = monotonic() + PATIENCE, len(self.taken) + taken
        while len(self.taken) < wanted:
            assert monotonic() < end, f"{len(self.taken)} of {wanted} batches taken"
            if not await self.publish():
                await sleep(SystemClock(), 0.2)


async def test_what_a_full_disk_refuses_arrives_once_when_there_is_room(folder: Path) -> None:
    url = up(["kafka"], folder, tied=True)["kafka"]
    async with open_bus(f"{url}?partitions=1&publish_timeout=5", clock=SystemClock()) as bus:
        source = Source(bus)
        await source.publish_until(50)
        filler = folder / "kafka" / "filler"
        fill(filler)
        end = monotonic() + PATIENCE
        while await source.publish():
            assert monotonic() < end, "a full disk that takes everything"
        filler.unlink()
        if status(["kafka"], folder)[0].state == "stopped":  # it gives up a disk that refuses a write
            assert up(["kafka"], folder, tied=True)["kafka"] == url
        await source.publish_until(50)
        found = bus.tail(MONITORING_POINTS, since=0)
        read = [(await anext(found)).seq for _ in source.taken]
        await found.aclose()  # type: ignore[attr-defined]
    assert source.taken == list(range(len(source.taken)))
    assert read == source.taken, "each once, in order"
