"""Records to bytes that name their own schema, and back: Avro single-object encoding (Avro 1.11 specification).

Bytes of every released schema stay readable: the fingerprint finds the writer's schema in history/, Avro's resolution rules do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from io import BytesIO
from typing import Any, Generic, TypeVar

import numpy as np
from fastavro import schemaless_reader, schemaless_writer

from schemas import columns, records
from schemas.confluent import number_of
from schemas.generate import has_columns
from schemas.registry import MARKER, Schema, current, marker, parsed, released

R = TypeVar("R")


class NotDecodable(ValueError):
    """Bytes that are no record of the wanted type; the text says why."""


@dataclass(frozen=True, slots=True)
class Codec(Generic[R]):
    """Encodes and decodes records of one type. `codec(PointBatch)` gives the shared one."""

    record: type[R]

    def encode(self, record: R) -> bytes:
        """The record's bytes, beginning with its schema's marker."""
        return _encode(record)

    def decode(self, data: bytes) -> R:
        """The record in the bytes; raises NotDecodable, naming the reason."""
        return self._checked(lambda: _decode(self.record, data))

    def decode_body(self, body: bytes, writer: Schema) -> R:
        """The record in bytes without marker that were written with a schema of somebody else's (parsed), by Avro's rules of resolution.
        Raises NotDecodable."""
        return self._checked(lambda: _resolve(self.record, body, writer))

    def _checked(self, decode: Callable[[], Any]) -> R:
        try:
            result = decode()
        except NotDecodable:
            raise
        except Exception as error:  # whatever a decoder trips over, the bytes are at fault
            raise NotDecodable(f"not a {self.record.__name__}: {error}") from error
        if not isinstance(result, self.record):
            raise NotDecodable(f"not a {self.record.__name__}")
        return result


@cache
def codec(record: type[R]) -> Codec[R]:
    """The codec of a record type."""
    return Codec(record)


@dataclass(frozen=True, slots=True)
class _Format:
    """What is needed to write and read one record type, worked out once."""

    schema: Schema
    marker: bytes
    reader: Schema
    with_columns: bool
    encode: columns.Encoder | None
    decode: columns.Decoder | None


_formats: dict[type[Any], _Format] = {}


def _format(record: type[Any]) -> _Format:
    found = _formats.get(record)
    if found is None:
        found = _formats[record] = _make_format(record)
    return found


def _make_format(record: type[Any]) -> _Format:
    schema = current(record.__name__)
    fast = has_columns(schema)
    return _Format(
        schema,
        marker(schema),
        parsed(schema),
        fast,
        columns.compile_encoder(schema) if fast else None,
        columns.compile_decoder(schema) if fast else None,
    )


def _encode(record: Any) -> bytes:
    form = _format(type(record))
    if form.encode is not None:
        if record.wire is None:
            pieces = [form.marker]
            form.encode(record, pieces)
            object.__setattr__(record, "wire", b"".join(pieces))
        wire: bytes = record.wire
        return wire
    out = BytesIO()
    out.write(form.marker)
    schemaless_writer(out, form.reader, to_plain(record))
    return out.getvalue()


def _decode(record: type[Any], data: bytes) -> Any:
    form, head = _format(record), data[:MARKER]
    if form.decode is not None and head == form.marker:
        result, end = form.decode(data, MARKER)
        if end != len(data):
            raise NotDecodable(f"not a {record.__name__}: {len(data) - end} bytes are left over")
        object.__setattr__(result, "wire", data)
        return result
    writer = released(record.__name__).get(head)
    if writer is None:
        raise NotDecodable(f"not a {record.__name__}: begins with {head.hex() or 'nothing'}, which is {_guess(data)}")
    return _resolve(record, data[MARKER:], writer)


def _guess(data: bytes) -> str:
    number = number_of(data)
    if number is None:
        return "no schema ever released"
    return f"schema {number} of a schema registry if anything: set registry_url to read such records"


def _resolve(record: type[Any], body: bytes, writer: Schema) -> Any:
    form, stream = _format(record), BytesIO(body)
    plain = schemaless_reader(stream, writer, form.reader)
    if stream.read(1):
        raise NotDecodable(f"not a {record.__name__}: bytes are left over")
    return from_plain(plain, form.schema, form.with_columns)


def to_plain(value: Any) -> Any:
    """Dataclasses to dictionaries, enums to their symbols, columns to lists: what any Avro or JSON library takes."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {k: to_plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(v) for v in value]
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {name: to_plain(getattr(value, name)) for name in fields if name != "wire"}
    return value


def from_plain(value: Any, t: Any, with_columns: bool) -> Any:
    """The inverse of to_plain for a value of Avro type t."""
    if isinstance(t, list):
        return value if value is None else from_plain(value, next(u for u in t if u != "null"), with_columns)
    if not isinstance(t, dict):
        return value
    if t["type"] == "array":
        if with_columns and t["items"] in ("int", "long", "double"):
            return np.asarray(value, dtype=np.float64 if t["items"] == "double" else np.int64)
        return tuple(from_plain(v, t["items"], with_columns) for v in value)
    if t["type"] == "map":
        return {k: from_plain(v, t["values"], with_columns) for k, v in value.items()}
    if t["type"] == "enum":
        return getattr(records, t["name"])(value)
    if t["type"] == "record":
        return getattr(records, t["name"])(**{f["name"]: from_plain(value[f["name"]], f["type"], with_columns) for f in t["fields"]})
    return value
