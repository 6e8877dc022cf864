"""Resampling against a plain loop over the definitions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.answer import whole_buckets
from archive.lttb import halves, largest_triangles
from archive.resample import edges, reduce
from archive.table import Table, take
from kernel.archive import Resample, ResampleMethod
from kernel.samples import Kind

Row = tuple[int, float, int]
VALUES = st.one_of(st.floats(-1e9, 1e9), st.just(math.nan), st.sampled_from([math.inf, -math.inf, 0.0, -0.0, 1.0]))
ROWS = st.lists(
    st.tuples(st.integers(0, 199), VALUES, st.sampled_from([0, 0, 0, 1, 2])), min_size=1, max_size=80, unique_by=lambda r: r[0]
).map(sorted)


def table_of(rows: list[Row]) -> Table:
    time, value, quality = (np.array(c) for c in zip(*rows, strict=True))
    return Table(
        Kind.DOUBLE,
        np.ones(len(rows), np.int64),
        time,
        value.astype(float),
        quality.astype(np.uint8) if quality.any() else None,
        np.arange(len(rows), dtype=np.uint32),
    )


def buckets(rows: list[Row], limits: list[int]) -> dict[int, list[Row]]:
    found = {i: [r for r in rows if a <= r[0] < b] for i, (a, b) in enumerate(pairwise(limits))}
    return {i: rs for i, rs in found.items() if rs}


def good(rows: list[Row], method: ResampleMethod = ResampleMethod.MEAN) -> list[Row]:
    infinite = method in (ResampleMethod.FIRST, ResampleMethod.LAST)
    return [r for r in rows if r[2] < 2 and (math.isfinite(r[1]) or (infinite and math.isinf(r[1])))]


def verdict(rows: list[Row], method: ResampleMethod = ResampleMethod.MEAN) -> int:
    usable = good(rows, method)
    return 2 if not usable else int(len(usable) < len(rows) or any(r[2] for r in rows))


def equal(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-3)


NUMBERS: dict[ResampleMethod, Callable[[list[float]], float]] = {
    ResampleMethod.MEAN: lambda v: float(np.mean(v)),
    ResampleMethod.SUM: lambda v: float(np.sum(v)),
    ResampleMethod.MEDIAN: lambda v: float(np.median(v)),
    ResampleMethod.COUNT: lambda v: float(len(v)),
    ResampleMethod.STD: statistics.pstdev,
}


@pytest.mark.parametrize("method", NUMBERS)
@given(rows=ROWS, n=st.integers(1, 50))
def test_statistics(method: ResampleMethod, rows: list[Row], n: int) -> None:
    limits = edges(0, 200, Resample(method, buckets=n))
    picked = reduce(table_of(rows), limits, method)
    expected = buckets(rows, limits.tolist())
    assert picked.bucket.tolist() == list(expected)
    assert picked.time.tolist() == [limits[i] for i in expected]
    assert picked.quality.tolist() == [verdict(rs) for rs in expected.values()]
    for value, rs in zip(picked.value.tolist(), expected.values(), strict=True):
        usable = [r[1] for r in good(rs)]
        nothing = 0.0 if method is ResampleMethod.COUNT else math.nan
        assert equal(value, NUMBERS[method](usable) if usable else nothing)


PICKS: dict[ResampleMethod, Callable[[list[Row]], list[Row]]] = {
    ResampleMethod.FIRST: lambda rs: rs[:1],
    ResampleMethod.LAST: lambda rs: rs[-1:],
    ResampleMethod.MIN: lambda rs: [min(rs, key=lambda r: r[1])],
    ResampleMethod.MAX: lambda rs: [max(rs, key=lambda r: r[1])],
    ResampleMethod.MINMAX: lambda rs: sorted({min(rs, key=lambda r: r[1]), max(rs, key=lambda r: r[1])}),
}


@pytest.mark.parametrize("method", PICKS)
@given(rows=ROWS, n=st.integers(1, 50))
def test_samples_and_extremes_never_vanish(method: ResampleMethod, rows: list[Row], n: int) -> None:
    limits = edges(0, 200, Resample(method, buckets=n))
    picked = reduce(table_of(rows), limits, method)
    expected = [
        (i, r, verdict(rs, method)) for i, rs in buckets(rows, limits.tolist()).items() for r in PICKS[method](good(rs, method) or rs[:1])
    ]
    assert picked.bucket.tolist() == [i for i, _, _ in expected]
    assert picked.time.tolist() == [r[0] for _, r, _ in expected]
    assert picked.value.tobytes() == np.array([r[1] for _, r, _ in expected]).tobytes()
    assert picked.quality.tolist() == [v for _, _, v in expected]
    assert picked.status.tolist() == [rows.index(r) for _, r, _ in expected]


@given(rows=ROWS, n=st.integers(1, 50))
def test_largest_triangles_keep_one_sample_per_bucket_and_both_ends(rows: list[Row], n: int) -> None:
    limits = edges(0, 200, Resample(ResampleMethod.LTTB, buckets=n))
    candidates = reduce(table_of(rows), halves(limits), ResampleMethod.MINMAX)
    kept = largest_triangles(candidates)
    assert kept.bucket.tolist() == list(buckets(rows, limits.tolist()))
    assert set(kept.time.tolist()) <= set(candidates.time.tolist())
    expected = buckets(rows, limits.tolist())
    for i, value, quality in zip(kept.bucket.tolist(), kept.value.tolist(), kept.quality.tolist(), strict=True):
        usable = good(expected[i])
        assert (quality == 2) is (not usable)
        assert quality == 1 or not 0 < len(usable) < len(expected[i])
        assert not usable or value in {r[1] for r in usable}
    for end, which in ((0, min), (-1, max)):
        rs = expected[kept.bucket[end]]
        if len(kept) > 1:
            assert kept.time[end] == which(c for c in candidates.time.tolist() if c in {r[0] for r in good(rs) or rs})


@given(rows=ROWS, n=st.integers(1, 50), sizes=st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_pieces_hold_whole_buckets(rows: list[Row], n: int, sizes: list[int]) -> None:
    table = table_of(rows)
    limits = edges(0, 200, Resample(ResampleMethod.MEAN, buckets=n))
    ends = [e for e in np.cumsum(sizes).tolist() if e < len(rows)]
    pieces = [take(table, slice(a, b)) for a, b in zip([0, *ends], [*ends, len(rows)], strict=True)]
    whole = list(whole_buckets(iter(pieces), limits))
    assert [t for p in whole for t in p.time.tolist()] == table.time.tolist()
    seen = [set((np.searchsorted(limits, p.time, side="right") - 1).tolist()) for p in whole]
    assert all(not a & b for i, a in enumerate(seen) for b in seen[i + 1 :])


@given(st.integers(0, 10**15), st.integers(1, 10**14), st.integers(1, 5000))
def test_a_grid_of_buckets_covers_the_range_evenly(start: int, span: int, n: int) -> None:
    limits = edges(start, start + span, Resample(ResampleMethod.MEAN, buckets=n))
    assert (limits[0], limits[-1], len(limits)) == (start, start + span, min(n, span) + 1)
    widths = np.diff(limits)
    assert widths.min() >= 1
    assert widths.max() - widths.min() <= 1


@given(st.integers(0, 10**15), st.integers(1, 10**9), st.integers(1, 10**8))
def test_a_grid_of_equal_steps(start: int, span: int, every: int) -> None:
    every = max(every, span // 1000 + 1)
    limits = edges(start, start + span, Resample(ResampleMethod.MEAN, every=every))
    assert limits[-1] == start + span
    assert (np.diff(limits)[:-1] == every).all()
    assert 0 < limits[-1] - limits[-2] <= every
