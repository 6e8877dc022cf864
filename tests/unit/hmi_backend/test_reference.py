"""docs/reference/api.md names everything the interface has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import build_schema

from hmi_backend.errors import STATUS
from hmi_backend.graphql.schema import sdl
from hmi_backend.links import PING_S, PONG_S
from hmi_backend.metrics import Picture, text
from hmi_backend.roles import Role
from kernel.archive import ArchiveStats

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = (ROOT / "docs" / "reference" / "api.md").read_text()


@pytest.mark.parametrize("root", ["query_type", "mutation_type", "subscription_type"])
def test_every_field_is_described(root: str) -> None:
    missing = [name for name in getattr(build_schema(sdl()), root).fields if not re.search(rf"`{name}[`(]", REFERENCE)]
    assert not missing


def test_every_code_role_and_scalar_is_described() -> None:
    scalars = re.findall(r"^scalar (\w+)", sdl(), re.MULTILINE)
    codes = [*STATUS, "INTERNAL", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"]
    assert not [word for word in (*scalars, *codes) if f"`{word}`" not in REFERENCE]
    assert not [r.value for r in Role if f"| {r.value} |" not in REFERENCE]


def test_every_metric_is_described() -> None:
    archive = ArchiveStats(1, 1, 1, 1, 1, 1, 1.0, {})
    shown = text(Picture(0, (), (), (), archive, 1, 0, 0, 0)).decode()
    names = set(re.findall(r"^# TYPE (mla_\w+)", shown, re.MULTILINE))
    assert len(names) > 20
    assert not [n for n in names if f"`{n}" not in REFERENCE]


def test_a_silent_client_is_put_out_within_ten_seconds() -> None:
    assert PING_S + PONG_S < 10
