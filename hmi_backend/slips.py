"""What a word may have been meant to be, where no name and no description has it: `wnd`, `tmp`, `humdity`, `windspeed`, `azi*`. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate

_WORD = re.compile(r"[^\W_]+")
_APART = re.compile(r"[\W_]+")
MANY_WORDS = 20_000
"""Of more different words than this no slip is looked for: it would take longer than typing the word again."""
SHORTEST, ONE_SLIP, TWO_SLIPS = 3, 4, 7
"""From so many letters on a word may be shortened, may have one slip, may have two."""


def folded(text: str) -> str:
    """Without case, accents and the differences of signs that look alike: the micro sign is the letter mu, `TEMPERATÜR` is `temperatur`."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold()


def together(text: str) -> str:
    """Without dots, underscores and blanks."""
    return _APART.sub("", text)


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """The words of folded texts; none where there are too many different ones."""
    found = frozenset(w for text in texts for w in _WORD.findall(text) if len(w) >= SHORTEST)
    return found if len(found) <= MANY_WORDS else frozenset()


def pattern_of(word: str) -> re.Pattern[str] | None:
    """What a word with `*` or `?` stands for, anywhere in a name; None for a word without, or of nothing else."""
    if not together(word) or not ("*" in word or "?" in word):
        return None
    return re.compile(translate(f"*{word}*"))


def meant(word: str, known: Iterable[str]) -> frozenset[str]:
    """The known words that a folded word stands for: shortened (`tmp` for temperature), or else the nearest ones with a slip or two."""
    short = frozenset(k for k in known if len(word) >= SHORTEST and k[0] == word[0] and _shortened(word, k))
    if short or len(word) < ONE_SLIP:
        return short
    most = 2 if len(word) >= TWO_SLIPS else 1
    slips = {k: d for k in known if (d := _slips(word, k, most)) <= most}
    least = min(slips.values(), default=0)
    return frozenset(k for k, d in slips.items() if d == least)


def _shortened(word: str, known: str) -> bool:
    letters = iter(known)
    return all(c in letters for c in word)


def _slips(word: str, known: str, most: int) -> int:
    """The fewest letters wrong, missing, too many or swapped with their neighbour (optimal string alignment distance, Damerau 1964 as
    restricted by Boytsov 2011) between a word and the beginning of a known one: who searches has seldom typed it to its end."""
    if len(word) > len(known) + most:
        return most + 1
    known = known[: len(word) + most]
    before: list[int] = []
    row = list(range(len(known) + 1))
    for i, a in enumerate(word, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(known, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == known[j - 2] and b == word[i - 2]:
                best = min(best, older[j - 2] + 1)
            row.append(best)
        if min(row) > most:
            return most + 1
    return min(row)
