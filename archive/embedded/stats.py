"""Size and health of the embedded archive, from its catalogue: no sample is touched."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from archive.embedded.head import Part
from kernel.archive import ArchiveStats
from kernel.clock import DAY

RATE_DAYS = 7
"""The rate of growth is that of the newest days."""


def read_stats(db: sqlite3.Connection, directory: Path, head: Sequence[Part], now: int) -> ArchiveStats:
    """As of the transaction that is open."""
    classes: dict[str, tuple[int, int]] = {}
    firsts = [int(t.time.min()) for p in head for t in p.tables]
    lasts = [int(t.time.max()) for p in head for t in p.tables]
    sealed = db.execute("SELECT class, sum(n), sum(bytes), min(first), max(last) FROM segment GROUP BY class").fetchall()
    opened = db.execute("SELECT class, sum(n), sum(bytes), min(first), max(last) FROM section GROUP BY class").fetchall()
    for name, n, size, first, last in (*sealed, *opened):
        before = classes.get(name, (0, 0))
        classes[name] = (before[0] + n, before[1] + size)
        firsts.append(first)
        lasts.append(last)
    in_head = sum(p.n for p in head)
    open_samples = in_head + sum(row[1] for row in opened)
    usage = shutil.disk_usage(directory)
    size = _size(db) + sum(row[2] for row in sealed)
    return ArchiveStats(
        samples=open_samples + sum(row[1] for row in sealed),
        bytes=size,
        open_samples=open_samples,
        oldest=min(firsts, default=0),
        newest=max(lasts, default=0),
        disk_free_bytes=usage.free,
        days_left=_days_left(db, usage.free, now),
        classes=classes,
    )


def _size(db: sqlite3.Connection) -> int:
    pages, page = db.execute("PRAGMA page_count").fetchone()[0], db.execute("PRAGMA page_size").fetchone()[0]
    return int(pages) * int(page)


def _days_left(db: sqlite3.Connection, free: int, now: int) -> float | None:
    first, last, size = db.execute(
        "SELECT min(first), max(last), sum(bytes) FROM segment WHERE last >= ?", (now - RATE_DAYS * DAY,)
    ).fetchone()
    if not size or last <= first:
        return None
    return float(free / (size * DAY / (last - first)))
