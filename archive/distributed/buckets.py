"""Which partition a chunk goes to: a point's bucket, a stretch of time of the length that its rate asks for.

A bucket is written down before anything is put into it, so that readers never guess. Its length is chosen from the first chunk: as many
chunks as make up WANTED bytes. Where the rate has more than doubled since, a new bucket is begun.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archive.distributed.tables import BUCKET_SHELF
from cql import Link
from kernel.clock import DAY
from kernel.errors import NotAvailable

WANTED = 4 << 20
"""Bytes of a partition."""
LONGEST = 3650 * DAY
MOST_CHUNKS = 20_000
_READ = "SELECT id, class, start, length FROM archive_buckets WHERE shelf = ?"
_OF = "SELECT id, class, start, length FROM archive_buckets WHERE shelf = ? AND id = ?"
_PUT = "INSERT INTO archive_buckets (shelf, id, class, start, length) VALUES (?, ?, ?, ?, ?) USING TTL ?"


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """A partition of a class's chunk table."""

    start: int
    """Microseconds UTC; with the series it is the partition's key."""
    length: int


def length_for(size: int, chunk: int) -> int:
    """The length of a bucket whose chunks of `chunk` microseconds take `size` bytes each: a power of two of chunks."""
    chunks = max(1, min(WANTED // max(1, size), LONGEST // chunk, MOST_CHUNKS))
    return chunk * (1 << (chunks.bit_length() - 1))


class Buckets:
    """Remembers the buckets of series that are sealed here. Blocks; one thread."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._shelves: set[int] = set()
        self._known: dict[tuple[int, str], list[Bucket]] = {}
        self._new: list[tuple[int, int, str, int, int, int]] = []

    def load(self, ids: Iterable[int]) -> None:
        """Reads what is written down about series, once."""
        for shelf in sorted({i // BUCKET_SHELF for i in ids} - self._shelves):
            for number, name, start, length in self._link.ask(_READ, (shelf,)):
                self._note(number, name, Bucket(start, length))
            self._shelves.add(shelf)

    def forget(self) -> None:
        """Another process may have written since."""
        self._shelves.clear()
        self._known.clear()

    def _note(self, number: int, name: str, bucket: Bucket) -> None:
        known = self._known.setdefault((number, name), [])
        at = bisect_right(known, bucket)
        if at == 0 or known[at - 1] != bucket:
            known.insert(at, bucket)

    def holding(self, number: int, name: str, window: int) -> list[Bucket]:
        """The buckets that may have a chunk of a window, the one begun last first."""
        return [b for b in reversed(self._known.get((number, name), ())) if b.start <= window < b.start + b.length]

    def choose(self, number: int, name: str, window: int, chunk: int, size: int, ttl: int) -> Bucket:
        """The bucket for a chunk of `size` bytes; a new one is to be written down by write() first."""
        wanted = length_for(size, chunk)
        for bucket in self.holding(number, name, window):
            if bucket.length <= 2 * wanted or bucket.start == window:  # another one that begins there would be the same partition
                return bucket
        bucket = Bucket(window, wanted)
        life = ttl and min(ttl + bucket.length // 1_000_000, LONGEST // 1_000_000)
        self._new.append((number // BUCKET_SHELF, number, name, bucket.start, bucket.length, life))
        self._note(number, name, bucket)
        return bucket

    def write(self) -> None:
        """Writes the new buckets down, those of one partition at once. Should this fail, what is remembered is not to be trusted."""
        shelves: dict[int, list[tuple[int, int, str, int, int, int]]] = {}
        for row in self._new:
            shelves.setdefault(row[0], []).append(row)
        self._new = []
        try:
            for future in [self._link.start_batch(_PUT, rows) for rows in shelves.values()]:
                self._link.wait(future)
        except NotAvailable:
            self.forget()
            raise


def buckets_of_shelf(link: Link, shelves: Iterable[int]) -> Iterator[tuple[int, dict[int, list[tuple[str, Bucket]]]]]:
    """Class and bucket of all series of some shelves, for readers. Blocks."""
    for shelf, future in [(shelf, link.start(_READ, (shelf,))) for shelf in shelves]:
        found: dict[int, list[tuple[str, Bucket]]] = {}
        for number, name, start, length in link.wait(future):
            found.setdefault(number, []).append((name, Bucket(start, length)))
        yield shelf, found


def buckets_of(link: Link, number: int) -> list[tuple[str, Bucket]]:
    """Class and bucket of one series, for readers. Blocks."""
    return [(name, Bucket(start, length)) for _, name, start, length in link.ask(_OF, (number // BUCKET_SHELF, number))]
