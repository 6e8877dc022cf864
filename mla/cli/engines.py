"""`mla engines`: the real engines natively on this host."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from shlex import quote

import click

from deploy import engines as native
from mla.cli.common import emit_json, emit_table, json_option, settings_of, show_bytes

_names = click.argument("names", nargs=-1, metavar="[ENGINE]…", type=click.Choice(list(native.ENGINES)))
_SETTINGS = {
    "kafka": ("MLA_BUS_URL",),
    "redis": ("MLA_HOT_URL",),
    "cassandra": ("MLA_ARCHIVE_URL", "MLA_CDB_URL"),
    "registry": ("MLA_REGISTRY_URL",),
}
"""Which settings name an engine."""
_folder = click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where they keep their data (default: DATA/engines)."
)


@click.group()
def engines() -> None:
    """Kafka, Cassandra, Redis, Mosquitto and a schema registry as processes of this host, for tests, trials and sites without Docker."""


@engines.command()
@_names
@_folder
@click.option("--brokers", type=click.IntRange(1, 9), help="Kafka brokers (default: 1, or as many as there were).")
@click.option("--nodes", type=click.IntRange(1, 9), help="Cassandra nodes (default: 1, or as many as there were).")
@click.option("--env", "as_env", is_flag=True, help='Print the settings that name them, for: eval "$(mla engines up --env)".')
@json_option
@click.pass_context
def up(
    ctx: click.Context, names: tuple[str, ...], folder: Path | None, brokers: int | None, nodes: int | None, as_env: bool, as_json: bool
) -> None:
    """Start them (all but the registry, or the named ones), wait until they answer, print their URLs."""
    wanted = {k: v for k, v in (("kafka", brokers), ("cassandra", nodes)) if v is not None}
    urls = native.up(names, _place(ctx, folder), nodes=wanted, say=lambda text: click.echo(text, err=True))
    if as_json:
        emit_json(urls)
    elif as_env:
        for line in (f"export {variable}={quote(url)}" for name, url in urls.items() for variable in _SETTINGS.get(name, ())):
            click.echo(line)
    else:
        emit_table(("ENGINE", "URL"), urls.items())


@engines.command()
@_names
@_folder
@json_option
@click.pass_context
def down(ctx: click.Context, names: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Stop them (all, or the named ones); their data stays."""
    stopped = native.down(names, _place(ctx, folder))
    if as_json:
        emit_json(stopped)
    else:
        emit_table(("ENGINE", "STOPPED"), stopped.items())


@engines.command()
@_names
@_folder
@json_option
@click.pass_context
def status(ctx: click.Context, names: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Say which run and answer."""
    found = native.status(names, _place(ctx, folder))
    if as_json:
        emit_json([asdict(s) for s in found])
    else:
        rows = [(s.name, s.state, s.url or "–", s.nodes, ",".join(map(str, s.pids)) or "–", show_bytes(s.memory)) for s in found]
        emit_table(("ENGINE", "STATE", "URL", "NODES", "PIDS", "MEMORY"), rows)


def _place(ctx: click.Context, folder: Path | None) -> Path:
    return folder or settings_of(ctx).data / "engines"
