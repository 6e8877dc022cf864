"""A manager starts, stops and restarts a whole system: it turns one request into requests to services, in order, and answers once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from kernel.bus import Bus
from kernel.clock import SECOND, Clock, sleep
from kernel.errors import NotAvailable
from kernel.fleet import SILENT_AFTER, Fleet, InstanceStatus
from kernel.meter import Meter
from kernel.steady import steadily
from schemas.records import (
    COMMANDS_REPLIES,
    COMMANDS_REQUESTS,
    HEARTBEATS,
    CommandReply,
    CommandRequest,
    CommandVerb,
    ServiceState,
)

log = logging.getLogger(__name__)
PATIENCE = 10.0
GRACE = 15.0
"""Seconds after its start in which a manager waits for the services of its system."""


class Manager:
    """The Monitor, Logging or Alarm Manager: one class, one system each."""

    def __init__(self, system: str, services: Sequence[str], *, bus: Bus, clock: Clock, meter: Meter) -> None:
        """services: in the order in which they are stopped; they are started the other way round."""
        self._system, self._services, self._bus, self._clock, self._meter = system, tuple(services), bus, clock, meter
        self._fleet = Fleet()
        self._replies: dict[str, asyncio.Queue[CommandReply]] = {}

    async def run(self, ready: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for work in (self._hear, self._collect, self._report, self._obey):
                tasks.create_task(steadily(work, self._clock, self._meter), name=f"{self._system}.{work.__name__.strip('_')}")
            ready()

    async def _hear(self) -> None:
        async for beat in self._bus.tail(HEARTBEATS, since=self._clock.now() - 10 * SECOND):
            if beat.system == self._system:
                self._fleet.add(beat, self._clock.now())

    async def _collect(self) -> None:
        async for reply in self._bus.tail(COMMANDS_REPLIES):
            queue = self._replies.get(reply.id)
            if queue is not None:
                queue.put_nowait(reply)

    async def _report(self) -> None:
        """Says in its own heartbeat how the system is, and logs when an instance falls silent or returns."""
        failed: frozenset[str] = frozenset()
        missing: tuple[str, ...] = ()
        begun = self._clock.steady()
        while True:
            now = self._clock.now()
            bad = {
                i.beat.instance: i.beat.last_error or f"silent for {i.silent_s:.0f} s"
                for s in self._fleet.systems(now)
                for i in s.instances
                if i.state is ServiceState.FAILED
            }
            for name in bad.keys() - failed:
                log.error("%s has failed: %s", name, bad[name])
            for name in failed - bad.keys():
                log.info("%s is back or was replaced", name)
            failed = frozenset(bad)
            self._meter.gauges["instances_failed"] = float(len(bad))
            if self._clock.steady() - begun > GRACE:
                missing = self._say_missing(missing, unheard(self._services, self._fleet.instances(now)))
            await sleep(self._clock, 1.0)

    def _say_missing(self, before: tuple[str, ...], missing: tuple[str, ...]) -> tuple[str, ...]:
        """A system that lacks a service is degraded, although all that is heard of it is well."""
        if missing:
            self._meter.degraded(f"no {' and no '.join(missing)} is heard: start one with `mla run`, or see its log")
        elif before:
            self._meter.recovered()
        return missing

    async def _obey(self) -> None:
        async for request in self._bus.tail(COMMANDS_REQUESTS):
            if request.target == self._system:
                await self._bus.publish(COMMANDS_REPLIES, [await self._carry_out(request)])

    async def _carry_out(self, request: CommandRequest) -> CommandReply:
        said: list[CommandReply] = []
        for name in reversed(self._services) if request.verb is CommandVerb.START else self._services:
            said += await self._ask(replace(request, id=f"{request.id}.{name}", target=name, time=self._clock.now()))
        details = "; ".join(r.detail for r in said) or f"no service of {self._system} answered"
        ok = bool(said) and all(r.ok for r in said)
        return CommandReply(id=request.id, time=self._clock.now(), instance=f"{self._system} manager", ok=ok, detail=details)

    async def _ask(self, request: CommandRequest) -> Sequence[CommandReply]:
        """Sends a request and collects the replies of every instance that should answer."""
        now = self._clock.now()
        expected = [i for i in self._fleet.instances(now) if i.beat.service == request.target and i.state is not ServiceState.FAILED]
        queue = self._replies[request.id] = asyncio.Queue(maxsize=1000)
        try:
            await self._bus.publish(COMMANDS_REQUESTS, [request])
            return [await asyncio.wait_for(queue.get(), PATIENCE) for _ in expected]
        except TimeoutError:
            text = f"{request.target} did not answer within {PATIENCE:g} s"
            return [CommandReply(id=request.id, time=now, instance=request.target, ok=False, detail=text)]
        except NotAvailable as error:
            return [CommandReply(id=request.id, time=now, instance=request.target, ok=False, detail=str(error))]
        finally:
            del self._replies[request.id]


def unheard(services: Sequence[str], instances: Sequence[InstanceStatus]) -> tuple[str, ...]:
    """Services of which nothing is heard now, and which nobody misses yet: a silent instance that did not say goodbye counts as failed."""
    known = {i.beat.service for i in instances if i.state is ServiceState.FAILED or i.silent_s * SECOND < SILENT_AFTER}
    return tuple(s for s in services if s not in known)
