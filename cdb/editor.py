"""Changing the configuration: every change is compiled first, so that nothing wrong is ever published."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from cdb.compiler import compile
from cdb.diff import diff_documents
from cdb.reading import suggest
from kernel.clock import SECOND, Clock
from kernel.config_store import ConfigChange, ConfigStore, Snapshot
from kernel.errors import BadUsage, Conflict
from schemas.records import Revision


class Editor:
    """The ConfigEditor over any ConfigStore."""

    def __init__(self, store: ConfigStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def publish(self, changes: Mapping[str, str | None], *, base: int, author: str, comment: str) -> Revision:
        """As ConfigEditor.publish. Raises BadUsage where nothing would change, or where a document to be removed is not there."""
        snapshot = await self._store.load()
        self._check_base(snapshot, base)
        for path, text in changes.items():
            if text is None and path not in snapshot.documents:
                raise BadUsage(f"there is no document {path} to remove ({suggest(path, snapshot.documents)})")
        after = {p: t for p, t in {**snapshot.documents, **changes}.items() if t is not None}
        if after == snapshot.documents:
            raise BadUsage(f"nothing to publish: every document is as in revision {base}")
        return await self._publish(snapshot, after, author, comment)

    async def rollback(self, to: int, *, author: str, comment: str) -> Revision:
        """As ConfigEditor.rollback. Raises ConfigProblems where the old documents no longer compile, BadUsage where nothing would
        change."""
        old, newest = await self._store.load(to), await self._store.load()
        if old.documents == newest.documents:
            raise BadUsage(f"nothing to roll back: every document is as in revision {to}")
        return await self._publish(newest, old.documents, author, comment)

    async def diff(self, a: int, b: int) -> Sequence[ConfigChange]:
        """Documents that differ, by path. Revision 0 is the empty configuration before the first."""
        return diff_documents(await self._documents(a), await self._documents(b))

    async def _documents(self, number: int) -> Mapping[str, str]:
        return (await self._store.load(number)).documents if number else {}

    async def _publish(self, newest: Snapshot, after: Mapping[str, str], author: str, comment: str) -> Revision:
        base = newest.revision.number if newest.revision else 0
        await asyncio.to_thread(compile, after, base + 1)
        changes = {c.path: c.after for c in diff_documents(newest.documents, after)}
        return await self._store.publish(changes, base=base, author=author, comment=comment)

    def _check_base(self, snapshot: Snapshot, base: int) -> None:
        newest = snapshot.revision
        if newest is None:
            if base:
                raise Conflict(f"nothing was published yet, so there is no revision {base} to change: begin with base 0")
        elif newest.number != base:
            ago = max(0, self._clock.now() - newest.time) // SECOND
            text = f"revision {newest.number} was published by {newest.author} {ago} s ago ({newest.comment})"
            raise Conflict(f"{text}: the change was made to revision {base}; read the newest and repeat it")
