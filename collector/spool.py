"""A bounded spool on disk before the bus: what it refuses is kept in order, in append-only segments, and replayed later."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kernel.batches import columns, size
from schemas.codec import Codec, NotDecodable, codec
from schemas.records import DeadLetter, GapCause, PointBatch, StateEvent, StateKind

_FRAME = struct.Struct("<IBI")
_TYPES = (PointBatch, StateEvent, DeadLetter)
_CODECS: tuple[Codec[Any], ...] = (codec(PointBatch), codec(StateEvent), codec(DeadLetter))
Piece = tuple[tuple[PointBatch, ...], tuple[StateEvent, ...], tuple[DeadLetter, ...]]
Record = PointBatch | StateEvent | DeadLetter


class Spool:
    """Durable when `append` returns. When full, the oldest segment goes: its samples are counted and told as gaps (EVICTED).

    A segment is read as a whole and dropped as a whole, so a crash in between replays it: batches carry their identity.
    """

    def __init__(self, folder: Path, limit: int = 512 * 1024 * 1024, segment: int = 4 * 1024 * 1024) -> None:
        self._folder = folder
        self._limit = max(limit, 2 * segment)
        self._segment = segment
        self._files: list[tuple[int, int]] = []
        """Number and size of every segment, oldest first."""

    async def open(self) -> None:
        """Takes up what an earlier run left."""
        await asyncio.to_thread(self._open)

    @property
    def empty(self) -> bool:
        return not self._files

    @property
    def bytes(self) -> int:
        """On disk."""
        return sum(size for _, size in self._files)

    async def append(
        self, batches: Sequence[PointBatch], events: Sequence[StateEvent], letters: Sequence[DeadLetter], now: int
    ) -> Mapping[str, int]:
        """Keeps records after all earlier ones; returns the samples evicted for them, by source."""
        return await asyncio.to_thread(self._append, [*batches, *events, *letters], now)

    async def oldest(self) -> Piece | None:
        """The records of the oldest segment; None when nothing is kept."""
        return await asyncio.to_thread(self._read, self._files[0][0]) if self._files else None

    async def drop_oldest(self) -> None:
        """The oldest segment's records have arrived."""
        await asyncio.to_thread(self._drop)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}.spool"

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        found = sorted(p for p in self._folder.iterdir() if p.suffix == ".spool" and p.stem.isdigit())
        self._files = [(int(p.stem), p.stat().st_size) for p in found]

    def _append(self, records: Sequence[Record], now: int) -> Mapping[str, int]:
        evicted: Counter[str] = Counter()
        data = b"".join(map(_frame, records))
        while self._files and self.bytes + len(data) > self._limit:
            lost = self._evict(now)
            evicted.update({s: n for s, (n, _) in lost.items()})
            data = b"".join(_frame(e) for _, e in lost.values()) + data
        if not self._files or self._files[-1][1] + len(data) > self._segment:
            self._files.append((self._files[-1][0] + 1 if self._files else 1, 0))
        number, length = self._files[-1]
        with self._path(number).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._files[-1] = (number, length + len(data))
        return evicted

    def _evict(self, now: int) -> dict[str, tuple[int, StateEvent]]:
        batches, _, _ = self._read(self._files[0][0])
        self._drop()
        found = {}
        for source in sorted({b.source for b in batches}):
            mine = [b for b in batches if b.source == source]
            count = sum(map(size, mine))
            times = [t for b in mine for c in columns(b) for t in (int(c.time.min()), int(c.time.max()))] or [now]
            found[source] = (
                count,
                StateEvent(
                    source=source,
                    time=now,
                    kind=StateKind.GAP,
                    cause=GapCause.EVICTED,
                    points=tuple(sorted({n for b in mine for n in b.names})),
                    start=min(times),
                    end=max(times),
                    count=count,
                    detail="the bus took nothing for so long that the collector's spool was full",
                ),
            )
        return found

    def _read(self, number: int) -> Piece:
        records = list(_frames(self._path(number).read_bytes()))
        return (
            tuple(r for r in records if isinstance(r, PointBatch)),
            tuple(r for r in records if isinstance(r, StateEvent)),
            tuple(r for r in records if isinstance(r, DeadLetter)),
        )

    def _drop(self) -> None:
        number, _ = self._files.pop(0)
        self._path(number).unlink(missing_ok=True)


def _frame(record: Record) -> bytes:
    kind = _TYPES.index(type(record))
    data = _CODECS[kind].encode(record)
    return _FRAME.pack(len(data), kind, zlib.crc32(data)) + data


def _frames(data: bytes) -> Iterable[Record]:
    """The whole records; a torn or damaged tail, as a crash leaves it, ends them."""
    pos = 0
    while pos + _FRAME.size <= len(data):
        length, kind, crc = _FRAME.unpack_from(data, pos)
        pos += _FRAME.size
        body = data[pos : pos + length]
        if len(body) < length or zlib.crc32(body) != crc or kind >= len(_TYPES):
            return
        pos += length
        try:
            yield _CODECS[kind].decode(body)
        except NotDecodable:
            return
