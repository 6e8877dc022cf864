"""Search for words in names: found by three letters, the likeliest first. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from hmi_backend.slips import folded, meant, pattern_of, together, words_of
from kernel.array import PointType

_WORD = re.compile(r"[^a-z0-9]+")
INITIALS, DESCRIPTION, SLIP = 5, 6, 7


class Ranking:
    """Ranks per word: 0 the whole name, 1 its beginning, 2 a part's beginning (`azimuth` in ast1.mount.azimuth), 3 a word's beginning,
    4 inside, 5 the initials (`amt` for azimuth_motor_temperature), 6 description or unit. The rank of several words is their sum.

    A word that nothing has is taken as a pattern, as words written together, as shortened, or as mistyped, in this order (rank 7)."""

    def __init__(self, names: Sequence[str], types: Sequence[PointType]) -> None:
        self._names = names
        self._low = [folded(n) for n in names]
        numbers: dict[int, int] = {}
        self._types: list[PointType] = []
        type_of = np.empty(len(names), np.int32)
        for i, t in enumerate(types):
            number = numbers.get(id(t))
            if number is None:
                number = numbers[id(t)] = len(self._types)
                self._types.append(t)
            type_of[i] = number
        self._type_of = type_of

    def find(self, words: Sequence[str], among: Sequence[str] | None) -> list[tuple[int, str]]:
        """(rank, name) of every name that has all words, sorted; `among`: of these names only."""
        whole = range(len(self._names))
        if among is None:
            left: Sequence[int] = whole
        else:
            number = {n: i for i, n in enumerate(self._names)}
            left = [number[n] for n in among]
        ranks: dict[int, int] = {}
        for word in map(folded, words):
            found = self._ranked(word, left)
            if not found and (left is whole or not self._ranked(word, whole)):
                found = self._meant(word, left)
            ranks = {i: ranks.get(i, 0) + r for i, r in found.items()}
            left = list(ranks)
        return sorted((r, self._names[i]) for i, r in ranks.items())

    def _ranked(self, word: str, left: Sequence[int]) -> dict[int, int]:
        low = self._low
        if isinstance(left, range):
            found = {i: _rank(word, text) for i, text in enumerate(low) if word in text}
        else:
            found = {i: _rank(word, low[i]) for i in left if word in low[i]}
        by_type = {k: r for k, (initials, text) in enumerate(self._told) if (r := _type_rank(word, initials, text)) is not None}
        if by_type:
            among = np.asarray(left, np.int64)
            for i in among[np.isin(self._type_of[among], list(by_type))].tolist():
                found.setdefault(i, by_type[int(self._type_of[i])])
        return found

    def _meant(self, word: str, left: Sequence[int]) -> dict[int, int]:
        """What a word that nothing has may stand for."""
        joined, pattern = together(word), pattern_of(word)
        if pattern is not None:
            return {i: SLIP for i in left if pattern.match(self._low[i])}
        found = {i: SLIP for i in left if joined and joined in self._joined[i]}
        for known in () if found else meant(word, self._words):
            found |= dict.fromkeys(self._ranked(known, left), SLIP)
        return found

    @cached_property
    def _joined(self) -> list[str]:
        return "\n".join(self._low).replace(".", "").replace("_", "").split("\n")  # all that names have beside letters and digits

    @cached_property
    def _words(self) -> frozenset[str]:
        return words_of((*self._low, *(text for _, text in self._told)))

    @cached_property
    def _told(self) -> list[tuple[str, str]]:
        return [
            ("".join(w[0] for w in _WORD.split(folded(t.group)) if w), f"{folded(t.description)}\n{folded(t.unit)}") for t in self._types
        ]


def _rank(word: str, name: str) -> int:
    if name.startswith(word):
        return 0 if name == word else 1
    return 2 if f".{word}" in name else 3 if f"_{word}" in name else 4


def _type_rank(word: str, initials: str, text: str) -> int | None:
    if len(word) >= 2 and word in initials:
        return INITIALS
    return DESCRIPTION if word in text else None
