"""The collector against a node-opcua server: what arrives is what the server had, with its times, status and kind."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from kernel.array import Browse, DeadbandKind, Point, PointKind, PointType, Processing
from kernel.batches import columns
from kernel.clock import SECOND, SystemClock
from schemas.records import GapCause, ServiceState, StateKind
from tests.peers.collecting import array, collecting, point, source
from tests.peers.opcua_peer import opcua_peer
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)


async def test_values_of_every_kind_arrive(tmp_path: Path) -> None:
    points = [
        point("p.double", "d00000"),
        point("p.long", "i1", kind=PointKind.LONG),
        point("p.bool", "b1", kind=PointKind.BOOL),
        point("p.text", "s1", kind=PointKind.TEXT),
        point("p.enum", "e1", kind=PointKind.ENUM),
        point("p.float", "f1"),
        point("p.whole", "i2"),
        point("p.array", "array", kind=PointKind.TEXT),
    ]
    async with opcua_peer(tmp_path, rate=0, mixed=True) as peer, collecting(array([source(peer.url)], points)) as c:
        await until(lambda: all(c.bus.values(p.name) for p in points))
        await peer.tell("update")
        await until(lambda: c.bus.last("p.text") == "text 1 nr 1 µ" and c.bus.last("p.enum") == 1)
        await until(lambda: len(c.bus.values("p.whole")) == 2)
        assert c.bus.last("p.double") == pytest.approx(1.1)
        assert c.bus.last("p.long") == 101
        assert c.bus.last("p.bool") == 1
        assert c.bus.last("p.float") == 0.5
        assert c.bus.last("p.whole") == 201.0
        assert isinstance(c.bus.last("p.whole"), float)  # configured as double
        assert isinstance(c.bus.last("p.long"), int)
        assert c.bus.last("p.array") == "[1.0, 2.5]"
        now = SystemClock().now()
        assert all(now - 60 * SECOND < t <= now for p in points for t, *_ in c.bus.values(p.name))
        assert c.bus.of(StateKind.CONNECTED)


async def test_status_and_quality_are_kept_and_null_is_no_number(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path, rate=0) as peer, collecting(array([source(peer.url)], [point("p.a", "d00000")])) as c:
        await until(lambda: c.bus.values("p.a"))
        for value, status in ((1.5, "UncertainLastUsableValue"), (2.5, "BadSensorFailure"), (None, "BadNoCommunication"), (3.5, "Good")):
            await peer.tell("set", name="d00000", value=value, status=status)
            await until(lambda n=len(c.bus.values("p.a")): len(c.bus.values("p.a")) > n)
        found = [(v, q, s) for _, v, q, s in c.bus.values("p.a")][1:]
        assert found[0] == (1.5, 1, 0x40900000)
        assert found[1][1:] == (2, 0x808C0000)
        assert math.isnan(found[2][0])
        assert found[2][1:] == (2, 0x80310000)
        assert found[3] == (3.5, 0, 0)


async def test_a_clock_of_the_past_is_passed_on_and_told(tmp_path: Path) -> None:
    """The archive judges; here it is only measured."""
    async with opcua_peer(tmp_path, rate=0) as peer, collecting(array([source(peer.url)], [point("p.a", "d00000")])) as c:
        await until(lambda: c.bus.values("p.a"))
        await peer.tell("set", name="d00000", value=7.0, time=1_000_000_000_000)
        await until(lambda: c.bus.last("p.a") == 7.0)
        (column,) = columns(c.bus.batches[-1])
        assert column.time.tolist() == [1_000_000_000_000_000]
        assert c.bus.batches[-1].received > 1_700_000_000_000_000
        assert c.meter.gauges["source_skew_s"] == c.meter.gauges["peer.source_skew_s"] < -700_000_000


async def test_one_bad_node_never_costs_its_group(tmp_path: Path) -> None:
    nonsense = Point("p.nonsense", PointType(sampling=0.1), "site", "peer", "this is no node id")
    points = [point("p.good", "d00000"), point("p.unknown", "d00077"), nonsense]
    async with opcua_peer(tmp_path, rate=5, doubles=10) as peer, collecting(array([source(peer.url)], points)) as c:
        await until(lambda: len(c.bus.values("p.good")) > 3)
        (unknown,) = c.bus.values("p.unknown")
        assert (unknown[2], unknown[3]) == (2, 0x80340000)  # BadNodeIdUnknown
        assert math.isnan(unknown[1])
        assert [v[3] for v in c.bus.values("p.nonsense")] == [0x80330000]  # BadNodeIdInvalid
        assert c.meter.state is ServiceState.DEGRADED
        assert c.meter.last_error.startswith("source peer: 2 points refused, first p.")
        await peer.tell("add", index=77)  # it is asked for again, slowly, and comes to life
        await until(lambda: any(q == 0 for _, _, q, _ in c.bus.values("p.unknown")))
        await until(lambda: c.meter.last_error == "source peer: 1 points refused, first p.nonsense: BadNodeIdInvalid")
        c.config.replace(array([source(peer.url)], points[:2]))
        await until(lambda: c.meter.state is not ServiceState.DEGRADED)


async def test_nodes_are_found_by_browse_path(tmp_path: Path) -> None:
    browse = (
        Browse("Objects/Peer/Doubles/d0000*", "p.found{1}", PointType(sampling=0.1)),
        Browse("Peer/*/i*", "p.{1}.whole{2}", PointType(PointKind.LONG)),
    )
    async with opcua_peer(tmp_path, rate=2, doubles=12, mixed=True) as peer, collecting(array([source(peer.url, browse=browse)], [])) as c:
        await until(
            lambda: (
                {n for b in c.bus.batches for n in b.names} == {f"p.found{i}" for i in range(10)} | {f"p.Mixed.whole{i}" for i in range(5)}
            )
        )


async def test_a_deadband_is_applied_by_the_server_or_here(tmp_path: Path) -> None:
    """A percent deadband needs the server's EURange; plain variables have none, so the collector applies it from the configured range."""
    points = [
        point("p.absolute", "d00001", deadband=5.0),
        point("p.percent", "d00002", deadband=5.0, deadband_kind=DeadbandKind.PERCENT),
        point("p.here", "d00120", deadband=5.0, deadband_kind=DeadbandKind.PERCENT, range=(0.0, 100.0)),
        point("p.all", "d00003"),
    ]
    async with opcua_peer(tmp_path, rate=0, doubles=130) as peer, collecting(array([source(peer.url)], points)) as c:
        await until(lambda: all(c.bus.values(p.name) for p in points))
        for value in (100.0, 103.0, 106.0, 200.0):
            for name in ("d00001", "d00002", "d00120", "d00003"):
                await peer.tell("set", name=name, value=value)
            await until(lambda v=value: c.bus.last("p.all") == v)
        await until(lambda: c.bus.last("p.absolute") == c.bus.last("p.percent") == c.bus.last("p.here") == 200.0)
        assert [v for _, v, _, _ in c.bus.values("p.absolute")] == [1.0, 100.0, 106.0, 200.0]
        assert [v for _, v, _, _ in c.bus.values("p.percent")] == [2.0, 100.0, 200.0]  # 5 % of 200 is 10
        assert [v for _, v, _, _ in c.bus.values("p.here")] == [120.0, 100.0, 106.0, 200.0]
        entered, left, lost = c.hop()
        assert lost == {"deadband": 1}
        assert entered == left + 1


