"""Live events are read off by plan, and come out as if they were executed."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLObjectType, get_named_type, is_leaf_type, parse
from graphql.execution import Executor as CoreExecutor

from hmi_backend.graphql.executor import ATTRIBUTES, Executor, Plain, Ready
from hmi_backend.graphql.scalars import Columns, Long, Time
from hmi_backend.graphql.schema import schema
from hmi_backend.graphql.types_points import Gap, LiveBatch, SeriesBlock
from kernel.archive import ResampleMethod
from schemas.records import GapCause

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


GAPS = (
    Gap(start=Time(1), end=Time(5), cause=GapCause.OVERFLOW, count=Long(3), detail="too many"),
    Gap(start=Time(7), end=None, cause=GapCause.DISCONNECTED, count=None, detail=""),
)


async def series(text: str, variables: dict[str, Any], gaps: list[Gap]) -> ExecutionResult:
    """The answer of a server whose archive holds these gaps."""
    block = SeriesBlock(
        point="p", unit=None, kind=None, method=ResampleMethod.RAW, columns=Columns({}), gaps=gaps, complete=True, next_cursor=None
    )
    made = Executor.build(GRAPHQL, parse(text), raw_variable_values=variables, root_value={"series": [block]})
    assert isinstance(made, Executor), made
    field = GRAPHQL.query_type.fields["series"]  # type: ignore[union-attr]
    before, field.resolve = field.resolve, lambda root, _info, **_: root["series"]
    try:
        result = made.execute_operation()
        return result if isinstance(result, ExecutionResult) else await result
    finally:
        field.resolve = before


@pytest.mark.parametrize(
    "fields",
    [
        "start end cause count detail",
        "why: cause __typename from: start",
        "...F detail } } } fragment F on Gap { start ... @skip(if: $s) { end } } #",
        "start end @include(if: $s)",
        "count @skip(if: $s)",
    ],
)
async def test_plain_objects_are_read_off_as_they_would_be_executed(fields: str) -> None:
    text = f"query($s: Boolean = true) {{ series(points: [], from: 0, to: 1) {{ gaps {{ {fields} }} }} }}"
    quick, slow = await series(text, {}, Plain(GAPS)), await series(text, {}, list(GAPS))
    assert (quick.data, quick.errors) == (slow.data, None)
    assert [list(g) for g in quick.data["series"][0]["gaps"]] == [list(g) for g in slow.data["series"][0]["gaps"]]  # type: ignore[index]


def test_a_gap_is_plain() -> None:
    kind = GRAPHQL.type_map["Gap"]
    assert isinstance(kind, GraphQLObjectType)
    assert [n for n, f in kind.fields.items() if not is_leaf_type(get_named_type(f.type)) or f.args] == []
