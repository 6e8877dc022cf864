"""A fast codec for records that carry columns: plain Avro bytes, numpy in and out.

An `array<double>` block is a count and raw little-endian doubles; an `array<int|long>` block is a count and variable-length integers
(schemas.varints). Blocks of strings are written with their size, which Avro allows, so that a list of names seen before is recognised
by its bytes and not parsed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from schemas import records, varints
from schemas.registry import Schema

Encoder = Callable[[Any, list[bytes]], None]
Decoder = Callable[[bytes, int], tuple[Any, int]]
REMEMBERED = 2048
_ZERO_IS_NOTHING = ("int", "long", "array<int>", "array<long>", "array<double>", "array<string>")
_NO_INTS = np.empty(0, dtype=np.int64)
_NO_DOUBLES = np.empty(0, dtype=np.float64)


def compile_encoder(schema: Schema) -> Encoder:
    """An encoder that appends the pieces of a record's body to a list."""
    fields = [(f["name"], _encoder(f["type"])) for f in schema["fields"]]

    def encode(record: Any, out: list[bytes]) -> None:
        for name, enc in fields:
            enc(getattr(record, name), out)

    return encode


def compile_decoder(schema: Schema) -> Decoder:
    """A decoder of a record's body: (bytes, position) to (record, position after). Raises ValueError on bytes that are not one."""
    fields = [(f["name"], _decoder(f["type"])) for f in schema["fields"]]
    cls = getattr(records, schema["name"].rpartition(".")[2])

    def decode(data: bytes, pos: int) -> tuple[Any, int]:
        values = {}
        for name, dec in fields:
            values[name], pos = dec(data, pos)
        return cls(**values), pos

    return _or_nothing(decode, len(fields)) if all(_kind(f["type"]) in _ZERO_IS_NOTHING for f in schema["fields"]) else decode


def _or_nothing(decode: Decoder, fields: int) -> Decoder:
    """Columns without rows are a zero per field: most batches have no texts, and share one record of none."""
    zeros = bytes(fields)
    nothing, _ = decode(zeros, 0)

    def quickly(data: bytes, pos: int) -> tuple[Any, int]:
        return (nothing, pos + fields) if data.startswith(zeros, pos) else decode(data, pos)

    return quickly


def _kind(t: Any) -> str:
    if isinstance(t, dict):
        return f"array<{t['items']}>" if t["type"] == "array" else str(t["type"])
    return str(t)


def _encoder(t: Any) -> Encoder:
    kind = _kind(t)
    if kind == "record":
        return compile_encoder(t)
    return _ENCODERS[kind]


def _decoder(t: Any) -> Decoder:
    kind = _kind(t)
    if kind == "record":
        return compile_decoder(t)
    if kind == "array<string>":
        return _names_decoder()
    return _DECODERS[kind]


def _encode_long(value: int, out: list[bytes]) -> None:
    out.append(varints.encode_one(value))


def _encode_string(value: str, out: list[bytes]) -> None:
    raw = value.encode(errors="replace")
    out += (varints.encode_one(len(raw)), raw)


def _encode_ints(values: Any, out: list[bytes]) -> None:
    if len(values):
        out += (varints.encode_one(len(values)), varints.encode(values))
    out.append(b"\x00")


def _encode_doubles(values: Any, out: list[bytes]) -> None:
    if len(values):
        out += (varints.encode_one(len(values)), values.astype("<f8", copy=False).tobytes())
    out.append(b"\x00")


_blocks: dict[tuple[str, ...], bytes] = {}
WORTH_KEEPING = 1024
"""Bytes of a list that comes again and again, or 64 for each of its names; what is longer are long texts, which do not."""


