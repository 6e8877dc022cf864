"""The body of a DataChangeNotification to columns (OPC 10000-4, 7.25.2; OPC 10000-6, 5.2.2.17 DataValue).

Items whose DataValue mask and Variant type agree have one length, so a run of them is one numpy structured array. Where runs are
short, a walk finds the items' positions and equal ones are gathered from there. Anything else goes through asyncua's decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from collector.columns import concat, take
from collector.opcua.quality import qualities
from collector.opcua.variants import odd_item, readable
from kernel.batches import Column
from kernel.quality import Quality
from kernel.samples import Codes, Ints, Kind

EPOCH_1601 = 11_644_473_600_000_000
"""Microseconds from 1601-01-01 to 1970-01-01."""
SHORT_RUN = 16
_SIZES = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 19: 4}
_TYPES = {1: "u1", 2: "i1", 3: "u1", 4: "<i2", 5: "<u2", 6: "<i4", 7: "<u4", 8: "<i8", 9: "<u8", 10: "<f4", 11: "<f8", 19: "<u4"}
_TEXTS = (12, 16)
_COUNT = struct.Struct("<i")


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What a body held. Columns' index is the client handle; time and server are 0 where the server gave none."""

    columns: tuple[Column, ...]
    count: int
    """Notifications decoded."""
    lost: int
    """Notifications announced but not decodable."""
    reason: str = ""
    rest: bytes = b""
    """The bytes that could not be decoded."""


@cache
def _tail(mask: int) -> int:
    """Bytes of an item after its value."""
    return 4 * bool(mask & 2) + 8 * bool(mask & 4) + 2 * bool(mask & 16) + 8 * bool(mask & 8) + 2 * bool(mask & 32)


@cache
def _size(mask: int, kind: int) -> int:
    """Bytes of a whole item; 0 where they are not fixed."""
    if not mask & 1:
        return 5 + _tail(mask)
    return 6 + _SIZES[kind] + _tail(mask) if kind in _SIZES else 6 + _tail(mask) if kind == 0 else 0


@cache
def _layout(mask: int, kind: int) -> np.dtype[Any]:
    fields: list[tuple[str, str]] = [("handle", "<u4"), ("mask", "u1")]
    if mask & 1:
        fields.append(("type", "u1"))
        if kind:
            fields.append(("value", _TYPES[kind]))
    for bit, name, form in ((2, "status", "<u4"), (4, "time", "<i8"), (16, "tp", "<u2"), (8, "server", "<i8"), (32, "sp", "<u2")):
        if mask & bit:
            fields.append((name, form))
    return np.dtype(fields)


def decode_data_change(body: bytes) -> Decoded:
    """Decodes a body; never raises: what cannot be decoded is told in the result."""
    if len(body) < 4:
        return Decoded((), 0, 0, f"a data change notification of {len(body)} bytes", body)
    (count,) = _COUNT.unpack_from(body, 0)
    count = max(count, 0)
    columns: list[Column] = []
    pos, done = 4, 0
    while done < count:
        run, size = _run(body, pos, count - done)
        if run < min(SHORT_RUN, count - done):
            break
        items = np.frombuffer(body, _layout(body[pos + 4], body[pos + 5]), run, pos)
        columns += [_column(part) for part, _ in _ranges(items, np.arange(0))]
        pos, done = pos + run * size, done + run
    if done < count:
        walk = _Walk(body, pos, count - done)
        columns += walk.columns()
        done += walk.done
        return Decoded(tuple(columns), done, count - done, walk.reason, walk.rest)
    return Decoded(tuple(columns), done, 0)


