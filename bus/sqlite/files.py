"""The SQLite files of a bus folder: names, connections, and errors in words people can act on."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from kernel.clock import Clock, sleep
from kernel.errors import NotAvailable

SUFFIX = ".topic.db"
BUSY_MS = 10_000
"""How long a statement waits for another process's transaction, which takes milliseconds."""


def topic_path(folder: Path, topic: str) -> Path:
    """The file of a topic."""
    return folder / (quote(topic, safe="") + SUFFIX)


def topics_in(folder: Path) -> list[str]:
    """The topics that have a file."""
    return sorted(unquote(p.name.removesuffix(SUFFIX)) for p in folder.glob(f"*{SUFFIX}"))


class File:
    """A SQLite file, made where it is missing, opened on first use and again after an error. Several threads may use it, in turn."""

    def __init__(self, path: Path, schema: str, settings: str, *, page: int = 4096) -> None:
        self.path = path
        self._schema = f"PRAGMA page_size={page}; PRAGMA journal_mode=WAL;{schema}"
        self._settings = settings
        self._db: sqlite3.Connection | None = None
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone. Raises NotAvailable, naming the file and the remedy, for whatever SQLite reports."""
        with self._lock, explained(self.path):
            if self._closed:
                raise NotAvailable(f"bus file {self.path}: the bus was closed")
            try:
                if self._db is None:
                    _create(self.path, self._schema)
                    self._db = _open(self.path, self._settings)
                yield self._db
            except sqlite3.Error:
                self._drop()
                raise

    def close(self) -> None:
        """Closes the file for good."""
        with self._lock:
            self._closed = True
            self._drop()

    def _drop(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()


def _open(path: Path, settings: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=32)
    try:
        db.executescript("PRAGMA cache_size=-1024; PRAGMA journal_size_limit=67108864;" + settings)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _create(path: Path, schema: str) -> None:
    """Makes the file under a lock of its folder: SQLite does not wait where two processes switch a new file to WAL at once."""
    if path.exists():
        return
    with (path.parent / "create.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return
        making = path.with_name(path.name + ".new")
        making.unlink(missing_ok=True)
        _open(making, schema).close()
        making.rename(path)


@asynccontextmanager
async def alone(path: Path, clock: Clock) -> AsyncIterator[None]:
    """Waits until nobody else of this host is in here with the same path; the end of a process lets the next one in. Raises NotAvailable
    where the file cannot be made."""
    try:
        lock = path.open("a")
    except OSError as error:
        raise NotAvailable(f"{path}: {error.strerror}: check the folder, its owner, and the room on its disk") from error
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await sleep(clock, 0.02)
        yield


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, holding the write lock from the start."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


_REMEDIES = {
    sqlite3.SQLITE_FULL: "no room is left on its disk: free some, or lower the retention",
    sqlite3.SQLITE_READONLY: "it cannot be written: check the owner and whether the disk is mounted read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that the folder exists, its owner, and the room on its disk",
    sqlite3.SQLITE_BUSY: f"another process has held it for more than {BUSY_MS // 1000} s: look for one that hangs",
    sqlite3.SQLITE_IOERR: "its disk reports an error or is full: check the disk",
    sqlite3.SQLITE_CORRUPT: "it is damaged: move it away, and restore it from a copy where it matters",
    sqlite3.SQLITE_NOTADB: "it is no SQLite file: move it away",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the operating system as NotAvailable, naming the file and the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        remedy = _REMEDIES.get(code & 0xFF, "check the file and its disk") if code is not None else "check the file and its disk"
        raise NotAvailable(f"bus file {path}: {remedy} ({name}: {error})") from error
    except OSError as error:
        raise NotAvailable(f"bus file {path}: {error.strerror or error}: check the folder, its owner and the room on its disk") from error
