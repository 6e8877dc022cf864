"""The index of one revision's points: sorted once, searched many times. Pure."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from hmi_backend.errors import UnknownPoints
from kernel.array import ArrayConfig, Asset, Point, PointKind, PointType

REMEMBERED = 64
_WORD = re.compile(r"[^a-z0-9]+")


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
        self._found: OrderedDict[Wanted, Sequence[tuple[int, str]]] = OrderedDict()

    def find(self, wanted: Wanted) -> Sequence[tuple[int, str]]:
        """(rank, name) of every match, the best first, equal ranks by name; rank is 0 where nothing is searched."""
        found = self._found.get(wanted)
        if found is None:
            found = self._found[wanted] = self._search(wanted)
            if len(self._found) > REMEMBERED:
                self._found.popitem(last=False)
        else:
            self._found.move_to_end(wanted)
        return found

    def page(self, wanted: Wanted, after: str | None) -> tuple[Sequence[tuple[int, str]], int]:
        """All matches, and the position to go on from."""
        found = self.find(wanted)
        if after is None:
            return found, 0
        rank, _, name = after.partition(" ")
        return found, bisect_right(found, (int(rank) if rank.isdigit() else 0, name))

    def check(self, points: Iterable[str]) -> None:
        """Raises UnknownPoints with guesses at what was meant."""
        unknown = [p for p in points if p not in self.config.points]
        if unknown:
            self.refuse(unknown)

    def refuse(self, unknown: Sequence[str]) -> None:
        """Raises UnknownPoints; guesses are made for the first five."""
        raise UnknownPoints(unknown[:50], [self.guess(u) if i < 5 else () for i, u in enumerate(unknown[:50])], self.config.revision)

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

    def _search(self, wanted: Wanted) -> Sequence[tuple[int, str]]:
        points = self.config.points
        names: Sequence[str] = self.names
        if wanted.names is not None:
            names = sorted({n for n in wanted.names if n in points})
        if wanted.glob:
            match = re.compile(fnmatch.translate(wanted.glob.lower())).match
            names = [n for n in names if match(n.lower())]
        for condition in self._conditions(wanted):
            names = [n for n in names if condition(points[n])]
        words = [w for w in wanted.search.lower().split() if w]
        if not words:
            return [(0, n) for n in names]
        ranks: dict[str, int] = {}
        for word in words:
            ranked = self._ranked(word, names)
            ranks = {n: ranks.get(n, 0) + r for n, r in ranked.items()}
            names = list(ranks)
        return sorted((r, n) for n, r in ranks.items())

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

    def _ranked(self, word: str, names: Sequence[str]) -> dict[str, int]:
        """Rank by where a word is found: 0 the whole name, 1 its beginning, 2 a part's beginning, 3 a word's beginning, 4 inside,
        5 the initials (`amt` for azimuth_motor_temperature), 6 description or unit."""
        points, found = self.config.points, {}
        by_type: dict[int, int | None] = {}
        dotted, underscored = "." + word, "_" + word
        for name in names:
            low = name.lower()
            if word in low:
                rank: int | None
                if low.startswith(word):
                    rank = 0 if low == word else 1
                else:
                    rank = 2 if dotted in low else 3 if underscored in low else 4
            else:
                t = points[name].type
                key = id(t)
                if key not in by_type:
                    by_type[key] = _type_rank(word, t)
                rank = by_type[key]
            if rank is not None:
                found[name] = rank
        return found

    @cached_property
    def _trigrams(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for i, tail in enumerate(self._tails):
            for gram in _grams(tail):
                index.setdefault(gram, []).append(i)
        return index

    @cached_property
    def _heads(self) -> list[str]:
        return sorted({n.partition(".")[0] for n in self.names})

    @cached_property
    def _tails(self) -> list[str]:
        return sorted({n.partition(".")[2] for n in self.names})

    def guess(self, unknown: str) -> list[str]:
        """Up to three points that may have been meant, the likeliest first."""
        head, _, tail = unknown.lower()[:200].partition(".")
        shared = Counter(i for gram in _grams(tail or head) for i in self._trigrams.get(gram, ()))
        tails = [self._tails[i] for i, _ in shared.most_common(20)]
        heads = sorted(self._heads, key=lambda h: -_likeness(h, head))[:3]
        names = {f"{h}.{t}" for h in heads for t in tails} & self.config.points.keys()
        scored = sorted(((_likeness(n, unknown), n) for n in names), key=lambda s: (-s[0], s[1]))
        return [n for score, n in scored[:3] if score > 0.6]


def _type_rank(word: str, t: PointType) -> int | None:
    initials = "".join(w[0] for w in _WORD.split(t.group.lower()) if w)
    if len(word) >= 2 and word in initials:
        return 5
    return 6 if word in t.description.lower() or word == t.unit.lower() else None


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _grams(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}
