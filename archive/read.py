"""Answers from what a store has of a point. The store only says where samples may be and loads them; everything else is here.

Pieces of one point may overlap in time: late data, rewritten samples, the open tier beside sealed slabs. They are merged on reading; of
samples with equal time the newest write stays.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from archive.gaps import Span, gaps
from archive.table import Table, Values, concat, one_kind, take, to_kind
from kernel.archive import Gap, ResampleMethod, SeriesBlock, SeriesQuery
from kernel.errors import BadUsage
from kernel.samples import Kind, Samples, Series, empty_series
from schemas.records import StateEvent, StateKind

EVER = 1 << 62
"""Later than any time."""
BUDGET = 1 << 20
"""Samples of one point held at once while a long range is read: some 25 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Ref:
    """Where samples of a point may be: between first and last, in one piece."""

    order: tuple[int, int]
    """Ascending by the time of writing."""
    kind: Kind
    first: int
    last: int
    load: Callable[[], Table | None]
    """The point's samples, ascending in time; None where there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that a store knows of a point in a range."""

    point: str
    refs: Sequence[Ref]
    """Only of the kinds that the point has there: they decide how its values are shown."""
    covered: Sequence[Span]
    told: Callable[[int, int], Sequence[StateEvent]]
    """The events that may explain gaps of a range."""
    known_until: int
    """Everything up to here has arrived, as far as the source has said."""
    before: Callable[[], Table | None]
    """The sample in force just before the range, if there is one: one row."""
    after: Callable[[], Table | None]
    """The first sample after the range, if there is one not far away: one row."""

    @property
    def kind(self) -> Kind:
        """What its samples can be shown as; NONE where there are none."""
        kinds = {r.kind for r in self.refs}
        return one_kind(kinds) if kinds else Kind.NONE


def unseen(point: str, covered: Sequence[Span] = (), told: Callable[[int, int], Sequence[StateEvent]] | None = None) -> Evidence:
    """Of a point without any sample: what its source tells, or that nothing is known and nothing awaited."""
    if told is None:
        return Evidence(point, (), (), lambda a, b: (), EVER, lambda: None, lambda: None)
    return Evidence(point, (), covered, told, covered[-1][1] if covered else 0, lambda: None, lambda: None)


def slices(refs: Sequence[Ref], start: int, end: int, budget: int = BUDGET) -> Iterator[Table]:
    """The samples with start <= time < end, merged and ascending, in pieces of about `budget` samples; all of one kind."""
    kind = one_kind({r.kind for r in refs}) if refs else Kind.DOUBLE
    held: list[tuple[tuple[int, int], Table]] = []
    count = 0
    for ref in sorted(refs, key=lambda r: r.first):
        if count >= budget:
            ready = [(o, t) for o, part in held if (t := between(part, start, ref.first)) is not None]
            held = [(o, t) for o, part in held if (t := between(part, ref.first, end)) is not None]
            count = sum(len(t) for _, t in held)
            if ready:
                yield _merged(ready, kind)
        found = ref.load()
        part = None if found is None else between(found, start, end)
        if part is not None:
            held.append((ref.order, part))
            count += len(part)
    if held:
        yield _merged(held, kind)


def between(table: Table, start: int, end: int) -> Table | None:
    """The rows with start <= time < end of an ascending table; None where there are none."""
    a, b = np.searchsorted(table.time, (start, end)).tolist()
    if a == b:
        return None
    return table if b - a == len(table) else take(table, slice(a, b))


def _merged(parts: list[tuple[tuple[int, int], Table]], kind: Kind) -> Table:
    parts.sort(key=lambda p: p[0])
    return latest_first([to_kind(t, kind) for _, t in parts])


def latest_first(tables: Sequence[Table]) -> Table:
    """Tables of one point in order of writing, as one ascending in time; of equal times the last written stays."""
    table = concat(tables)
    steps = np.diff(table.time)
    if bool((steps > 0).all()):
        return table
    table = take(table, np.argsort(table.time, kind="stable"))
    same = table.time[1:] == table.time[:-1]
    return take(table, np.append(~same, True)) if same.any() else table


def raw_block(evidence: Evidence, query: SeriesQuery) -> SeriesBlock:
    """The samples as they are, at most query.limit of them."""
    start = query.start if query.cursor is None else read_cursor(query)
    parts: list[Table] = []
    count = 0
    for part in slices(evidence.refs, start, query.end, min(BUDGET, query.limit + 1)):
        parts.append(part)
        count += len(part)
        if count > query.limit:
            break
    if not parts:
        return block(evidence, query, empty_series(evidence.point), ResampleMethod.RAW)
    table = concat(parts)
    cursor = str(int(table.time[query.limit])) if len(table) > query.limit else None
    return block(evidence, query, as_series(evidence.point, take(table, slice(0, query.limit))), ResampleMethod.RAW, cursor)


