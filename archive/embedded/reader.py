"""Reads a consistent view: head, open tier and sealed segments as of one transaction of open.db. Synchronous; called in worker threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from archive.answer import answer
from archive.embedded.state import State, meta
from archive.embedded.store import transaction, translated
from archive.embedded.view import Desk, View
from archive.read import check_query
from kernel.archive import ArchiveStats, SeriesBlock, SeriesQuery
from kernel.errors import NotAvailable
from kernel.samples import Samples

T = TypeVar("T")


class Reader:
    """`state` is the writer's in its own process; a reader elsewhere has one of its own and follows open.db (`follows`)."""

    def __init__(self, directory: Path, state: State, *, follows: bool) -> None:
        self.directory = directory
        self.state = state
        self._follows = follows
        self._sync = threading.Lock()
        self._local = threading.local()
        self._desks: list[Desk] = []

    def close(self) -> None:
        """After the last read has ended."""
        for desk in self._desks:
            desk.close()

    def _desk(self) -> Desk:
        desk: Desk | None = getattr(self._local, "desk", None)
        if desk is None:
            desk = self._local.desk = Desk(self.directory)
            self._desks.append(desk)
        return desk

    def series(self, query: SeriesQuery, origins: Mapping[str, str]) -> list[SeriesBlock]:
        """One block per point."""
        check_query(query)
        return self._view(lambda view: [answer(view.evidence(p, query.start, query.end, origins.get(p, "")), query) for p in query.points])

    def at(self, points: Sequence[str], moment: int) -> Samples:
        """The sample of each point in force at a moment."""
        return self._view(lambda view: view.at(points, moment))

    def stats(self, now: int) -> ArchiveStats:
        """Size and health."""
        return self._view(lambda view: view.stats(self.directory, now))

    def _view(self, use: Callable[[View], T]) -> T:
        """Runs a read within one transaction; again if a segment was merged away between two looks."""
        for _ in range(5):
            with translated(self.directory):
                desk = self._desk()
                try:
                    with self._frozen(desk) as view:
                        return use(view)
                except FileNotFoundError as error:
                    missing = error
        raise NotAvailable(f"the archive lists a file that is not there: {missing}; restore it from a backup")

    @contextmanager
    def _frozen(self, desk: Desk) -> Iterator[View]:
        """The head is looked at before the transaction begins, or within one that no later sync can overtake."""
        frozen = self.state.freeze()
        with ExitStack() as stack:
            if self._follows:
                with self._sync:
                    stack.enter_context(transaction(desk.db, "DEFERRED"))
                    self.state.sync(desk.db)
                    frozen = self.state.freeze()
            else:
                stack.enter_context(transaction(desk.db, "DEFERRED"))
            folded = meta(desk.db, "folded", 0)
            desk.refresh()
            yield View(desk, self.state, frozen, folded)
