"""Scripted faults of the simulated servers, as clients meet them."""

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
from tests.support.simulated import MOUNT_STATES, SITE, make_array
from tests.support.simulated_servers import CLOCK, EVERY_SAMPLE, SCENE, Notes, array, clock_item, item, one, plain, refused, subscribe
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def quiet() -> None:
    """asyncua logs what these tests provoke on purpose."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)


async def test_faults_of_points_are_seen_by_clients() -> None:
    config, url = one()
    script = FaultScript(
        (
            Fault(FaultKind.BAD, "ast1.power.voltage"),
            Fault(FaultKind.UNCERTAIN, "ast1.power.load"),
            Fault(FaultKind.SCALE, "ast1.power.current", amount=0.0),
        )
    )
    async with array(config, script), Client(url) as client:
        notes = Notes()
        await subscribe(client, notes, 100, [item(f"ast1.power.{n}", i) for i, n in enumerate(("voltage", "load", "current"))])
        await until(lambda: notes.of(0) and notes.of(1) and notes.of(2))
        bad, doubtful, zero = (notes.of(i)[0] for i in range(3))
        assert bad.StatusCode is not None
        assert bad.StatusCode.value == 0x808C0000
        assert plain(bad) is None
        assert doubtful.StatusCode is not None
        assert doubtful.StatusCode.value == 0x40930000
        assert plain(doubtful) > 0
        assert plain(zero) == 0.0


async def test_a_network_outage_resets_and_refuses_and_the_session_lives_on() -> None:
    config, url = one()
    begin = CLOCK.now() / SECOND + 8
    script = FaultScript((Fault(FaultKind.DISCONNECT, "ast1.opcua", duration=2, first=begin),))
    async with array(config, script):
        assert not await refused(url)
        client = Client(url)
        await client.connect()
        notes = Notes()
        made, _ = await subscribe(client, notes, 100, [item("ast1.network.latency", 1, queue=100, filter=EVERY_SAMPLE)])
        await until(lambda: notes.of(1))
        await until(lambda: refused(url), what="connections are refused")
        with pytest.raises((ConnectionError, ua.UaError)):
            await client.nodes.server_state.read_value()
        await client.disconnect()
        await until(lambda: _accepted(url), what="connections are accepted again")
        async with Client(url) as second:
            params: Any = ua.TransferSubscriptionsParameters()
            params.SubscriptionIds, params.SendInitialValues = [made.SubscriptionId], False
            (result,) = await second.uaclient.session.transfer_subscriptions(params)
            result.StatusCode.check()
            later = Notes()
            for number in result.AvailableSequenceNumbers or ():  # sent, perhaps into the void
                message = await second.uaclient.session.republish(made.SubscriptionId, number)
                for data in message.NotificationData or ():
                    later.values += [(n.ClientHandle, n.Value) for n in data.MonitoredItems]
            second.uaclient.session._subscription_callbacks[made.SubscriptionId] = later.take
            second.uaclient.session.ensure_publish_loop()
            await until(lambda: len(later.of(1)) > 3)
        times = sorted({v.SourceTimestamp.timestamp() for v in notes.of(1) + later.of(1)})  # type: ignore[union-attr]
        assert np.diff(times).tolist() == [1.0] * (len(times) - 1), "samples of the outage waited in the queue"
        assert times[-1] > begin + 1


async def _accepted(url: str) -> bool:
    return not await refused(url)


async def test_a_stalled_server_keeps_its_connections_and_says_nothing() -> None:
    config, url = one()
    begin = CLOCK.now() / SECOND + 6  # a busy machine has connected by then
    script = FaultScript((Fault(FaultKind.STALL, "ast1.opcua", duration=3, first=begin),))
    async with array(config, script), Client(url, timeout=30, watchdog_intervall=30) as client:
        notes = Notes()
        await subscribe(client, notes, 100, [item("ast1.network.latency", 1, queue=100, filter=EVERY_SAMPLE)])
        await until(lambda: CLOCK.now() / SECOND > begin + 0.3)
        before = len(notes.results)
        state = asyncio.create_task(client.nodes.server_state.read_value())
        async with Client(url, timeout=30, watchdog_intervall=30):
            assert CLOCK.now() / SECOND > begin + 2.9, "a new session is answered only afterwards"
        await state
        await until(lambda: len(notes.results) > before + 2)
        times = [v.SourceTimestamp.timestamp() for v in notes.of(1)]  # type: ignore[union-attr]
        assert np.diff(times).tolist() == [1.0] * (len(times) - 1), "samples of the stall waited in the queue"


async def test_a_restart_forgets_every_session() -> None:
    config, url = one()
    begin = CLOCK.now() / SECOND + 8
    script = FaultScript((Fault(FaultKind.RESTART, "ast1.opcua", duration=1.5, first=begin),))
    async with array(config, script):
        async with Client(url) as client:
            notes = Notes()
            made, _ = await subscribe(client, notes, 100, [item("ast1.network.latency", 1)])
            started: Any = await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)).read_value()  # type: ignore[arg-type]
            await until(lambda: refused(url), what="the server stops")
        await until(lambda: _accepted(url), what="the server starts again")
        async with Client(url) as client:
            anew: Any = await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)).read_value()  # type: ignore[arg-type]
            assert anew > started
            with pytest.raises(ua.UaStatusCodeError):
                await client.uaclient.session.republish(made.SubscriptionId, 1)
            assert await client.get_node("ns=2;s=ast1.power.load").read_value() > 0
