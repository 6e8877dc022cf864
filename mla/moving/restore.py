"""A backup put back: verified whole against its manifest first, into empty places only."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from archive.contents import open_contents
from cdb import open_config
from kernel.clock import SystemClock
from kernel.errors import BadUsage, NotAvailable
from mla.moving.backup import USERS, VIEWS
from mla.moving.manifest import Manifest, copy_verified, read_manifest
from mla.moving.migrating import migrate, progress_file
from mla.moving.places import Place, folder_of
from mla.moving.revisions import digest_of_revisions

STAGE = ".restore"
ENGINES = "engines"
"""Where `mla engines up` keeps its own: what is restored into engines started there stands beside it."""
Told = Callable[[str, int, int], None]
"""What is being done; done, all."""


async def restore(backup: Path, target: Place, data: Path, told: Told) -> Manifest:
    """Restores into a data folder and the engines its settings name. Raises BadUsage where one is not empty, or NotAvailable where the
    backup is damaged: then nothing was put in place."""
    manifest = read_manifest(backup)
    places = {"archive": folder_of(target.archive), "cdb": folder_of(target.cdb)}
    await _check_empty(data, target, places)
    stage = data / STAGE
    data.mkdir(parents=True, exist_ok=True)
    try:
        await asyncio.to_thread(_stage, backup, manifest, stage, told)
        await _check_configuration(stage, manifest)
        if None in places.values():
            await _into_engine(stage, target, data, told)
        for name in (USERS, VIEWS, "cdb", "archive"):
            place = places[name] if name in places else data / name
            if place is not None and (stage / name).exists():
                await asyncio.to_thread(_put, stage / name, place)
    finally:
        await asyncio.to_thread(shutil.rmtree, stage, ignore_errors=True)
    return manifest


async def _check_empty(data: Path, target: Place, places: dict[str, Path | None]) -> None:
    for folder in (data, *(p for p in places.values() if p is not None)):
        left = sorted(p.name for p in folder.iterdir() if p.name not in (STAGE, ENGINES)) if folder.is_dir() else []
        if left or folder.is_file():
            shown = ", ".join(left[:5])
            raise BadUsage(f"{folder} is not empty ({shown}): restore into an empty folder, name one with --data, or move this one away")
    if places["cdb"] is None:
        async with open_config(target.cdb, clock=SystemClock()) as store:
            if await store.revisions(limit=1):
                raise BadUsage("the configuration database that the settings name is not empty: name an empty keyspace")
    if places["archive"] is None:
        async with open_contents(target.archive) as contents:
            if contents.sources():
                raise BadUsage("the archive that the settings name is not empty: name an empty keyspace")


def _stage(backup: Path, manifest: Manifest, stage: Path, told: Told) -> None:
    """Every file, read once, compared and written below the data folder. Blocks."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(mode=0o700)
    done, total = 0, manifest.bytes

    def add(n: int) -> None:
        nonlocal done
        done += n
        told("restore", done, total)

    for name, wanted in manifest.files.items():
        copy_verified(backup / name, stage / name, wanted, add)
    if (stage / USERS).exists():
        (stage / USERS).chmod(0o600)


async def _check_configuration(stage: Path, manifest: Manifest) -> None:
    found = await digest_of_revisions(f"sqlite://{stage}/cdb")
    if found != (manifest.revisions, manifest.configuration):
        raise NotAvailable(f"the configuration reads as {found[0]} other revisions than the manifest says: take another backup")


async def _into_engine(stage: Path, target: Place, data: Path, told: Told) -> None:
    source = Place(f"sqlite://{stage}/archive", f"sqlite://{stage}/cdb")
    outcome = await migrate(source, target, progress_file(data, source, target), told)
    if outcome.differing:
        raise NotAvailable(
            f"{len(outcome.differing)} points read back otherwise, {outcome.differing[0].point} among them: look at the engine"
        )


def _put(staged: Path, place: Path) -> None:
    """Renamed into place; copied first where that is another file system. Blocks."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        place.rmdir()
    if staged.stat().st_dev != place.parent.stat().st_dev:
        near = place.with_name(f".{place.name}{STAGE}")
        shutil.rmtree(near, ignore_errors=True)
        shutil.move(staged, near)
        staged = near
    os.rename(staged, place)
