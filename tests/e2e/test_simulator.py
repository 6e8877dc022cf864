"""The simulated servers over their sockets, asked by asyncua's own client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import Client, ua
from asyncua.client.ua_session import UaSession
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties

from kernel.array import ArrayConfig
from kernel.clock import SECOND, SystemClock
from kernel.errors import BadUsage, NotAvailable
from simulator.faults import NONE, Fault, FaultKind, FaultScript
from simulator.opcua.security import APPLICATION, make_identity
from simulator.scene import night_scene
from simulator.serve import serve
from simulator.signals import Signals, make_world
from tests.support.platform import free_port
from tests.support.simulated import MOUNT_STATES, SITE, make_array
from tests.support.simulated_servers import CLOCK, EVERY_SAMPLE, SCENE, Notes, array, clock_item, item, one, plain, refused, subscribe
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def quiet() -> None:
    """asyncua logs what these tests provoke on purpose."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)


async def test_the_tree_is_browsed_like_any_server_s() -> None:
    config = make_array(1, ports=[free_port(), free_port()])
    async with array(config), Client(config.sources["ast1.opcua"].url) as client:
        assert (await client.get_namespace_array())[2] == "urn:mla:simulator:array"
        top = await client.nodes.objects.get_child("2:AST1")
        assert {(await c.read_browse_name()).Name for c in await top.get_children()} == {
            "mount",
            "camera",
            "mirror",
            "structure",
            "power",
            "network",
        }
        found = await top.get_child(["2:camera", "2:pdm07", "2:temperature"])
        assert found.nodeid == ua.NodeId("ast1.camera.pdm07.temperature", 2)  # type: ignore[arg-type]
        parent = await found.get_parent()
        assert parent is not None
        assert (await parent.read_browse_name()).Name == "pdm07"
        state = client.get_node("ns=2;s=ast1.mount.state")
        strings = await (await state.get_child("0:EnumStrings")).read_value()
        assert [s.Text for s in strings] == list(MOUNT_STATES)
        azimuth = client.get_node("ns=2;s=ast1.mount.azimuth")
        span = await (await azimuth.get_child("0:EURange")).read_value()
        unit = await (await azimuth.get_child("0:EngineeringUnits")).read_value()
        assert (span.Low, span.High, unit.DisplayName.Text, unit.UnitId) == (-270.0, 270.0, "°", 17476)
        assert await azimuth.read_data_type_as_variant_type() == ua.VariantType.Double
        assert await client.nodes.server_state.read_value() == ua.ServerState.Running
        now: Any = await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)).read_value()  # type: ignore[arg-type]
        assert abs(now.timestamp() - CLOCK.now() / SECOND) < 60
        with pytest.raises(ua.UaStatusCodeError):
            await state.write_value(ua.Variant(3, ua.VariantType.UInt32))
    async with array(config), Client(config.sources["site.opcua"].url) as client:
        assert await (await client.nodes.objects.get_child(["2:Site", "2:weather", "2:wind_speed"])).read_value() >= 0


async def test_what_is_published_is_what_the_model_says() -> None:
    config, url = one()
    points = [p for p in config.points.values() if p.type.kind.value != "text"]
    async with array(config), Client(url) as client:
        notes = Notes()
        _, results = await subscribe(client, notes, 100, [item(p.name, i) for i, p in enumerate(points)])
        assert all(r.StatusCode.is_good() for r in results)
        assert {r.RevisedSamplingInterval for r in results} == {1000.0}
        await until(lambda: len(notes.of(0)) >= 4, what="four samples of a 1 s point")
    world = make_world(config, SCENE)
    for i, p in enumerate(points):
        got = notes.of(i)
        assert got, f"{p.name} was never told"
        t = np.array([v.SourceTimestamp.timestamp() for v in got])  # type: ignore[union-attr]
        assert (np.diff(t) > 0).all()
        expected = Signals(world, [p]).values(world.frame(t), t).value[:, 0]
        np.testing.assert_array_equal([float(plain(v)) for v in got], expected, err_msg=p.name)
    numbers = [r.NotificationMessage.SequenceNumber for r in notes.results if r.NotificationMessage.NotificationData]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_bad_items_never_cost_the_others() -> None:
    config, url = one()
    percent = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=2, DeadbandValue=1.0)  # type: ignore[arg-type]
    requests = [
        item("ast1.mount.azimuth", 1, filter=percent),
        item("ast1.nothing", 2),
        item("ast1.power.load", 3, filter=percent),
        item("ast1.mount.state", 4),
    ]
    async with array(config), Client(url) as client:
        notes = Notes()
        _, results = await subscribe(client, notes, 100, requests)
        codes = ua.StatusCodes
        assert [r.StatusCode.value for r in results] == [0, codes.BadNodeIdUnknown, codes.BadFilterNotAllowed, 0]
        await until(lambda: notes.of(4) and notes.of(1))
        assert not notes.of(2)
        assert not notes.of(3)