def read_cursor(query: SeriesQuery) -> int:
    """A cursor is the time of the next sample."""
    if len(query.points) != 1:
        raise BadUsage("a cursor continues one point: ask for one")
    try:
        moment = int(query.cursor or "")
    except ValueError:
        raise BadUsage(f"cursor {query.cursor!r} is not from an earlier answer") from None
    return max(query.start, moment)


def block(evidence: Evidence, query: SeriesQuery, series: Series, method: ResampleMethod, cursor: str | None = None) -> SeriesBlock:
    """The answer with its gaps and whether it is complete."""
    whole = cursor is None and (query.start == query.end or complete(evidence, query.end))
    return SeriesBlock(series, method, found_gaps(evidence, query), whole, cursor)


def found_gaps(evidence: Evidence, query: SeriesQuery) -> tuple[Gap, ...]:
    """The gaps of the range."""
    return gaps(evidence.point, query.start, query.end, evidence.covered, _told(evidence, query))


def _told(evidence: Evidence, query: SeriesQuery) -> Sequence[StateEvent]:
    """The events that may explain a gap of the range; of one that reaches beyond its end, also those of that end."""
    at = bisect_left(evidence.covered, query.end, key=lambda span: span[0])
    beyond = at < len(evidence.covered) and (at == 0 or evidence.covered[at - 1][1] < query.end)
    return evidence.told(query.start, evidence.covered[at][0] + 1 if beyond else query.end)


def breaks(evidence: Evidence, query: SeriesQuery) -> tuple[Gap, ...]:
    """The gaps across which nothing is held or drawn: a refused sample hides none of those around it."""
    told = [e for e in _told(evidence, query) if e.kind is not StateKind.REFUSED]
    return gaps(evidence.point, query.start, query.end, evidence.covered, told)


def complete(evidence: Evidence, end: int) -> bool:
    """Whether nothing of the range may still arrive: the source is known beyond it, or disconnected."""
    if end <= evidence.known_until:
        return True
    last = [e for e in evidence.told(end - 1, end) if e.kind in (StateKind.CONNECTED, StateKind.DISCONNECTED)]
    down = max(last, key=lambda e: (e.start, e.time), default=None)
    return down is not None and down.kind is StateKind.DISCONNECTED and evidence.known_until <= down.time


def as_series(point: str, table: Table) -> Series:
    """Columns for a reader."""
    n = len(table)
    value: Values = table.value
    return Series(
        point,
        table.time,
        value,
        np.zeros(n, np.uint8) if table.quality is None else table.quality,
        np.zeros(n, np.uint32) if table.status is None else table.status,
    )


def in_force(refs: Sequence[Ref], moment: int) -> Table | None:
    """The last sample with time <= moment, as one row; of equal times the one written last."""
    best: Table | None = None
    best_order = (-1, -1)
    for ref in sorted(refs, key=lambda r: (-r.last, (-r.order[0], -r.order[1]))):
        if ref.first > moment:
            continue
        if best is not None and ref.last < int(best.time[0]):
            break
        found = ref.load()
        n = 0 if found is None else int(np.searchsorted(found.time, moment, side="right"))
        if found is None or n == 0:
            continue
        time = int(found.time[n - 1])
        if best is None or (time, ref.order) > (int(best.time[0]), best_order):
            best, best_order = take(found, slice(n - 1, n)), ref.order
    return best


def first_after(refs: Sequence[Ref], moment: int, end: int) -> Table | None:
    """The first sample with moment <= time < end, as one row."""
    piece = next(slices(refs, moment, end, budget=1), None)
    return None if piece is None else take(piece, slice(0, 1))


def put(out: Samples, i: int, row: Table) -> None:
    """Row 0 of a table becomes sample i."""
    out.time[i], out.kind[i] = row.time[0], row.kind
    if row.kind is Kind.DOUBLE:
        out.number[i] = row.value[0]
    elif row.kind is Kind.LONG:
        out.integer[i] = row.value[0]
    else:
        out.text[i] = row.value[0]
    out.quality[i] = 0 if row.quality is None else row.quality[0]
    out.status[i] = 0 if row.status is None else row.status[0]


def check_query(query: SeriesQuery) -> None:
    """Raises BadUsage for a range or a limit that cannot be."""
    if query.end < query.start:
        raise BadUsage(f"the range ends ({query.end}) before it starts ({query.start})")
    if query.limit <= 0:
        raise BadUsage(f"limit is {query.limit}: it must be positive")
