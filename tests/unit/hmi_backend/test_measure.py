"""How large a document is and what it costs: no fragment, alias or operation hides anything, and measuring takes no time."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, get_variable_values, parse

from hmi_backend.graphql.limits import LOOK_BACK, samples_of
from hmi_backend.graphql.measure import Cost, Size, cost_of, size_of
from hmi_backend.graphql.schema import sdl
from kernel.clock import SECOND, cpu_seconds

NOW = 1_800_000_000 * SECOND
SCHEMA = build_schema(sdl())
SERIES = 'series(points: $p, from: "now-1h", to: "now", resample: {method: MEAN, buckets: 1000}) { point }'


def cost(text: str, variables: dict[str, Any] | None = None) -> Cost:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables or {})
    assert not isinstance(values, list), values
    return cost_of(SCHEMA, document, operation, values, lambda field, arguments: samples_of(field, arguments, NOW))


def doubling(levels: int) -> str:
    """Each fragment spreads the next one twice, under different names."""
    one = (
        "fragment F{i} on Query {{ a{i}: pipeline {{ ...P{i} }} ...F{n} ... on Query {{ ...F{n} }} }} fragment P{i} on Pipeline {{ time }}"
    )
    fragments = [one.format(i=i, n=i + 1) for i in range(levels)]
    return f"{{ ...F0 }} {' '.join(fragments)} fragment F{levels} on Query {{ me {{ user }} }}"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("{ me { user } }", Size(1, 0)),
        ("{ a: me { b: user } c: me { user } }", Size(1, 3)),
        ("{ ...A } fragment A on Query { a: me { ...B } } fragment B on Me { b: user role }", Size(1, 2)),
        ("{ ... on Query { ... { pipeline { hops { name } } } } }", Size(2, 0)),
        ("{ x: me { ...A } y: me { ...A } } fragment A on Me { a: user b: user }", Size(1, 6)),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A me { user } }", Size(1, 0)),
        ("{ ...Nowhere }", Size(0, 0)),
        ("query A { me { user } } query B { a: pipeline { b: hops { lost { count } } } }", Size(3, 2)),
        ("{ __schema { types { fields { type { ofType { name } } } } } }", Size(0, 0)),
    ],
)
def test_depth_and_aliases_are_those_of_the_expanded_document(text: str, size: Size) -> None:
    assert size_of(parse(text)) == size


def test_documents_that_double_at_each_level_are_measured_at_once() -> None:
    begun, text = cpu_seconds(), doubling(150)
    assert size_of(parse(text)).aliases > 2**140
    assert cost(text).values > 2**140
    assert cpu_seconds() - begun < 5  # counted one by one it would outlast the Sun


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        (f"query($p: [String!]!) {{ {SERIES} }}", 3000),
        (f"query($p: [String!]!) {{ a: {SERIES} b: {SERIES} }}", 6000),
        (f"query($p: [String!]!) {{ ...F }} fragment F on Query {{ {SERIES} }}", 3000),
        (f"query($p: [String!]!) {{ ... on Query {{ ... {{ ...F }} }} }} fragment F on Query {{ {SERIES} }}", 3000),
        (f"query($p: [String!]!) {{ ...F ...F }} fragment F on Query {{ {SERIES} }}", 3000),
        (f"query($p: [String!]!) {{ ...F ...G }} fragment F on Query {{ a: {SERIES} }} fragment G on Query {{ b: {SERIES} }}", 6000),
        (f"query($p: [String!]!) {{ {SERIES.replace(') {', ') @skip(if: true) {')} }}", 3000),
        ("query($p: [String!]!) { lastValues(points: $p) { seq } }", 3),
        ('query($p: [String!]!) { valuesAt(points: $p, at: "now") { seq } }', 3 * LOOK_BACK),
        ('query($p: [String!]!) { series(points: $p, from: "now-1h", to: "now") { point } }', 300_000),
    ],
)
def test_samples_are_counted_wherever_the_field_hides(text: str, samples: int) -> None:
    assert cost(text, {"p": ["a", "b", "c"]}).samples == samples


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{ me { user role } }", 3),
        ("{ points(first: 10) { nodes { name unit } totalCount } }", 1 + 10 * 4),
        ("{ points { nodes { name } } }", 1 + 100 * 2),
        ("query($n: Int! = 7) { points(first: $n) { nodes { name } } }", 1 + 7 * 2),
        ("{ points(first: 10) { ...C } } fragment C on PointConnection { edges { node { ...P } } } fragment P on Point { name unit }", 41),
        ("{ __typename me { __typename } }", 3),
        ("{ points(first: -5) { totalCount } }", 2),
    ],
)
def test_values_are_counted_with_pages_taken_as_full(text: str, values: int) -> None:
    assert cost(text).values == values


def test_a_page_of_null_costs_what_the_default_costs() -> None:
    default = cost("{ points { nodes { name unit } } }")
    assert cost("{ points(first: null) { nodes { name unit } } }") == default
    assert cost("query($n: Int) { points(first: $n) { nodes { name unit } } }", {"n": None}) == default
    assert cost("{ points(first: 10) { nodes { name unit } } }").values < default.values
