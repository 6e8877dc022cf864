"""The schema that is shown is the schema that is served; what a request costs; the pages we bring."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, build_schema, find_breaking_changes

from hmi_backend.graphql.limits import series_cost
from hmi_backend.graphql.schema import EXPORTED, sdl
from hmi_backend.graphql.serve import well_formed
from hmi_backend.pages import DOCS, EXPLORER, LIFEBOAT, NO_HMI, Page
from kernel.clock import SECOND

NOW = 1_800_000_000 * SECOND
PUBLIC = {
    "Query": ["points", "point", "lastValues", "series", "cdbRevisions", "cdb", "cdbDiff", "pipeline", "audit"],
    "Mutation": ["cdbPublish", "cdbRollback"],
    "Subscription": ["live", "pipelineStatus"],
    "Point": ["name", "unit", "description", "kind", "device", "sampling", "limits", "quality", "value", "time"],
    "SeriesBlock": ["point", "unit", "method", "columns", "gaps", "complete", "nextCursor"],
    "Gap": ["start", "end", "cause"],
    "LiveBatch": ["seq", "serverTime", "points", "columns", "dropped"],
    "PointConnection": ["edges", "pageInfo"],
    "Hop": ["name", "in", "out", "lost", "lag", "age"],
}


@pytest.fixture(scope="module")
def served() -> GraphQLSchema:
    return build_schema(sdl())


def test_the_exported_schema_is_current() -> None:
    assert EXPORTED.read_text() == sdl(), "run python -m hmi_backend.graphql.schema"


def test_what_was_released_still_works(served: GraphQLSchema) -> None:
    """To rename or drop something, keep the old name for one release; then it may go from schema.released.graphql."""
    released = build_schema(EXPORTED.with_name("schema.released.graphql").read_text())
    assert not [change.description for change in find_breaking_changes(released, served)]


def test_a_breaking_change_would_be_found(served: GraphQLSchema) -> None:
    broken = build_schema(sdl().replace("  lastValues(points: [String!]!): LiveBatch!", "  newestValues(points: [String!]!): LiveBatch!"))
    assert [c.description for c in find_breaking_changes(served, broken)] == ["Field Query.lastValues was removed."]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_names_are_there(served: GraphQLSchema, name: str) -> None:
    kind = served.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    assert set(PUBLIC[name]) <= set(kind.fields)


def test_every_root_field_is_described(served: GraphQLSchema) -> None:
    for root in (served.query_type, served.mutation_type, served.subscription_type):
        assert root is not None
        assert all(f.description for f in root.fields.values())


@pytest.mark.parametrize(
    ("arguments", "cost"),
    [
        ({"points": ["a", "b"], "limit": 1000}, 2000),
        ({"points": ["a", "b"], "limit": 1000, "resample": {"method": "RAW"}}, 2000),
        ({"points": ["a", "b"], "resample": {"method": "MEAN", "buckets": 500}}, 1000),
        ({"points": ["a"], "resample": {"method": "MINMAX", "buckets": 500}}, 1000),
        ({"points": ["a"], "from": "now-1h", "to": "now", "resample": {"method": "MEAN", "every": 10 * SECOND}}, 360),
        ({"points": ["a"], "from": "now", "to": "now-1h", "resample": {"method": "MEAN", "every": 10 * SECOND}}, 0),
        ({"points": [], "limit": 10}, 0),
    ],
)
def test_cost_is_points_times_buckets(arguments: dict[str, object], cost: int) -> None:
    assert series_cost(arguments, NOW) == cost


@pytest.mark.parametrize("page", [EXPLORER, LIFEBOAT, DOCS, NO_HMI])
def test_our_pages_need_nothing_from_elsewhere(page: Page) -> None:
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//""", page.body)
    assert not re.findall(r"https?://", page.body)
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    for tag in ("script", "style"):
        for text in re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page.body, re.DOTALL):
            allowed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"'sha256-{allowed}'" in page.headers["content-security-policy"]
    assert not re.findall(r"\son\w+=|style=", page.body), "the policy forbids inline handlers and styles"
    assert len(page.body.encode()) < 30_000


@pytest.mark.parametrize(
    ("message", "good"),
    [
        ({"type": "ping"}, True),
        ({"type": "subscribe", "id": "1", "payload": {"query": "{ me { user } }"}}, True),
        ({"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": None, "operationName": None}}, True),
        ({"type": "subscribe", "id": "", "payload": {"query": "x"}}, False),
        ({"type": "subscribe", "id": 1, "payload": {"query": "x"}}, False),
        ({"type": "subscribe", "id": "1", "payload": {"query": "x", "variables": []}}, False),
        ({"type": "subscribe", "id": "1", "payload": {"query": None}}, False),
        ({"type": "subscribe", "id": "1"}, False),
        ({"type": "complete"}, False),
        ({"type": 1}, False),
        ({}, False),
        ([], False),
        ("ping", False),
    ],
)
def test_messages_of_the_protocol_have_a_shape(message: object, good: bool) -> None:
    assert well_formed(message) is good