async def test_a_deadband_thins_out() -> None:
    config, url = one(2)
    wide = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=1, DeadbandValue=1e6)  # type: ignore[arg-type]
    async with array(config, rate=10), Client(url) as client:
        notes = Notes()
        await subscribe(client, notes, 100, [item("ast1.network.latency", 1), item("ast1.network.clock_offset", 2, filter=wide)])
        await until(lambda: len(notes.of(1)) > 10)
        assert len(notes.of(2)) == 1


async def test_keep_alives_come_without_changes_and_messages_are_limited() -> None:
    config, url = one()
    async with array(config), Client(url) as client:
        notes = Notes()
        made, _ = await subscribe(client, notes, 100, [item("ast1.network.link", 1)])
        await until(lambda: len(notes.results) >= 4)
        assert len(notes.values) == 1
        assert [len(r.NotificationMessage.NotificationData or []) for r in notes.results[-2:]] == [0, 0]
        many = [item(p.name, i) for i, p in enumerate(config.points.values())]
        limited = Notes()
        await subscribe(client, limited, 100, many, MaxNotificationsPerPublish=50)
        await until(lambda: len({h for h, _ in limited.values}) == len(many))
        sizes = [len(d.MonitoredItems) for r in limited.results for d in r.NotificationMessage.NotificationData or []]
        assert max(sizes) == 50
        await client.uaclient.delete_subscriptions([made.SubscriptionId])


async def test_subscriptions_and_items_are_changed_paused_and_deleted() -> None:
    config, url = one()
    async with array(config, rate=10), Client(url) as client:
        session, notes = client.uaclient.session, Notes()
        made, results = await subscribe(
            client, notes, 100, [item("ast1.network.latency", i, filter=EVERY_SAMPLE) for i in (1, 2, 3)] + [clock_item(4)]
        )
        ids = [r.MonitoredItemId for r in results]
        await until(lambda: len(notes.of(3)) > 2 and len(notes.of(4)) > 2)

        deletion: Any = ua.DeleteMonitoredItemsParameters()
        deletion.SubscriptionId, deletion.MonitoredItemIds = made.SubscriptionId, [ids[0], 999_999]
        found = await session.delete_monitored_items(deletion)
        assert [s.value for s in found] == [0, ua.StatusCodes.BadMonitoredItemIdInvalid]

        change: Any = ua.MonitoredItemModifyRequest()
        change.MonitoredItemId, p = ids[1], change.RequestedParameters
        p.ClientHandle, p.SamplingInterval, p.QueueSize, p.Filter = 22, 400.0, 5, EVERY_SAMPLE
        changes: Any = ua.ModifyMonitoredItemsParameters()
        changes.SubscriptionId, changes.ItemsToModify = made.SubscriptionId, [change]
        (changed,) = await session.modify_monitored_items(changes)
        assert (changed.StatusCode.value, changed.RevisedSamplingInterval, changed.RevisedQueueSize) == (0, 400.0, 5)

        mode: Any = ua.SetMonitoringModeParameters()
        mode.SubscriptionId, mode.MonitoringMode = made.SubscriptionId, ua.MonitoringMode.Disabled
        mode.MonitoredItemIds = [ids[2], ids[3], 999_999]
        found = await session.set_monitoring_mode(mode)
        assert [s.value for s in found] == [0, 0, ua.StatusCodes.BadMonitoredItemIdInvalid]
        quiet_since = {h: len(notes.of(h)) for h in (1, 2, 3, 4)}
        await until(lambda: len(notes.of(22)) > 4)
        assert all(len(notes.of(h)) <= n + 1 for h, n in quiet_since.items()), "at most what was on its way"
        gaps = np.diff([v.SourceTimestamp.timestamp() for v in notes.of(22)])  # type: ignore[union-attr]
        assert gaps.min() > 0.39

        publishing: Any = ua.SetPublishingModeParameters()
        publishing.PublishingEnabled, publishing.SubscriptionIds = False, [made.SubscriptionId, 999_999]
        found = await session.set_publishing_mode(publishing)
        assert [s.value for s in found] == [0, ua.StatusCodes.BadSubscriptionIdInvalid]
        count = len(notes.results)
        await until(lambda: len(notes.results) > count + 2)
        assert not notes.results[-1].NotificationMessage.NotificationData, "keep-alives only"

        slower: Any = ua.ModifySubscriptionParameters()
        slower.SubscriptionId, slower.RequestedPublishingInterval = made.SubscriptionId, 250.0
        slower.RequestedLifetimeCount, slower.RequestedMaxKeepAliveCount = 2, 7
        revised = await session.update_subscription(slower)
        assert (revised.RevisedPublishingInterval, revised.RevisedMaxKeepAliveCount, revised.RevisedLifetimeCount) == (250.0, 7, 21)
        assert [s.value for s in await session.delete_subscriptions([made.SubscriptionId])] == [0]
        with pytest.raises(ua.UaStatusCodeError):
            await session.delete_monitored_items(deletion)


