"""`mla dead`: bytes that could not be understood."""

from __future__ import annotations

import click

from bus import open_bus
from kernel.clock import SystemClock
from mla.cli.common import emit_json, json_option, parse_time, run_async, settings_of, show_time
from mla.cli.read import nothing_there
from mla.cli.tails import read_all
from mla.settings import Settings
from schemas.records import DEAD_LETTERS, DeadLetter


@click.command()
@click.option("--since", default="now-1d", show_default=True)
@click.option("--first", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_context
def dead(ctx: click.Context, since: str, first: int, as_json: bool) -> None:
    """Read the dead letters: what was refused, where it came from and why."""
    found = run_async(_read(settings_of(ctx), parse_time(since), first))
    more, found = len(found) > first, found[:first]
    if as_json:
        emit_json([{"time_us": d.time, "origin": d.origin, "reason": d.reason, "data_hex": d.data.hex()} for d in found])
        return
    for d in found:
        click.echo(f"{show_time(d.time)}  {d.origin}  {d.reason}\n  {d.data[:64].hex(' ')}{' …' if len(d.data) > 64 else ''}")
    if not found:
        click.echo("no dead letters")
    if more:
        click.echo(f"… more: --since {found[-1].time}", err=True)


async def _read(settings: Settings, since: int, first: int) -> list[DeadLetter]:
    nothing_there(settings)
    async with open_bus(settings.bus, clock=SystemClock(), registry=settings.registry_url) as bus:
        return await read_all(bus, DEAD_LETTERS, since, first + 1)
