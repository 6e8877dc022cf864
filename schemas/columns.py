"""A fast codec for records that carry columns: plain Avro bytes, numpy in and out.

An `array<double>` block is a count and raw little-endian doubles; an `array<int|long>` block is a count and variable-length integers
(schemas.varints). Blocks of strings are written with their size, which Avro allows, so that a list of names seen before is recognised
by its bytes and not parsed again; the same holds for blocks of `int`: which point each sample belongs to, which a device's scans repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from schemas import records, varints
from schemas.recent import Recent
from schemas.registry import Schema

Encoder = Callable[[Any, list[bytes]], None]
Decoder = Callable[[bytes, int], tuple[Any, int]]
REMEMBERED = 2048
"""Lists of names."""
MOST_INTS = 1 << 20
"""In the columns remembered."""
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
    return _patterns_encoder() if kind == "array<int>" else _ENCODERS[kind]


def _decoder(t: Any) -> Decoder:
    kind = _kind(t)
    if kind == "record":
        return compile_decoder(t)
    make = _DECODERS_WITH_MEMORY.get(kind)
    return make() if make else _DECODERS[kind]


def _encode_long(value: int, out: list[bytes]) -> None:
    out.append(varints.encode_one(value))


def _encode_string(value: str, out: list[bytes]) -> None:
    raw = value.encode(errors="replace")
    out += (varints.encode_one(len(raw)), raw)


def _encode_ints(values: Any, out: list[bytes]) -> None:
    if len(values):
        out += (varints.encode_one(len(values)), varints.encode(values))
    out.append(b"\x00")


def _patterns_encoder() -> Encoder:
    """Of columns that come again and again."""
    known: Recent[bytes, bytes] = Recent(MOST_INTS)

    def encode(values: Any, out: list[bytes]) -> None:
        if len(values):
            key = values.astype(np.int64, copy=False).tobytes()
            block = known.get(key)
            if block is None:
                body = varints.encode(values)
                block = varints.encode_one(-len(values)) + varints.encode_one(len(body)) + body
                known.put(key, block, len(values))
            out.append(block)
        out.append(b"\x00")

    return encode


def _encode_doubles(values: Any, out: list[bytes]) -> None:
    if len(values):
        out += (varints.encode_one(len(values)), values.astype("<f8", copy=False).tobytes())
    out.append(b"\x00")


_blocks: Recent[tuple[str, ...], bytes] = Recent(REMEMBERED)
_same: Recent[int, tuple[tuple[str, ...], bytes]] = Recent(REMEMBERED)
"""The same for the very tuple, by its id: comparing some thousand names takes longer than all else that is left to do."""
WORTH_KEEPING = 1024
"""Bytes of a list that comes again and again, or 64 for each of its names; what is longer are long texts, which do not."""


def _encode_strings(values: Sequence[str], out: list[bytes]) -> None:
    """What is no Unicode (half a surrogate pair) becomes a question mark: one text must not keep a whole batch from the bus."""
    key = tuple(values)
    same = _same.get(id(key))
    if same is not None and same[0] is key:
        out += (same[1], b"\x00")
        return
    block = _blocks.get(key)
    if block is None:
        body = b"".join(varints.encode_one(len(raw)) + raw for raw in (v.encode(errors="replace") for v in key))
        block = varints.encode_one(-len(key)) + varints.encode_one(len(body)) + body if key else b""
        if len(block) <= max(WORTH_KEEPING, 64 * len(key)):
            _blocks.put(key, block)
    elif key:
        _same.put(id(key), (key, block))
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


def _patterns_decoder() -> Decoder:
    """Shares one array, which nobody can write to, among all columns of the same bytes."""
    known: Recent[bytes, Any] = Recent(MOST_INTS)

    def decode(data: bytes, pos: int) -> tuple[Any, int]:
        parts: list[Any] = []
        while not data.startswith(b"\x00", pos):
            count, size, pos = _block(data, pos)
            raw = data[pos : pos + size] if size >= 0 else b""
            values = known.get(raw) if raw else None
            if values is None or len(values) != count:
                values, end = varints.decode(data, pos, count)
                if raw and end != pos + size:
                    raise ValueError(f"an array block at byte {pos} says {size} bytes and holds {end - pos}")
                values.flags.writeable = False
                if raw:
                    known.put(raw, values, count)
                pos = end
            else:
                pos += size
            parts.append(values)
        return _joined(parts, _NO_INTS), pos + 1

    return decode


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
    known: Recent[bytes, tuple[str, ...]] = Recent(REMEMBERED)

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
                    known.put(raw, found)
                values, pos = found, pos + size
            result = values if not result else result + values

    return decode


_ENCODERS: dict[str, Encoder] = {
    "long": _encode_long,
    "int": _encode_long,
    "string": _encode_string,
    "array<long>": _encode_ints,
    "array<double>": _encode_doubles,
    "array<string>": _encode_strings,
}
_DECODERS: dict[str, Decoder] = {
    "long": varints.decode_one,
    "int": varints.decode_one,
    "string": _decode_string,
    "array<long>": _decode_ints,
    "array<double>": _decode_doubles,
}
_DECODERS_WITH_MEMORY: dict[str, Callable[[], Decoder]] = {"array<string>": _names_decoder, "array<int>": _patterns_decoder}
