"""Every revision of the configuration, copied with its number, time, author and comment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from cdb import open_config
from kernel.clock import SystemClock
from kernel.config_store import ConfigStore, Snapshot
from kernel.errors import BadUsage
from schemas.records import Revision


class _Replayed:
    """The time of the revision that is being copied: a store stamps what is published with its clock's."""

    def __init__(self) -> None:
        self.moment = 0

    def now(self) -> int:
        return self.moment

    def steady(self) -> float:
        return SystemClock().steady()

    async def sleep_until(self, moment: int) -> None:
        await SystemClock().sleep_until(moment)

    async def sleep(self, seconds: float) -> None:
        await SystemClock().sleep(seconds)


async def copy_revisions(source: str, target: str, told: Callable[[int, int], None]) -> int:
    """Copies what the target has not yet; returns the number of revisions that are there now. `told` hears of each: done, all.

    Each is read back and compared. Raises BadUsage where the target has another history.
    """
    clock = _Replayed()
    async with open_config(source, clock=SystemClock()) as old, open_config(target, clock=clock) as new:
        last, have = await _newest(old), await _newest(new)
        before = await new.load() if have else Snapshot(None, {})
        if have > last or (have and not _equal(await old.load(have), before)):
            raise BadUsage(f"the target has another configuration in {have} revisions: name an empty one")
        for number in range(have + 1, last + 1):
            wanted = await old.load(number)
            clock.moment = _revision(wanted).time
            changes: dict[str, str | None] = {p: None for p in before.documents if p not in wanted.documents}
            changes |= {p: text for p, text in wanted.documents.items() if before.documents.get(p) != text}
            revision = _revision(wanted)
            await new.publish(changes, base=number - 1, author=revision.author, comment=revision.comment)
            before = await new.load(number)
            if not _equal(wanted, before):
                raise BadUsage(f"revision {number} reads back as another one: the target is being changed by somebody else")
            told(number, last)
        return last


async def digest_of_revisions(url: str) -> tuple[int, str]:
    """How many revisions there are, and SHA-256 over all of them."""
    found = hashlib.sha256()
    async with open_config(url, clock=SystemClock()) as store:
        last = await _newest(store)
        for number in range(1, last + 1):
            snapshot = await store.load(number)
            found.update(json.dumps([_identity(snapshot), sorted(snapshot.documents.items())]).encode())
    return last, found.hexdigest()


async def _newest(store: ConfigStore) -> int:
    found = await store.revisions(limit=1)
    return found[0].number if found else 0


def _revision(snapshot: Snapshot) -> Revision:
    assert snapshot.revision is not None
    return snapshot.revision


def _identity(snapshot: Snapshot) -> list[object]:
    r = _revision(snapshot)
    return [r.number, r.time, r.author, r.comment, list(r.paths)]


def _equal(a: Snapshot, b: Snapshot) -> bool:
    return _identity(a) == _identity(b) and dict(a.documents) == dict(b.documents)
