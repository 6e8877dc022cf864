"""Search for words in names: found by three letters, the likeliest first. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from kernel.array import PointType

_WORD = re.compile(r"[^a-z0-9]+")
INITIALS, DESCRIPTION = 5, 6


class Ranking:
    """Ranks per word: 0 the whole name, 1 its beginning, 2 a part's beginning (`azimuth` in ast1.mount.azimuth), 3 a word's beginning,
    4 inside, 5 the initials (`amt` for azimuth_motor_temperature), 6 description or unit. The rank of several words is their sum."""

    def __init__(self, names: Sequence[str], types: Sequence[PointType]) -> None:
        self._names = names
        self._low = [n.lower() for n in names]
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
        if among is None:
            left: Sequence[int] = range(len(self._names))
        else:
            number = {n: i for i, n in enumerate(self._names)}
            left = [number[n] for n in among]
        ranks: dict[int, int] = {}
        for word in words:
            found = self._ranked(word, left)
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

    @cached_property
    def _told(self) -> list[tuple[str, str]]:
        return [
            ("".join(w[0] for w in _WORD.split(t.group.lower()) if w), f"{t.description.lower()}\n{t.unit.lower()}") for t in self._types
        ]


def _initials(group: str) -> str:
    return "".join(w[0] for w in _WORD.split(group) if w)


def _rank(word: str, name: str) -> int:
    if name.startswith(word):
        return 0 if name == word else 1
    return 2 if f".{word}" in name else 3 if f"_{word}" in name else 4


def _type_rank(word: str, initials: str, text: str) -> int | None:
    if len(word) >= 2 and word in initials:
        return INITIALS
    return DESCRIPTION if word in text else None
