"""`mla simulate`: the simulated array alone, real protocols on loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

import cdb
from kernel.array import ArrayConfig
from kernel.clock import SystemClock
from kernel.errors import BadUsage
from mla import log as logs
from mla.children import Child, children
from mla.cli.common import run_async, settings_of
from mla.cli.read import config_of
from mla.run import until_stopped
from simulator.faults import DEMO, NONE, FaultScript, load
from simulator.scene import Scene
from simulator.serve import assign, serve


@click.command()
@click.option("--telescopes", type=click.IntRange(1, 999), default=9, show_default=True)
@click.option("--points", type=click.IntRange(min=1), help="Monitoring points in all (default: the example mini-array, about 2 000).")
@click.option(
    "--rate",
    type=click.FloatRange(0.001, 100),
    default=1.0,
    show_default=True,
    help="Hz with --points; else a factor.",
)
@click.option("--processes", type=click.IntRange(1, 64), help="Processes to divide the servers among (default: one per 100 000 points).")
@click.option("--published", is_flag=True, help="Serve the sources of the published configuration instead of the example.")
@click.option("--faults", metavar="demo|none|FILE", default="demo", show_default=True)
@click.option("--scene", type=click.Path(dir_okay=False), help="A scene file, so that the same world goes on.")
@click.option("--write", "folder", type=click.Path(file_okay=False), help="Write the configuration here, for `mla cdb import`.")
@click.option("--share", hidden=True, help="i/n: only this share of the servers, in this process.")
@click.pass_context
def simulate(ctx: click.Context, telescopes: int, points: int | None, rate: float, processes: int | None, published: bool, faults: str,
             scene: str | None, folder: str | None, share: str | None) -> None:  # fmt: skip
    """Run the simulated array alone: OPC-UA servers on loopback, until Ctrl-C."""
    settings = settings_of(ctx)
    logs.set_up(settings.log_level)
    documents, rate = _documents(points, telescopes, rate, settings.demo_port)
    if folder is not None:
        cdb.write_folder(Path(folder), documents)
        click.echo(f"configuration written: mla cdb import {folder} -m 'the simulated array'")
    config = run_async(config_of(settings)) if published else cdb.compile(documents)
    count = processes or max(1, round(len(config.points) * rate / 100_000))
    if share is not None:
        number, _, of = share.partition("/")
        run_async(_share(config, int(number), int(of), rate, script(faults), scene, settings.data))
        return
    arguments = ["simulate", "--telescopes", str(telescopes), "--rate", str(rate), "--faults", faults]
    for option, value in (("--points", points), ("--scene", scene)):
        arguments += [option, str(value)] if value else []
    arguments += ["--published"] if published else []
    shares = [Child(f"simulator {i + 1}/{count}", (*arguments, "--share", f"{i}/{count}"), settings.environment()) for i in range(count)]
    for source in config.sources.values():
        click.echo(f"{source.name}  {source.url}")
    run_async(_all(shares))


def _documents(points: int | None, telescopes: int, rate: float, port: int) -> tuple[dict[str, str], float]:
    """The configuration to serve, and how many times as often as it says; scaled points are configured with their rate."""
    if points is None and telescopes == 9:
        from mla.demo import example

        return example(port), rate
    return dict(cdb.scaled(points or 200 * telescopes, telescopes, rate)), 1.0


def script(name: str) -> FaultScript:
    """The demo's faults, none, or those of a file."""
    if name in ("demo", "none"):
        return DEMO if name == "demo" else NONE
    if not Path(name).exists():
        raise BadUsage(f"no fault script {name!r}: write demo, none or the name of a YAML file")
    return load(Path(name))


async def _share(config: ArrayConfig, number: int, of: int, rate: float, faults: FaultScript, scene: str | None, data: Path) -> None:
    from mla.demo import read_scene

    lots = assign(config, of)
    if number >= len(lots):
        await until_stopped(asyncio.Event().wait())
        return
    world = read_scene(Path(scene)) if scene else Scene()
    folder = data / "simulator"
    work = serve(config, lots[number], clock=SystemClock(), rate=rate, faults=faults, ready=lambda: None, scene=world, certificates=folder)
    await until_stopped(work)


async def _all(shares: list[Child]) -> None:
    async with children(shares, SystemClock()):
        await until_stopped(asyncio.Event().wait())