async def test_the_servers_overflow_is_a_gap(tmp_path: Path) -> None:
    """Queues of two values, and ten values between two publishes."""
    async with opcua_peer(tmp_path, rate=10) as peer:
        config = array([source(peer.url, publishing_interval="1", queue_size="2")], [point("p.a", "d00000")])
        async with collecting(config) as c:
            gaps = await until(lambda: [e for e in c.bus.of(StateKind.GAP) if e.cause is GapCause.OVERFLOW])
            assert isinstance(gaps, list)
            assert gaps[0].points == ("p.a",)
            marked = [t for t, _, q, s in c.bus.values("p.a") if s == 0x480 and q == 0]
            assert gaps[0].end in marked
            assert gaps[0].start < gaps[0].end
            assert gaps[0].start in [t for t, *_ in c.bus.values("p.a")]


async def test_processing_is_applied_and_explained(tmp_path: Path) -> None:
    processing = Processing(resolution=0.5, statistics_every=1.0, statistics=("mean", "count"), max_silence=60.0)
    points = [point("p.a", "d00000", processing=processing), point("p.raw", "d00001")]
    async with opcua_peer(tmp_path, rate=0) as peer, collecting(array([source(peer.url)], points)) as c:
        for value in (10.1, 10.2, 11.3):
            await peer.tell("set", name="d00000", value=value)
            await peer.tell("set", name="d00001", value=value)
            await until(lambda v=value: c.bus.last("p.raw") == v)
        await until(lambda: sum(v for _, v, _, _ in c.bus.values("p.a.count")) >= 3)
        assert [v for _, v, _, _ in c.bus.values("p.a")][-2:] == [10.0, 11.5]
        entered, left, lost = c.hop()
        assert entered == left + sum(lost.values())
        assert lost == {"suppressed": 1}


