"""What differs: between the documents of two revisions, and between the points and sources they compile to."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kernel.array import ArrayConfig, Point
from kernel.config_store import ConfigChange


def diff_documents(a: Mapping[str, str], b: Mapping[str, str]) -> list[ConfigChange]:
    """Documents that differ, by path."""
    return [ConfigChange(p, a.get(p), b.get(p)) for p in sorted({*a, *b}) if a.get(p) != b.get(p)]


def unified(changes: Sequence[ConfigChange], context: int = 3) -> str:
    """The changes as `diff -u` would show them, /dev/null standing for a document that is not there."""
    out: list[str] = []
    for c in changes:
        before, after = (c.before or "").splitlines(keepends=True), (c.after or "").splitlines(keepends=True)
        names = ("/dev/null" if c.before is None else f"a/{c.path}", "/dev/null" if c.after is None else f"b/{c.path}")
        lines = list(difflib.unified_diff(before, after, *names, n=context))
        if not lines:  # one of them is empty: nothing to show but that it came or went
            lines = [f"--- {names[0]}\n", f"+++ {names[1]}\n"]
        for line in lines:
            out.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(out)


@dataclass(frozen=True, slots=True)
class PointsDiff:
    """What a service has to act on when one configuration replaces another. Names, each set in the order of its configuration."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Same name, but another type, source or address."""
    sources_added: tuple[str, ...]
    sources_removed: tuple[str, ...]
    sources_changed: tuple[str, ...]
    """Same name, but another URL, option or set of browse paths."""

    @property
    def empty(self) -> bool:
        """Nothing to do."""
        return not any((self.added, self.removed, self.changed, self.sources_added, self.sources_removed, self.sources_changed))


def diff_points(old: ArrayConfig, new: ArrayConfig) -> PointsDiff:
    """Compares points and sources by value. A point that is in none of the sets must not be touched."""
    same: dict[tuple[int, int], bool] = {}

    def differs(a: Point, b: Point) -> bool:
        if a.address != b.address or a.source != b.source:
            return True
        if a.type is b.type:
            return False
        key = (id(a.type), id(b.type))  # nine telescopes share each pair of types: comparing them once is enough
        if key not in same:
            same[key] = a.type == b.type
        return not same[key]

    changed = tuple(n for n, p in new.points.items() if (o := old.points.get(n)) is not None and differs(o, p))
    return PointsDiff(
        added=tuple(n for n in new.points if n not in old.points),
        removed=tuple(n for n in old.points if n not in new.points),
        changed=changed,
        sources_added=tuple(n for n in new.sources if n not in old.sources),
        sources_removed=tuple(n for n in old.sources if n not in new.sources),
        sources_changed=tuple(n for n, s in new.sources.items() if n in old.sources and old.sources[n] != s),
    )
