"""Answers questions. Synchronous; called in worker threads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgpack

from archive.answer import answer
from archive.distributed.fetch import Gone
from archive.distributed.journal import parts_of, summaries
from archive.distributed.lease import writers
from archive.distributed.view import Store, View
from archive.read import check_query
from kernel.archive import ArchiveStats, SeriesBlock, SeriesQuery
from kernel.clock import DAY
from kernel.errors import NotAvailable
from kernel.samples import Samples

T = TypeVar("T")
TRIES = 5
UNKNOWN_ROOM = 1 << 62
"""Bytes free, where nobody can tell: the nodes are other hosts, and the protocol has no question for it."""
_TOTALS = "SELECT data FROM archive_totals WHERE k = 0"
_FOLDERS = "SELECT value FROM system_views.settings WHERE name = 'data_file_directories'"


class Reader:
    """Stateless but for what Store remembers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def series(self, query: SeriesQuery, origins: Mapping[str, str]) -> list[SeriesBlock]:
        """One block per point."""
        check_query(query)
        return self._look(query.points, lambda view: _series(view, query), origins)

    def at(self, points: Sequence[str], moment: int) -> Samples:
        """The sample of each point in force at a moment."""
        return self._look(points, lambda view: view.at(points, moment))

    def _look(self, points: Sequence[str], use: Callable[[View], T], origins: Mapping[str, str] | None = None) -> T:
        """Again if something was sealed or expired between two looks."""
        for _ in range(TRIES):
            try:
                return use(View(self._store, points, origins or {}))
            except Gone:
                continue
        raise NotAvailable(f"{self._store.link.place.shown}: the archive lists slabs that are not there; repair the cluster, or restore it")

    def stats(self, now: int) -> ArchiveStats:
        """From one line per source and the journals' lines."""
        link = self._store.link
        keys = parts_of(link, writers(link))
        lines = [line for _, found in summaries(link, keys) for line in found]
        waiting = [line for line in lines if line.n]
        first = [line.first for line in waiting]
        last = [line.last for line in waiting]
        classes: dict[str, tuple[int, int]] = {}
        opened = sum(line.n for line in waiting)
        total = opened
        for (data,) in link.ask(_TOTALS):
            for name, (n, size, n_open, size_open, low, high) in msgpack.unpackb(data).items():
                before = classes.get(name, (0, 0))
                classes[name] = (before[0] + n + n_open, before[1] + size + size_open)
                opened += n_open
                total += n + n_open
                if n + n_open:
                    first.append(low)
                    last.append(high)
        size = sum(line.size for line in lines) + sum(s for _, s in classes.values())
        oldest, newest = min(first, default=0), max(last, default=0)
        free = self._room()
        return ArchiveStats(total, size, opened, oldest, newest, free, _days_left(free, size, newest - oldest), classes)

    def _room(self) -> int:
        """Bytes free where the nodes keep their data, if they are on this host."""
        if any(not host.startswith("127.") for host, _ in self._store.link.place.hosts):
            return UNKNOWN_ROOM
        rows = self._store.link.ask(_FOLDERS)
        folders = [Path(text.strip()) for text in (rows[0][0] or "").strip("[]").split(",")] if rows else []
        return min((shutil.disk_usage(f).free for f in folders if f.is_dir()), default=UNKNOWN_ROOM)


def _series(view: View, query: SeriesQuery) -> list[SeriesBlock]:
    view.expect(query.points)
    return [answer(view.evidence(p, query.start, query.end), query) for p in query.points]


def _days_left(free: int, size: int, span: int) -> float | None:
    if free == UNKNOWN_ROOM or span < DAY // 24 or not size:
        return None
    return free / (size * DAY / span)