async def test_silence_is_explained_by_coverage(tmp_path: Path) -> None:
    """Nothing changes: batches without samples still say that the server lives, at least every five seconds, without a hole."""
    async with opcua_peer(tmp_path, rate=0) as peer, collecting(array([source(peer.url)], [point("p.a", "d00000")])) as c:
        await until(lambda: len([b for b in c.bus.batches if not b.names]) >= 2)
        claims = [(b.covered_from, b.covered_to) for b in c.bus.batches if b.covered_to > b.covered_from]
        assert all(a[1] == b[0] for a, b in pairwise(claims))
        assert all(b - a < 8 * SECOND for a, b in claims)
        assert [b.seq for b in c.bus.batches] == list(range(len(c.bus.batches)))
        assert len({b.epoch for b in c.bus.batches}) == 1


async def test_a_server_that_allows_few_operations_per_call(tmp_path: Path) -> None:
    points = [point(f"p.x{i}", f"d{i:05d}") for i in range(40)]
    async with opcua_peer(tmp_path, rate=2, doubles=40, itemsPerCall=7) as peer, collecting(array([source(peer.url)], points)) as c:
        await until(lambda: all(len(c.bus.values(p.name)) > 2 for p in points))
        assert len(c.bus.of(StateKind.CONNECTED)) == 1


async def test_what_the_server_knows_of_a_point_is_reported(tmp_path: Path) -> None:
    points = [
        point("p.unit", "d00000"),
        point("p.mine", "d00001", unit="K"),
        point("p.enum", "e0", kind=PointKind.ENUM),
        point("p.plain", "d00120"),
    ]
    async with opcua_peer(tmp_path, rate=2, doubles=130, mixed=True) as peer, collecting(array([source(peer.url)], points)) as c:
        await until(lambda: c.meter.gauges.get("peer.described_count") == 2)
        said = c.descriptions("peer")
        assert said["p.unit"] == ("°C", (-50.0, 150.0), ())
        assert said["p.enum"][2] == ((0, "OFF"), (1, "STANDBY"), (2, "SLEWING"), (3, "TRACKING"))


async def test_a_server_that_allows_few_subscriptions(tmp_path: Path) -> None:
    points = [point(f"p.x{i}", f"d{i:05d}", sampling=0.1 * (i + 1)) for i in range(6)]
    async with opcua_peer(tmp_path, rate=2, subscriptions=2) as peer, collecting(array([source(peer.url)], points)) as c:
        await until(lambda: all(len(c.bus.values(p.name)) > 2 for p in points))
        assert len(c.bus.of(StateKind.CONNECTED)) == 1
        assert c.bus.of(StateKind.CONNECTED)[0].detail.startswith("2 subscriptions")
