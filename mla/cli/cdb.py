"""`mla cdb import|export|diff|publish|rollback|log`: the configuration database."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

import cdb as configuration
from bus import open_bus
from kernel.clock import SystemClock
from kernel.config_store import ConfigStore
from kernel.errors import BadUsage
from mla.cli.common import emit_json, emit_table, json_option, run_async, settings_of, show_time
from mla.cli.read import nothing_there
from mla.settings import Settings
from schemas.records import AUDIT_ACTIONS, CDB_REVISIONS, AuditAction, Revision


@click.group()
def cdb() -> None:
    """The configuration database: YAML documents in numbered revisions."""


@asynccontextmanager
async def _store(settings: Settings, *, make: bool = False) -> AsyncIterator[ConfigStore]:
    """`make`: where there is none yet."""
    if make:
        settings.data.mkdir(parents=True, exist_ok=True)
    else:
        nothing_there(settings)
    async with configuration.open_config(settings.cdb, clock=SystemClock()) as store:
        yield store


async def announce(settings: Settings, revision: Revision, action: str) -> None:
    """Tells the bus of a revision, and the audit who made it."""
    clock = SystemClock()
    async with open_bus(settings.bus, clock=clock, registry=settings.registry_url) as bus:
        await bus.publish(CDB_REVISIONS, [revision])
        await bus.publish(
            AUDIT_ACTIONS,
            [AuditAction(time=clock.now(), user=revision.author, role="", action=action, target=f"revision {revision.number}",
                         ok=True, detail=revision.comment, origin="mla")],
        )  # fmt: skip


def _said(revision: Revision, as_json: bool) -> None:
    if as_json:
        emit_json(_plain(revision))
    else:
        click.echo(f"published revision {revision.number}: {len(revision.paths)} documents changed")


def _plain(r: Revision) -> dict[str, Any]:
    return {"number": r.number, "base": r.base, "time_us": r.time, "author": r.author, "comment": r.comment, "paths": list(r.paths)}


async def _publish(settings: Settings, folder: Path, base: int | None, author: str, comment: str, replace: bool) -> Revision:
    wanted, unread = configuration.scan_folder(folder)
    if unread:  # with every other mistake that can be seen without these files
        configuration.compile(wanted if replace else {}, unread=unread)
    async with _store(settings, make=True) as store:
        now = await store.load()
        newest = now.revision.number if now.revision else 0
        changes: dict[str, str | None] = {p: t for p, t in wanted.items() if now.documents.get(p) != t}
        if replace:
            changes |= {p: None for p in now.documents if p not in wanted}
        revision = await configuration.Editor(store, SystemClock()).publish(
            changes, base=newest if base is None else base, author=author, comment=comment
        )
    await announce(settings, revision, "cdbPublish")
    return revision


def _writes(command: Any) -> Any:
    for option in (
        click.option("--comment", "-m", required=True, help="Why: kept with the revision."),
        click.option("--author", default=getpass.getuser, show_default="you", help="Who."),
        json_option,
    ):
        command = option(command)
    return command


@cdb.command("import")
@click.argument("folder", type=click.Path())
@_writes
@click.pass_context
def import_(ctx: click.Context, folder: str, comment: str, author: str, as_json: bool) -> None:
    """Publish FOLDER as the whole configuration: documents that are not in it are removed."""
    _said(run_async(_publish(settings_of(ctx), Path(folder), None, author, comment, replace=True)), as_json)


@cdb.command()
@click.argument("folder", type=click.Path())
@click.option("--base", type=int, help="Refuse if the newest revision is another one (default: the newest).")
@_writes
@click.pass_context
def publish(ctx: click.Context, folder: str, base: int | None, comment: str, author: str, as_json: bool) -> None:
    """Publish the documents of FOLDER; documents that are not in it stay as they are."""
    _said(run_async(_publish(settings_of(ctx), Path(folder), base, author, comment, replace=False)), as_json)


@cdb.command()
@click.argument("folder", type=click.Path())
@click.option("--revision", type=int, help="Default: the newest.")
@click.option("--force", is_flag=True, help="Overwrite documents in FOLDER that differ.")
@json_option
@click.pass_context
def export(ctx: click.Context, folder: str, revision: int | None, force: bool, as_json: bool) -> None:
    """Write a revision's documents into FOLDER."""

    async def work() -> None:
        async with _store(settings_of(ctx)) as store:
            snapshot = await store.load(revision)
        if snapshot.revision is None:
            raise BadUsage("nothing was ever published; `mla cdb import FOLDER` publishes a first configuration")
        if not force and (edited := configuration.changed(folder, snapshot.documents)):
            shown = ", ".join(edited[:5]) + (", …" if len(edited) > 5 else "")
            raise BadUsage(f"{folder} holds other contents of {shown}: name another folder, or overwrite them with --force")
        configuration.write_folder(Path(folder), snapshot.documents)
        if as_json:
            emit_json({"revision": snapshot.revision.number, "folder": folder, "documents": sorted(snapshot.documents)})
        else:
            click.echo(f"revision {snapshot.revision.number}: {len(snapshot.documents)} documents in {folder}")

    run_async(work())


@cdb.command()
@click.argument("a", type=int)
@click.argument("b", type=int, required=False)
@json_option
@click.pass_context
def diff(ctx: click.Context, a: int, b: int | None, as_json: bool) -> None:
    """Show what differs between revisions A and B (default: the newest)."""

    async def work() -> None:
        async with _store(settings_of(ctx)) as store:
            snapshot = await store.load(b)
            newest = snapshot.revision.number if snapshot.revision else 0
            changes = await configuration.Editor(store, SystemClock()).diff(a, newest)
        if as_json:
            emit_json([{"path": c.path, "before": c.before, "after": c.after} for c in changes])
        else:
            click.echo(configuration.unified(changes), nl=False)

    run_async(work())


@cdb.command()
@click.argument("revision", type=int)
@_writes
@click.pass_context
def rollback(ctx: click.Context, revision: int, comment: str, author: str, as_json: bool) -> None:
    """Publish the documents of an old REVISION as a new one."""

    async def work() -> Revision:
        settings = settings_of(ctx)
        async with _store(settings) as store:
            made = await configuration.Editor(store, SystemClock()).rollback(revision, author=author, comment=comment)
        await announce(settings, made, "cdbRollback")
        return made

    _said(run_async(work()), as_json)


@cdb.command()
@click.option("--limit", default=20, show_default=True)
@click.option("--before", type=int, help="Only revisions before this one: pages on.")
@json_option
@click.pass_context
def log(ctx: click.Context, limit: int, before: int | None, as_json: bool) -> None:
    """List the revisions, newest first."""

    async def work() -> None:
        async with _store(settings_of(ctx)) as store:
            found = await store.revisions(limit=limit, before=before)
        if as_json:
            emit_json([_plain(r) for r in found])
        else:
            emit_table(
                ("REVISION", "TIME", "AUTHOR", "DOCUMENTS", "COMMENT"),
                [(r.number, show_time(r.time, 0), r.author, len(r.paths), r.comment) for r in found],
            )

    run_async(work())
