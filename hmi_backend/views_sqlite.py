"""The store of views in one SQLite file beside the users' file."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from hmi_backend.views import BYTES_PER_USER, VERSIONS_KEPT, Draft, View, ViewStore
from kernel.errors import BadUsage, Conflict, NotAvailable

T = TypeVar("T")
VERSION = 1
BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE views (id TEXT PRIMARY KEY, owner TEXT NOT NULL, created INTEGER NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX of_owner ON views (owner);
CREATE TABLE versions (id TEXT NOT NULL, version INTEGER NOT NULL, time INTEGER NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL,
                       kind TEXT NOT NULL, shared INTEGER NOT NULL, size INTEGER NOT NULL, content TEXT NOT NULL,
                       PRIMARY KEY (id, version));
"""
_COLUMNS = "v.id, v.owner, w.name, w.kind, w.shared, w.version, v.created, w.time, w.user"
_NEWEST = f"SELECT {_COLUMNS} FROM views AS v JOIN versions AS w ON w.id = v.id AND w.version = v.version"


@asynccontextmanager
async def open_views(path: Path) -> AsyncIterator[ViewStore]:
    """The store in a file, which is made where it does not exist. Raises NotAvailable naming the file where it cannot be opened."""
    with ThreadPoolExecutor(1, "views-ThreadPool") as worker:
        store = _SqliteViews(path, worker)
        await store.open()
        try:
            yield store
        finally:
            await store.close()


class _SqliteViews:
    """One connection, used by one worker thread only."""

    def __init__(self, path: Path, worker: ThreadPoolExecutor) -> None:
        self._path, self._worker = path, worker
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._do(self._open)

    async def close(self) -> None:
        await self._do(self._close)

    async def list(self, *, mentioning: str | None = None) -> Sequence[View]:
        where = "" if mentioning is None else " WHERE instr(w.content, ?) > 0"
        given = () if mentioning is None else (json.dumps(mentioning, ensure_ascii=False),)
        return await self._do(lambda: [_view(r) for r in self._all(f"{_NEWEST}{where} ORDER BY lower(w.name), v.id", given)])

    async def load(self, id: str, version: int | None = None) -> tuple[View, str, Sequence[View]] | None:
        return await self._do(lambda: self._load(id, version))

    async def save(self, draft: Draft, *, user: str, time: int) -> View:
        return await self._do(lambda: self._save(draft, user, time))

    async def delete(self, id: str) -> bool:
        return await self._do(lambda: self._delete(id))

    async def _do(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return work()
            except (sqlite3.Error, OSError) as error:
                raise NotAvailable(f"the saved views in {self._path} cannot be used: {error}") from error

        return await asyncio.get_running_loop().run_in_executor(self._worker, guarded)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._db = db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            db.execute("ROLLBACK")
            raise sqlite3.DatabaseError("a newer release wrote it: start that release, or move the file away")
        if found == 0:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()

    def _all(self, statement: str, given: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        assert self._db is not None
        with closing(self._db.execute(statement, given)) as rows:
            return rows.fetchall()

    def _load(self, id: str, version: int | None) -> tuple[View, str, Sequence[View]] | None:
        rows = self._all(
            f"SELECT {_COLUMNS}, w.content FROM views AS v JOIN versions AS w USING (id) WHERE v.id = ? ORDER BY w.version DESC", (id,)
        )
        wanted = [r for r in rows if version is None or r[5] == version]
        return (_view(wanted[0]), str(wanted[0][9]), [_view(r) for r in rows]) if wanted else None

    def _save(self, draft: Draft, user: str, time: int) -> View:
        self._all("BEGIN IMMEDIATE")
        try:
            saved = self._write(draft, user, time)
        except BaseException:
            self._all("ROLLBACK")
            raise
        self._all("COMMIT")
        return saved

    def _write(self, draft: Draft, user: str, time: int) -> View:
        id, version = draft.id, 1
        if id is None:
            id = secrets.token_urlsafe(9)
            self._all("INSERT INTO views VALUES (?, ?, ?, 1)", (id, user, time))
        else:
            known = self._all("SELECT version FROM views WHERE id = ?", (id,))
            if not known:
                raise Conflict("this view was deleted meanwhile: save it as a new one")
            newest = int(str(known[0][0]))
            if draft.base is not None and draft.base != newest:
                raise Conflict(f"this view was saved meanwhile as version {newest}, you changed version {draft.base}: look at it first")
            version = newest + 1
            self._all("UPDATE views SET version = ? WHERE id = ?", (version, id))
        row = (id, version, time, user, draft.name, draft.kind, draft.shared, len(draft.content.encode()), draft.content)
        self._all("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._all("DELETE FROM versions WHERE id = ? AND version <= ?", (id, version - VERSIONS_KEPT))
        saved = _view(self._all(f"{_NEWEST} WHERE v.id = ?", (id,))[0])
        total = self._all("SELECT sum(w.size) FROM views AS v JOIN versions AS w USING (id) WHERE v.owner = ?", (saved.owner,))
        if int(str(total[0][0])) > BYTES_PER_USER:
            raise BadUsage(f"the views of {saved.owner} would take more than {BYTES_PER_USER >> 20} MiB: delete some first")
        return saved

    def _delete(self, id: str) -> bool:
        self._all("BEGIN IMMEDIATE")
        known = bool(self._all("SELECT 1 FROM views WHERE id = ?", (id,)))
        self._all("DELETE FROM versions WHERE id = ?", (id,))
        self._all("DELETE FROM views WHERE id = ?", (id,))
        self._all("COMMIT")
        return known


def _view(row: Sequence[object]) -> View:
    id, owner, name, kind, shared, version, created, updated, user = row[:9]
    return View(str(id), str(owner), str(name), str(kind), bool(shared), int(str(version)), int(str(created)), int(str(updated)), str(user))
