"""A bus that refuses: with a spool, without one; and a full load, of which nothing is lost."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kernel.batches import columns
from schemas.records import ServiceState
from tests.peers.collecting import array, collecting, point, source
from tests.peers.opcua_peer import opcua_peer
from tests.peers.recording_bus import RecordingBus
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
POINTS = [point("p.a", "d00000")]


def turns(bus: RecordingBus) -> list[int]:
    return [int(v) for _, v, _, _ in bus.values("p.a")]


@pytest.mark.parametrize("spooled", [True, False])
async def test_what_the_bus_refuses_arrives_later_and_in_order(tmp_path: Path, spooled: bool) -> None:
    bus, folder = RecordingBus(), tmp_path / "spool"
    async with opcua_peer(tmp_path, rate=5) as peer:
        async with collecting(array([source(peer.url)], POINTS), bus=bus, spool=folder if spooled else None) as c:
            await until(lambda: len(turns(bus)) > 3)
            bus.refuses, calls = "disk full", bus.calls
            await until(lambda: bus.calls > calls + 3)
            assert c.meter.state is ServiceState.DEGRADED
            assert "disk full" in c.meter.last_error
            if spooled:
                await until(lambda: c.meter.gauges.get("spool_bytes", 0) > 0)
            bus.refuses, before = "", len(turns(bus))
            await until(lambda: len(turns(bus)) > before + 10)
            await until(lambda: c.meter.state is not ServiceState.DEGRADED)
        got = turns(bus)
        assert all(a < b for a, b in pairwise(got)), got  # a busy server may miss a value of its own; none that it sent is missing: seq
        assert [b.seq for b in bus.batches] == list(range(len(bus.batches)))
        entered, left, lost = c.hop()
        assert (entered, left, lost) == (bus.samples, bus.samples, {})
        assert not spooled or not list(folder.iterdir())


async def test_a_spool_survives_its_process(tmp_path: Path) -> None:
    bus, folder = RecordingBus(), tmp_path / "spool"
    async with opcua_peer(tmp_path, rate=5) as peer:
        config = array([source(peer.url)], POINTS)
        async with collecting(config, bus=bus, spool=folder) as c:
            await until(lambda: len(turns(bus)) > 3)
            bus.refuses = "broker gone"
            await until(lambda: c.meter.gauges.get("spool_bytes", 0) > 1000)
        left = c.hop()[1]
        bus.refuses = ""
        async with collecting(config, bus=bus, spool=folder):
            await until(lambda: bus.samples >= left)
            first = {b.epoch for b in bus.batches}
            await until(lambda: len({b.epoch for b in bus.batches}) > len(first) or len(first) == 2)
        epochs = sorted({b.epoch for b in bus.batches})
        assert len(epochs) == 2
        mine = [b for b in bus.batches if b.epoch == epochs[0]]
        assert [b.seq for b in mine] == list(range(len(mine)))
        assert sum(len(c.time) for b in mine for c in columns(b)) == left


@pytest.mark.slow
async def test_twenty_thousand_points_at_one_hertz(tmp_path: Path) -> None:
    """Every update of every variable of a server that is not ours arrives, once."""
    n = 20_000
    points = [point(f"p.d{i:05d}", f"d{i:05d}", sampling=1.0) for i in range(n)]
    async with (
        opcua_peer(tmp_path, rate=0, doubles=n) as peer,
        collecting(array([source(peer.url, watchdog="30", timeout="30")], points)) as c,
    ):
        await until(lambda: c.bus.samples >= n, what="the first value of each")
        for turn in range(1, 6):
            await peer.tell("update")
            await until(lambda t=turn: c.bus.samples >= n * (t + 1), what=f"turn {turn}")
        assert c.bus.samples == 6 * n
        assert {n for b in c.bus.batches for n in b.names} == {p.name for p in points}
        assert c.hop() == (6 * n, 6 * n, {})
