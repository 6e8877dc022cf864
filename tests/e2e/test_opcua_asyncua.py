"""The collector against a server of another make: asyncua's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from asyncua import Server, ua
from asyncua.common.node import Node

from kernel.array import Browse, Limits, Point, PointKind, PointType
from kernel.clock import SystemClock, sleep
from kernel.discovery import complete
from schemas.records import StateKind
from tests.peers.collecting import array, collecting, source
from tests.peers.opcua_peer import free_port
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
URI = "urn:mla:test"
NAMES = ("azimuth", "elevation", "state", "brake", "firmware")


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, dict[str, Node]]]:
    """A mount with five variables."""
    made, url = Server(), f"opc.tcp://127.0.0.1:{free_port()}"
    await made.init()
    made.set_endpoint(url)
    space = await made.register_namespace(URI)
    mount = await made.nodes.objects.add_object(ua.NodeId("AST1.Mount", space), ua.QualifiedName("Mount", space))
    first = (
        ua.Variant(0.0, ua.VariantType.Double),
        ua.Variant(0.0, ua.VariantType.Float),
        ua.Variant(0, ua.VariantType.Int32),
        False,
        "1.0",
    )
    nodes = {}
    for name, value in zip(NAMES, first, strict=True):
        nodes[name] = await mount.add_variable(ua.NodeId(name, space), ua.QualifiedName(name, space), value)
    async with made:
        yield url, nodes


def points() -> list[Point]:
    kinds = (PointKind.DOUBLE, PointKind.DOUBLE, PointKind.LONG, PointKind.BOOL, PointKind.TEXT)
    return [
        Point(f"ast1.mount.{n}", PointType(k, sampling=0.1), "ast1", "peer", f"nsu={URI};s={n}") for n, k in zip(NAMES, kinds, strict=True)
    ]


async def test_values_by_name_space_uri(server: tuple[str, dict[str, Node]]) -> None:
    url, nodes = server
    async with collecting(array([source(url)], points())) as c:
        await until(lambda: all(c.bus.values(p.name) for p in points()))
        for turn in range(1, 6):
            await nodes["azimuth"].write_value(float(turn))
            await nodes["state"].write_value(ua.Variant(turn, ua.VariantType.Int32))
            await nodes["brake"].write_value(turn % 2 == 1)
            await nodes["firmware"].write_value(f"1.{turn}")
            await sleep(SystemClock(), 0.15)  # values must not follow faster than they are sampled
        await until(lambda: c.bus.last("ast1.mount.firmware") == "1.5")
        await until(lambda: c.bus.last("ast1.mount.azimuth") == 5.0 and c.bus.last("ast1.mount.state") == 5)
        assert c.bus.last("ast1.mount.brake") == 1
        bad = ua.DataValue(ua.Variant(6.0, ua.VariantType.Double), ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSensorFailure)))
        await nodes["azimuth"].write_value(bad)
        await until(lambda: c.bus.values("ast1.mount.azimuth")[-1][2:] == (2, 0x808C0000), what=str(c.bus.values("ast1.mount.azimuth")))


async def test_points_by_browse_path(server: tuple[str, dict[str, Node]]) -> None:
    url, nodes = server
    browse = (Browse("Objects/Mount/*a*", "ast1.{1}a{2}", PointType(sampling=0.1)),)
    async with collecting(array([source(url, browse=browse)], [])) as c:
        await until(lambda: {n for b in c.bus.batches for n in b.names} >= {"ast1.azimuth", "ast1.state"})
        await nodes["azimuth"].write_value(3.5)
        await until(lambda: c.bus.last("ast1.azimuth") == 3.5)
        assert len(c.bus.of(StateKind.CONNECTED)) == 1


async def test_browsed_points_have_the_kind_that_the_server_says(server: tuple[str, dict[str, Node]]) -> None:
    url, nodes = server
    parent = await nodes["azimuth"].get_parent()
    assert parent is not None
    space = nodes["azimuth"].nodeid.NamespaceIndex
    await parent.add_variable(ua.NodeId("list", space), ua.QualifiedName("list", space), [1.0, 2.0], ua.VariantType.Double)
    await parent.add_variable(ua.NodeId("when", space), ua.QualifiedName("when", space), datetime(2026, 1, 1, tzinfo=UTC))
    enumeration = ua.NodeId(ua.ObjectIds.ServerState, 0)
    await parent.add_variable(ua.NodeId("mode", space), ua.QualifiedName("mode", space), ua.ServerState.Suspended, datatype=enumeration)
    browse = (Browse("Objects/Mount/*", "ast1.{1}", PointType(unit="deg", limits=Limits(hi=5.0)), kind_open=True),)
    async with collecting(array([source(url, browse=browse)], [])) as c:
        await until(lambda: {n for b in c.bus.batches for n in b.names} >= {"ast1.mode", "ast1.list", "ast1.azimuth"})
        await until(lambda: any(p.labels for d in c.bus.discoveries for p in d.points))
        newest = c.bus.discoveries[-1]
    told = {p.name: p for p in newest.points}
    numbers = {"azimuth": "double", "elevation": "double", "state": "long", "brake": "bool", "mode": "enum"}
    assert {n.removeprefix("ast1."): p.kind for n, p in told.items()} == numbers | dict.fromkeys(("firmware", "list", "when"), "text")
    assert {label.value: label.text for label in told["ast1.mode"].labels}[3] == "Suspended"
    config = complete(array([source(url, browse=browse)], []), {"peer": newest})
    assert config.points["ast1.azimuth"].type.limits.hi == 5.0
    assert config.points["ast1.firmware"].type == PointType(PointKind.TEXT, group="ast1.firmware")


@pytest.mark.parametrize(("options", "hidden"), [({}, False), ({"deadband": "here"}, False), ({"deadband": "server"}, True)])
async def test_a_slow_drift_within_the_deadband_is_seen(server: tuple[str, dict[str, Node]], options: dict[str, str], hidden: bool) -> None:
    """This server compares each value with the one before, and so would never report a drift by small steps."""
    url, nodes = server
    banded = Point("a", PointType(sampling=0.05, deadband=1.0), "ast1", "peer", f"nsu={URI};s=azimuth")
    free = Point("b", PointType(PointKind.DOUBLE, sampling=0.05), "ast1", "peer", f"nsu={URI};s=azimuth")
    async with collecting(array([source(url, **options)], [banded, free])) as c:
        await until(lambda: c.bus.last("a") == c.bus.last("b") == 0.0)
        for step in range(1, 9):
            await nodes["azimuth"].write_value(step * 0.4)
            await until(lambda step=step: c.bus.last("b") == step * 0.4)
        reported = [v for _, v, _, _ in c.bus.values("a")]
        assert reported == ([0.0] if hidden else pytest.approx([0.0, 1.2, 2.4]))
