"""What is packed comes back, to the last bit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from archive.encoding import PCODEC, ZSTD, pack, pack_texts, unpack, unpack_texts
from archive.ledger import Spans, pack_batches, unpack_batches
from archive.slab import cut, open_slab, pack_slab, read_point, read_slab
from archive.table import Table, ordered, starts
from archive.timeline import pack_many, pack_times, unpack_many, unpack_times
from kernel.samples import Kind

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
TIMES = st.integers(0, 4_000_000_000_000_000)


def same_bits(a: Any, b: Any) -> bool:
    return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())


@pytest.mark.parametrize("codec", [PCODEC, ZSTD])
@given(column=st.one_of(*(hnp.arrays(dtype, st.integers(1, 300)) for dtype in (np.float64, np.int64, np.uint32, np.uint8))))
def test_numbers(codec: int, column: Any) -> None:
    assert same_bits(unpack(pack(column, codec), len(column), column.dtype), column)


@given(st.lists(st.sampled_from([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 5e-324, 1.7e308, 0.1]), min_size=1, max_size=50))
def test_special_numbers(values: list[float]) -> None:
    column = np.array(values)
    assert same_bits(unpack(pack(column), len(column), np.float64), column)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=60))
def test_texts(texts: list[str]) -> None:
    column = np.array(texts, dtype=object)
    assert unpack_texts(pack_texts(column), len(texts)).tolist() == texts


@given(st.lists(TIMES, min_size=1, max_size=200, unique=True))
def test_times_of_any_kind(times: list[int]) -> None:
    column = np.array(sorted(times))
    assert unpack_times(pack_times(column), len(column)).tolist() == column.tolist()


@given(
    TIMES,
    st.integers(1, 10_000_000),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9)), min_size=1, max_size=300),
    st.sampled_from([1, 1000]),
)
def test_times_of_a_clock_with_jitter_and_missing_beats(start: int, period: int, beats: list[tuple[int, int]], unit: int) -> None:
    steps = np.cumsum([n for n, _ in beats])
    column = np.unique(start + steps * period * 10 * unit + np.array([j for _, j in beats]) * unit)
    assert unpack_times(pack_times(column), len(column)).tolist() == column.tolist()


tables = st.lists(st.tuples(st.integers(1, 9), TIMES, INT64, st.integers(0, 2), st.integers(0, (1 << 32) - 1)), min_size=1, max_size=120)


def table_of(rows: list[tuple[int, int, int, int, int]]) -> Table:
    point, time, value, quality, status = (np.array(c) for c in zip(*rows, strict=True))
    return Table(Kind.LONG, point, time, value.astype(np.int64), quality.astype(np.uint8), status.astype(np.uint32), value % 1000)


@given(tables, st.integers(1, 50))
def test_slabs(rows: list[tuple[int, int, int, int, int]], wanted: int) -> None:
    table = ordered(table_of(rows))
    found = {}
    for piece in cut(table, wanted):
        slab = open_slab(pack_slab(piece.table, piece.first))
        back = read_slab(slab)
        assert (len(slab), back.time.tolist()) == (len(piece.table), piece.table.time.tolist())
        for point in slab.points.tolist():
            assert point not in found
            found[point] = read_point(slab, point)
        assert read_point(slab, 10) is None
    for point in set(table.point.tolist()):
        mine = table.point == point
        assert found[point].time.tolist() == table.time[mine].tolist()
        assert same_bits(found[point].value, table.value[mine])
        assert same_bits(found[point].quality if found[point].quality is not None else np.zeros(mine.sum(), np.uint8), table.quality[mine])
        assert same_bits(found[point].status if found[point].status is not None else np.zeros(mine.sum(), np.uint32), table.status[mine])
        assert (found[point].server if found[point].server is not None else np.zeros(mine.sum(), np.int64)).tolist() == table.server[
            mine
        ].tolist()


@given(tables)
def test_of_equal_point_and_time_the_last_row_stays(rows: list[tuple[int, int, int, int, int]]) -> None:
    model = {(point, time): value for point, time, value, _, _ in rows}
    table = ordered(table_of(rows))
    assert list(zip(table.point.tolist(), table.time.tolist(), strict=True)) == sorted(model)
    assert table.value.tolist() == [model[k] for k in sorted(model)]


@given(st.lists(st.lists(TIMES, min_size=1, max_size=20, unique=True), min_size=1, max_size=9))
def test_times_of_several_points(points: list[list[int]]) -> None:
    time = np.concatenate([sorted(p) for p in points])
    point = np.repeat(np.arange(len(points)), [len(p) for p in points])
    first = starts(point)[:-1]
    assert unpack_many(pack_many(time, first), len(time), first).tolist() == time.tolist()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), max_size=40))
def test_spans_are_a_set_of_integers(found: list[tuple[int, int]]) -> None:
    spans, model = Spans(), set()
    for low, length in found:
        spans.add(low, low + length)
        model |= set(range(low, low + length + 1))
    assert {v for a, b in spans.all() for v in range(a, b + 1)} == model
    assert all(v in spans for v in model)
    assert not any(v in spans for v in range(-2, 80) if v not in model)
    assert all(b + 1 < c for (_, b), (c, _) in pairwise(spans.all()))


@given(st.lists(st.tuples(TIMES, st.integers(0, 10**7), st.integers(-(10**7), 10**7), st.integers(0, 10**6)), min_size=1, max_size=30))
def test_the_ledger_of_batches(rows: list[tuple[int, int, int, int]]) -> None:
    columns = np.array([(t, t + w, t + w + r, t + w + r + p) for t, w, r, p in rows]).T.astype(np.int64)
    assert unpack_batches(pack_batches(columns)).tolist() == columns.tolist()
