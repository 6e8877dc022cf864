"""The package by itself: what it imports, what both clients offer, and that what it asks for is in the schema."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from mla_client import AsyncClient, Client, __version__, aconnect, connect, read_platform, read_points, read_series
from mla_client.edge import VERSION
from mla_client.errors import BY_CODE

from tests.support.client import CLIENT

ROOT = CLIENT.parent
SOURCES = sorted((CLIENT / "mla_client").glob("*.py"))
ALLOWED = {"mla_client", "numpy", "httpx", "websockets", "msgpack", "pandas", "polars", "pyarrow"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_nothing_of_the_platform_is_imported(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = (
            [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            top = name.split(".")[0]
            assert top in ALLOWED or top in sys.stdlib_module_names, f"{path.name}: {name}"


def test_frames_are_imported_only_when_asked_for() -> None:
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not {n.split(".")[0] for n in names} & {"pandas", "polars", "pyarrow"}, path.name


def test_the_version_is_said_once_and_the_same() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__ == VERSION
    assert project["license"] == "Apache-2.0"
    assert (CLIENT / "mla_client" / "py.typed").exists()
    assert (CLIENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def public(cls: type) -> dict[str, inspect.Signature]:
    return {n: inspect.signature(getattr(cls, n)) for n in dir(cls) if not n.startswith("_") and callable(getattr(cls, n))}


def test_both_clients_offer_the_same() -> None:
    blocking, awaiting = public(Client), public(AsyncClient)
    assert {n.replace("aclose", "close") for n in awaiting} == set(blocking)
    for name in set(blocking) - {"close", "live"}:
        assert blocking[name] == awaiting[name], name
    assert list(blocking["live"].parameters.values()) == list(awaiting["live"].parameters.values())
    for other in (aconnect, Client, AsyncClient):
        assert inspect.signature(connect).parameters == inspect.signature(other).parameters


def test_methods_say_what_they_give() -> None:
    for cls in (Client, AsyncClient):
        for name in public(cls):
            assert getattr(cls, name).__doc__, name
    assert "list[Point]" in str(inspect.signature(Client.points))
    assert "Step" not in str(inspect.signature(Client.pipeline))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "hmi_backend" / "schema.graphql").read_text())


QUERIES = {
    f"{module.__name__}.{name}": value
    for module in (read_points, read_series, read_platform)
    for name, value in vars(module).items()
    if name.startswith("_") and isinstance(value, str) and re.match(r"\s*(query|\{)", value)
}


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_fits_the_schema(schema: GraphQLSchema, name: str) -> None:
    assert validate(schema, parse(QUERIES[name])) == []


def test_all_queries_were_found() -> None:
    assert len(QUERIES) >= 19


def test_methods_and_fills_are_those_of_the_schema(schema: GraphQLSchema) -> None:
    assert set(read_series.METHODS) == set(schema.type_map["ResampleMethod"].values)  # type: ignore[attr-defined]
    assert set(read_series.FILLS) == set(schema.type_map["Fill"].values)  # type: ignore[attr-defined]


def test_every_documented_error_code_has_a_type() -> None:
    text = (ROOT / "docs/reference/api.md").read_text()
    table = text[text.index("### Errors") : text.index("## 7.")]
    codes = {c for line in table.splitlines() if line.startswith("| `") for c in re.findall(r"`([A-Z_]+)`", line.split("|")[1])}
    assert codes == set(BY_CODE)
