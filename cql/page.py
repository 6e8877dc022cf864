"""One page of an answer. The first answer counts.

The client library hands on every answer to a request that it sent to two nodes, or twice: its callbacks run once more, and what it keeps
for the page that is asked for next is overwritten by the late answer to the page before. Rows would be had twice. So each page is a
request of its own, and what comes after its first answer is not looked at. A time limit then holds for each page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from cassandra.cluster import ResponseFuture, Session

Row = tuple[Any, ...]


class Page:
    """A page that was asked for. Any thread may wait for it."""

    def __init__(self, session: Session, statement: Any, at: bytes | None = None) -> None:
        self._session, self._statement = session, statement
        self._lock = threading.Lock()
        self._settled = False
        self._arrived = threading.Event()
        self._told: Callable[[], object] | None = None
        self._rows: list[Row] = []
        self._next: bytes | None = None
        self._error: Exception | None = None
        future = session.execute_async(statement, paging_state=at)
        future.add_callbacks(self._answered, self._failed, callback_args=(future,))

    def rows(self) -> list[Row]:
        """Blocks until they are there. Raises what the request ended with."""
        self._arrived.wait()
        if self._error is not None:
            raise self._error
        return self._rows

    def following(self) -> Page | None:
        """The next page, now asked for; None after the last. For a page that is there."""
        return None if self._next is None else Page(self._session, self._statement, self._next)

    def tell(self, arrived: Callable[[], object]) -> None:
        """Calls it once the page, or an error, is there: at once, or in a thread of the client library."""
        with self._lock:
            if not self._settled:
                self._told = arrived
                return
        arrived()

    def _answered(self, rows: Iterable[Row] | None, future: ResponseFuture) -> None:
        """In the client library's one thread for answers: what the future says of further pages is of these very rows."""
        self._settle(list(rows or ()), future.result().paging_state, None)

    def _failed(self, error: Exception) -> None:
        self._settle([], None, error)

    def _settle(self, rows: list[Row], following: bytes | None, error: Exception | None) -> None:
        with self._lock:
            if self._settled:
                return
            self._settled = True
            self._rows, self._next, self._error = rows, following, error
        self._arrived.set()
        if self._told is not None:
            self._told()
