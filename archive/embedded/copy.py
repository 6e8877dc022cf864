"""A consistent copy of the embedded archive while it is being written: open.db and the segments its catalogue lists, as of one moment.

Within one transaction of open.db the listed segments get a second name (a hard link, so that merging and retention cannot take them away)
and open.db is copied by SQLite's online backup, which reads that same transaction. The segments' bytes follow afterwards.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from archive.embedded.store import connect, transaction, translated
from kernel.errors import BadUsage, NotAvailable

STAGE = ".backup"
"""Below the archive, so that links are possible; two levels above the files, where nobody looks for segments."""
TRIES = 20
PAGES = 2048
Told = Callable[[int, int], None]
"""Bytes done, bytes of all."""


def copy_archive(directory: Path, target: Path, told: Told) -> None:
    """Copies the archive in a directory to another, which must not exist. Blocks. Raises BadUsage, NotAvailable."""
    if not (directory / "open.db").exists():
        raise BadUsage(f"there is no archive in {directory}: name the folder that holds open.db")
    with translated(directory), _stage(directory) as stage, closing(connect(directory)) as db:
        target.mkdir(parents=True)
        files = _freeze(db, directory, stage, target)
        sizes = {file: (stage / file).stat().st_size for file in files}
        total = sum(sizes.values()) + (target / "open.db").stat().st_size
        done = total - sum(sizes.values())
        told(done, total)
        for file, size in sizes.items():
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(stage / file, target / file)
            done += size
            told(done, total)


def _freeze(db: sqlite3.Connection, directory: Path, stage: Path, target: Path) -> list[str]:
    """Names of the segments, linked below the stage, and open.db of the same moment at the target."""
    for _ in range(TRIES):
        with transaction(db, "DEFERRED"):
            files = [file for (file,) in db.execute("SELECT file FROM segment ORDER BY id")]
            if all(_link(directory / file, stage / file) for file in files):
                with closing(sqlite3.connect(target / "open.db")) as copy:
                    db.backup(copy, pages=PAGES)
                return files
    raise NotAvailable(f"the archive in {directory} lists a segment that is not there: restore it from a backup")


def _link(file: Path, name: Path) -> bool:
    """False where the segment was merged away between the two looks."""
    name.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not name.exists():
            os.link(file, name)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _stage(directory: Path) -> Iterator[Path]:
    """An empty folder for links, one at a time; what a backup that was killed left there goes first."""
    handle, stage = os.open(directory / "backup.lock", os.O_RDWR | os.O_CREAT, 0o644), directory / STAGE
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotAvailable(f"another backup of {directory} is under way: wait for its end") from None
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        try:
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    finally:
        os.close(handle)
