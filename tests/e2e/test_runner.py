"""Services are started, stopped and restarted by command over the bus; a failing one ends its process; managers act on whole systems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus import open_bus
from cdb import open_config
from kernel.clock import SECOND, SystemClock
from kernel.errors import BadUsage, NotAvailable
from kernel.fleet import Fleet
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from mla.manager import Manager
from mla.modules import Module
from mla.platform import Platform
from mla.run import check_names
from mla.runner import Runner
from mla.settings import Settings
from schemas.records import COMMANDS_REPLIES, COMMANDS_REQUESTS, HEARTBEATS, CommandReply, CommandRequest, CommandVerb, ServiceState
from tests.support.waiting import until


class Steady:
    """A service that serves until it is cancelled."""

    runs = 0

    async def run(self, ready: Callable[[], None]) -> None:
        type(self).runs += 1
        ready()
        await asyncio.Event().wait()


class Broken:
    async def run(self, ready: Callable[[], None]) -> None:
        ready()
        raise RuntimeError("the device room is on fire")


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[Platform]:
    clock = SystemClock()
    async with open_bus(f"sqlite://{folder}/bus", clock=clock) as bus, open_config(f"sqlite://{folder}/cdb", clock=clock) as store:
        yield Platform(Settings(data=folder), clock, bus, store, LiveConfig(), None, None)


@asynccontextmanager
async def serving(p: Platform, modules: dict[str, Module]) -> AsyncIterator[asyncio.Task[None]]:
    ready = asyncio.Event()
    task = asyncio.create_task(Runner(p, tuple(modules), modules=modules).run(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield task
    finally:
        for pending in (task, waiting):
            pending.cancel()
        await asyncio.wait([task, waiting])


@asynccontextmanager
async def fleet_of(p: Platform) -> AsyncIterator[Fleet]:
    fleet = Fleet()

    async def fold() -> None:
        async for beat in p.bus.tail(HEARTBEATS, since=p.clock.now() - 60 * SECOND):
            fleet.add(beat)

    task = asyncio.create_task(fold())
    try:
        yield fleet
    finally:
        task.cancel()
        await asyncio.wait([task])


async def ask(p: Platform, verb: CommandVerb, target: str, answers: int = 1) -> Sequence[CommandReply]:
    now = p.clock.now()
    replies: list[CommandReply] = []
    request = CommandRequest(id=f"{verb.value}-{now}", time=now, target=target, verb=verb, user="test")
    await p.bus.publish(COMMANDS_REQUESTS, [request])
    async for reply in p.bus.tail(COMMANDS_REPLIES, since=now):
        if reply.id == request.id:
            replies.append(reply)
        if len(replies) == answers:
            return replies
    return replies


def state_of(fleet: Fleet, service: str, now: int) -> ServiceState | None:
    return next((s.state for s in fleet.services(now) if s.name == service), None)


async def test_a_service_stops_starts_and_restarts_on_command(tmp_path: Path) -> None:
    Steady.runs = 0
    modules = {"steady": Module("monitoring", lambda p, m: Steady(), "")}
    async with platform(tmp_path) as p, serving(p, modules), fleet_of(p) as fleet:
        await until(lambda: state_of(fleet, "steady", p.clock.now()) is ServiceState.RUNNING)
        [reply] = await ask(p, CommandVerb.STOP, "steady")
        assert reply.ok
        assert reply.detail == "steady is stopped"
        await until(lambda: state_of(fleet, "steady", p.clock.now()) is ServiceState.STOPPED)
        [reply] = await ask(p, CommandVerb.START, "steady")
        assert reply.detail == "steady is running"
        [reply] = await ask(p, CommandVerb.RESTART, "steady")
        assert reply.detail == "steady is running"
        assert Steady.runs == 3


async def test_a_failing_service_ends_its_process_and_says_why(tmp_path: Path) -> None:
    modules = {"steady": Module("monitoring", lambda p, m: Steady(), ""), "broken": Module("monitoring", lambda p, m: Broken(), "")}
    async with platform(tmp_path) as p, fleet_of(p) as fleet:
        async with serving(p, modules) as task:
            await asyncio.wait([task])
            with pytest.raises(ExceptionGroup) as caught:
                task.result()
            assert "on fire" in str(caught.value.exceptions)
        await until(lambda: state_of(fleet, "broken", p.clock.now()) is ServiceState.FAILED)
        [broken] = [s for s in fleet.services(p.clock.now()) if s.name == "broken"]
        assert "on fire" in broken.last_error
        await until(lambda: state_of(fleet, "steady", p.clock.now()) is ServiceState.STOPPED)


async def test_a_failing_service_ends_its_process_also_where_the_bus_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise NotAvailable("the disk is full")

    modules = {"steady": Module("monitoring", lambda p, m: Steady(), ""), "broken": Module("monitoring", lambda p, m: Broken(), "")}
    async with platform(tmp_path) as p:
        monkeypatch.setattr(p.bus, "publish", full)
        async with asyncio.timeout(120), serving(p, modules) as task:
            await asyncio.wait([task])
            with pytest.raises(ExceptionGroup, match="unhandled"):
                task.result()
    assert any("on fire" in r.message for r in caplog.records)


async def test_a_manager_stops_a_whole_system_and_leaves_itself_running(tmp_path: Path) -> None:
    def manager(p: Platform, meter: Meter) -> Manager:
        return Manager("monitoring", ["collector", "dispatcher"], bus=p.bus, clock=p.clock, meter=meter)

    modules = {
        "collector": Module("monitoring", lambda p, m: Steady(), ""),
        "dispatcher": Module("monitoring", lambda p, m: Steady(), ""),
        "monitor_manager": Module("monitoring", manager, "", stoppable=False),
    }
    async with platform(tmp_path) as p, serving(p, modules), fleet_of(p) as fleet:
        await until(lambda: state_of(fleet, "dispatcher", p.clock.now()) is ServiceState.RUNNING)
        await until(lambda: state_of(fleet, "monitor_manager", p.clock.now()) is ServiceState.RUNNING)
        [reply] = await ask(p, CommandVerb.STOP, "monitoring")
        assert reply.ok, reply.detail
        assert reply.detail == "collector is stopped; dispatcher is stopped"
        assert state_of(fleet, "monitor_manager", p.clock.now()) is ServiceState.RUNNING
        [reply] = await ask(p, CommandVerb.START, "monitoring")
        assert reply.detail == "dispatcher is running; collector is running"


def test_a_hot_queue_in_memory_is_refused_where_it_reaches_no_reader(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match="MLA_HOT_URL"):
        check_names(["dispatcher"], Settings(data=tmp_path))
    with pytest.raises(BadUsage, match="unknown service dispatchr; known are: collector"):
        check_names(["dispatchr"], Settings(data=tmp_path))
    assert check_names(["collector"], Settings(data=tmp_path)) == ("collector",)
