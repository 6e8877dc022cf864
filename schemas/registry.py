"""Schemas by name and by fingerprint: the current ones in avro/, every released one in history/."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

Schema = dict[str, Any]
HERE = Path(__file__).parent
MARKER = 10
"""Bytes of a marker."""


def fingerprint_hex(schema: Schema) -> str:
    """CRC-64-AVRO of the parsing canonical form (Avro 1.11 specification, 'Schema Fingerprints'), 16 hex digits in byte order."""
    return fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")


def marker(schema: Schema) -> bytes:
    """The ten bytes that open a single-object encoded record: C3 01 and the fingerprint, little endian (as fastavro gives it)."""
    return b"\xc3\x01" + bytes.fromhex(fingerprint_hex(schema))


@cache
def current(name: str) -> Schema:
    """The schema in force for a record name, as written in avro/."""
    schema: Schema = json.loads((HERE / "avro" / f"{name}.avsc").read_text())
    return schema


@cache
def released(name: str) -> dict[bytes, Schema]:
    """Every schema a record ever had, by the marker its bytes begin with, parsed for fastavro."""
    found = [current(name)]
    found += [json.loads(p.read_text()) for p in sorted((HERE / "history" / name).glob("*.avsc"))]
    return {marker(s): parsed(s) for s in found}


def parsed(schema: Schema) -> Schema:
    """The schema as fastavro wants it; a fresh name table, since each version reuses the names."""
    result: Schema = parse_schema(schema, named_schemas={})  # type: ignore[assignment]
    return result


def foreign(schema: Any) -> tuple[bytes, Schema]:
    """Somebody else's schema: the marker that it gives, and the schema parsed. Raises ValueError where it is none."""
    try:
        return marker(schema), parsed(schema)
    except Exception as error:  # whatever a parser trips over, the schema is at fault
        raise ValueError(f"not an Avro schema: {error}") from error
