"""Sealing, compaction and retention of the embedded archive.

Sealing moves what is over from the open tier into a new segment of its class and day; compaction makes one segment of a day's several;
retention drops whole days. A new file becomes part of the archive, and what it replaces ceases to be, in one transaction of open.db: a
process that dies in between leaves at most a file that nobody lists, which the next start removes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from archive.embedded.merge import Input, Merger
from archive.embedded.segments import Segment, SegmentWriter
from archive.embedded.state import meta, set_meta
from archive.embedded.store import connect, transaction, translated
from archive.embedded.writer import Writer
from kernel.clock import DAY, SECOND

GRACE = 120 * SECOND
"""A window is sealed so long after its end: what is under way has then arrived and been folded."""
WAIT = 1800 * SECOND
"""Little data, late data and short windows are collected for so long, so that they do not become many tiny files."""
PLENTY, VERY_MUCH = 100_000, 5_000_000
"""Samples that are worth a file at once: of an ordinary window, of any."""
QUIET = 10 * SECOND
"""An import of history is left to end before its windows are sealed."""
DAY_QUIET = 600 * SECOND
VACUUM_PAGES = 512


@dataclass(frozen=True, slots=True)
class Due:
    """What is sealed into one file."""

    archive_class: str
    day: int
    windows: tuple[tuple[int, int], ...]
    """Start and length, microseconds."""


@dataclass(frozen=True, slots=True)
class _Swap:
    """What a new segment replaces."""

    archive_class: str
    day: int
    samples: int
    sections: tuple[int, ...] = ()
    segments: tuple[tuple[int, str], ...] = ()


class Sealer:
    """Synchronous; used by one worker thread beside the writer's."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._directory = writer, writer.directory
        self._db = connect(self._directory)
        self.stopping = threading.Event()
        with translated(self._directory):
            self._remove_orphans()

    def close(self) -> None:
        """After the last call has ended."""
        self._db.close()

    def seal(self, now: int, *, everything: bool = False) -> int:
        """Seals what is due (or, for tests and imports, every window that is over); returns the number of new segments."""
        with translated(self._directory):
            found = due(self._db, now, everything=everything)
            for group in found:
                self._seal(group, now)
            self._give_back()
            return len(found)

    def _seal(self, group: Due, now: int) -> None:
        marks = ",".join("(?,?)" for _ in group.windows)
        rows = self._db.execute(
            f"SELECT id, window, chunk, low, high, n FROM section WHERE class = ? AND (window, chunk) IN (VALUES {marks}) ORDER BY id",
            (group.archive_class, *(v for w in group.windows for v in w)),
        ).fetchall()
        inputs: dict[tuple[int, int], list[Input]] = defaultdict(list)
        for section, window, chunk, low, high, n in rows:
            inputs[window, chunk].append(Input(self._db, section, low, high, n))

        def fill(merger: Merger) -> None:
            for (window, chunk), found in sorted(inputs.items()):
                merger.merge(window, chunk, found)

        self._replace(_Swap(group.archive_class, group.day, sum(row[5] for row in rows), sections=tuple(row[0] for row in rows)), now, fill)

    def tidy(self) -> None:
        """Gives all free pages of open.db back to the file system."""
        with translated(self._directory), self._writer.lock:
            self._writer.db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def compact(self, now: int, *, everything: bool = False) -> int:
        """Makes one segment of a day's several, where the day is over and quiet (or, with everything, over); returns how many days."""
        with translated(self._directory):
            found = scattered(self._db, now, everything=everything)
            for archive_class, day, files in found:
                self._compact(archive_class, day, files, now)
            return len(found)

    def _compact(self, archive_class: str, day: int, files: Sequence[tuple[int, str]], now: int) -> None:
        opened = [Segment(self._directory / file) for _, file in files]
        try:
            inputs = [Input(segment.db, s.id, s.low, s.high, s.n) for segment in opened for s in segment.sections]

            def fill(merger: Merger) -> None:
                merger.merge(day, DAY, inputs)

            self._replace(_Swap(archive_class, day, sum(i.n for i in inputs), segments=tuple(files)), now, fill)
        finally:
            for segment in opened:
                segment.close()

    def _replace(self, swap: _Swap, now: int, fill: Callable[[Merger], None]) -> None:
        number = self._db.execute("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'segment'").fetchone()[0]
        file = f"{folder(swap.archive_class)}/{datetime.fromtimestamp(swap.day / SECOND, UTC):%Y-%m-%d}.{number}.db"
        writer = SegmentWriter(self._directory / file, swap.samples)
        try:
            merger = Merger(writer, self.stopping.is_set)
            fill(merger)
            self._list(swap, (number, swap.archive_class, swap.day, file, *merger.finish(), now))
        except BaseException:
            writer.abandon()
            raise
        self._unlink([f for _, f in swap.segments])

    def _list(self, swap: _Swap, line: tuple[object, ...]) -> None:
        db = self._writer.db
        with self._writer.lock, transaction(db):
            db.execute("INSERT INTO segment VALUES (?,?,?,?,?,?,?,?,?)", line)
            for section in swap.sections:
                db.execute("DELETE FROM section WHERE id = ?", (section,))
                db.execute("DELETE FROM slab WHERE id BETWEEN ? AND ?", (section << 32, (section + 1 << 32) - 1))
            db.executemany("DELETE FROM segment WHERE id = ?", [(i,) for i, _ in swap.segments])
            _changed(db)

    def retire(self, now: int) -> int:
        """Drops the days that are older than their class is kept; returns how many segments."""
        with translated(self._directory):
            old: list[tuple[int, str]] = []
            for (name,) in self._db.execute("SELECT DISTINCT class FROM segment").fetchall():
                kept = self._writer.classes.retention(name)
                if kept is not None:
                    old += self._db.execute("SELECT id, file FROM segment WHERE class = ? AND last < ?", (name, now - kept)).fetchall()
            if old:
                with self._writer.lock, transaction(self._writer.db):
                    self._writer.db.executemany("DELETE FROM segment WHERE id = ?", [(i,) for i, _ in old])
                    self._writer.db.execute("DELETE FROM ledger WHERE last < (SELECT min(first) FROM segment)")
                    _changed(self._writer.db)
                self._unlink([f for _, f in old])
            return len(old)

    def _unlink(self, files: Sequence[str]) -> None:
        for file in files:
            (self._directory / file).unlink(missing_ok=True)

    def _give_back(self) -> None:
        """Returns some of the pages that sealing freed to the file system, a piece at a time; the rest is used again."""
        with self._writer.lock:
            free, pages = (self._writer.db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("freelist_count", "page_count"))
            if free > VACUUM_PAGES and 2 * free > pages:
                # the script form, since each step of this statement frees one page
                self._writer.db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")

    def _remove_orphans(self) -> None:
        listed = {self._directory / file for (file,) in self._db.execute("SELECT file FROM segment")}
        for pattern in ("*/*.db", "*/*.part"):
            for path in self._directory.glob(pattern):
                if path not in listed:
                    path.unlink()


