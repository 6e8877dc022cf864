"""The journal: batches as they came, in parts of one writer and one source. What was just appended is read from here by everyone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from uuid import UUID

from archive.distributed.lease import Known
from archive.distributed.tables import FOREVER
from archive.intake import tables, take_tables
from archive.table import Table
from archive.wire import names_span
from cql import Link
from kernel.errors import NotAvailable
from kernel.samples import Ints
from schemas.codec import codec
from schemas.records import PointBatch

PIECE = 1 << 20
"""Bytes of one row: a node takes no mutation of more than half a segment of its commit log, 4 MB in small set-ups."""
MUTATION = 1 << 20
FEW_NAMES = 16
MOST_NAMES = 1_000_000
"""Names in the lists that a writer remembers, each counted as often as it occurs."""
LISTS = 4096
REMEMBERED = 2_000_000
"""Samples of journals that readers keep decoded: some 60 MB."""
MOST_PARTS = 2000
_PUT = (
    "INSERT INTO archive_journal (writer, part, row, piece, pieces, stored, epoch, seq, n, size, first, last, names, at, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = "SELECT row, piece, pieces, stored, names, at, data FROM archive_journal WHERE writer = ? AND part = ? AND row > ?"
_KEYS = "SELECT epoch, seq, stored, n, size, first, last, piece FROM archive_journal WHERE writer = ? AND part = ?"
_DROP = f"DELETE FROM archive_journal USING TIMESTAMP {FOREVER} WHERE writer = ? AND part = ?"
_PUT_NAMES = "INSERT INTO archive_names (hash, data) VALUES (?, ?)"
_NAMES = "SELECT data FROM archive_names WHERE hash = ?"
_OPEN_PART = "INSERT INTO archive_parts (writer, part, source) VALUES (?, ?, ?)"
_PARTS = "SELECT part, source, attempt FROM archive_parts WHERE writer = ? AND part >= ?"
_ATTEMPT = "UPDATE archive_parts SET attempt = ? WHERE writer = ? AND part = ?"
_CLOSE_PART = f"DELETE FROM archive_parts USING TIMESTAMP {FOREVER} WHERE writer = ? AND part = ?"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One batch of a journal, decoded; points are series numbers."""

    batch: tuple[int, int]
    """Epoch and sequence number."""
    tables: tuple[Table, ...]
    n: int
    first: int
    last: int
    received: int
    published: int
    stored: int
    """Microseconds UTC."""
    covered: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PartKey:
    """A part in the list of parts."""

    writer: UUID
    part: int
    source: str
    attempt: UUID | None = None
    """The partition of slabs that a fold of it has begun to fill."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of the journal without its data."""

    epoch: int
    seq: int
    stored: int
    n: int
    size: int
    first: int
    last: int


def entry(batch: PointBatch, found: tuple[Table, ...], ids: Ints, stored: int) -> Entry:
    """A batch whose tables are checked, with numbers for names."""
    mine = take_tables(found, ids)
    return Entry(
        (batch.epoch, batch.seq),
        mine,
        sum(map(len, mine)),
        min((int(t.time.min()) for t in mine), default=0),
        max((int(t.time.max()) for t in mine), default=0),
        batch.received,
        batch.published,
        stored,
        (batch.covered_from, batch.covered_to),
    )


class Journal:
    """Writes and drops parts. Blocks; used by one thread at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lists: dict[int, tuple[tuple[str, ...], bytes | None]] = {}
        self._remembered = 0

    def open(self, key: PartKey) -> None:
        """Lists a part; only then may anything be written to it."""
        self._link.ask(_OPEN_PART, (key.writer, key.part, key.source))

    def mutations(self, key: PartKey, row: int, batches: Sequence[tuple[PointBatch, Entry]]) -> list[list[tuple[Any, ...]]]:
        """The rows of batches from `row` on, in pieces that a node takes at once. They are to be sent one after the other, so that a
        reader who sees a row has seen all rows before it."""
        found: list[list[tuple[Any, ...]]] = [[]]
        size = 0
        for place, (batch, made) in enumerate(batches, row):
            names, at, data = self._wire(batch)
            pieces = [data[i : i + PIECE] for i in range(0, len(data), PIECE)]
            for i, piece in enumerate(pieces):
                if size >= MUTATION:
                    found.append([])
                    size = 0
                line = (made.stored, *made.batch, made.n, len(data), made.first, made.last, names, at)
                found[-1].append((key.writer, key.part, place, i, len(pieces), *line, piece))
                size += len(piece)
        return found

    def write(self, wanted: Sequence[list[list[tuple[Any, ...]]]]) -> None:
        """Sends the mutations of several parts, those of each part in order. Durable when it returns."""
        for turn in range(max(map(len, wanted), default=0)):
            for future in [self._send(mutations[turn]) for mutations in wanted if turn < len(mutations)]:
                self._link.wait(future)

    def _send(self, rows: Sequence[Sequence[Any]]) -> Any:
        return self._link.start(_PUT, rows[0]) if len(rows) == 1 else self._link.start_batch(_PUT, rows)

    def _wire(self, batch: PointBatch) -> tuple[bytes | None, int | None, bytes]:
        """A batch's bytes; lists of names that come again are written once, by their hash."""
        wire = codec(PointBatch).encode(batch)
        if len(batch.names) < FEW_NAMES:
            return None, None, wire
        key = id(batch.names)
        known = self._lists.get(key)
        if known is None or known[0] is not batch.names:  # seen for the first time: it may never come again
            self._remembered += len(batch.names)
            if self._remembered > MOST_NAMES:
                self._lists.clear()
                self._remembered = len(batch.names)
            self._lists[key] = (batch.names, None)
            return None, None, wire
        span = names_span(wire)
        if span is None:
            return None, None, wire
        number = known[1]
        if number is None:
            part = wire[span[0] : span[1]]
            number = blake2b(part, digest_size=16).digest()
            self._link.ask(_PUT_NAMES, (number, part))
            self._lists[key] = (batch.names, number)
        return number, span[0], wire[: span[0]] + wire[span[1] :]

    def begin_fold(self, key: PartKey, attempt: UUID) -> None:
        """Notes where the slabs of a part will be, so that they can be removed if this process dies before they are valid."""
        self._link.ask(_ATTEMPT, (attempt, key.writer, key.part))

    def drop(self, key: PartKey) -> None:
        """A part is folded: its rows go, then its line in the list."""
        self._link.ask(_DROP, (key.writer, key.part))
        self._link.ask(_CLOSE_PART, (key.writer, key.part))