async def test_a_subscription_nobody_asks_for_ends() -> None:
    config, url = one()
    async with array(config), Client(url) as client:
        made, _ = await subscribe(client, Notes(), 50, [item("ast1.network.latency", 1, filter=EVERY_SAMPLE)], RequestedLifetimeCount=9)
        task = client.uaclient.session._publish_task
        assert task is not None
        task.cancel()
        deletion: Any = ua.DeleteMonitoredItemsParameters()
        deletion.SubscriptionId, deletion.MonitoredItemIds = made.SubscriptionId, []

        async def gone() -> bool:
            try:
                await client.uaclient.session.delete_monitored_items(deletion)
            except ua.UaStatusCodeError as error:
                return error.code == ua.StatusCodes.BadSubscriptionIdInvalid
            return False

        await until(gone)


async def test_a_message_is_sent_again_until_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    config, url = one()
    publish: Callable[..., Any] = UaSession.publish

    async def without_acknowledging(self: UaSession, acks: Any = None) -> Any:
        return await publish(self, [])

    monkeypatch.setattr(UaSession, "publish", without_acknowledging)
    async with array(config), Client(url) as client:
        notes = Notes()
        made, _ = await subscribe(client, notes, 100, [item("ast1.network.latency", 1, filter=EVERY_SAMPLE)])
        await until(lambda: len(notes.of(1)) >= 2)
        first = next(r for r in notes.results if r.NotificationMessage.NotificationData)
        again: Any = await client.uaclient.session.republish(made.SubscriptionId, first.NotificationMessage.SequenceNumber)
        assert again.NotificationData[0].MonitoredItems == first.NotificationMessage.NotificationData[0].MonitoredItems
        with pytest.raises(ua.UaStatusCodeError):
            await client.uaclient.session.republish(made.SubscriptionId, 999_999)


async def test_security_and_users(tmp_path: Path) -> None:
    config, url = one()
    own = make_identity(tmp_path / "client")
    async with array(config, certificates=tmp_path / "server"):
        client = Client(url)
        client.application_uri = APPLICATION
        await client.set_security(
            SecurityPolicyBasic256Sha256, CertProperties(own.certificate, "der"), CertProperties(own.private_key, "pem")
        )
        client.set_user("observer")
        client.set_password("observer")
        async with client:
            notes = Notes()
            await subscribe(client, notes, 100, [item("ast1.network.latency", 1)])
            await until(lambda: len(notes.of(1)) >= 2)
        for user, password in (("observer", "wrong"), ("nobody", "observer")):
            stranger = Client(url)
            stranger.set_user(user)
            stranger.set_password(password)
            with pytest.raises(ua.UaStatusCodeError):
                await stranger.connect()
        async with Client(url) as anonymous:
            assert await anonymous.get_node("ns=2;s=ast1.mount.state").read_value() in range(7)
    assert {p.name for p in (tmp_path / "server").iterdir()} == {"simulator.der", "simulator.pem", "simulator.lock"}


async def test_several_clients_and_subscriptions_are_served_apart() -> None:
    config, url = one()
    async with array(config, rate=5), Client(url) as a, Client(url) as b:
        first, second, third = Notes(), Notes(), Notes()
        await subscribe(a, first, 100, [item("ast1.network.latency", 1)])
        await subscribe(a, second, 400, [item("ast1.network.latency", 2)])
        await subscribe(b, third, 100, [item("ast1.network.latency", 3, interval=1000)])
        await until(lambda: len(third.of(3)) >= 3 and len(second.of(2)) >= 10)
        common = {v.SourceTimestamp: plain(v) for v in first.of(1)}
        seen = [(v.SourceTimestamp, plain(v)) for v in second.of(2) if v.SourceTimestamp in common]
        assert len(seen) >= 8
        assert all(common[t] == v for t, v in seen)
        gaps = np.diff([v.SourceTimestamp.timestamp() for v in third.of(3)[1:]])  # type: ignore[union-attr]
        assert gaps.min() >= 0.99


async def test_unknown_sources_and_taken_ports_are_refused() -> None:
    config, url = one()
    with pytest.raises(BadUsage, match=r"unknown sources nope; known are ast1\.opcua"):
        await serve(config, ["nope"], clock=CLOCK, ready=lambda: None)
    async with array(config):
        with pytest.raises(NotAvailable, match=r"ast1\.opcua: cannot listen at .*free the port"):
            await serve(config, ["ast1.opcua"], clock=CLOCK, ready=lambda: None)
    assert await refused(url)
