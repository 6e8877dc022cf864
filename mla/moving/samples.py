"""A whole archive into another one: samples, gaps, coverage. In bounded memory, in steps that may be repeated.

A step reads some points of one source and appends what they have; done twice it changes nothing, since a point and time hold one sample.
What was copied is noted per point and day, and compared with what the target answers at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np

from archive.contents import Contents
from kernel.archive import Archive, SeriesBlock, SeriesQuery
from kernel.batches import Column, build
from kernel.clock import Clock
from kernel.samples import Kind, Series
from mla.moving.progress import Point, Progress
from mla.moving.sums import add_days, digest_of_gaps
from schemas.records import PointBatch, StateEvent

T = TypeVar("T")
TOGETHER = 64
"""Points read at once."""
FEW, MANY = 2_000, 50_000
"""Samples of each of them, and of one point alone, in one batch."""
EVENTS = 500
Told = Callable[[str, int, int], None]
"""What is being done; done, all."""


@dataclass(slots=True)
class Difference:
    """A point that is not in the target as it was in the source."""

    point: str
    days: list[int] = field(default_factory=list)
    """Days since 1970 whose samples differ."""
    gaps: bool = False


class Copier:
    """Copies between two open archives; one use."""

    def __init__(self, source: Archive, contents: Contents, target: Archive, progress: Progress, clock: Clock) -> None:
        self._source, self._contents, self._target, self._progress = source, contents, target, progress
        self._now = clock.now()
        self._seq = 0

    async def copy(self, told: Told) -> None:
        """All that the progress does not list as copied, then what is known of the sources."""
        pairs = await asyncio.to_thread(self._contents.points)
        self._progress.add(pairs)
        count = self._progress.count(copied=False)
        told("copy", self._progress.count(copied=True), count)
        while group := self._progress.next(TOGETHER):
            await self._copy_group(group)
            told("copy", self._progress.count(copied=True), count)
        await self._copy_sources(pairs)

    async def _copy_group(self, group: Sequence[Point]) -> None:
        days: dict[int, dict[int, tuple[int, int]]] = {p.id: {} for p in group}
        gaps: dict[int, str] = {}
        async for points, blocks in pages(self._source, group, self._progress.until):
            for point, block in zip(points, blocks, strict=True):
                add_days(days[point.id], block.series)
                gaps.setdefault(point.id, digest_of_gaps(block.gaps, self._progress.until))
            await self._target.append([self._batch(group[0].source, [b.series for b in blocks])])
        self._progress.copied(group, days, gaps)

    def _batch(self, source: str, found: Sequence[Series]) -> PointBatch:
        return self._build(source, [s.point for s in found], columns=[c for kind in _KINDS if (c := column(found, kind)) is not None])

    def _build(self, source: str, names: Sequence[str], columns: Sequence[Column] = (), covered: tuple[int, int] = (0, 0)) -> PointBatch:
        """Batches of this run are numbered within an epoch of its own: the moment at which it began."""
        self._seq += 1
        return build(
            source=source,
            epoch=self._now,
            seq=self._seq,
            received=self._now,
            published=self._now,
            names=names,
            columns=columns,
            covered=covered,
        )

    async def _copy_sources(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Which points come from which source, its coverage, and what was told about it."""
        names: dict[str, list[str]] = {}
        for source, name in pairs:
            names.setdefault(source, []).append(name)
        for source in await asyncio.to_thread(self._contents.sources):
            for part in parts(names.get(source, ()), 1000):
                await self._target.append([self._build(source, part)])
            for spans in parts(await asyncio.to_thread(self._contents.covered, source), 100):
                await self._target.append([self._build(source, (), covered=span) for span in spans])
            events: Iterator[StateEvent] = iter(self._contents.events(source))
            while told := await asyncio.to_thread(lambda e=events: list(islice(e, EVENTS))):  # type: ignore[misc]
                await self._target.append([], told)

    async def verify(self, told: Told) -> list[Difference]:
        """Reads the target and compares; what differs is copied again by the next run."""
        count, done = self._progress.count(copied=False), 0
        differing: list[Difference] = []
        for group in self._progress.groups(TOGETHER):
            found = await self._verify_group(group)
            self._progress.again(p.id for p in group if p.name in {d.point for d in found})
            differing += found
            done += len(group)
            told("verify", done, count)
        return differing

    async def _verify_group(self, group: Sequence[Point]) -> list[Difference]:
        days: dict[int, dict[int, tuple[int, int]]] = {p.id: {} for p in group}
        gaps: dict[int, str] = {}
        async for points, blocks in pages(self._target, group, self._progress.until):
            for point, block in zip(points, blocks, strict=True):
                add_days(days[point.id], block.series)
                gaps.setdefault(point.id, digest_of_gaps(block.gaps, self._progress.until))
        found = []
        for point in group:
            wanted = self._progress.days(point)
            wrong = sorted(d for d in wanted.keys() | days[point.id].keys() if wanted.get(d) != days[point.id].get(d))
            other = gaps[point.id] != self._progress.gaps(point)
            if wrong or other:
                found.append(Difference(point.name, wrong, other))
        return found


_KINDS = (Kind.DOUBLE, Kind.LONG, Kind.TEXT)


def kind_of(series: Series) -> Kind:
    """What its values are."""
    if series.value.dtype == object:
        return Kind.TEXT
    return Kind.DOUBLE if series.value.dtype == np.float64 else Kind.LONG


def column(found: Sequence[Series], kind: Kind) -> Column | None:
    """The samples of one kind of several series; None where there are none."""
    mine = [(i, s) for i, s in enumerate(found) if len(s.time) and kind_of(s) is kind]
    if not mine:
        return None
    time = np.concatenate([s.time for _, s in mine])
    return Column(
        kind,
        np.concatenate([np.full(len(s.time), i, np.int64) for i, s in mine]),
        time,
        time,
        np.concatenate([s.value for _, s in mine]),
        np.concatenate([s.quality for _, s in mine]),
        np.concatenate([s.status for _, s in mine]),
    )


async def pages(archive: Archive, group: Sequence[Point], until: int) -> AsyncIterator[tuple[Sequence[Point], Sequence[SeriesBlock]]]:
    """All samples of some points before a moment: a first page of all together, then the rest of each that has more."""
    blocks = await archive.series(SeriesQuery(tuple(p.name for p in group), 0, until, limit=FEW))
    yield group, blocks
    for point, block in zip(group, blocks, strict=True):
        cursor = block.next_cursor
        while cursor is not None:
            [more] = await archive.series(SeriesQuery((point.name,), 0, until, limit=MANY, cursor=cursor))
            yield [point], [more]
            cursor = more.next_cursor


def parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many at a time."""
    left = iter(items)
    while part := list(islice(left, size)):
        yield part