def parts_of(link: Link, known: Iterable[Known]) -> list[PartKey]:
    """The parts of some writers, of each the oldest first. Blocks."""
    futures = [(one.writer, link.start(_PARTS, (one.writer, one.low))) for one in known]
    return [
        PartKey(writer, part, source, attempt)
        for writer, future in futures
        for part, source, attempt in link.wait(future)
        if source is not None
    ]


def summaries(link: Link, keys: Sequence[PartKey]) -> Iterator[tuple[PartKey, list[Summary]]]:
    """What the journal holds, without its data. Blocks."""
    futures = [(key, link.start(_KEYS, (key.writer, key.part))) for key in keys]
    for key, future in futures:
        yield key, [Summary(*row[:7]) for row in link.wait(future) if row[7] == 0]


@dataclass(slots=True)
class _Followed:
    """A part as far as it was read."""

    row: int = -1
    entries: list[Entry] = field(default_factory=list)
    n: int = 0


class Follower:
    """Reads journals for readers, each row once. Blocks; any thread."""

    def __init__(self, link: Link, look_up: Callable[[str, tuple[str, ...]], Ints]) -> None:
        self._link, self._look_up = link, look_up
        self._parts: OrderedDict[tuple[UUID, int], _Followed] = OrderedDict()
        self._names: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def read(self, keys: Sequence[PartKey]) -> dict[PartKey, list[Entry]]:
        """The entries of each part, as of now."""
        with self._lock:
            futures = []
            for key in keys:
                part = self._parts.setdefault((key.writer, key.part), _Followed())
                self._parts.move_to_end((key.writer, key.part))
                futures.append((key, part, self._link.start(_READ, (key.writer, key.part, part.row))))
            found = {}
            for key, part, future in futures:
                self._take(key, part, self._link.wait(future))
                found[key] = list(part.entries)
            self._shrink()
            return found

    def _take(self, key: PartKey, part: _Followed, rows: Sequence[tuple[Any, ...]]) -> None:
        for made in assembled(rows, self._named):
            stored, row, data = made
            batch = codec(PointBatch).decode(data)
            new = entry(batch, tables(batch), self._look_up(key.source, batch.names), stored)
            part.entries.append(new)
            part.n += new.n
            part.row = row

    def _named(self, key: bytes) -> bytes:
        found = self._names.get(key)
        if found is None:
            if len(self._names) >= LISTS:
                self._names.clear()
            found = self._names[key] = names_list(self._link, key)
        return found

    def _shrink(self) -> None:
        total = sum(p.n for p in self._parts.values())
        while (total > REMEMBERED or len(self._parts) > MOST_PARTS) and self._parts:
            total -= self._parts.popitem(last=False)[1].n


def names_list(link: Link, key: bytes) -> bytes:
    """A list of names by its hash. Blocks."""
    rows = link.ask(_NAMES, (key,))
    if not rows:
        raise NotAvailable(f"{link.place.shown}: a list of names that the journal refers to is not there; repair the cluster")
    return bytes(rows[0][0])


def assembled(rows: Sequence[tuple[Any, ...]], named: Callable[[bytes], bytes]) -> Iterator[tuple[int, int, bytes]]:
    """When each batch was stored, its row, and its whole bytes. A row of which pieces are missing is passed over: it was not accepted, or
    is being written now."""
    held: list[bytes] = []
    current = -1
    for row, piece, pieces, stored, names, at, data in rows:
        if row != current:
            held, current = [], row
        held.append(data)
        if len(held) == pieces == piece + 1:
            whole = b"".join(held)
            yield stored, row, whole if names is None else whole[:at] + named(names) + whole[at:]


def read_part(link: Link, key: PartKey, look_up: Callable[[str, tuple[str, ...]], Ints]) -> list[Entry]:
    """All batches of a part, for folding what a dead writer left. Blocks."""
    found = []
    for stored, _, data in assembled(link.ask(_READ, (key.writer, key.part, -1)), lambda n: names_list(link, n)):
        batch = codec(PointBatch).decode(data)
        found.append(entry(batch, tables(batch), look_up(key.source, batch.names), stored))
    return found
