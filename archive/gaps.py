"""Why samples are missing: gaps of one point, from what its source covered and from the events told about it. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from kernel.archive import Gap
from schemas.records import GapCause, StateEvent, StateKind

Span = tuple[int, int]
MOST_REFUSED = 1000
"""Refusals of a source that one answer tells, the newest ones: a device with a wrong clock has one per batch, each like the other."""
UNREAD = "nobody read the source: the collector before ended without a word"
_CONNECTION = (StateKind.CONNECTED, StateKind.DISCONNECTED)


def gaps(point: str, start: int, end: int, covered: Sequence[Span], events: Sequence[StateEvent]) -> tuple[Gap, ...]:
    """The gaps overlapping [start, end), by start.

    There are three kinds. Told: GAP events that concern the point, and DISCONNECTED events, which begin with the end of the coverage before
    them and end with the next CONNECTED or with the next time covered. A GAP without an end lasts until the same is told again with one,
    and no longer than the connection; one may be a moment (start = end), at which something was lost. Found: times between the first and
    the last moment covered that are not covered, where nothing told explains them already. Where one ends with a CONNECTED, nobody read
    the source: the reader before ended without a word. Of any other the cause is UNKNOWN. Refused: REFUSED events, as moments at which
    samples arrived and were not stored. Their own times are what is wrong with them, so the moment is that of the refusal; it says nothing
    of the time around it.
    """
    mine = sorted((e for e in events if not e.points or point in e.points), key=lambda e: (e.start, e.time))
    near = covered[max(0, bisect_left(covered, (start, start)) - 1) : bisect_left(covered, (end, end)) + 1]
    holes = [h for h in pairwise(near) if h[0][1] < end and h[1][0] > start]
    told = [g for g in _from_coverage(_told(covered, mine), near, mine) if g.start < end and max(_end(g), g.start + 1) > start]
    found = [_hole(before, after, mine) for (_, before), (after, _) in holes if not _explained(before, after, told)]
    refused = [g for g in _refused(mine) if start <= g.start < end]
    return tuple(sorted((*told, *found, *refused), key=lambda g: (g.start, _end(g))))


def _told(covered: Sequence[Span], mine: Sequence[StateEvent]) -> Iterable[Gap]:
    ended = {(e.cause, e.start) for e in mine if e.kind is StateKind.GAP and e.end is not None}
    for i, event in enumerate(mine):
        end = event.end
        if event.kind is StateKind.GAP:
            if end is None:
                if (event.cause, event.start) in ended:
                    continue
                end = _connection_ended(event.start, mine[i + 1 :], covered)
        elif event.kind is StateKind.DISCONNECTED:
            end = end if end is not None else _reconnected(event.start, mine[i + 1 :], covered)
        else:
            continue
        if end is None or end > event.start or event.kind is StateKind.GAP:
            yield Gap(event.start, end, event.cause, event.count, event.detail)


def _connection_ended(start: int, later: Sequence[StateEvent], covered: Sequence[Span]) -> int | None:
    """When the connection of a moment ended: what was told while it lasted says nothing of the next. None while it lasts."""
    ends = [e.start for e in later if e.kind in _CONNECTION and e.start > start][:1]
    at = bisect_right(covered, start, key=_low) - 1
    if 0 <= at < len(covered) - 1 and covered[at][1] >= start:
        ends.append(covered[at][1])
    return min(ends, default=None)


def _from_coverage(told: Iterable[Gap], near: Sequence[Span], mine: Sequence[StateEvent]) -> Iterable[Gap]:
    """A disconnection that was noticed late, because nobody was there to notice, begins where what is known before it ended."""
    known = 0
    for gap in told:
        at = bisect_left(near, gap.start, key=_low) - 1
        if gap.cause is GapCause.DISCONNECTED and at >= 0:
            connected = max((e.start for e in mine if e.kind is StateKind.CONNECTED and e.start < gap.start), default=0)
            start = min(gap.start, max(near[at][1], known, connected))
            gap = gap if start == gap.start else replace(gap, start=start)
        known = max(known, _end(gap))
        yield gap


def _refused(mine: Sequence[StateEvent]) -> Iterable[Gap]:
    for event in mine:
        if event.kind is StateKind.REFUSED:
            yield Gap(event.time, event.time, event.cause, event.count, event.detail)


def _reconnected(start: int, later: Sequence[StateEvent], covered: Sequence[Span]) -> int | None:
    """When a disconnection ended: at the next CONNECTED, where the next reader lost it too, or where coverage begins again, whichever is
    first; None while it lasts."""
    ends = [e.start for e in later if e.kind in _CONNECTION][:1]
    ends += [low for low, _ in covered if low > start][:1]
    return min(ends, default=None)


def _hole(before: int, after: int, mine: Sequence[StateEvent]) -> Gap:
    if any(e.kind is StateKind.CONNECTED and before < e.start <= after for e in mine):
        return Gap(before, after, GapCause.DISCONNECTED, None, UNREAD)
    return Gap(before, after, GapCause.UNKNOWN)


def _explained(low: int, high: int, told: Sequence[Gap]) -> bool:
    """Whether told gaps explain most of a hole: the moments of noticing and of the last coverage differ a little."""
    explained, upto = 0, low
    for gap in sorted(told, key=lambda g: g.start):
        begin, end = max(upto, gap.start), min(high, _end(gap))
        if end > begin:
            explained, upto = explained + end - begin, end
    return 2 * explained > high - low


def _low(span: Span) -> int:
    return span[0]


def _end(gap: Gap) -> int:
    return (1 << 62) if gap.end is None else gap.end
