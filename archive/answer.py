"""A query answered from the evidence of one point: raw or resampled, filled, with its gaps. Pure but for the loading of samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archive.read import Evidence, as_series, block, raw_block, slices
from archive.resample import OF_TEXT, Picked, edges, joined, reduce
from archive.table import Table, concat, take
from kernel.archive import ResampleMethod, SeriesBlock, SeriesQuery
from kernel.samples import Ints, Kind, Series, empty_series

RAW_IF_FEW = {ResampleMethod.MINMAX, ResampleMethod.LTTB}


def answer(evidence: Evidence, query: SeriesQuery) -> SeriesBlock:
    """One point's block. Texts cannot be averaged: where a method does not fit them, LAST is used, and the block says so."""
    wanted = query.resample
    if wanted is None or wanted.method is ResampleMethod.RAW or query.start == query.end:
        return raw_block(evidence, query)
    limits = edges(query.start, query.end, wanted)
    method = ResampleMethod.LAST if evidence.kind is Kind.TEXT and wanted.method not in OF_TEXT else wanted.method
    pieces = whole_buckets(slices(evidence.refs, query.start, query.end), limits)
    if method in RAW_IF_FEW:
        few, pieces = _few(pieces, len(limits) - 1)
        if few is not None:
            return block(evidence, query, as_series(evidence.point, few), ResampleMethod.RAW)
    picked = [reduce_piece(piece, limits, method) for piece in pieces]
    if not picked:
        return block(evidence, query, empty_series(evidence.point), method)
    found = joined(picked)
    return block(evidence, query, Series(evidence.point, found.time, found.value, found.quality, found.status), method)


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


def reduce_piece(piece: Table, limits: Ints, method: ResampleMethod) -> Picked:
    """reduce() over the buckets the piece reaches."""
    a, b = (np.searchsorted(limits, (piece.time[0], piece.time[-1]), side="right") - 1).tolist()
    found = reduce(piece, limits[a : b + 2], method)
    return Picked(found.bucket + a, found.time, found.value, found.quality, found.status) if a else found


def _few(pieces: Iterator[Table], buckets: int) -> tuple[Table | None, Iterator[Table]]:
    """All samples, if they are not more than there are buckets; else the pieces as they were."""
    seen: list[Table] = []
    for piece in pieces:
        seen.append(piece)
        if sum(map(len, seen)) > buckets:
            return None, _chain(seen, pieces)
    return (concat(seen) if seen else None), iter(())


def _chain(seen: list[Table], rest: Iterator[Table]) -> Iterator[Table]:
    yield from seen
    yield from rest
