"""The configuration as it was: old revisions compiled when somebody asks, of which only the differences to one of them are kept."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kernel.array import ArrayConfig, Point, PointType
from kernel.config_store import ConfigStore
from kernel.discovery import complete
from kernel.errors import ConfigProblems, NotAvailable
from kernel.live_config import LiveConfig
from schemas.records import Discovery, Revision

log = logging.getLogger(__name__)
Compile = Callable[[Mapping[str, str], int], ArrayConfig]
Changed = Mapping[str, PointType | None]
REMEMBERED = 500_000
"""Differing points kept in all, about 120 bytes each."""
PAGE = 500


class Past:
    """Point types by revision. Compiling runs in a thread, one revision at a time."""

    def __init__(self, store: ConfigStore, live: LiveConfig, compile: Compile | None) -> None:
        self._store, self._live, self._compile = store, live, compile
        self._told: Mapping[str, Discovery] = {}
        self._revisions: list[Revision] = []
        self._base: Mapping[str, Point] | None = None
        self._kept: OrderedDict[int, _Compiled | None] = OrderedDict()
        self._weight = 0
        self._busy = asyncio.Lock()

    def heard(self, discovery: Discovery) -> None:
        """What a device tells of its points completes every revision, as it completes the one in force."""
        self._told = {**self._told, discovery.source: discovery}
        self._kept.clear()
        self._weight, self._base = 0, None

    async def revisions(self) -> Sequence[Revision]:
        """Every published revision, oldest first."""
        known = self._revisions[-1].number if self._revisions else 0
        newer: list[Revision] = []
        before: int | None = None
        while True:
            page = await self._store.revisions(limit=PAGE if known == 0 or before else 2, before=before)
            newer += [r for r in page if r.number > known]
            if not page or page[-1].number <= known + 1:
                break
            before = page[-1].number
        self._revisions = [*(r for r in self._revisions if r.number <= known), *reversed(newer)]
        return self._revisions

    async def during(self, start: int, end: int) -> Sequence[Revision]:
        """The revision in force at start, then those published before end, oldest first."""
        found = await self.revisions()
        first = max((i for i, r in enumerate(found) if r.time <= start), default=0)
        return [r for r in found[first:] if r.time < end or r.time <= start]

    async def types(self, revision: int, names: Sequence[str]) -> list[PointType | None] | None:
        """The type each point had, None where there was no such point; None in all for a revision that does not compile here."""
        live = self._live.current
        if revision == live.revision:
            return [p.type if (p := live.points.get(n)) else None for n in names]
        compiled = await self._compiled(revision)
        return None if compiled is None else [compiled.type_of(n) for n in names]

    async def _compiled(self, revision: int) -> _Compiled | None:
        async with self._busy:
            if revision in self._kept:
                self._kept.move_to_end(revision)
                return self._kept[revision]
            told = self._told
            found = await self._read(revision, told)
            if told is self._told:  # else it is out of date already
                self._keep(revision, found)
            return found

    def _keep(self, revision: int, found: _Compiled | None) -> None:
        self._kept[revision] = found
        self._weight += 1 + (len(found.changed) if found else 0)
        while self._weight > REMEMBERED and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._weight -= 1 + (len(oldest.changed) if oldest else 0)

    async def _read(self, revision: int, told: Mapping[str, Discovery]) -> _Compiled | None:
        if self._compile is None:
            raise NotAvailable(
                "old revisions cannot be compiled here: the server was started without a compiler (HmiPorts.compile_revision)"
            )
        snapshot = await self._store.load(revision)
        if self._base is None:
            self._base = self._live.current.points
        try:
            return await asyncio.to_thread(_compiled, self._compile, snapshot.documents, revision, told, self._base)
        except ConfigProblems as problems:  # written by another release: it was not in force here either
            log.warning("configuration revision %d does not compile here: %s", revision, problems.problems[0])
            return None


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """A revision's points, as differences to those of another."""

    base: Mapping[str, Point]
    changed: Changed

    def type_of(self, name: str) -> PointType | None:
        if name in self.changed:
            return self.changed[name]
        point = self.base.get(name)
        return point.type if point else None


def _compiled(
    compile: Compile, documents: Mapping[str, str], revision: int, told: Mapping[str, Discovery], base: Mapping[str, Point]
) -> _Compiled:
    return _Compiled(base, differences(base, complete(compile(documents, revision), told).points))


def differences(base: Mapping[str, Point], points: Mapping[str, Point]) -> Changed:
    """The type of each point that is not as in base; None: it is not there. Types are shared by many points and compared once."""
    equal: dict[tuple[int, int], bool] = {}
    changed: dict[str, PointType | None] = {n: None for n in base if n not in points}
    for name, point in points.items():
        other = base.get(name)
        if other is None:
            changed[name] = point.type
            continue
        pair = (id(other.type), id(point.type))
        if pair not in equal:
            equal[pair] = other.type == point.type
        if not equal[pair]:
            changed[name] = point.type
    return changed
