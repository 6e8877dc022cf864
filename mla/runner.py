"""Runs services in one process: starts, stops and restarts them on command, and says every second how they are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil

from kernel.bus import Bus
from kernel.clock import Clock, cpu_seconds, sleep
from kernel.errors import NotAvailable
from kernel.meter import Meter
from kernel.service import Service
from kernel.steady import steadily
from mla.modules import MODULES, Module
from mla.platform import Platform
from schemas.records import (
    COMMANDS_REPLIES,
    COMMANDS_REQUESTS,
    HEARTBEATS,
    CommandReply,
    CommandRequest,
    CommandVerb,
    Heartbeat,
    ServiceState,
)

log = logging.getLogger(__name__)
BEAT = 1.0


@dataclass(slots=True)
class Running:
    """One service of this process."""

    name: str
    module: Module
    instance: str
    meter: Meter
    started: int
    wanted: bool = True
    task: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Runner:
    """Owns the tasks of the services of this process. A service that fails ends `run`, and so the process."""

    def __init__(self, platform: Platform, names: tuple[str, ...], *, modules: Mapping[str, Module] = MODULES, label: str = "") -> None:
        self._platform = platform
        self._clock: Clock = platform.clock
        self._bus: Bus = platform.bus
        host, now = socket.gethostname(), platform.clock.now()
        self._host = host
        instances = {n: f"{n}{label}@{host}:{os.getpid()}" for n in names}
        self._services = {n: Running(n, modules[n], name, Meter(n, name), now) for n, name in instances.items()}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._process = psutil.Process()

    async def run(self, ready: Callable[[], None]) -> None:
        """Serves until cancelled. Calls ready() once every service serves."""
        async with asyncio.TaskGroup() as tasks:
            try:
                for service in self._services.values():
                    self._start(service)
                tasks.create_task(self._beats(), name="heartbeats")
                tasks.create_task(steadily(self._commands, self._clock), name="commands")
                tasks.create_task(self._watch(), name="watch")
                await self._all_ready()
                ready()
                await asyncio.Event().wait()
            finally:
                await self._stop_all()

    async def _all_ready(self) -> None:
        await asyncio.gather(*(s.ready.wait() for s in self._services.values()))

    async def _watch(self) -> None:
        """Ends the process when a service fails: supervisors restart it."""
        await self._failed

    def _start(self, service: Running) -> None:
        service.wanted, service.started = True, self._clock.now()
        service.ready.clear()
        service.meter.state = ServiceState.STARTING
        service.task = asyncio.create_task(self._serve(service), name=service.name)

    async def _serve(self, service: Running) -> None:
        def ready() -> None:
            service.meter.state = ServiceState.RUNNING
            service.ready.set()
            log.info("%s serves", service.instance)

        try:
            built: Service = service.module.build(self._platform, service.meter)
            await built.run(ready)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            service.meter.state = ServiceState.FAILED
            service.meter.last_error = describe(error)
            log.error("%s failed: %s", service.instance, service.meter.last_error)
            with contextlib.suppress(NotAvailable):  # a bus that takes nothing now must not keep the process from ending
                await self._beat()
            if not self._failed.done():
                self._failed.set_exception(error)
            raise

    async def _stop(self, service: Running) -> None:
        service.wanted = False
        task, service.task = service.task, None
        if task is not None:
            service.meter.state = ServiceState.STOPPING
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            log.info("%s stopped", service.instance)
        service.meter.state = ServiceState.STOPPED

    async def _stop_all(self) -> None:
        for service in reversed(self._services.values()):
            task, service.task = service.task, None
            if task is not None:
                service.meter.state = ServiceState.STOPPING
                task.cancel()
                await asyncio.wait([task])
                if task.cancelled() or task.exception() is None:
                    service.meter.state = ServiceState.STOPPED
        with contextlib.suppress(NotAvailable):
            await self._beat()

    async def _beats(self) -> None:
        told = ""
        while True:
            try:
                await self._beat()
                told = ""
            except NotAvailable as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("no heartbeat: %s", told)
            await sleep(self._clock, BEAT)

    async def _beat(self) -> None:
        cpu, rss, now = cpu_seconds(), self._process.memory_info().rss, self._clock.now()
        revision = self._platform.config.current.revision
        await self._bus.publish(
            HEARTBEATS,
            [
                Heartbeat(
                    instance=s.instance,
                    service=s.name,
                    system=s.module.system,
                    host=self._host,
                    pid=os.getpid(),
                    time=now,
                    started=s.started,
                    state=s.meter.state,
                    last_error=s.meter.last_error,
                    revision=revision,
                    cpu_s=cpu,
                    rss_bytes=rss,
                    gauges=dict(s.meter.gauges),
                    hops=s.meter.hops(),
                )
                for s in self._services.values()
            ],
        )

    async def _commands(self) -> None:
        async for request in self._bus.tail(COMMANDS_REQUESTS):
            for service in [s for s in self._services.values() if request.target in (s.name, s.instance)]:
                await self._obey(service, request)

    async def _obey(self, service: Running, request: CommandRequest) -> None:
        log.info("%s asks: %s %s", request.user, request.verb.value.lower(), service.instance)
        if request.verb in (CommandVerb.STOP, CommandVerb.RESTART):
            await self._stop(service)
        if request.verb is CommandVerb.RESTART or (request.verb is CommandVerb.START and service.task is None):
            self._start(service)
            await service.ready.wait()
        await self._beat()
        detail = f"{service.name} is {service.meter.state.value.lower()}"
        reply = CommandReply(id=request.id, time=self._clock.now(), instance=service.instance, ok=True, detail=detail)
        await self._bus.publish(COMMANDS_REPLIES, [reply])


def describe(error: BaseException) -> str:
    """The error's text; of a group, of its first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
