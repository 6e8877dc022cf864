"""Bytes of every released schema stay readable."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from fastavro import schemaless_writer

import schemas.registry as registry
from schemas import generate
from schemas.codec import codec
from schemas.records import TOPICS, PointBatch

HISTORY = sorted((Path(registry.__file__).parent / "history").glob("*/*.avsc"))


@pytest.mark.parametrize("path", HISTORY, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_bytes_written_with_a_released_schema_are_read(path: Path) -> None:
    schema = json.loads(path.read_text())
    assert registry.fingerprint_hex(schema) == path.stem, "a released schema must never be edited"
    body = io.BytesIO()
    schemaless_writer(body, registry.parsed(schema), sample(schema))
    record = next(t.record for t in TOPICS if t.record.__name__ == path.parent.name)
    decoded = codec(record).decode(registry.marker(schema) + body.getvalue())
    assert isinstance(decoded, record)


def test_a_schema_that_grew_reads_what_was_written_before(monkeypatch: pytest.MonkeyPatch) -> None:
    old = registry.current("PointBatch")
    older = {**old, "fields": [f for f in old["fields"] if f["name"] != "covered_from"]}
    newer = {
        **old,
        "fields": [{**f, "default": 7} if f["name"] == "covered_from" else f for f in old["fields"]],
    }
    body = io.BytesIO()
    schemaless_writer(body, registry.parsed(older), sample(older))
    assert registry.marker(older) != registry.marker(newer)
    monkeypatch.setattr("schemas.codec._formats", {})
    monkeypatch.setattr("schemas.codec.current", lambda name: newer)
    monkeypatch.setattr("schemas.codec.released", lambda name: {registry.marker(s): registry.parsed(s) for s in (older, newer)})
    decoded = codec(PointBatch).decode(registry.marker(older) + body.getvalue())
    assert decoded.covered_from == 7
    assert isinstance(decoded.doubles.value, np.ndarray)


def test_generated_files_are_current() -> None:
    assert generate.main(["--check"]) == 0


def test_the_topic_attribute_does_not_change_the_fingerprint() -> None:
    schema = registry.current("PointBatch")
    assert registry.fingerprint_hex(schema) == registry.fingerprint_hex({k: v for k, v in schema.items() if k not in ("topic", "doc")})


def test_the_fingerprint_is_the_one_of_the_specification() -> None:
    assert registry.fingerprint_hex("int") == "8f5c393f1ad57572"  # type: ignore[arg-type]  # 7275d51a3f395c8f, little endian


def sample(t: object) -> object:
    """A value of an Avro type."""
    if isinstance(t, list):
        return sample(t[-1])
    if isinstance(t, str):
        return {"string": "x", "long": 5, "int": 1, "double": 1.5, "boolean": True, "bytes": b"b", "null": None}[t]
    assert isinstance(t, dict)
    match t["type"]:
        case "array":
            return [sample(t["items"])]
        case "map":
            return {"k": sample(t["values"])}
        case "enum":
            return t["symbols"][-1]
        case "record":
            return {f["name"]: sample(f["type"]) for f in t["fields"]}
    return sample(t["type"])
