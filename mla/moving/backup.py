"""A backup: the configuration with every revision, the archive, the users and their views, as of one moment each, in a folder of their own.

It is written beside its name and gets it when it is whole: a backup that exists is complete. An archive on Cassandra is copied into an
embedded one, so that every backup can be restored on either engine.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from archive import open_archive
from archive.contents import open_contents
from archive.embedded.copy import copy_archive
from kernel.clock import SystemClock
from kernel.errors import BadUsage, NotAvailable
from kernel.live_config import LiveConfig
from mla.moving.manifest import Manifest, sums_of, write_manifest
from mla.moving.migrating import migrate
from mla.moving.places import Place, check_source, folder_of
from mla.moving.revisions import copy_revisions, digest_of_revisions

USERS, VIEWS = "users.json", "views.sqlite"
TRIES = 3
Told = Callable[[str, int, int], None]
"""What is being done; done, all."""


async def take_backup(source: Place, data: Path, target: Path, told: Told) -> Manifest:
    """Backs up while everything runs. Raises BadUsage where the target exists, NotAvailable where something cannot be read."""
    if target.exists():
        raise BadUsage(f"{target} exists: a backup is never overwritten; name a folder that is not there")
    check_source(source)
    part = target.with_name(target.name + ".part")
    await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    try:
        manifest = await _fill(source, data, part, told)
        write_manifest(part, manifest)
        _sync_folders(part)
        part.rename(target)
        _sync(target.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


async def _fill(source: Place, data: Path, part: Path, told: Told) -> Manifest:
    made = SystemClock().now()
    copy = Place(f"sqlite://{part}/archive", f"sqlite://{part}/cdb")
    accounts = _copy_users(data, part)
    await copy_revisions(source.cdb, copy.cdb, lambda done, all_: told("configuration", done, all_))
    revisions, digest = await digest_of_revisions(copy.cdb)
    folder = folder_of(source.archive)
    if folder is not None:
        await asyncio.to_thread(copy_archive, folder, part / "archive", lambda done, all_: told("archive", done, all_))
    else:
        await _copy_engine(source, copy, part, told)
    points, samples = await _count(copy.archive)
    total = sum(p.stat().st_size for p in part.rglob("*") if p.is_file())
    files = await asyncio.to_thread(sums_of, part, _adding("checksums", total, told))
    return Manifest(made, revisions, digest, points, samples, accounts, files)


def _copy_users(data: Path, part: Path) -> int:
    """Accounts and the views they have saved; returns the number of accounts."""
    accounts = 0
    if (data / USERS).exists():
        text = (data / USERS).read_text()
        accounts = len(json.loads(text)["users"])
        with os.fdopen(os.open(part / USERS, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(text)
    if (data / VIEWS).exists():
        with closing(sqlite3.connect(data / VIEWS)) as views, closing(sqlite3.connect(part / VIEWS)) as copy:
            views.backup(copy)
    return accounts


async def _copy_engine(source: Place, copy: Place, part: Path, told: Told) -> None:
    """Into an embedded archive; again what changed under the copy, such as a gap that just ended."""
    progress = part.with_name(part.name + ".progress")
    try:
        for _ in range(TRIES):
            outcome = await migrate(source, copy, progress, told)
            if not outcome.differing:
                return
    finally:
        progress.unlink(missing_ok=True)
    raise NotAvailable(
        f"{len(outcome.differing)} points changed while they were copied, {outcome.differing[0].point} among them: try again"
    )


async def _count(url: str) -> tuple[int, int]:
    """Points and samples of the copy."""
    async with open_contents(url) as contents:
        points = len({name for _, name in contents.points()})
    async with open_archive(url, clock=SystemClock(), config=LiveConfig(), read_only=True) as archive:
        return points, (await archive.stats()).samples


def _adding(what: str, total: int, told: Told) -> Callable[[int], None]:
    done = 0

    def add(n: int) -> None:
        nonlocal done
        done += n
        told(what, done, total)

    return add


def _sync_folders(folder: Path) -> None:
    for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        _sync(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
