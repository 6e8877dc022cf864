"""`mla backup` and `mla restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.clock import monotonic
from mla.cli.common import emit_json, json_option, run_async, settings_of, show_bytes, show_time
from mla.cli.progress import bars
from mla.moving.backup import take_backup
from mla.moving.manifest import Manifest
from mla.moving.places import Place
from mla.moving.restore import restore as put_back


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def backup(ctx: click.Context, target: Path, as_json: bool) -> None:
    """Back up configuration, archive and users into the folder TARGET, while everything runs."""
    settings, begun = settings_of(ctx), monotonic()
    place = Place(settings.archive, settings.cdb)
    with bars() as told:
        manifest = run_async(take_backup(place, settings.data, target.absolute(), told))
    _report(manifest, target, monotonic() - begun, "backed up into", as_json=as_json)


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def restore(ctx: click.Context, source: Path, as_json: bool) -> None:
    """Restore the backup SOURCE into an empty data folder, verified before anything is put in place."""
    settings, begun = settings_of(ctx), monotonic()
    place = Place(settings.archive, settings.cdb)
    with bars() as told:
        manifest = run_async(put_back(source.absolute(), place, settings.data, told))
    _report(manifest, settings.data, monotonic() - begun, "restored into", as_json=as_json)


def _report(manifest: Manifest, where: Path, seconds: float, done: str, *, as_json: bool) -> None:
    if as_json:
        found: dict[str, Any] = {
            "folder": str(where),
            "made_us": manifest.made,
            "revisions": manifest.revisions,
            "points": manifest.points,
            "samples": manifest.samples,
            "users": manifest.users,
            "files": len(manifest.files),
            "bytes": manifest.bytes,
            "seconds": round(seconds, 3),
        }
        emit_json(found)
        return
    click.echo(
        f"{done} {where}: {manifest.revisions} revisions, {manifest.samples} samples of {manifest.points} points, {manifest.users} users,"
        f" as of {show_time(manifest.made)}; {len(manifest.files)} files, {show_bytes(manifest.bytes)}, {seconds:.1f} s"
    )
