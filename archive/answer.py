"""A query answered from the evidence of one point: raw or resampled, filled, with its gaps. Pure but for the loading of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from archive.fill import as_picked, filled, interpolated, together, zeros
from archive.lttb import halves, largest_triangles
from archive.read import Evidence, as_series, block, breaks, raw_block, slices
from archive.resample import OF_TEXT, Picked, edges, joined, reduce, usable
from archive.table import Table, concat, take
from kernel.archive import Fill, Resample, ResampleMethod, SeriesBlock, SeriesQuery
from kernel.samples import Ints, Kind, Series, empty_series

RAW_IF_FEW = {ResampleMethod.MINMAX, ResampleMethod.LTTB}


def answer(evidence: Evidence, query: SeriesQuery) -> SeriesBlock:
    """One point's block. Texts cannot be averaged: where a method does not fit them, LAST is used, and the block says so."""
    wanted = query.resample
    if wanted is None or wanted.method is ResampleMethod.RAW or query.start == query.end:
        return raw_block(evidence, query)
    limits = edges(query.start, query.end, wanted)
    method = wanted.method if wanted.method in OF_TEXT or not _of_text(evidence) else ResampleMethod.LAST
    pieces = whole_buckets(slices(evidence.refs, query.start, query.end), limits)
    if method in RAW_IF_FEW:
        few, pieces = _few(pieces, len(limits) - 1)
        if few is not None:
            return block(evidence, query, as_series(evidence.point, few), ResampleMethod.RAW)
    found = _resampled(evidence, query, wanted, method, limits, pieces)
    if found is None:
        return block(evidence, query, empty_series(evidence.point), method)
    return block(evidence, query, Series(evidence.point, found.time, found.value, found.quality, found.status), method)


def _resampled(
    evidence: Evidence, query: SeriesQuery, wanted: Resample, method: ResampleMethod, limits: Ints, pieces: Iterator[Table]
) -> Picked | None:
    if method is ResampleMethod.LTTB:
        picked = _reduced(pieces, halves(limits), ResampleMethod.MINMAX)
        return largest_triangles(picked) if picked is not None else None
    if method is ResampleMethod.COUNT:
        return _counted(evidence, query, limits, pieces)
    if method is ResampleMethod.INTERPOLATE:
        return _interpolated(evidence, query, wanted.fill, limits, pieces)
    if wanted.fill is Fill.NONE:
        return _reduced(pieces, limits, method)
    before = evidence.before()
    main: list[Picked] = []
    held = _neighbour(before)
    for piece in pieces:
        main.append(_piece(piece, limits, method))
        held.append(_last_of_each(piece, limits))
    if not held:
        return None
    gaps = breaks(evidence, _since(query, before))
    return filled(
        joined(main) if main else _nothing(held[0].value.dtype), together(held), limits, method, wanted.fill, gaps, evidence.known_until
    )


def _of_text(evidence: Evidence) -> bool:
    """Whether the point's values are texts: by its samples in the range, and where there are none by the one in force before it."""
    if evidence.kind is not Kind.NONE:
        return evidence.kind is Kind.TEXT
    before = evidence.before()
    return before is not None and before.kind is Kind.TEXT


def _since(query: SeriesQuery, before: Table | None) -> SeriesQuery:
    """The range from the sample before it on: a gap that lies before the range ends what was in force."""
    return query if before is None else replace(query, start=min(query.start, int(before.time[0])))


def _counted(evidence: Evidence, query: SeriesQuery, limits: Ints, pieces: Iterator[Table]) -> Picked | None:
    """Zeros only from where something was known of the point: the first time covered, else its first sample in the range."""
    picked = _reduced(pieces, limits, ResampleMethod.COUNT)
    if evidence.covered:
        since = evidence.covered[0][0]
    elif picked is not None:
        since = int(picked.time[0])
    else:
        return None
    return zeros(picked or _nothing(np.dtype(np.int64)), limits, breaks(evidence, query), since, evidence.known_until)


def _interpolated(evidence: Evidence, query: SeriesQuery, fill: Fill, limits: Ints, pieces: Iterator[Table]) -> Picked | None:
    before, after = _number(evidence.before()), _number(evidence.after())
    ends = _neighbour(before)
    for piece in pieces:
        good = _usable(piece)
        if good is not None:
            ends += (_piece(good, limits, ResampleMethod.FIRST), _piece(good, limits, ResampleMethod.LAST))
    ends += _neighbour(after)
    if not ends:
        return None
    wider = _since(query, before)
    if after is not None:
        wider = replace(wider, end=int(after.time[0]) + 1)
    return interpolated(together(ends), limits, fill, breaks(evidence, wider), evidence.known_until)


def _number(table: Table | None) -> Table | None:
    """A neighbour to draw a line from: none of the time when the point was still, or already, a text."""
    return None if table is None or table.kind is Kind.TEXT else _usable(table)


def _usable(table: Table | None) -> Table | None:
    if table is None:
        return None
    good = usable(table)
    table = table if good is None else take(table, good)
    return table if len(table) else None


def _neighbour(table: Table | None) -> list[Picked]:
    return [] if table is None else [as_picked(table, -1)]


def _nothing(dtype: np.dtype[Any]) -> Picked:
    """No bucket at all."""
    none = np.empty(0, np.int64)
    return Picked(none, none, np.empty(0, dtype), np.empty(0, np.uint8), np.empty(0, np.uint32))


def _last_of_each(piece: Table, limits: Ints) -> Picked:
    """The very last sample of each bucket, usable or not: what is in force afterwards."""
    at = np.searchsorted(piece.time, limits)
    rows = at[1:][np.diff(at) > 0] - 1
    return as_picked(take(piece, rows), -1)


def _reduced(pieces: Iterator[Table], limits: Ints, method: ResampleMethod) -> Picked | None:
    found = [_piece(piece, limits, method) for piece in pieces]
    return joined(found) if found else None


def _piece(piece: Table, limits: Ints, method: ResampleMethod) -> Picked:
    """reduce() over the buckets the piece reaches."""
    a, b = (np.searchsorted(limits, (piece.time[0], piece.time[-1]), side="right") - 1).tolist()
    found = reduce(piece, limits[a : b + 2], method)
    return Picked(found.bucket + a, found.time, found.value, found.quality, found.status) if a else found


def whole_buckets(pieces: Iterator[Table], limits: Ints) -> Iterator[Table]:
    """The same samples, cut so that no bucket is in two pieces."""
    held: Table | None = None
    for piece in pieces:
        if held is not None:
            begin = limits[np.searchsorted(limits, held.time[-1], side="right") - 1]
            at = int(np.searchsorted(held.time, begin))
            if at:
                yield take(held, slice(0, at))
            piece = concat([take(held, slice(at, None)), piece])
        held = piece
    if held is not None:
        yield held


def _few(pieces: Iterator[Table], buckets: int) -> tuple[Table | None, Iterator[Table]]:
    """All samples, if they are not more than there are buckets; else the pieces as they were."""
    seen: list[Table] = []
    for piece in pieces:
        seen.append(piece)
        if sum(map(len, seen)) > buckets:
            return None, chain(seen, pieces)
    return (concat(seen) if seen else None), iter(())
