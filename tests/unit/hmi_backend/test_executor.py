"""Live events are read off by plan, and come out as if they were executed."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import ExecutionResult, parse
from graphql.execution import Executor as CoreExecutor

from hmi_backend.graphql.executor import ATTRIBUTES, Executor, Ready
from hmi_backend.graphql.scalars import Columns, Time
from hmi_backend.graphql.schema import schema
from hmi_backend.graphql.types_points import LiveBatch

GRAPHQL = schema()._schema
BATCH = LiveBatch(seq=3, server_time=Time(17), points=Ready(["a", "b"]), columns=Columns({"t": [1], "v": [2.5], "q": [0]}), dropped=4)
WHOLE = {"seq": 3, "serverTime": 17, "points": ["a", "b"], "columns": {"t": [1], "v": [2.5], "q": [0]}, "dropped": 4}


def event(text: str, variables: dict[str, Any] | None = None, events: int = 1) -> tuple[Executor, ExecutionResult]:
    made = Executor.build(GRAPHQL, parse(text), raw_variable_values=variables or {})
    assert isinstance(made, Executor), made
    for _ in range(events):
        result = made.build_per_event_executor(BATCH).execute_operation(False)
    assert isinstance(result, ExecutionResult)
    return made, result


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('subscription { live(points: ["a"]) { seq serverTime points columns dropped } }', {"live": WHOLE}),
        ('subscription { x: live(points: ["a"]) { n: seq __typename } }', {"x": {"n": 3, "__typename": "LiveBatch"}}),
        ('subscription { live(points: ["a"]) { ...F seq } } fragment F on LiveBatch { dropped seq }', {"live": {"dropped": 4, "seq": 3}}),
        ('subscription { live(points: ["a"]) { ... @skip(if: true) { seq } dropped @include(if: true) } }', {"live": {"dropped": 4}}),
        ('subscription($s: Boolean!) { live(points: ["a"]) { seq @skip(if: $s) dropped } }', {"live": {"dropped": 4}}),
    ],
)
def test_an_event_is_what_executing_it_would_give(text: str, data: dict[str, Any]) -> None:
    made, result = event(text, {"s": True})
    assert (result.data, result.errors) == (data, None)
    assert list(data["live" if "live" in data else "x"]) == list(next(iter(result.data.values())))  # type: ignore[union-attr]
    assert made.plans["live"] is not None
    slow = CoreExecutor.execute_operation(made.build_per_event_executor(BATCH), False)
    assert isinstance(slow, ExecutionResult)
    assert slow.data == result.data


def test_every_field_of_a_batch_is_known() -> None:
    assert {*GRAPHQL.type_map["LiveBatch"].fields, "__typename"} == set(ATTRIBUTES)  # type: ignore[attr-defined]


def test_nothing_is_remembered_per_event() -> None:
    made, _ = event('subscription { live(points: ["a"]) { seq } }', events=100)
    assert len(made._relevant_sub_fields) <= 1
    other = Executor.build(GRAPHQL, parse("subscription { revisionChanges { revision } }"))
    assert isinstance(other, Executor)
    for _ in range(100):
        other.build_per_event_executor({"revision": 1}).execute_operation(False)
    assert len(other._relevant_sub_fields) == 0
