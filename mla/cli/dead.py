"""`mla dead`: bytes that could not be understood."""

from __future__ import annotations

import asyncio

import click

from bus import open_bus
from kernel.clock import SystemClock, sleep
from mla.cli.common import emit_json, json_option, parse_time, run_async, settings_of, show_time
from mla.settings import Settings
from schemas.records import DEAD_LETTERS, DeadLetter


@click.command()
@click.option("--since", default="now-1d", show_default=True)
@click.option("--first", default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_context
def dead(ctx: click.Context, since: str, first: int, as_json: bool) -> None:
    """Read the dead letters: what was refused, where it came from and why."""
    found = run_async(_read(settings_of(ctx), parse_time(since), first))
    if as_json:
        emit_json([{"time_us": d.time, "origin": d.origin, "reason": d.reason, "data_hex": d.data.hex()} for d in found])
        return
    for d in found:
        click.echo(f"{show_time(d.time)}  {d.origin}  {d.reason}\n  {d.data[:64].hex(' ')}{' …' if len(d.data) > 64 else ''}")
    if not found:
        click.echo("no dead letters")


async def _read(settings: Settings, since: int, first: int) -> list[DeadLetter]:
    clock, found = SystemClock(), list[DeadLetter]()
    async with open_bus(settings.bus, clock=clock) as bus:

        async def collect() -> None:
            async for letter in bus.tail(DEAD_LETTERS, since=since):
                found.append(letter)
                if len(found) >= first:
                    return

        reader = asyncio.create_task(collect())
        count = -1
        while not reader.done() and count != len(found):
            count = len(found)
            await sleep(clock, 0.5)
        reader.cancel()
        await asyncio.wait([reader])
    return found
