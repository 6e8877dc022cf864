"""Hooks for schemathesis (SCHEMATHESIS_HOOKS): values for our scalars, and what an answer to any document must be."""

from __future__ import annotations

import zlib
from typing import Any

import schemathesis
from graphql import (
    ArgumentNode,
    IntValueNode,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    Visitor,
    print_ast,
    visit,
)
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, Response

NAMES = ("ast1.mount.azimuth", "ast1.mount.state", "site.weather.wind_speed", "ast1.mount.azimut")
MOMENTS = ("now", "now-1h", "now-10m", "2026-11-24T06:00:00Z", "yesterday")
RANGES = {"first": 500, "limit": 100_000, "revision": 1, "a": 1, "b": 1, "members": 9, "to": 2**53, "buckets": 1000}
KNOWN = {"name": NAMES[0], "group": "mount.azimuth", "path": "site.yaml", "search": "azi", "source": "ast1.opcua"}


def _text(value: str) -> StringValueNode:
    return StringValueNode(value=value)


def _whole(value: int) -> IntValueNode:
    return IntValueNode(value=str(value))


schemathesis.graphql.scalar("Time", st.sampled_from(MOMENTS).map(_text) | st.integers(0, 2**53).map(_whole))
schemathesis.graphql.scalar("Duration", st.sampled_from(("10s", "1h30m", "250ms", "0s", "x")).map(_text))
schemathesis.graphql.scalar("Long", st.integers(-(2**53), 2**53).map(_whole))
schemathesis.graphql.scalar("Value", st.text().map(_text))
schemathesis.graphql.scalar("Columns", st.text().map(_text))
schemathesis.graphql.scalar("ViewContent", st.just(ObjectValueNode(fields=())))


@schemathesis.check
def understood_or_refused(ctx: CheckContext, response: Response, case: Case) -> None:
    """An answer is GraphQL, and every error carries a code that says it was meant."""
    assert response.status_code == 200, f"HTTP {response.status_code}"
    answer: dict[str, Any] = response.json()
    assert "data" in answer or answer.get("errors")
    codes = [e.get("extensions", {}).get("code") for e in answer.get("errors", ())]
    assert all(codes), f"an error without a code: {answer['errors']}"
    assert "INTERNAL" not in codes, f"an error of ours: {answer['errors']}"


class _Likely(Visitor):
    """Makes most arguments such that something is found; what is left stays as wild as it was made."""

    def enter_argument(self, node: ArgumentNode, *_: object) -> ArgumentNode | None:
        value, name = node.value, node.name.value
        wild = zlib.crc32(print_ast(node).encode()) % 4 == 0
        if wild:
            return None
        if isinstance(value, IntValueNode) and name in RANGES:
            return ArgumentNode(name=node.name, value=_whole(1 + abs(int(value.value)) % RANGES[name]))
        if name == "points":
            return ArgumentNode(name=node.name, value=ListValueNode(values=tuple(map(_text, NAMES[:3]))))
        if name in KNOWN:
            return ArgumentNode(name=node.name, value=_text(KNOWN[name]))
        return ArgumentNode(name=node.name, value=NullValueNode()) if name == "after" else None


@schemathesis.hook
def map_body(ctx: schemathesis.HookContext, body: Node) -> Node:
    """Before a document is sent."""
    return visit(body, _Likely())
