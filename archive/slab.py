"""A slab: the samples of one or several points of one kind, ordered by point and time, as one immutable piece of bytes.

A busy point has a slab of its own; points with few samples share one, so that neither bytes nor time go into thousands of tiny pieces.
Layout, little endian: version, kind, flags, number of points, number of samples, CRC-32 of all that follows, point ids, samples per point
(where several), sizes of the five columns, columns (times, values, qualities, status codes, server minus source time). Times may stand in
another slab (REFERENCE): points that are scanned together have the same times, which are then stored once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np

from archive.encoding import pack, pack_texts, unpack, unpack_texts
from archive.table import Table, Values, starts, take
from archive.timeline import pack_many, pack_times, unpack_many, unpack_one_of_many, unpack_times
from kernel.samples import Ints, Kind

VERSION = 1
SHARED, REFERENCE = 1, 2
"""Flags: all points of the slab have the same times; the times stand in another slab, whose id stands here."""
_HEAD = struct.Struct("<BBBxIII")
_SIZES = struct.Struct("<5I")
_ID = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Slab:
    """The parsed head of a slab; columns are decoded when asked for."""

    data: bytes
    kind: Kind
    flags: int
    points: Ints
    first: Ints
    """Where each point begins, and the number of samples at the end."""
    columns: tuple[int, int, int, int, int, int]
    """Where each column begins, and the end."""

    def __len__(self) -> int:
        return int(self.first[-1])

    @property
    def reference(self) -> int | None:
        """Id of the slab that has the times, if they are not here."""
        return _ID.unpack_from(self.data, self.columns[0])[0] if self.flags & REFERENCE else None


def pack_slab(table: Table, first: Ints, reference: int | None = None) -> bytes:
    """`table` ordered by point and time without duplicates, `first` its starts. With a reference, that slab has exactly these times."""
    points = table.point[first[:-1]].astype(np.uint32)
    flags, times = (REFERENCE, _ID.pack(reference)) if reference is not None else _times(table.time, first)
    columns = (
        times,
        pack_texts(table.value) if table.kind is Kind.TEXT else pack(table.value),
        b"" if table.quality is None else pack(table.quality),
        b"" if table.status is None else pack(table.status),
        b"" if table.server is None else pack(table.server),
    )
    counts = np.diff(first).astype(np.uint32).tobytes() if len(points) > 1 else b""
    body = b"".join((points.tobytes(), counts, _SIZES.pack(*map(len, columns)), *columns))
    return _HEAD.pack(VERSION, table.kind, flags, len(points), len(table), crc32(body)) + body


def _times(time: Ints, first: Ints) -> tuple[int, bytes]:
    several = len(first) - 1
    if several == 1:
        return 0, pack_times(time)
    rows, rest = divmod(len(time), several)
    if rest == 0 and bool((first[1:] == np.arange(1, several + 1) * rows).all()):
        grid = time.reshape(several, rows)
        if bool((grid == grid[0]).all()):
            return SHARED, pack_times(grid[0])
    return 0, pack_many(time, first[:-1])


def open_slab(data: bytes) -> Slab:
    """Parses the head. Raises ValueError where the bytes are no slab of a version known here, or damaged."""
    if len(data) < _HEAD.size:
        raise ValueError(f"a slab of {len(data)} bytes is none")
    version, kind, flags, several, n, checksum = _HEAD.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"slab version {version} is not known: written by a newer version?")
    if crc32(memoryview(data)[_HEAD.size :]) != checksum:
        raise ValueError("the bytes of a slab were changed after they were written")
    at = _HEAD.size
    points = np.frombuffer(data, np.uint32, several, at).astype(np.int64)
    at += 4 * several
    first = np.zeros(several + 1, np.int64)
    first[-1] = n
    if several > 1:
        np.cumsum(np.frombuffer(data, np.uint32, several, at), out=first[1:])
        at += 4 * several
    sizes = _SIZES.unpack_from(data, at)
    at += _SIZES.size
    a, b, c, d = at + sizes[0], at + sizes[0] + sizes[1], at + sum(sizes[:3]), at + sum(sizes[:4])
    return Slab(data, Kind(kind), flags, points, first, (at, a, b, c, d, d + sizes[4]))


def read_slab(slab: Slab, find: Callable[[int], bytes] | None = None) -> Table:
    """Every sample. `find` fetches another slab of the same store, for times that stand there."""
    n = len(slab)
    part = [slab.data[i:j] for i, j in pairwise(slab.columns)]
    return Table(
        slab.kind,
        np.repeat(slab.points, np.diff(slab.first)) if len(slab.points) > 1 else np.full(n, slab.points[0]),
        _read_times(slab, part[0], n, find),
        _read_values(slab.kind, part[1], n),
        unpack(part[2], n, np.uint8) if part[2] else None,
        unpack(part[3], n, np.uint32) if part[3] else None,
        unpack(part[4], n, np.int64) if part[4] else None,
    )


def _read_values(kind: Kind, data: bytes, n: int) -> Values:
    if kind is Kind.TEXT:
        return unpack_texts(data, n)
    return unpack(data, n, np.float64 if kind is Kind.DOUBLE else np.int64)


def _read_times(slab: Slab, data: bytes, n: int, find: Callable[[int], bytes] | None) -> Ints:
    reference = slab.reference
    if reference is not None:
        if find is None:
            raise ValueError(f"the times stand in slab {reference}, which is not at hand")
        other = open_slab(find(reference))
        return _read_times(other, other.data[other.columns[0] : other.columns[1]], n, None)
    if slab.flags & SHARED:
        return np.tile(unpack_times(data, n // len(slab.points)), len(slab.points))
    return unpack_times(data, n) if len(slab.points) == 1 else unpack_many(data, n, slab.first[:-1])


def read_point(slab: Slab, point: int, find: Callable[[int], bytes] | None = None) -> Table | None:
    """The samples of one point; None where the slab has none."""
    place = int(np.searchsorted(slab.points, point))
    if place == len(slab.points) or slab.points[place] != point:
        return None
    if len(slab.points) == 1:
        return read_slab(slab, find)
    a, b, n = int(slab.first[place]), int(slab.first[place + 1]), len(slab)
    part = [slab.data[i:j] for i, j in pairwise(slab.columns)]
    return Table(
        slab.kind,
        np.full(b - a, point, np.int64),
        unpack_times(part[0], b - a) if slab.flags & SHARED else unpack_one_of_many(part[0], n, a, b),
        _read_values(slab.kind, part[1], n)[a:b],
        unpack(part[2], n, np.uint8)[a:b] if part[2] else None,
        unpack(part[3], n, np.uint32)[a:b] if part[3] else None,
        unpack(part[4], n, np.int64)[a:b] if part[4] else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A piece of a table that becomes one slab."""

    table: Table
    first: Ints


def cut(table: Table, wanted: int) -> Iterator[Cut]:
    """Cuts an ordered table into pieces of whole points with about `wanted` samples; a point with more has a piece of its own."""
    first = starts(table.point)
    begin = 0
    last = len(first) - 1
    while begin < last:
        end = int(np.searchsorted(first, first[begin] + wanted, side="right")) - 1
        end = min(max(end, begin + 1), last)
        a, b = int(first[begin]), int(first[end])
        yield Cut(take(table, slice(a, b)), first[begin : end + 1] - a)
        begin = end
