"""The index of one revision's points: sorted once, searched many times. Pure."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from hmi_backend.errors import UnknownPoints
from hmi_backend.guess import Guesser
from hmi_backend.ranking import Ranking
from kernel.array import ArrayConfig, Asset, Point, PointKind

REMEMBERED = 500_000
"""Rows of earlier answers kept, about 70 bytes each."""
MANY = 20_000
"""From so many points on, a search not made before takes tens of milliseconds: too long for the event loop."""
Found = Sequence[tuple[int, str]]
"""(rank, name): the best first, equal ranks by name; rank is 0 where nothing was searched."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which points: every condition given must hold."""

    search: str = ""
    glob: str = ""
    names: tuple[str, ...] | None = None
    device: str | None = None
    asset: str | None = None
    kinds: frozenset[PointKind] | None = None
    group: str | None = None


class Catalogue:
    """Names in order, and what was asked of them lately."""

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        self.names: list[str] = sorted(config.points)
        self._all: Found = [(0, n) for n in self.names]
        self._found: OrderedDict[Wanted, Found] = OrderedDict()
        self._kept = 0

    def known(self, wanted: Wanted) -> bool:
        """Whether find answers at once."""
        return len(self.names) < MANY or wanted == Wanted() or wanted in self._found

    def find(self, wanted: Wanted) -> Found:
        """Every match."""
        found = self._found.get(wanted)
        if found is None:
            found = self.search(wanted)
            self.remember(wanted, found)
        return found

    def remember(self, wanted: Wanted, found: Found) -> None:
        """Keeps an answer of search."""
        self._found[wanted] = found
        self._kept += 0 if found is self._all else len(found)
        while self._kept > REMEMBERED:
            _, oldest = self._found.popitem(last=False)
            self._kept -= 0 if oldest is self._all else len(oldest)

    def check(self, points: Iterable[str]) -> None:
        """Raises UnknownPoints with guesses at what was meant."""
        known = self.config.points
        unknown = [p for p in points if p not in known]
        if unknown:
            self.refuse(unknown)

    def refuse(self, unknown: Sequence[str]) -> None:
        """Raises UnknownPoints; guesses are made for the first five."""
        shown = unknown[:50]
        raise UnknownPoints(shown, [self._guesser.guess(u) if i < 5 else () for i, u in enumerate(shown)], self.config.revision)

    def below(self, asset: str) -> frozenset[str]:
        """An asset and all assets below it."""
        found, grew = {asset}, True
        while grew:
            more = {a.name for a in self.config.assets.values() if a.parent in found} - found
            found |= more
            grew = bool(more)
        return frozenset(found)

    @cached_property
    def tree(self) -> list[Asset]:
        """The assets, parents first, brothers by name."""
        children: dict[str, list[Asset]] = {}
        for asset in sorted(self.config.assets.values(), key=lambda a: a.name):
            children.setdefault(asset.parent if asset.parent in self.config.assets else "", []).append(asset)
        found, waiting = [], list(reversed(children.get("", [])))
        while waiting:
            found.append(asset := waiting.pop())
            waiting += reversed(children.get(asset.name, []))
        return found

    @cached_property
    def per_asset(self) -> Counter[str]:
        """How many points each asset has."""
        return Counter(p.asset for p in self.config.points.values())

    @cached_property
    def per_source(self) -> Counter[str]:
        """How many points each source delivers."""
        return Counter(p.source for p in self.config.points.values())

    @cached_property
    def by_group(self) -> dict[str, list[str]]:
        """Group to its points, both by name; what has no group is left out."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            group = self.config.points[name].type.group
            if group:
                found.setdefault(group, []).append(name)
        return dict(sorted(found.items()))

    @cached_property
    def _guesser(self) -> Guesser:
        return Guesser(self.names)

    @cached_property
    def _ranking(self) -> Ranking:
        return Ranking(self.names, [self.config.points[n].type for n in self.names])

    def search(self, wanted: Wanted) -> Found:
        """As find, without a memory: may run in a thread."""
        points = self.config.points
        names: Sequence[str] = self.names
        if wanted.names is not None:
            names = sorted({n for n in wanted.names if n in points})
        if wanted.glob:
            match = re.compile(fnmatch.translate(wanted.glob.lower())).match
            names = [n for n in names if match(n.lower())]
        for condition in self._conditions(wanted):
            names = [n for n in names if condition(points[n])]
        words = wanted.search.split()
        if words:
            return self._ranking.find(words, None if names is self.names else names)
        return self._all if names is self.names else [(0, n) for n in names]

    def _conditions(self, wanted: Wanted) -> list[Callable[[Point], bool]]:
        found: list[Callable[[Point], bool]] = []
        if wanted.device is not None:
            found.append(lambda p: p.source == wanted.device)
        if wanted.asset is not None:
            assets = self.below(wanted.asset)
            found.append(lambda p: p.asset in assets)
        if wanted.kinds is not None:
            kinds = wanted.kinds
            found.append(lambda p: p.type.kind in kinds)
        if wanted.group is not None:
            found.append(lambda p: p.type.group == wanted.group)
        return found


def position(found: Found, after: str | None) -> int:
    """Where to go on after the row whose key is `after`, `RANK NAME`; 0 without one. The row itself need not exist any more."""
    if after is None:
        return 0
    rank, _, name = after.partition(" ")
    return bisect_right(found, (int(rank) if rank.isdigit() else 0, name))
