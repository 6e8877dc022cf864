"""`mla status`, `mla start|stop|restart`: the managers."""

from __future__ import annotations

import asyncio
import getpass
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from bus import open_bus
from kernel.bus import Bus
from kernel.clock import SECOND, Clock, SystemClock, sleep
from kernel.errors import BadUsage, NotAvailable
from kernel.fleet import Fleet, HopStatus, InstanceStatus, SystemStatus
from mla.cli.common import emit_json, emit_table, json_option, run_async, settings_of, show_age, show_bytes
from mla.modules import MODULES
from mla.settings import Settings
from schemas.records import COMMANDS_REPLIES, COMMANDS_REQUESTS, HEARTBEATS, CommandReply, CommandRequest, CommandVerb, ServiceState

PATIENCE = 30.0
FIRST = 3.5
"""Seconds in which the first heartbeat comes, also on a busy machine."""
LISTEN = 1.5
"""Seconds: each instance is heard twice, so that rates are known."""


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """State, rates, lag and last error of each system and service."""
    settings = settings_of(ctx)
    fleet, now = run_async(_listen(settings))
    if not fleet.instances(now):
        raise NotAvailable(f"nothing runs on {settings.bus}: start it with `mla up`, or name its folder with --data")
    if as_json:
        emit_json(
            {
                "systems": [_system(s) for s in fleet.systems(now)],
                "services": [_system(s) for s in fleet.services(now)],
                "hops": [_hop(h) for h in fleet.hops(now)],
            }
        )
        return
    _show(fleet, now)


async def _listen(settings: Settings) -> tuple[Fleet, int]:
    """The heartbeats of the last ten minutes, and of LISTEN after the first was read."""
    clock, fleet = SystemClock(), Fleet()
    if settings.bus.startswith("sqlite://") and not Path(settings.bus.removeprefix("sqlite://")).exists():
        return fleet, clock.now()  # looking must not make one
    async with open_bus(settings.bus, clock=clock, registry=settings.registry_url) as bus:
        reader = asyncio.create_task(_fold(bus, clock, fleet))
        try:
            end = clock.steady() + FIRST
            while not (fleet.instances(clock.now()) or reader.done() or clock.steady() > end):
                await sleep(clock, 0.05)
            await sleep(clock, LISTEN)
        finally:  # also where Ctrl-C ends it
            reader.cancel()
            await asyncio.wait([reader])
    return fleet, clock.now()


async def _fold(bus: Bus, clock: Clock, fleet: Fleet) -> None:
    async for beat in bus.tail(HEARTBEATS, since=clock.now() - 600 * SECOND):
        fleet.add(beat, clock.now())


def _system(s: SystemStatus) -> dict[str, Any]:
    return {
        "name": s.name,
        "state": s.state.value,
        "last_error": s.last_error,
        "instances": [
            {
                "instance": i.beat.instance,
                "service": i.beat.service,
                "state": i.state.value,
                "silent_s": round(i.silent_s, 3),
                "started_us": i.beat.started,
                "revision": i.beat.revision,
                "cpu_s": i.beat.cpu_s,
                "rss_bytes": i.beat.rss_bytes,
                "gauges": dict(i.beat.gauges),
                "last_error": i.beat.last_error,
            }
            for i in s.instances
        ],
    }


def _hop(h: HopStatus) -> dict[str, Any]:
    return {
        "name": h.name, "source": h.source, "in": h.entered, "out": h.left, "lost": dict(h.lost), "inside": h.inside,
        "rate_in_per_s": round(h.rate_in, 2), "rate_out_per_s": round(h.rate_out, 2), "last_us": h.last,
    }  # fmt: skip


