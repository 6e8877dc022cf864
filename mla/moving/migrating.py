"""A migration from one place to another, from its first step to the verified end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archive import open_archive
from archive.contents import open_contents
from cdb import compile, open_config
from kernel.array import ArrayConfig
from kernel.clock import DAY, SystemClock, monotonic
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from mla.moving.places import Place, check_source
from mla.moving.progress import open_progress
from mla.moving.revisions import copy_revisions
from mla.moving.samples import Copier, Difference


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was copied and how it compares."""

    revisions: int
    points: int
    samples: int
    differing: tuple[Difference, ...]
    seconds: float


def progress_file(folder: Path, source: Place, target: Place) -> Path:
    """The progress of the migration between two places, in a folder: the same for the same places."""
    name = hashlib.sha256("\n".join((source.archive, source.cdb, target.archive, target.cdb)).encode()).hexdigest()[:12]
    return folder / f"migration-{name}.sqlite"


async def migrate(source: Place, target: Place, progress: Path, told: Callable[[str, int, int], None]) -> Outcome:
    """Copies configuration and archive and compares. The progress file stays where something differs; else it is removed.

    Killed and started again with the same progress file it goes on where it was. Raises BadUsage, NotAvailable.
    """
    if source.archive == target.archive or source.cdb == target.cdb:
        raise BadUsage("source and target are the same place: name another target")
    check_source(source)
    begun, clock = monotonic(), SystemClock()
    async with open_contents(source.archive) as contents:
        revisions = await copy_revisions(source.cdb, target.cdb, lambda done, all_: told("configuration", done, all_))
        live = LiveConfig(await _compiled(target.cdb))
        identity = (_without_secrets(source.archive), _without_secrets(target.archive))
        # no archive takes samples from further ahead than a day
        with open_progress(progress, *identity, clock.now() + DAY) as noted:
            async with (
                open_archive(source.archive, clock=clock, config=live, read_only=True) as old,
                open_archive(target.archive, clock=clock, config=live) as new,
            ):
                copier = Copier(old, contents, new, noted, clock)
                await copier.copy(told)
                differing = await copier.verify(told)
            outcome = Outcome(revisions, noted.count(copied=False), noted.samples(), tuple(differing), monotonic() - begun)
    if not outcome.differing:
        progress.unlink()
    return outcome


async def _compiled(url: str) -> ArrayConfig:
    """The newest configuration: it says which archive class a point is in."""
    async with open_config(url, clock=SystemClock()) as store:
        return compile((await store.load()).documents)


def _without_secrets(url: str) -> str:
    scheme, sep, rest = url.partition("://")
    host = rest.partition("?")[0]
    return scheme + sep + host.rpartition("@")[2]
