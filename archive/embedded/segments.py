"""Segments: immutable SQLite files of sealed slabs, one or a few per archive class and day, `CLASS/YYYY-MM-DD.N.db`.

A segment is written under another name, made durable and renamed; it exists for readers when the catalogue in open.db lists it. Nothing
writes to it afterwards, so readers need no locks, and any number of processes may read.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from archive.slab import open_slab, read_point
from archive.table import Table
from kernel.errors import NotAvailable
from kernel.samples import Kind

SCHEMA = (
    "CREATE TABLE section (id INTEGER PRIMARY KEY, window INTEGER, kind INTEGER, first INTEGER, last INTEGER, low INTEGER, high INTEGER,"
    " n INTEGER, bytes INTEGER)",
    "CREATE TABLE slab (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
)
PAGE, SMALL_PAGE, SMALL = 16384, 8192, 1_000_000
"""Large pages, since slabs of a few kilobytes would waste much of small ones; small pages for files of less than so many samples."""
OPEN_FILES = 48


@dataclass(frozen=True, slots=True)
class Section:
    """Slabs of one window and kind."""

    id: int
    window: int
    kind: Kind
    first: int
    last: int
    low: int
    high: int
    n: int
    bytes: int


def fetch(db: sqlite3.Connection, section: int, point: int) -> bytes | None:
    """The slab of a section that would hold the point; it may turn out not to."""
    row = db.execute("SELECT id, data FROM slab WHERE id <= ? ORDER BY id DESC LIMIT 1", (section << 32 | point,)).fetchone()
    return row[1] if row is not None and row[0] >> 32 == section else None


class Segment:
    """A segment open for reading; used by one thread."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(path)
        self.db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self.db.execute("PRAGMA mmap_size = 1073741824")
        rows = self.db.execute("SELECT id, window, kind, first, last, low, high, n, bytes FROM section ORDER BY id")
        self.sections = [Section(i, w, Kind(k), *rest) for i, w, k, *rest in rows]

    def read(self, section: int, point: int) -> Table | None:
        """The samples of a point in a section."""
        data = fetch(self.db, section, point)
        return None if data is None else read_point(open_slab(data), point, self.slab)

    def slab(self, number: int) -> bytes:
        """A slab by its id."""
        data: bytes = self.db.execute("SELECT data FROM slab WHERE id = ?", (number,)).fetchone()[0]
        return data

    def close(self) -> None:
        """Gives the file back."""
        self.db.close()


class SegmentCache:
    """The segments one reader thread has open, the least recently used closed first; it remembers what is in all of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: OrderedDict[str, Segment] = OrderedDict()
        self._sections: dict[str, list[Section]] = {}

    def sections(self, file: str) -> list[Section]:
        """What a segment holds."""
        found = self._sections.get(file)
        return self._get(file).sections if found is None else found

    def read(self, file: str, section: int, point: int) -> Table | None:
        """The samples of a point in a section of a segment. Raises NotAvailable where the file is damaged."""
        try:
            return self._get(file).read(section, point)
        except ValueError as error:
            raise NotAvailable(f"{self._directory / file} is damaged: {error}; restore the file from a backup") from error

    def _get(self, file: str) -> Segment:
        """The segment, opened if need be; FileNotFoundError where it was merged or removed in the meantime."""
        found = self._open.get(file)
        if found is None:
            found = self._open[file] = Segment(self._directory / file)
            self._sections[file] = found.sections
            while len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        else:
            self._open.move_to_end(file)
        return found

    def keep(self, files: Iterable[str]) -> None:
        """Forgets what is not listed any more, so that its room is given back."""
        for file in set(self._sections) - set(files):
            del self._sections[file]
            if file in self._open:
                self._open.pop(file).close()

    def close(self) -> None:
        """Closes all."""
        self.keep(())


class SegmentWriter:
    """Writes one segment: sections in order, their slabs ascending. `finish` makes it durable under its name; `abandon` removes it."""

    def __init__(self, path: Path, samples: int) -> None:
        self.path = path
        self._temporary = path.with_suffix(".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary.unlink(missing_ok=True)
        self.db = sqlite3.connect(self._temporary, isolation_level=None, check_same_thread=False)
        page = SMALL_PAGE if samples < SMALL else PAGE
        for pragma in (f"page_size = {page}", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -4096"):
            self.db.execute(f"PRAGMA {pragma}")
        for statement in SCHEMA:
            self.db.execute(statement)
        self.db.execute("BEGIN")

    def slab(self, section: int, point: int, data: bytes) -> int:
        """Adds a slab; returns its id."""
        number = section << 32 | point
        self.db.execute("INSERT INTO slab VALUES (?, ?)", (number, data))
        return number

    def section(self, section: Section) -> None:
        """Adds a section's line."""
        self.db.execute(
            "INSERT INTO section VALUES (?,?,?,?,?,?,?,?,?)",
            (
                section.id,
                section.window,
                int(section.kind),
                section.first,
                section.last,
                section.low,
                section.high,
                section.n,
                section.bytes,
            ),
        )

    def finish(self) -> int:
        """Durable under its name when it returns; returns its size in bytes."""
        self.db.execute("COMMIT")
        self.db.close()
        _sync(self._temporary)
        os.replace(self._temporary, self.path)
        _sync(self.path.parent)
        return self.path.stat().st_size

    def abandon(self) -> None:
        """Leaves nothing behind, even where it was finished."""
        self.db.close()
        self._temporary.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
