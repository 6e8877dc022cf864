"""What was meant by a name that does not exist. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cached_property

MANY_TAILS = 10_000
NEAR = 30
LIKELY = 0.6


class Guesser:
    """Names are `telescope.rest`: both halves are guessed apart, because a typing mistake is seldom in both."""

    def __init__(self, names: Sequence[str]) -> None:
        """names: sorted."""
        self._names = names
        self._known = frozenset(names)

    def guess(self, unknown: str) -> list[str]:
        """Up to three names, the likeliest first."""
        head, _, tail = unknown.lower()[:200].partition(".")
        heads = sorted(self._heads, key=lambda h: -_likeness(h, head))[:3]
        near = {f"{h}.{t}" for h in heads for t in self._near_tails(tail or head)} & self._known
        at = bisect_left(self._names, unknown)
        near.update(self._names[max(0, at - 3) : at + 3])
        scored = sorted(((_likeness(n, unknown), n) for n in near), key=lambda s: (-s[0], s[1]))
        return [n for score, n in scored[:3] if score > LIKELY]

    def _near_tails(self, tail: str) -> list[str]:
        if len(self._tails) > MANY_TAILS:  # an index of so many would take longer to make than it saves
            at = bisect_left(self._tails, tail)
            return self._tails[max(0, at - NEAR) : at + NEAR]
        shared = Counter(i for gram in _grams(tail) for i in self._trigrams.get(gram, ()))
        return [self._tails[i] for i, _ in shared.most_common(NEAR)]

    @cached_property
    def _heads(self) -> list[str]:
        return sorted({n.partition(".")[0] for n in self._names})

    @cached_property
    def _tails(self) -> list[str]:
        return sorted({n.partition(".")[2] for n in self._names})

    @cached_property
    def _trigrams(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for i, tail in enumerate(self._tails):
            for gram in _grams(tail):
                index.setdefault(gram, []).append(i)
        return index


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _grams(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[i : i + 3] for i in range(len(padded) - 2)}