def _run(body: bytes, pos: int, most: int) -> tuple[int, int]:
    """How many items from pos on look like the first, and the size of one; 0 where its size is not fixed."""
    if pos + 6 > len(body):
        return 0, 0
    mask, kind = body[pos + 4], body[pos + 5]
    size = _size(mask, kind)
    most = min(most, (len(body) - pos) // size) if size and mask & 1 else 0
    if not most:
        return 0, size
    raw = np.frombuffer(body, np.uint8, most * size, pos).reshape(most, size)
    other = (raw[:, 4] != mask) | (raw[:, 5] != kind)
    first = int(other.argmax())
    return (first if other[first] else most), size


def _ranges(items: np.ndarray[Any, Any], at: Ints) -> list[tuple[np.ndarray[Any, Any], Ints]]:
    """The items and their places, apart where some unsigned values are beyond the range of int64: only those become doubles."""
    names = items.dtype.names or ()
    if "value" not in names or items["value"].dtype != np.dtype("<u8"):
        return [(items, at)]
    beyond = (items["value"] >> np.uint64(63)).astype(np.bool_)
    if not beyond.any() or beyond.all():
        return [(items, at)]
    return [(items[m], at[m] if len(at) else at) for m in (~beyond, beyond)]


def _column(items: np.ndarray[Any, Any]) -> Column:
    """A column from a structured array of like items."""
    names = items.dtype.names or ()
    n = len(items)
    status = items["status"].astype(np.uint32) if "status" in names else np.zeros(n, np.uint32)
    time = _micros(items["time"]) if "time" in names else np.zeros(n, np.int64)
    server = _micros(items["server"]) if "server" in names else np.zeros(n, np.int64)
    if "value" not in names:
        return Column(Kind.DOUBLE, items["handle"].astype(np.int64), time, server, np.full(n, np.nan), qualities(status), status)
    value = items["value"]
    if value.dtype.kind == "f" or (value.dtype == np.dtype("<u8") and bool((value >> np.uint64(63)).any())):
        kind, value = Kind.DOUBLE, value.astype(np.float64)
    else:
        kind, value = Kind.LONG, value.astype(np.int64)
    return Column(kind, items["handle"].astype(np.int64), time, server, value, qualities(status), status)


def _micros(ticks: Ints) -> Ints:
    """100 ns since 1601 to microseconds since 1970; the zero time (none given) stays 0."""
    micros: Ints = ticks.astype(np.int64) // 10
    return np.where(micros == 0, 0, micros - EPOCH_1601)


class _Walk:
    """Goes from item to item; keeps the positions of fixed-size ones by (mask, type), and reads the others."""

    def __init__(self, body: bytes, pos: int, count: int) -> None:
        self.body = body
        self.done = 0
        self.reason = ""
        self.rest = b""
        self._places: dict[int, list[int]] = {}
        self._odd: list[tuple[int, Kind, Any, int, int, int, int]] = []
        self._walk(pos, count)

    def _walk(self, pos: int, count: int) -> None:
        body, places, end = self.body, self._places, len(self.body)
        try:
            for _ in range(count):
                mask = body[pos + 4]
                kind = body[pos + 5] if mask & 1 else 0
                size = _size(mask, kind)
                if size:
                    if pos + size > end:
                        raise ValueError("the body ends within an item")
                    places.setdefault(mask << 8 | kind, []).append(pos)
                    pos += size
                else:
                    pos = self._other(pos, mask, kind)
                self.done += 1
        except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
            self.reason = f"item at byte {pos} of a data change notification: {error}"
            self.rest = body[pos:]

    def _other(self, pos: int, mask: int, kind: int) -> int:
        """A text, array or structure; returns the position after the item."""
        body = self.body
        value: Any
        if kind in _TEXTS:
            (length,) = _COUNT.unpack_from(body, pos + 6)
            at = pos + 10
            end = at + max(length, 0)
            value, sort = (body[at:end].decode(errors="surrogateescape"), Kind.TEXT) if length >= 0 else (float("nan"), Kind.DOUBLE)
        else:
            value, sort, end = odd_item(body, pos + 5)
        after: int = end + _tail(mask)
        if after > len(body):
            raise ValueError("the body ends within an item")
        (handle,) = struct.unpack_from("<I", body, pos)
        self._odd.append((handle, sort, value, *_stamps(body, end, mask), pos))
        return after

    def columns(self) -> list[Column]:
        """Everything found, one column of each kind, in the order of the body."""
        found: dict[Kind, list[tuple[Column, Ints]]] = {}
        raw = np.frombuffer(self.body, np.uint8)
        for key, places in self._places.items():
            layout = _layout(key >> 8, key & 0xFF)
            at = np.asarray(places, np.int64)
            items = raw[at[:, None] + np.arange(layout.itemsize)].reshape(-1).view(layout)
            for part, rows_at in _ranges(items, at):
                column = _column(part)
                found.setdefault(column.kind, []).append((column, rows_at))
        for sort in (Kind.DOUBLE, Kind.LONG, Kind.TEXT):
            rows = [o for o in self._odd if o[1] is sort]
            if rows:
                found.setdefault(sort, []).append((_odd_column(sort, rows), np.asarray([o[6] for o in rows], np.int64)))
        return [_in_order(parts) for parts in found.values()]


def _in_order(parts: Sequence[tuple[Column, Ints]]) -> Column:
    """The parts as one column, sorted by their places in the body."""
    if len(parts) == 1:
        return parts[0][0]
    return take(concat([c for c, _ in parts]), np.argsort(np.concatenate([at for _, at in parts])))


def _stamps(body: bytes, pos: int, mask: int) -> tuple[int, int, int]:
    """Status, source time and server time (microseconds, 0: none) of the item whose value ends at pos."""
    status = time = server = 0
    if mask & 2:
        (status,) = struct.unpack_from("<I", body, pos)
        pos += 4
    if mask & 4:
        (time,) = struct.unpack_from("<q", body, pos)
        pos += 8
    if mask & 16:
        pos += 2
    if mask & 8:
        (server,) = struct.unpack_from("<q", body, pos)
    return status, time // 10 - EPOCH_1601 if time else 0, server // 10 - EPOCH_1601 if server else 0


def _odd_column(kind: Kind, rows: Sequence[tuple[int, Kind, Any, int, int, int, int]]) -> Column:
    handles, _, values, status, time, server, _ = zip(*rows, strict=True)
    codes: Codes = np.asarray(status, np.uint32)
    quality = qualities(codes)
    value: Any
    if kind is Kind.TEXT:
        texts = [readable(v) for v in values]
        value = np.empty(len(rows), object)
        value[:] = texts
        # what is no UTF-8 is told apart from what the device meant, and costs no other item
        quality = np.maximum(quality, np.array([t is not v for t, v in zip(texts, values, strict=True)], np.uint8) * Quality.UNCERTAIN)
    else:
        value = np.asarray(values, np.float64 if kind is Kind.DOUBLE else np.int64)
    return Column(kind, np.asarray(handles, np.int64), np.asarray(time, np.int64), np.asarray(server, np.int64), value, quality, codes)
