"""Why samples are missing: gaps of one point, from what its source covered and from the events told about it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from kernel.archive import Gap
from schemas.records import GapCause, StateEvent, StateKind

Span = tuple[int, int]
MOST_REFUSED = 1000
"""Refusals of a source that one answer tells, the newest ones: a device with a wrong clock has one per batch, each like the other."""


def gaps(point: str, start: int, end: int, covered: Sequence[Span], events: Sequence[StateEvent]) -> tuple[Gap, ...]:
    """The gaps overlapping [start, end), by start.

    There are three kinds. Told: GAP events that concern the point, and DISCONNECTED events, which end with the next CONNECTED or with the
    next time covered. Found: times between the first and the last moment covered that are not covered, where nothing told explains them
    already; their cause is UNKNOWN. Refused: REFUSED events, as moments (start = end) at which samples arrived and were not stored. Their
    own times are what is wrong with them, so the moment is that of the refusal; it says nothing of the time around it.
    """
    told = [g for g in _told(point, covered, sorted(events, key=lambda e: (e.start, e.time))) if g.start < end and _end(g) > start]
    refused = [g for g in _refused(point, events) if start <= g.start < end]
    near = covered[max(0, bisect_left(covered, (start, start)) - 1) : bisect_left(covered, (end, end)) + 1]
    found = [g for g in _holes(near) if g.start < end and _end(g) > start and not _explained(g, told)]
    return tuple(sorted((*told, *found, *refused), key=lambda g: (g.start, _end(g))))


def _told(point: str, covered: Sequence[Span], events: Sequence[StateEvent]) -> Iterable[Gap]:
    mine = [e for e in events if not e.points or point in e.points]
    for i, event in enumerate(mine):
        if event.kind is StateKind.GAP:
            yield Gap(event.start, event.end, event.cause, event.count, event.detail)
        elif event.kind is StateKind.DISCONNECTED:
            end = event.end if event.end is not None else _reconnected(event.start, mine[i + 1 :], covered)
            if end is None or end > event.start:
                yield Gap(event.start, end, event.cause, event.count, event.detail)


def _refused(point: str, events: Sequence[StateEvent]) -> Iterable[Gap]:
    for event in events:
        if event.kind is StateKind.REFUSED and (not event.points or point in event.points):
            yield Gap(event.time, event.time, event.cause, event.count, event.detail)


def _reconnected(start: int, later: Sequence[StateEvent], covered: Sequence[Span]) -> int | None:
    """When a disconnection ended: at the next CONNECTED, or where coverage begins again, whichever is first; None while it lasts."""
    ends = [e.start for e in later if e.kind is StateKind.CONNECTED][:1]
    ends += [low for low, _ in covered if low > start][:1]
    return min(ends, default=None)


def _holes(covered: Sequence[Span]) -> Iterable[Gap]:
    for (_, before), (after, _) in pairwise(covered):
        yield Gap(before, after, GapCause.UNKNOWN)


def _explained(hole: Gap, told: Sequence[Gap]) -> bool:
    """Whether a told gap explains most of a hole: the moments of noticing and of the last coverage differ a little."""
    low, high = hole.start, _end(hole)
    return any(2 * (min(high, _end(g)) - max(low, g.start)) > high - low for g in told)


def _end(gap: Gap) -> int:
    return (1 << 62) if gap.end is None else gap.end
