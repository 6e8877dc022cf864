"""Which requests are tried again after a node waited for others in vain."""

from __future__ import annotations

from typing import Any

import pytest
from cassandra import ConsistencyLevel, WriteType
from cassandra.policies import RetryPolicy
from cassandra.query import BatchStatement, SimpleStatement

from cql.retry import TRIES, Again

AGAIN, NO_MORE = (RetryPolicy.RETRY, None), (RetryPolicy.RETHROW, None)
READ = SimpleStatement("SELECT a FROM t", is_idempotent=True)
CLAIM = SimpleStatement("UPDATE t SET a = 1 IF a = 0", is_idempotent=False)


def batch() -> BatchStatement:
    made = BatchStatement()
    made.is_idempotent = True
    return made


def read(query: Any, tried: int, answers: int = 1, *, data: bool = True) -> Any:
    return Again().on_read_timeout(query, ConsistencyLevel.LOCAL_QUORUM, 2, answers, data, tried)


def write(query: Any, kind: int, tried: int) -> Any:
    return Again().on_write_timeout(query, ConsistencyLevel.LOCAL_QUORUM, kind, 2, 1, tried)


@pytest.mark.parametrize(("answers", "data"), [(0, False), (1, True), (1, False), (2, False)])
def test_a_read_is_tried_again_twice(answers: int, data: bool) -> None:
    found = [read(READ, tried, answers, data=data) for tried in range(TRIES + 1)]
    assert found == [AGAIN, AGAIN, NO_MORE]


@pytest.mark.parametrize(("query", "kind"), [(READ, WriteType.SIMPLE), (batch(), WriteType.UNLOGGED_BATCH)])
def test_so_is_a_write_that_comes_to_the_same(query: Any, kind: int) -> None:
    assert [write(query, kind, tried) for tried in range(TRIES + 1)] == [AGAIN, AGAIN, NO_MORE]


def test_a_lightweight_transaction_is_never() -> None:
    assert write(CLAIM, WriteType.CAS, 0) == write(CLAIM, WriteType.SIMPLE, 0) == read(CLAIM, 0) == NO_MORE


def test_a_node_that_sees_too_few_others_is_left_for_the_next() -> None:
    assert Again().on_unavailable(READ, ConsistencyLevel.LOCAL_QUORUM, 2, 1, 0) == (RetryPolicy.RETRY_NEXT_HOST, None)