def folder(archive_class: str) -> str:
    """A class's folder: its name, with what a file system might not take written as %XX."""
    return quote(archive_class, safe="").replace(".", "%2E")


def _changed(db: sqlite3.Connection) -> None:
    """Tells readers that the catalogue is another one."""
    set_meta(db, "catalogue", meta(db, "catalogue", 0) + 1)


def due(db: sqlite3.Connection, now: int, *, everything: bool = False) -> list[Due]:
    """What is to be sealed, by class and day."""
    groups: dict[tuple[str, int], list[tuple[int, int, int, int, int]]] = defaultdict(list)
    for archive_class, window, chunk, oldest, newest, n in db.execute(
        "SELECT class, window, chunk, min(made), max(made), sum(n) FROM section GROUP BY class, window, chunk"
    ):
        if window + chunk + (0 if everything else GRACE) <= now:
            groups[archive_class, window - window % DAY].append((window, chunk, oldest, newest, n))
    found = []
    for (archive_class, day), lines in sorted(groups.items()):
        n = sum(line[4] for line in lines)
        worth = n >= VERY_MUCH or now - min(line[2] for line in lines) >= WAIT or (n >= PLENTY and max(line[1] for line in lines) >= WAIT)
        quiet = n >= 4 * VERY_MUCH or now - max(line[3] for line in lines) >= QUIET
        if everything or (worth and quiet):
            found.append(Due(archive_class, day, tuple((line[0], line[1]) for line in lines)))
    return found


def scattered(db: sqlite3.Connection, now: int, *, everything: bool = False) -> list[tuple[str, int, list[tuple[int, str]]]]:
    """Days that are over and in several files which are worth merging: class, day, (id, file) in the order of writing."""
    groups: dict[tuple[str, int], list[tuple[int, str, int, int]]] = defaultdict(list)
    for number, archive_class, day, file, size, made in db.execute("SELECT id, class, day, file, bytes, made FROM segment ORDER BY id"):
        if day + DAY + (0 if everything else DAY_QUIET) <= now:
            groups[archive_class, day].append((number, file, size, made))
    found = []
    for (archive_class, day), lines in sorted(groups.items()):
        sizes = [line[2] for line in lines]
        worth = len(lines) >= 8 or (len(lines) >= 2 and (everything or sum(sizes) - max(sizes) >= sum(sizes) // 10))
        if worth and (everything or (now - max(line[3] for line in lines) >= DAY_QUIET and not _still_open(db, archive_class, day))):
            found.append((archive_class, day, [(line[0], line[1]) for line in lines]))
    return found


def _still_open(db: sqlite3.Connection, archive_class: str, day: int) -> bool:
    found = db.execute("SELECT 1 FROM section WHERE class = ? AND window BETWEEN ? AND ? LIMIT 1", (archive_class, day, day + DAY - 1))
    return found.fetchone() is not None
