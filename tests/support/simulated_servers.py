"""Simulated servers that run in the test, and asyncua's own client with everything that it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from asyncua import Client, ua

from kernel.array import ArrayConfig
from kernel.clock import SystemClock
from simulator.faults import NONE, FaultScript
from simulator.scene import night_scene
from simulator.serve import serve
from tests.support.platform import free_port
from tests.support.simulated import SITE, make_array

CLOCK = SystemClock()
SCENE = night_scene(SITE, CLOCK.now())
EVERY_SAMPLE = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)


@asynccontextmanager
async def array(config: ArrayConfig, faults: FaultScript = NONE, **options: Any) -> AsyncIterator[None]:
    up = asyncio.Event()
    served = asyncio.create_task(serve(config, list(config.sources), clock=CLOCK, faults=faults, ready=up.set, scene=SCENE, **options))
    waiter = asyncio.create_task(up.wait())
    try:
        await asyncio.wait([served, waiter], return_when=asyncio.FIRST_COMPLETED)
        if served.done():
            served.result()
        yield
    finally:
        waiter.cancel()
        served.cancel()
        await asyncio.gather(waiter, served, return_exceptions=True)


def one(points: int = 0) -> tuple[ArrayConfig, str]:
    """One telescope at a free port, and its URL."""
    config = make_array(1, site=False, ports=[free_port()], extra=points)
    return config, config.sources["ast1.opcua"].url


class Notes:
    """Keeps what is published; takes whole results, as a collector would."""

    def __init__(self) -> None:
        self.values: list[tuple[int, ua.DataValue]] = []
        self.results: list[Any] = []

    async def take(self, result: Any) -> None:
        self.results.append(result)
        for data in result.NotificationMessage.NotificationData or []:
            self.values += [(n.ClientHandle, n.Value) for n in data.MonitoredItems]

    def of(self, handle: int) -> list[ua.DataValue]:
        return [v for h, v in self.values if h == handle]


def item(name: str, handle: int, interval: float = 0.0, queue: int = 10, filter: Any = None) -> ua.MonitoredItemCreateRequest:
    request: Any = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = ua.NodeId(name, 2)  # type: ignore[arg-type]
    request.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    p = request.RequestedParameters
    p.ClientHandle, p.SamplingInterval, p.QueueSize, p.Filter = handle, interval, queue, filter
    return request  # type: ignore[no-any-return]


def clock_item(handle: int) -> ua.MonitoredItemCreateRequest:
    """The server's own clock: no simulated value."""
    request = item("", handle)
    request.ItemToMonitor.NodeId = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)  # type: ignore[arg-type]
    return request


async def subscribe(client: Client, notes: Notes, interval: float, items: Sequence[ua.MonitoredItemCreateRequest], **more: Any) -> Any:
    params: Any = ua.CreateSubscriptionParameters()
    params.RequestedPublishingInterval, params.RequestedLifetimeCount, params.RequestedMaxKeepAliveCount = interval, 300, 3
    params.PublishingEnabled = True
    for name, value in more.items():
        setattr(params, name, value)
    made: Any = await client.uaclient.create_subscription(params, notes.take)
    request: Any = ua.CreateMonitoredItemsParameters()
    request.SubscriptionId, request.ItemsToCreate = made.SubscriptionId, list(items)
    results = await client.uaclient.create_monitored_items(request)
    return made, results


def plain(value: ua.DataValue) -> Any:
    assert value.Value is not None
    return value.Value.Value


async def refused(url: str) -> bool:
    host, _, port = url.removeprefix("opc.tcp://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return True
    writer.close()
    await writer.wait_closed()
    return False