def _encode_strings(values: Sequence[str], out: list[bytes]) -> None:
    """What is no Unicode (half a surrogate pair) becomes a question mark: one text must not keep a whole batch from the bus."""
    key = tuple(values)
    block = _blocks.get(key)
    if block is None:
        body = b"".join(varints.encode_one(len(raw)) + raw for raw in (v.encode(errors="replace") for v in key))
        block = varints.encode_one(-len(key)) + varints.encode_one(len(body)) + body if key else b""
        if len(_blocks) >= REMEMBERED:
            _blocks.clear()
        if len(block) <= max(WORTH_KEEPING, 64 * len(key)):
            _blocks[key] = block
    out += (block, b"\x00")


def _decode_string(data: bytes, pos: int) -> tuple[str, int]:
    size, pos = varints.decode_one(data, pos)
    if size < 0 or pos + size > len(data):
        raise ValueError(f"a string of {size} bytes at byte {pos} does not fit: the data end too early")
    return data[pos : pos + size].decode(), pos + size


def _block(data: bytes, pos: int) -> tuple[int, int, int]:
    """Count, size in bytes (-1: not said) and position of the items of the array block at pos; count 0 ends the array."""
    count, pos = varints.decode_one(data, pos)
    if count >= 0:
        return count, -1, pos
    size, pos = varints.decode_one(data, pos)
    if size < 0 or pos + size > len(data):
        raise ValueError(f"an array block of {size} bytes at byte {pos} does not fit: the data end too early")
    return -count, size, pos


def _decode_ints(data: bytes, pos: int) -> tuple[Any, int]:
    parts: list[Any] = []
    while True:
        if data.startswith(b"\x00", pos):
            return _joined(parts, _NO_INTS), pos + 1
        count, _, pos = _block(data, pos)
        values, pos = varints.decode(data, pos, count)
        parts.append(values)


def _decode_doubles(data: bytes, pos: int) -> tuple[Any, int]:
    parts: list[Any] = []
    while True:
        if data.startswith(b"\x00", pos):
            return _joined(parts, _NO_DOUBLES), pos + 1
        count, _, pos = _block(data, pos)
        if pos + 8 * count > len(data):
            raise ValueError(f"{count} doubles at byte {pos} do not fit: the data end too early")
        parts.append(np.frombuffer(data, dtype="<f8", count=count, offset=pos))
        pos += 8 * count


def _joined(parts: Sequence[Any], nothing: Any) -> Any:
    """Nearly always there is one block or none."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else nothing


def _decode_strings(data: bytes, pos: int, count: int) -> tuple[tuple[str, ...], int]:
    values = []
    for _ in range(count):
        value, pos = _decode_string(data, pos)
        values.append(value)
    return tuple(values), pos


def _names_decoder() -> Decoder:
    known: dict[bytes, tuple[str, ...]] = {}

    def decode(data: bytes, pos: int) -> tuple[tuple[str, ...], int]:
        result: tuple[str, ...] = ()
        while True:
            count, size, pos = _block(data, pos)
            if count == 0:
                return result, pos
            if size < 0:
                values, pos = _decode_strings(data, pos, count)
            else:
                raw = data[pos : pos + size]
                found = known.get(raw)
                if found is None:
                    found, end = _decode_strings(data, pos, count)
                    if end != pos + size:
                        raise ValueError(f"an array block at byte {pos} says {size} bytes and holds {end - pos}")
                    if len(known) >= REMEMBERED:
                        known.clear()
                    known[raw] = found
                values, pos = found, pos + size
            result = values if not result else result + values

    return decode


_ENCODERS: dict[str, Encoder] = {
    "long": _encode_long,
    "int": _encode_long,
    "string": _encode_string,
    "array<int>": _encode_ints,
    "array<long>": _encode_ints,
    "array<double>": _encode_doubles,
    "array<string>": _encode_strings,
}
_DECODERS: dict[str, Decoder] = {
    "long": varints.decode_one,
    "int": varints.decode_one,
    "string": _decode_string,
    "array<int>": _decode_ints,
    "array<long>": _decode_ints,
    "array<double>": _decode_doubles,
}
