"""A bounded spool on disk before the bus: what it refuses is kept in order, in append-only segments, and replayed later."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.batches import columns, size
from schemas.codec import Codec, NotDecodable, codec
from schemas.records import DeadLetter, GapCause, PointBatch, StateEvent, StateKind

MOST_NAMES = 500
"""Named in one event; more are told as the whole source."""
_FRAME = struct.Struct("<IBI")
_TYPES = (PointBatch, StateEvent, DeadLetter)
_CODECS: tuple[Codec[Any], ...] = (codec(PointBatch), codec(StateEvent), codec(DeadLetter))
Records = tuple[tuple[PointBatch, ...], tuple[StateEvent, ...], tuple[DeadLetter, ...]]
Record = PointBatch | StateEvent | DeadLetter
Evicted = list[tuple[tuple[PointBatch, ...], bool]]
"""Batches that made room, and whether an earlier process had put them in."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the spool, read."""

    records: Records
    inherited: bool
    """An earlier process wrote it."""


class Spool:
    """Durable when `append` returns. When full, the oldest segment goes: its samples are counted and told as gaps (EVICTED).

    A segment is read as a whole and dropped as a whole, so a crash in between replays it: batches carry their identity.
    """

    def __init__(self, folder: Path, limit: int = 512 * 1024 * 1024, segment: int = 4 * 1024 * 1024) -> None:
        self.folder = folder
        self._limit = limit
        self._segment = max(min(segment, limit // 4), 1)
        self._inherited = 0
        """Segments up to this number were there at the start."""
        self._files: list[tuple[int, int]] = []
        """Number and size of every segment, oldest first."""
        self._evicted: Evicted = []
        self._behind: list[StateEvent] = []
        """What was evicted, and what must be told of it, where the disk then refused what it had made room for."""

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

    async def append(self, records: Sequence[Record], now: int) -> Evicted:
        """Keeps records after all earlier ones; returns what was evicted for them. Raises OSError where the disk takes nothing."""
        return await asyncio.to_thread(self._append, records, now)

    async def oldest(self) -> Segment | None:
        """The oldest segment; None when nothing is kept."""
        if not self._files:
            return None
        number = self._files[0][0]
        return Segment(await asyncio.to_thread(self._read, number), number <= self._inherited)

    async def drop_oldest(self) -> None:
        """The oldest segment's records have arrived."""
        await asyncio.to_thread(self._drop)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:010d}.spool"

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        found = sorted(p for p in self.folder.iterdir() if p.suffix == ".spool" and p.stem.isdigit())
        self._files = [(int(p.stem), p.stat().st_size) for p in found]
        self._inherited = self._files[-1][0] if self._files else 0

    def _append(self, records: Sequence[Record], now: int) -> Evicted:
        data = b"".join(map(_frame, (*self._behind, *records)))
        while self._files and self.bytes + len(data) > self._limit:
            inherited = self._files[0][0] <= self._inherited
            batches, events, _ = self._read(self._files[0][0])
            self._drop()
            self._evicted.append((batches, inherited))
            told = _left_behind(batches, events, now)
            self._behind = told + self._behind
            data = b"".join(map(_frame, told)) + data
        if not self._files or self._files[-1][0] <= self._inherited or self._files[-1][1] + len(data) > self._segment:
            self._files.append((self._files[-1][0] + 1 if self._files else self._inherited + 1, 0))
        number, length = self._files[-1]
        try:
            with self._path(number).open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):  # what was written in part must not stand before the next record
                os.truncate(self._path(number), length)
            if not length:  # nothing is kept in this one, and perhaps it could not even be made
                with suppress(OSError):
                    self._drop(-1)
            raise
        self._files[-1] = (number, length + len(data))
        evicted, self._evicted, self._behind = self._evicted, [], []
        return evicted

    def _read(self, number: int) -> Records:
        records = list(_frames(self._path(number).read_bytes()))
        return (
            tuple(r for r in records if isinstance(r, PointBatch)),
            tuple(r for r in records if isinstance(r, StateEvent)),
            tuple(r for r in records if isinstance(r, DeadLetter)),
        )

    def _drop(self, which: int = 0) -> None:
        number, _ = self._files.pop(which)
        self._path(number).unlink(missing_ok=True)


def _left_behind(batches: Sequence[PointBatch], events: Sequence[StateEvent], now: int) -> list[StateEvent]:
    """What remains of an evicted segment: its events, and one gap for each source, joined with the gap of earlier evictions."""
    found = [e for e in events if e.cause is not GapCause.EVICTED]
    earlier = [e for e in events if e.cause is GapCause.EVICTED]
    for source in sorted({b.source for b in batches} | {e.source for e in earlier}):
        mine = [b for b in batches if b.source == source]
        before = [e for e in earlier if e.source == source]
        times = [t for b in mine for c in columns(b) for t in (int(c.time.min()), int(c.time.max()))]
        times += [t for e in before for t in (e.start, e.end or e.start)]
        names = {n for b in mine for n in b.names} | {n for e in before for n in e.points}
        found.append(
            StateEvent(
                source=source,
                time=now,
                kind=StateKind.GAP,
                cause=GapCause.EVICTED,
                points=tuple(sorted(names)) if len(names) <= MOST_NAMES and all(e.points for e in before) else (),
                start=min(times, default=now),
                end=max(times, default=now),
                count=sum(map(size, mine)) + sum(e.count or 0 for e in before),
                detail="the bus took nothing for so long that the collector's spool was full",
            )
        )
    return found


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
