"""Requests to Cassandra whose answers come late, twice, or not: asked of the real server through the client library."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from cassandra import OperationTimedOut, ReadTimeout, WriteTimeout
from cassandra.cluster import ResponseFuture, Session
from cassandra.protocol import ReadTimeoutErrorMessage, ResultMessage, WriteTimeoutErrorMessage

from cql import Link, Migration, migrate, open_link, read_place
from cql.link import PAGE, contended, undecided
from kernel.errors import NotAvailable
from tests.support.cassandra import emptied

SCHEMA = (Migration(("CREATE TABLE IF NOT EXISTS lines (k int, n int, PRIMARY KEY (k, n)) WITH id = {id:lines}",)),)
READ, WRITE = "SELECT n FROM lines WHERE k = ?", "INSERT INTO lines (k, n) VALUES (?, ?)"
CLAIM = f"{WRITE} IF NOT EXISTS"
COUNT = 2 * PAGE + 500
"""Rows that take three pages."""


@pytest.fixture
async def link(cassandra_url: str) -> AsyncIterator[Link]:
    async with open_link(read_place(emptied(cassandra_url, "cql"))) as made:
        migrate(made, "lines", SCHEMA)
        yield made


def _times_out(monkeypatch: pytest.MonkeyPatch, message: Any, times: int) -> None:
    """The first answers of the server are replaced by its word that other nodes were silent."""
    true: Callable[..., None] = ResponseFuture._set_result
    left = times

    def late(self: Any, host: Any, connection: Any, pool: Any, response: Any) -> None:
        nonlocal left
        if isinstance(response, ResultMessage) and left:
            left, response = left - 1, message
        true(self, host, connection, pool, response)

    monkeypatch.setattr(ResponseFuture, "_set_result", late)


def _read_timeout() -> Any:
    info = {"consistency": 6, "required_responses": 2, "received_responses": 1, "data_retrieved": True}
    return ReadTimeoutErrorMessage(0x1200, "received only 1 responses", info)


def _write_timeout(kind: int) -> Any:
    info = {"consistency": 6, "required_responses": 2, "received_responses": 1, "write_type": kind}
    return WriteTimeoutErrorMessage(0x1100, "received only 1 acknowledgements", info)


async def test_every_table_has_others_asked_soon(link: Link) -> None:
    for name in ("lines", "mla_schema"):
        assert "500" in link.table(name).options["speculative_retry"], link.table(name).options


async def test_rows_of_several_pages_come_once_although_every_answer_comes_twice(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a second node was asked, and the first one answers after all."""
    for at in range(0, COUNT, 500):
        link.wait(link.start_batch(WRITE, [(1, n) for n in range(at, at + 500)]))
    true: Callable[..., bool] = ResponseFuture.send_request

    def twice(self: Any, *args: Any, **kwargs: Any) -> bool:
        sent = true(self, *args, **kwargs)
        self._query(self._current_host)
        return sent

    monkeypatch.setattr(ResponseFuture, "send_request", twice)
    wanted = [(n,) for n in range(COUNT)]
    for _ in range(5):
        assert await link.run(READ, (1,)) == wanted
        assert link.ask(READ, (1,)) == wanted


@pytest.mark.parametrize("times", [1, 2])
async def test_a_read_that_waited_in_vain_is_repeated(link: Link, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    link.ask(WRITE, (1, 1))
    link.prepare(READ)
    for _ in range(2):
        _times_out(monkeypatch, _read_timeout(), times)
        assert link.ask(READ, (1,)) == [(1,)]
        _times_out(monkeypatch, _read_timeout(), times)
        assert await link.run(READ, (1,), serial=True) == [(1,)]


async def test_another_node_prepares_what_a_silent_one_does_not(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    true: Callable[..., Any] = Session.prepare
    tries = 0

    def silent(self: Any, text: str) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3 or (tries > 3 and "k = 2" in text):
            raise OperationTimedOut("no answer")
        return true(self, text)

    monkeypatch.setattr(Session, "prepare", silent)
    assert await link.run("SELECT n FROM lines WHERE k = 1") == []
    assert tries == 3
    with pytest.raises(NotAvailable, match="does not answer"):
        await link.run("SELECT n FROM lines WHERE k = 2")


async def test_a_read_is_not_repeated_for_ever(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    link.prepare(READ)
    _times_out(monkeypatch, _read_timeout(), 3)
    with pytest.raises(NotAvailable, match="received only 1 responses") as raised:
        await link.run(READ, (1,))
    assert isinstance(raised.value.__cause__, ReadTimeout)
    assert contended(raised.value)


async def test_a_write_is_repeated_and_a_transaction_is_not(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    link.prepare(WRITE)
    link.prepare(CLAIM)
    key = uuid.uuid4().int % 1000
    _times_out(monkeypatch, _write_timeout(0), 2)
    link.wait(link.start_batch(WRITE, [(key, 1)]))
    _times_out(monkeypatch, _write_timeout(5), 1)
    with pytest.raises(NotAvailable) as raised:
        await link.run(CLAIM, (key, 2))
    assert isinstance(raised.value.__cause__, WriteTimeout)
    assert undecided(raised.value)
    assert contended(raised.value)
    assert await link.run(READ, (key,), serial=True) == [(1,), (2,)]
