"""open.db: what is not yet sealed, and the catalogue of what is. SQLite in WAL mode, synchronous FULL: a commit is on the disk."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernel.errors import NotAvailable

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS point (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS origin (id INTEGER PRIMARY KEY, point INTEGER NOT NULL, source INTEGER NOT NULL, UNIQUE (point, source));
CREATE TABLE IF NOT EXISTS names (id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT, stored INTEGER NOT NULL, names INTEGER, at INTEGER, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS mark (source TEXT, epoch INTEGER, low INTEGER, high INTEGER, PRIMARY KEY (source, epoch, low)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS coverage (source TEXT, low INTEGER, high INTEGER, PRIMARY KEY (source, low)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, kind TEXT NOT NULL, cause TEXT NOT NULL, start INTEGER NOT NULL,
  end INTEGER, time INTEGER NOT NULL, points TEXT NOT NULL, count INTEGER, detail TEXT NOT NULL,
  UNIQUE (source, kind, cause, start, time, points, detail));
CREATE INDEX IF NOT EXISTS event_start ON event (source, kind, start);
CREATE INDEX IF NOT EXISTS event_end ON event (source, kind, end);
CREATE TABLE IF NOT EXISTS section (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, class TEXT NOT NULL, window INTEGER NOT NULL, chunk INTEGER NOT NULL,
  kind INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
  n INTEGER NOT NULL, bytes INTEGER NOT NULL, made INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS section_source ON section (source);
CREATE TABLE IF NOT EXISTS slab (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS segment (
  id INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL, day INTEGER NOT NULL, file TEXT NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL, made INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS ledger_source ON ledger (source, last);
"""
"""A journal row's data are a batch's bytes; with `names`, that list is to be put in at byte `at`. A slab's id is its section's id shifted
left by 32, plus its first point id: the slab of a point is found by one seek."""

BUSY_SECONDS = 30.0


def connect(directory: Path) -> sqlite3.Connection:
    """A connection to open.db, which is made if it is not there. Raises NotAvailable where the directory cannot be used."""
    with translated(directory):
        directory.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(directory / "open.db", timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                _create(db)
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_size_limit = 67108864")
            db.execute("PRAGMA cache_size = -8192")
            db.execute("PRAGMA wal_autocheckpoint = 1000")
        except BaseException:
            db.close()
            raise
        return db


def _create(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA page_size = 16384")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """All or nothing; a full disk or a broken file becomes NotAvailable."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def translated(directory: Path) -> Iterator[None]:
    """Errors of the disk and of SQLite as NotAvailable, with the remedy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.ProgrammingError, sqlite3.IntegrityError)):
            raise
        remedy = "make room on the disk" if "full" in str(error) else "look at the disk and its rights"
        raise NotAvailable(f"the archive in {directory} cannot be used now: {error}; {remedy}") from error
    except OSError as error:
        remedy = "make room on the disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "look at the disk and its rights"
        raise NotAvailable(f"the archive in {directory} cannot be used now: {error}; {remedy}") from error


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """Holds the right to write; the operating system takes it back from a process that dies. Raises NotAvailable where another has it."""
    with translated(directory):
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            raise NotAvailable(
                f"the archive in {directory} is written by process {owner}, of a platform that runs on this data folder already: "
                "stop that one, or name another folder with --data"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
