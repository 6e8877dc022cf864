"""Filling against the definitions: what is held, what is interpolated, and that nothing crosses a gap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archive.answer import answer
from archive.read import Evidence, Ref, in_force
from archive.table import Table
from kernel.archive import Fill, Gap, Resample, ResampleMethod, SeriesQuery
from kernel.samples import Kind
from schemas.records import GapCause, StateEvent, StateKind

END = 200
ROWS = st.lists(st.tuples(st.integers(-50, END + 50), st.integers(-9, 9)), max_size=25, unique_by=lambda r: r[0]).map(sorted)
GAPS = st.lists(st.tuples(st.integers(-60, END + 40), st.integers(1, 30)), max_size=4)
WIDTHS = st.integers(3, 60)


def evidence(rows: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> Evidence:
    time, value = np.array([t for t, _ in rows], np.int64), np.array([float(v) for _, v in rows])
    table = Table(Kind.DOUBLE, np.ones(len(rows), np.int64), time, value)
    refs = [Ref((0, 0), Kind.DOUBLE, int(time[0]), int(time[-1]), lambda: table)] if rows else []

    def told(start: int, end: int) -> list[StateEvent]:
        return [
            StateEvent(source="s", time=a, kind=StateKind.GAP, cause=GapCause.OVERFLOW, points=(), start=a, end=a + n)
            for a, n in gaps
            if a < end and a + n > start
        ]

    def after() -> Table | None:
        later = np.flatnonzero(time >= END)[:1]
        return Table(Kind.DOUBLE, table.point[later], time[later], value[later]) if len(later) else None

    return Evidence("p", refs, (), told, END + 50, lambda: in_force(refs, -1), after)


def free(gaps: list[tuple[int, int]], low: int, high: int) -> bool:
    return not any(a <= high and a + n > low for a, n in gaps)


def asked(rows: list[tuple[int, int]], gaps: list[tuple[int, int]], width: int, method: ResampleMethod, fill: Fill) -> dict[int, float]:
    block = answer(evidence(rows, gaps), SeriesQuery(("p",), 0, END, Resample(method, every=width, fill=fill)))
    assert block.gaps == tuple(
        Gap(a, a + n, GapCause.OVERFLOW) for a, n in sorted(gaps, key=lambda g: (g[0], g[0] + g[1])) if a < END and a + n > 0
    )
    assert all(a < b for a, b in pairwise(block.series.time.tolist()))
    return dict(zip(block.series.time.tolist(), block.series.value.tolist(), strict=True))


@given(ROWS, GAPS, WIDTHS)
def test_a_held_value_is_the_one_in_force_and_never_crosses_a_gap(
    rows: list[tuple[int, int]], gaps: list[tuple[int, int]], width: int
) -> None:
    found = asked(rows, gaps, width, ResampleMethod.MEAN, Fill.PREVIOUS)
    for start in range(0, END, width):
        inside = [v for t, v in rows if start <= t < min(start + width, END)]
        before = [(t, v) for t, v in rows if t <= start]
        if inside:
            assert found.pop(start) == np.mean(inside)
        elif before and free(gaps, before[-1][0], start):
            assert found.pop(start) == before[-1][1]
    assert found == {}


@given(ROWS, GAPS, WIDTHS)
def test_interpolation_lies_between_its_neighbours_and_never_crosses_a_gap(
    rows: list[tuple[int, int]], gaps: list[tuple[int, int]], width: int
) -> None:
    found = asked(rows, gaps, width, ResampleMethod.INTERPOLATE, Fill.NONE)
    for moment in range(0, END, width):
        left, right = [r for r in rows if r[0] <= moment], [r for r in rows if r[0] >= moment]
        if left and right and (left[-1] == right[0] or free(gaps, left[-1][0], right[0][0] - 1)):
            times, values = [left[-1][0], right[0][0]], [left[-1][1], right[0][1]]
            assert np.isclose(found.pop(moment), np.interp(moment, times, values))
    assert found == {}


@given(ROWS, GAPS, WIDTHS)
def test_counts_add_up_and_zeros_are_known(rows: list[tuple[int, int]], gaps: list[tuple[int, int]], width: int) -> None:
    found = asked(rows, gaps, width, ResampleMethod.COUNT, Fill.NONE)
    assert sum(found.values()) == sum(0 <= t < END for t, _ in rows)
    for start, count in found.items():
        assert count or free(gaps, start, min(start + width, END) - 1)


@given(ROWS, GAPS, WIDTHS)
def test_lines_between_buckets_join_their_answers_and_never_cross_a_gap(
    rows: list[tuple[int, int]], gaps: list[tuple[int, int]], width: int
) -> None:
    plain = asked(rows, gaps, width, ResampleMethod.MEAN, Fill.NONE)
    found = asked(rows, gaps, width, ResampleMethod.MEAN, Fill.LINEAR)
    assert plain.items() <= found.items()
    held = [(t, v) for t, v in rows if t < min(plain, default=END)]
    ends = {t: float(v) for t, v in held[-1:]} | plain
    for start in found.keys() - plain.keys():
        left, right = max(t for t in ends if t <= start), min(t for t in plain if t > start)
        assert free(gaps, left, right - 1)
        assert np.isclose(found[start], np.interp(start, [left, right], [ends[left], plain[right]]))
    if not gaps:
        assert found.keys() >= set(range(min(plain, default=END), max(plain, default=0), width))
