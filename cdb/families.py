"""Names written once for many: `pdm{01..37}.temperature`, `{weather,mast2}`, and `{parameter}` in texts. Pure text work."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

MAX_FAMILY = 1_000_000
"""Names one pattern may stand for."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*")
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")
_PARAMETER = re.compile(r"\{([a-zA-Z_]\w*)\}", re.ASCII)


class BadPattern(Exception):
    """A pattern of names cannot be expanded."""

    def __init__(self, text: str, remedy: str) -> None:
        self.text, self.remedy = text, remedy
        super().__init__(text)


def expand(pattern: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every name of a family, with what each pair of braces stood for in it. A plain name is a family of one.

    >>> expand("m{1..2}.t")
    [('m1.t', ('1',)), ('m2.t', ('2',))]
    """
    parts = _BRACES.split(pattern)
    outer, inner = parts[::2], [_members(p, pattern) for p in parts[1::2]]
    if any("{" in p or "}" in p for p in outer):
        raise BadPattern(f"{pattern}: a brace is not closed, or stands within braces", "write e.g. pdm{01..37} or {a,b}")
    size = 1
    for members in inner:
        size *= len(members)
    if size > MAX_FAMILY:
        raise BadPattern(f"{pattern} stands for {size} names", f"at most {MAX_FAMILY} are possible")
    found = []
    for chosen in itertools.product(*inner):
        name = outer[0] + "".join(c + o for c, o in zip(chosen, outer[1:], strict=True))
        if _NAME.fullmatch(name) is None:
            raise BadPattern(f"{name if name.strip() else repr(name)} is not a name", name_remedy(name))
        found.append((name, chosen))
    return found


def is_name(name: str) -> bool:
    """Lower-case words joined by dots."""
    return _NAME.fullmatch(name) is not None


def name_remedy(name: str) -> str:
    """What a bad name could be instead."""
    better = re.sub(r"[^a-z0-9_.]+", "_", name.lower()).strip("._")
    better = re.sub(r"\.[._]+", ".", better)
    if is_name(better):
        return f"write {better}"
    return "names are lower-case letters, digits and _, joined by dots, and begin with a letter"


def _members(inside: str, pattern: str) -> list[str]:
    found = _RANGE.fullmatch(inside)
    if found is None:
        members = [m.strip() for m in inside.split(",")]
        if len(members) < 2 or not all(members):
            raise BadPattern(f"{pattern}: {{{inside}}} is neither a range nor a list", "write {01..37} for numbers or {a,b} for words")
        if len(set(members)) < len(members):
            raise BadPattern(f"{pattern}: {{{inside}}} names one twice", "name each once")
        return members
    first, last = found[1], found[2]
    if int(first) > int(last):
        raise BadPattern(f"{pattern}: the range {inside} runs backwards", f"write {{{last}..{first}}}")
    if int(last) - int(first) >= MAX_FAMILY:
        raise BadPattern(f"{pattern}: the range {inside} is too long", f"at most {MAX_FAMILY} names are possible")
    width = len(first) if first.startswith("0") else 1
    return [str(n).zfill(width) for n in range(int(first), int(last) + 1)]


def parameters_in(text: str) -> list[str]:
    """Names in braces within a text; numbers in braces are not parameters."""
    return _PARAMETER.findall(text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Puts parameters in; unknown ones stay as they are."""
    return _PARAMETER.sub(lambda m: values.get(m[1], m[0]), text)


def fill_numbers(text: str, captures: tuple[str, ...]) -> str:
    """Puts what the braces of a family stood for in for {1}, {2} ..."""
    for i, c in enumerate(captures, 1):
        text = text.replace(f"{{{i}}}", c)
    return text
