"""The newest samples of one source as one packed block: what a hot queue that outlives processes keeps beside its window.

A private, versioned format of columns (MessagePack around little-endian arrays): a block of another version is no error, it is refilled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

from kernel.samples import Bytes, Codes, Doubles, Ints, Kind, Objects
from mon_queue.table import NewestTable

VERSION = 1
_COLUMNS = (
    ("time", "<i8"),
    ("received", "<i8"),
    ("kind", "u1"),
    ("number", "<f8"),
    ("integer", "<i8"),
    ("quality", "u1"),
    ("status", "<u4"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The newest sample of each point of a source. All columns have the length of names."""

    source: str
    covered: int
    """Microseconds UTC until which the source is known to have been connected."""
    names: tuple[str, ...]
    time: Ints
    received: Ints
    kind: Bytes
    number: Doubles
    integer: Ints
    text: Objects
    quality: Bytes
    status: Codes


def pack(snapshot: Snapshot) -> bytes:
    """The snapshot's bytes."""
    texts = np.flatnonzero(snapshot.kind == Kind.TEXT)
    plain: dict[str, Any] = {
        "version": VERSION,
        "source": snapshot.source,
        "covered": snapshot.covered,
        "names": snapshot.names,
        "text": [snapshot.text[i] for i in texts.tolist()],
    }
    for name, dtype in _COLUMNS:
        plain[name] = getattr(snapshot, name).astype(dtype).tobytes()
    data: bytes = msgpack.packb(plain)
    return data


def unpack(data: bytes) -> Snapshot | None:
    """The snapshot in the bytes; None where they are of another version or damaged."""
    try:
        plain = msgpack.unpackb(data, use_list=False)
        if plain["version"] != VERSION:
            return None
        columns = {name: np.frombuffer(plain[name], dtype).astype(dtype.lstrip("<")) for name, dtype in _COLUMNS}
        names = tuple(plain["names"])
        texts = np.flatnonzero(columns["kind"] == Kind.TEXT)
        if any(len(c) != len(names) for c in columns.values()) or len(texts) != len(plain["text"]):
            return None
        text = np.full(len(names), None, dtype=object)
        for i, value in zip(texts.tolist(), plain["text"], strict=True):
            text[i] = value
        return Snapshot(source=plain["source"], covered=plain["covered"], names=names, text=text, **columns)
    except (ValueError, KeyError, TypeError, msgpack.UnpackException):
        return None


def taken(table: NewestTable, names: list[str], rows: Ints, source: str, covered: int) -> Snapshot:
    """The snapshot of some rows of a table; `names` are the names of all rows."""
    return Snapshot(
        source=source,
        covered=covered,
        names=tuple(names[r] for r in rows.tolist()),
        time=table.time[rows],
        received=table.received[rows],
        kind=table.kind[rows],
        number=table.number[rows],
        integer=table.integer[rows],
        text=table.text[rows],
        quality=table.quality[rows],
        status=table.status[rows],
    )


def restore(table: NewestTable, snapshot: Snapshot, source: int, version: int) -> None:
    """Puts into the table what is newer than what it holds; the changed rows get `version`."""
    rows = table.add(snapshot.names)
    newer = np.flatnonzero((table.kind[rows] == Kind.NONE) | (snapshot.time > table.time[rows]))
    at = rows[newer]
    table.source[at] = source
    table.version[at] = version
    for name in ("time", "received", "kind", "number", "integer", "text", "quality", "status"):
        getattr(table, name)[at] = getattr(snapshot, name)[newer]
