"""The sealed tier for readers: which chunks of a series there are, and their samples. Lives for one look; blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from archive.distributed.buckets import Bucket, buckets_of, buckets_of_shelf
from archive.distributed.fetch import Ahead, Gone
from archive.distributed.tables import BUCKET_SHELF, chunk_table
from archive.read import Ref
from archive.slab import open_slab, read_slab
from archive.table import Table
from cql import Link
from kernel.clock import DAY
from kernel.samples import Kind

SEALED = 0
"""Second place in the order of writing: of two writes at the same time the less settled one is the newer."""
EVER = 1 << 62
NEVER = -1
AGO = 100
"""Chunks looked at, at a time, when the sample in force before a moment is searched backwards."""
FLYING = 64
MANY = 4
"""Series of a shelf for which the whole shelf is read: it holds several times as much as is asked for."""
Line = tuple[int, str, Bucket, tuple[Any, ...]]
"""Series, class, bucket; window, chunk, kind, piece, first, last, made."""
Key = tuple[int, str, int, int, int, int, int]


class Chunks:
    """Answers where samples are; loads them when they are asked for."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._buckets: dict[int, list[tuple[str, Bucket]]] = {}
        self._newest: dict[tuple[int, str, int], list[tuple[Any, ...]]] = {}
        self._data: dict[Key, bytes] = {}

    def within(self, ids: Iterable[int], start: int, end: int) -> list[Ref]:
        """Chunks that may have samples with start <= time < end."""
        start, end = max(start, -EVER), min(end, EVER)
        asked = []
        for number in ids:
            for name, bucket in self._of(number):
                if bucket.start < end and bucket.start + bucket.length + DAY > start:
                    text = (
                        f"SELECT window, chunk, kind, piece, first, last, made FROM {chunk_table(name)}"
                        " WHERE id = ? AND bucket = ? AND window > ? AND window < ?"
                    )
                    asked.append((number, name, bucket, self._link.start(text, (number, bucket.start, start - DAY, end))))
        lines: list[Line] = []
        for number, name, bucket, future in asked:
            lines += [(number, name, bucket, row) for row in self._link.wait(future) if row[4] < end and row[5] >= start]
        return self._refs(lines)

    def before(self, ids: Iterable[int], moment: int) -> list[Ref]:
        """Chunks that may have the last sample up to a moment: the newest ones, bucket by bucket backwards."""
        moment = max(-EVER, min(moment, EVER))
        lines: list[Line] = []
        for number in ids:
            best = NEVER
            for name, bucket in self._backwards(number, moment):
                if bucket.start + bucket.length + DAY < best:
                    break
                found = self._newest.get((number, name, bucket.start))
                if found is None:
                    found = self._link.ask(*_newest(number, name, bucket, moment))
                mine = [row for row in found if row[4] <= moment]
                lines += [(number, name, bucket, row) for row in mine]
                best = max([best, *(min(row[5], moment) for row in mine)])
        return self._refs(lines, ahead=1)

    def prefetch(self, ids: Sequence[int], moment: int) -> None:
        """Fetches, all at once, what `before` will most likely want of many series. Forgets what was fetched before."""
        moment = max(-EVER, min(moment, EVER))
        self._newest.clear()
        self._data.clear()
        self.learn(ids, least=1)
        places = [(n, *found[0]) for n in ids if (found := self._backwards(n, moment))]
        answers = Ahead(self._link, [_newest(n, name, bucket, moment) for n, name, bucket in places], FLYING)
        keys: list[Key] = []
        for i, (number, name, bucket) in enumerate(places):
            rows = self._newest[number, name, bucket.start] = answers.get(i)
            best = max((r for r in rows if r[4] <= moment), key=lambda r: (min(r[5], moment), r[6]), default=None)
            if best is not None:
                keys.append((number, name, bucket.start, *best[:4]))
        data = Ahead(self._link, [_data(key) for key in keys], FLYING)
        for i, key in enumerate(keys):
            for (blob,) in data.get(i):
                self._data[key] = blob

    def learn(self, ids: Iterable[int], least: int = MANY) -> None:
        """Finds out where series are: with one question for a shelf of which at least so many are asked for, instead of one for each."""
        shelves: dict[int, list[int]] = {}
        for number in ids:
            if number not in self._buckets:
                shelves.setdefault(number // BUCKET_SHELF, []).append(number)
        for shelf, known in buckets_of_shelf(self._link, [s for s, numbers in shelves.items() if len(numbers) >= least]):
            self._buckets |= {number: known.get(number, []) for number in shelves[shelf]}

    def _of(self, number: int) -> list[tuple[str, Bucket]]:
        found = self._buckets.get(number)
        if found is None:
            found = self._buckets[number] = buckets_of(self._link, number)
        return found

    def _backwards(self, number: int, moment: int) -> list[tuple[str, Bucket]]:
        known = [b for b in self._of(number) if b[1].start <= moment]
        return sorted(known, key=lambda b: b[1].start + b[1].length, reverse=True)

    def _refs(self, lines: list[Line], ahead: int = 16) -> list[Ref]:
        lines.sort(key=lambda line: line[3][4])
        keys = [(number, name, bucket.start, *row[:4]) for number, name, bucket, row in lines]
        answers = Ahead(self._link, [_data(key) for key in keys], ahead)
        return [
            Ref((made, SEALED), Kind(kind), first, last, self._loader(answers, i, key))
            for i, (key, (*_, (_, _, kind, _, first, last, made))) in enumerate(zip(keys, lines, strict=True))
        ]

    def _loader(self, answers: Ahead, place: int, key: Key) -> Callable[[], Table | None]:
        def load() -> Table | None:
            data = self._data.get(key)
            if data is None:
                rows = answers.get(place)
                if not rows:
                    raise Gone
                data = rows[0][0]
            return read_slab(open_slab(data))

        return load


def _newest(number: int, name: str, bucket: Bucket, moment: int) -> tuple[str, tuple[int, int, int]]:
    text = (
        f"SELECT window, chunk, kind, piece, first, last, made FROM {chunk_table(name)}"
        f" WHERE id = ? AND bucket = ? AND window <= ? ORDER BY window DESC LIMIT {AGO}"
    )
    return text, (number, bucket.start, moment)


def _data(key: Key) -> tuple[str, tuple[int, ...]]:
    number, name, *rest = key
    text = f"SELECT data FROM {chunk_table(name)} WHERE id = ? AND bucket = ? AND window = ? AND chunk = ? AND kind = ? AND piece = ?"
    return text, (number, *rest)
