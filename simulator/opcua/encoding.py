"""Data change notifications in bulk: columns of samples to the bytes of OPC 10000-6 (binary encoding).

A MonitoredItemNotification is ClientHandle u4, DataValue mask u1, Variant type u1, value, StatusCode u4 where not good,
source time i8, server time i8. Samples of one type and mask have equal length, so they are one structured array.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.blocks import DTYPE, Values, Wire

EPOCH_TICKS = 116_444_736_000_000_000
"""1970-01-01 in OPC-UA time: 100 ns since 1601-01-01."""
HAS_VALUE, HAS_STATUS, HAS_SOURCE_TIME, HAS_SERVER_TIME = 0x01, 0x02, 0x04, 0x08
TIMES = HAS_SOURCE_TIME | HAS_SERVER_TIME
SEVERITY_BAD = 0x80000000
OVERFLOW = 0x480
"""Info type DataValue with the overflow bit (OPC 10000-4, 7.39)."""
DATA_CHANGE = 811
PUBLISH_RESPONSE = 829
MORE = struct.Struct("<?")


@dataclass(slots=True, eq=False)
class Chunk:
    """Samples that wait to be published: columns of length n, oldest first."""

    wire: Wire
    item: NDArray[np.int64]
    """Row of the monitored item within its group."""
    handle: NDArray[np.uint32]
    value: Values
    status: NDArray[np.uint32]
    time: NDArray[np.int64]
    """Source time, microseconds UTC."""
    server: NDArray[np.int64]
    """Server time, microseconds UTC."""

    def __len__(self) -> int:
        return len(self.handle)

    def take(self, rows: Any) -> Chunk:
        """The chosen rows: a slice, a mask or positions."""
        return Chunk(self.wire, self.item[rows], self.handle[rows], self.value[rows], self.status[rows], self.time[rows], self.server[rows])


def join(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of several of the same wire type, in their order."""
    if len(chunks) == 1:
        return chunks[0]
    columns = [np.concatenate([getattr(c, name) for c in chunks]) for name in ("item", "handle", "value", "status", "time", "server")]
    return Chunk(chunks[0].wire, *columns)


def ticks(micros: Any) -> Any:
    """Microseconds UTC as OPC-UA time."""
    return micros * 10 + EPOCH_TICKS


def encode_chunk(chunk: Chunk) -> bytes:
    """The notifications of a chunk. Samples of one item keep their order."""
    if not chunk.status.any():
        return _rows(chunk)
    edges = np.flatnonzero(np.diff(_shape(chunk.status))) + 1
    bounds = [0, *edges.tolist(), len(chunk)]
    return b"".join(_rows(chunk.take(slice(a, b))) for a, b in pairwise(bounds))


def _shape(status: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Samples of equal shape have equal length: 0 good, 1 with a status code, 2 bad, that is without a value."""
    out: NDArray[np.int64] = (status != 0).astype(np.int64) + (status >= SEVERITY_BAD)
    return out


def _rows(chunk: Chunk) -> bytes:
    """Samples that all have the same shape."""
    first = int(chunk.status[0])
    with_value, with_status = first < SEVERITY_BAD, first != 0
    if chunk.wire is Wire.STRING and with_value:
        return _texts(chunk, with_status)
    fields = [("handle", "<u4"), ("mask", "u1")]
    if with_value:
        fields += [("type", "u1"), ("value", DTYPE[chunk.wire])]
    if with_status:
        fields += [("status", "<u4")]
    out = np.empty(len(chunk), dtype=[*fields, ("time", "<i8"), ("server", "<i8")])
    out["handle"] = chunk.handle
    out["mask"] = TIMES | (HAS_VALUE if with_value else 0) | (HAS_STATUS if with_status else 0)
    if with_value:
        out["type"] = chunk.wire
        out["value"] = chunk.value
    if with_status:
        out["status"] = chunk.status
    out["time"] = ticks(chunk.time)
    out["server"] = ticks(chunk.server)
    return out.tobytes()


def _texts(chunk: Chunk, with_status: bool) -> bytes:
    pieces = []
    mask = TIMES | HAS_VALUE | (HAS_STATUS if with_status else 0)
    for handle, value, status, time, server in zip(
        chunk.handle.tolist(), chunk.value.tolist(), chunk.status.tolist(), chunk.time.tolist(), chunk.server.tolist(), strict=True
    ):
        raw = value.encode()
        code = struct.pack("<I", status) if with_status else b""
        times = struct.pack("<qq", ticks(time), ticks(server))
        pieces.append(struct.pack("<IBBi", handle, mask, Wire.STRING, len(raw)) + raw + code + times)
    return b"".join(pieces)


def notification_message(sequence: int, published: int, count: int, items: Iterable[bytes]) -> bytes:
    """A NotificationMessage with one DataChangeNotification; with none when count is 0 (a keep-alive)."""
    head = struct.pack("<Iq", sequence, ticks(published))
    if count == 0:
        return head + struct.pack("<i", 0)
    body = struct.pack("<i", count) + b"".join(items) + struct.pack("<i", -1)
    return head + struct.pack("<iBBHBi", 1, 1, 0, DATA_CHANGE, 1, len(body)) + body


@dataclass(frozen=True, slots=True)
class Published:
    """A publish result whose message is encoded already."""

    subscription: int
    available: tuple[int, ...]
    more: bool
    message: bytes

    def response(self, request_handle: int, results: Sequence[int], now: int) -> bytes:
        """The whole PublishResponse."""
        return b"".join(
            (
                struct.pack("<BBH", 1, 0, PUBLISH_RESPONSE),
                struct.pack("<qII", ticks(now), request_handle, 0),
                struct.pack("<BiBBB", 0, -1, 0, 0, 0),
                struct.pack("<Ii", self.subscription, len(self.available)),
                struct.pack(f"<{len(self.available)}I", *self.available),
                MORE.pack(self.more),
                self.message,
                struct.pack(f"<i{len(results)}I", len(results), *results),
                struct.pack("<i", -1),
            )
        )
