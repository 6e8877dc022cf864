"""Contents of the embedded archive, read beside the process that stores."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from archive.embedded.state import State
from archive.embedded.store import connect, transaction, translated
from archive.events import COLUMNS, event_of
from kernel.errors import BadUsage
from schemas.records import StateEvent

PAGE = 1000
_EVENTS = f"SELECT id, {COLUMNS} FROM event WHERE source = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?"


class EmbeddedContents:
    """Implements archive.contents.Contents."""

    def __init__(self, directory: Path, db: sqlite3.Connection) -> None:
        self._directory, self._db, self._state = directory, db, State()
        with translated(directory), transaction(db, "DEFERRED"):
            self._state.sync(db)
            self._last_event = db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0]
            told = {source for (source,) in db.execute("SELECT DISTINCT source FROM event")}
        self._sources = tuple(sorted({*self._state.names.sources, *self._state.coverage.all(), *told}))

    def sources(self) -> Sequence[str]:
        return self._sources

    def points(self) -> Sequence[tuple[str, str]]:
        names = self._state.names
        found = ((names.source_names[source], point) for point, sources in sorted(names.origins.items()) for source in sources)
        return [(source, names.names[point]) for source, point in sorted(found)]

    def covered(self, source: str) -> Sequence[tuple[int, int]]:
        return self._state.coverage.spans(source)

    def events(self, source: str) -> Iterator[StateEvent]:
        after = 0
        while True:
            with translated(self._directory):
                rows = self._db.execute(_EVENTS, (source, after, self._last_event, PAGE)).fetchall()
            for _, *row in rows:
                yield event_of(source, row)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]


@asynccontextmanager
async def open_embedded_contents(directory: Path) -> AsyncIterator[EmbeddedContents]:
    """Raises BadUsage where there is no archive: nothing is made."""
    if not (directory / "open.db").exists():
        raise BadUsage(f"there is no archive in {directory}: name the folder that holds open.db")
    db = await asyncio.to_thread(connect, directory)
    try:
        yield await asyncio.to_thread(EmbeddedContents, directory, db)
    finally:
        db.close()
