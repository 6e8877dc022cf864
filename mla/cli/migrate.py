"""`mla migrate`: everything kept, from one engine to another."""

from __future__ import annotations

from pathlib import Path

import click

from kernel.errors import NotAvailable
from mla.cli.common import emit_json, json_option, run_async, settings_of
from mla.cli.progress import bars
from mla.moving.migrating import Outcome, progress_file
from mla.moving.migrating import migrate as move
from mla.moving.places import read_places

SHOWN = 10


@click.command()
@click.option("--from", "source", multiple=True, required=True, metavar="URL", help="Once for both, or archive and configuration in turn.")
@click.option("--to", "target", multiple=True, required=True, metavar="URL", help="Likewise.")
@click.option(
    "--progress", type=click.Path(dir_okay=False, path_type=Path), help="Where to note how far it is (default: in the data folder)."
)
@json_option
@click.pass_context
def migrate(ctx: click.Context, source: tuple[str, ...], target: tuple[str, ...], progress: Path | None, as_json: bool) -> None:
    """Copy archive and configuration between engines; the same call goes on where one was interrupted.

    URL is sqlite:///DATA (a data folder), sqlite:///FOLDER twice, or cassandra://HOST[:PORT]/KEYSPACE. Stop the services first.
    """
    old, new = read_places(source, "--from"), read_places(target, "--to")
    file = progress or progress_file(settings_of(ctx).data, old, new)
    with bars() as told:
        outcome = run_async(move(old, new, file, told))
    if as_json:
        emit_json(_plain(outcome))
    else:
        o = outcome
        click.echo(f"{o.revisions} revisions, {o.samples} samples of {o.points} points copied and compared, {o.seconds:.1f} s")
    if outcome.differing:
        names = ", ".join(d.point for d in outcome.differing[:SHOWN])
        raise NotAvailable(f"{len(outcome.differing)} points differ in the target ({names}): stop what writes there and run it again")


def _plain(outcome: Outcome) -> dict[str, object]:
    return {
        "revisions": outcome.revisions,
        "points": outcome.points,
        "samples": outcome.samples,
        "seconds": round(outcome.seconds, 3),
        "differing": [{"point": d.point, "days": d.days, "gaps": d.gaps} for d in outcome.differing],
    }
