"""The config store in one SQLite file: revisions are rows, a document's text is stored once however many revisions share it.

Several processes on one host may have it open; publishing is one transaction that compares the base.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from cdb.paths import check_path, check_text
from kernel.clock import Clock, monotonic, pause, sleep
from kernel.config_store import ConfigStore, Snapshot
from kernel.errors import BadUsage, Conflict, NotAvailable
from schemas.records import Revision

POLL = 0.5
"""Seconds between looks for a revision that another process published."""
BUSY = 10.0
"""Seconds to wait for another process that writes."""
VERSION = 1
_SCHEMA = """
CREATE TABLE revisions (number INTEGER PRIMARY KEY, base INTEGER NOT NULL, time INTEGER NOT NULL, author TEXT NOT NULL,
                        comment TEXT NOT NULL, paths TEXT NOT NULL);
CREATE TABLE texts (hash BLOB PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE changes (path TEXT NOT NULL, revision INTEGER NOT NULL, hash BLOB, PRIMARY KEY (path, revision)) WITHOUT ROWID;
"""
_DOCUMENTS = """
SELECT c.path, t.text FROM (SELECT path, max(revision) AS revision FROM changes WHERE revision <= ? GROUP BY path) AS newest
JOIN changes AS c USING (path, revision) JOIN texts AS t ON t.hash = c.hash ORDER BY c.path
"""
_COLUMNS = "number, base, time, author, comment, paths"
T = TypeVar("T")


@asynccontextmanager
async def open_sqlite(folder: Path, *, clock: Clock) -> AsyncIterator[ConfigStore]:
    """The store in a folder, which is created where it does not exist."""
    with ThreadPoolExecutor(1, "cdb-ThreadPool") as worker:
        store = _SqliteStore(folder, clock, worker)
        try:
            await store.open()
            yield store
        finally:
            await store.close()


class _SqliteStore:
    """One connection, used by one worker thread only: the event loop never waits for the disk."""

    def __init__(self, folder: Path, clock: Clock, worker: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._clock = clock
        self._worker = worker
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._do(self._open)

    async def close(self) -> None:
        """Waits for what the worker still does, also when open() or publish() was cancelled meanwhile."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, self._close))

    async def load(self, revision: int | None = None) -> Snapshot:
        return await self._do(lambda: self._load(revision))

    async def publish(self, changes: Mapping[str, str | None], *, base: int, author: str, comment: str) -> Revision:
        for path, text in changes.items():
            check_path(path)
            check_text(path, text)
        return await self._do(lambda: self._publish(dict(changes), base, author, comment))

    async def revisions(self, *, limit: int = 100, before: int | None = None) -> Sequence[Revision]:
        if limit < 1:
            raise BadUsage(f"a limit of {limit} revisions: ask for at least 1")
        return await self._do(lambda: self._revisions(limit, before))

    async def watch(self, after: int) -> AsyncIterator[int]:
        while True:
            newest = await self._do(lambda: _newest(self._db))
            if newest > after:
                after = newest
                yield newest
            else:
                await sleep(self._clock, POLL)

    # Run by the worker.

    def _open(self) -> None:
        self._connection = _connect(self._folder)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def _db(self) -> sqlite3.Connection:
        assert self._connection is not None, "the store is used outside its context"
        return self._connection

    def _load(self, number: int | None) -> Snapshot:
        newest = _newest(self._db)
        if number is None and newest == 0:
            return Snapshot(None, {})
        wanted = newest if number is None else number
        if not 1 <= wanted <= newest:
            known = f"known: 1 to {newest}" if newest else "nothing was published yet"
            raise BadUsage(f"there is no revision {wanted} ({known})")
        row = self._db.execute(f"SELECT {_COLUMNS} FROM revisions WHERE number = ?", (wanted,)).fetchone()
        return Snapshot(_revision(row), dict(self._db.execute(_DOCUMENTS, (wanted,))))

    def _publish(self, changes: dict[str, str | None], base: int, author: str, comment: str) -> Revision:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            newest = _newest(db)
            if newest != base:
                raise Conflict(f"the newest revision is {newest}, not {base}: {_who(db, newest)}read it and repeat the change")
            before = dict(db.execute(_DOCUMENTS, (base,)))
            differing = {p: text for p, text in changes.items() if before.get(p) != text}
            revision = Revision(
                number=newest + 1, base=base, time=self._clock.now(), author=author, comment=comment, paths=tuple(sorted(differing))
            )
            db.execute(
                f"INSERT INTO revisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                (revision.number, base, revision.time, author, comment, json.dumps(revision.paths)),
            )
            for path, text in differing.items():
                key = None if text is None else hashlib.sha256(text.encode()).digest()
                if key is not None:
                    db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (key, text))
                db.execute("INSERT INTO changes VALUES (?, ?, ?)", (path, revision.number, key))
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return revision

    def _revisions(self, limit: int, before: int | None) -> list[Revision]:
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM revisions WHERE ? IS NULL OR number < ? ORDER BY number DESC LIMIT ?", (before, before, limit)
        )
        return [_revision(r) for r in rows]

    async def _do(self, work: Callable[[], T]) -> T:
        """Runs work in the worker; SQLite's errors become ours, naming the folder."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except sqlite3.OperationalError as e:
            raise NotAvailable(f"configuration database {self._folder}: {e}; check free space, permissions and other writers") from e
        except sqlite3.DatabaseError as e:
            raise BadUsage(f"configuration database {self._folder}: {e}; it is damaged or not ours: restore it, or name another") from e
        except OSError as e:
            raise NotAvailable(f"configuration database {self._folder}: {e.strerror or e}; check the path and its permissions") from e


def _connect(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(folder / "revisions.sqlite", timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        _use_wal(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";")[:-1]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
        if version > VERSION:
            raise BadUsage(f"configuration database {folder}: written by a newer release (format {version}); update this one")
    except BaseException:
        db.close()
        raise
    return db


def _use_wal(db: sqlite3.Connection) -> None:
    """SQLite does not wait for its lock here, so two processes that create the file at once would fail."""
    until = monotonic() + BUSY
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if monotonic() > until:
                raise
            pause(0.02)


def _newest(db: sqlite3.Connection) -> int:
    (number,) = db.execute("SELECT coalesce(max(number), 0) FROM revisions").fetchone()
    return int(number)


def _who(db: sqlite3.Connection, number: int) -> str:
    row = db.execute("SELECT author, comment FROM revisions WHERE number = ?", (number,)).fetchone()
    return f"{row[0]} published it ({row[1]}); " if row else ""


def _revision(row: tuple[int, int, int, str, str, str]) -> Revision:
    number, base, time, author, comment, paths = row
    return Revision(number=number, base=base, time=time, author=author, comment=comment, paths=tuple(json.loads(paths)))