def _show(fleet: Fleet, now: int) -> None:
    emit_table(("SYSTEM", "STATE", "LAST ERROR"), [(s.name, s.state.value, s.last_error or "–") for s in fleet.systems(now)])
    click.echo()
    emit_table(
        ("INSTANCE", "STATE", "UP", "CPU", "MEMORY", "REVISION", "LAST ERROR"),
        [
            (i.beat.instance, i.state.value, show_age((now - i.beat.started) / SECOND), f"{i.beat.cpu_s:.1f} s",
             show_bytes(i.beat.rss_bytes), i.beat.revision, _trouble(i))
            for s in fleet.services(now)
            for i in s.instances
        ],
    )  # fmt: skip
    click.echo()
    emit_table(
        ("HOP", "SOURCE", "IN", "OUT", "IN/S", "OUT/S", "EXPLAINED LOSS", "LAST"),
        [
            (h.name, h.source or "–", h.entered, h.left, f"{h.rate_in:.1f}", f"{h.rate_out:.1f}",
             ", ".join(f"{c} {n}" for c, n in sorted(h.lost.items())) or "–", show_age((now - h.last) / SECOND) if h.last else "–")
            for h in fleet.hops(now)
        ],
    )  # fmt: skip


def _trouble(i: InstanceStatus) -> str:
    """What is wrong with an instance now."""
    if i.state is ServiceState.FAILED:
        return i.beat.last_error or f"silent for {show_age(i.silent_s)}"
    return i.beat.last_error if i.state is ServiceState.DEGRADED and i.beat.last_error else "–"


def _command(verb: CommandVerb, about: str) -> click.Command:
    @click.command(verb.value.lower(), help=f"{about} a system, a service or an instance (`mla status` lists them).")
    @click.argument("name")
    @click.option("--reason", default="", help="Kept in the audit.")
    @json_option
    @click.pass_context
    def command(ctx: click.Context, name: str, reason: str, as_json: bool) -> None:
        replies = run_async(_ask(settings_of(ctx), verb, name, reason))
        if as_json:
            emit_json([{"instance": r.instance, "ok": r.ok, "detail": r.detail} for r in replies])
        else:
            for r in replies:
                click.echo(r.detail if r.ok else f"failed: {r.detail}")
        if not all(r.ok for r in replies):
            raise SystemExit(1)

    return command


start = _command(CommandVerb.START, "Start")
stop = _command(CommandVerb.STOP, "Stop")
restart = _command(CommandVerb.RESTART, "Restart")


async def _ask(settings: Settings, verb: CommandVerb, target: str, reason: str) -> Sequence[CommandReply]:
    """Publishes the request and waits for the answer of every instance concerned."""
    systems = sorted({m.system for m in MODULES.values()})
    if "@" not in target and target not in (*MODULES, *systems):
        raise BadUsage(f"{target!r} is no system, service or instance; known are: {', '.join((*systems, *MODULES))}")
    if target in systems and not any(m.manages for m in MODULES.values() if m.system == target):
        members = ", ".join(n for n, m in MODULES.items() if m.system == target)
        raise BadUsage(f"the system {target} has no manager; name one of its services: {members}")
    clock = SystemClock()
    request = CommandRequest(id=uuid.uuid4().hex, time=clock.now(), target=target, verb=verb, user=getpass.getuser(), reason=reason)
    fleet, now = await _listen(settings)
    expected = 1 if target in systems else sum(i.silent_s < 5 and target in (i.beat.service, i.beat.instance) for i in fleet.instances(now))
    if not expected:
        raise NotAvailable(f"no instance of {target} is alive to carry this out; `mla status` shows what runs")
    async with open_bus(settings.bus, clock=clock, registry=settings.registry_url) as bus:
        try:
            return await asyncio.wait_for(_answers(bus, request, expected), PATIENCE)
        except TimeoutError:
            raise NotAvailable(f"{target} did not answer within {PATIENCE:g} s; `mla status` shows what runs") from None


async def _answers(bus: Bus, request: CommandRequest, expected: int) -> Sequence[CommandReply]:
    replies: list[CommandReply] = []
    async with aclosing(bus.tail(COMMANDS_REPLIES, since=request.time)) as tail:  # type: ignore[type-var]  # an async generator
        await bus.publish(COMMANDS_REQUESTS, [request])
        async for reply in tail:
            if reply.id == request.id:
                replies.append(reply)
                if len(replies) >= expected:
                    break
    return replies
