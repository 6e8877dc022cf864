"""`mla up`, `mla run`, `mla services`."""

from __future__ import annotations

import click

from mla import log as logs
from mla.cli.common import emit_json, emit_table, json_option, run_async, settings_of
from mla.logins import FIRST_FILE
from mla.modules import MODULES
from mla.platform import Platform


@click.command()
@click.option("--data", type=click.Path(file_okay=False), help="Folder of everything the platform keeps (default: data).")
@click.option("--http", metavar="HOST:PORT", help="Where the HMI and API listen (default: 127.0.0.1:8800).")
@click.option("--demo", is_flag=True, help="Add the simulated nine-telescope array.")
@click.pass_context
def up(ctx: click.Context, data: str | None, http: str | None, demo: bool) -> None:
    """Run every service on this host, with embedded engines."""
    from mla.run import up as run_up
    from mla.start import Start

    settings = settings_of(ctx, data=data or ctx.obj["data"], http=http)
    logs.set_up(settings.log_level)
    start = Start(settings, demo=demo, say=click.echo)
    run_async(run_up(settings, start.ready, start.prepare))


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="SERVICE…")
@click.pass_context
def run(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Run the named services on the URLs of the settings (`mla services` lists them)."""
    from mla.run import check_names, run_services

    settings = settings_of(ctx)
    logs.set_up(settings.log_level)
    chosen = check_names(names, settings)

    async def ready(platform: Platform) -> None:
        click.echo(f"serving: {', '.join(chosen)}")
        if "hmi" in chosen:
            first = settings.data / FIRST_FILE
            click.echo(f"HMI: http://{settings.http}/" + (f"; the first log-ins are in {first}" if first.exists() else ""))

    run_async(run_services(settings, chosen, ready))


@click.command()
@json_option
def services(as_json: bool) -> None:
    """List the services."""
    if as_json:
        emit_json([{"name": n, "system": m.system, "about": m.about} for n, m in MODULES.items()])
    else:
        emit_table(("SERVICE", "SYSTEM", "DOES"), [(n, m.system, m.about) for n, m in MODULES.items()])
