"""Processing does not depend on how samples are split, and explains every sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.columns import take, total
from collector.processing import Processor
from collector.processing.processor import rounds
from collector.table import Table
from kernel.array import PointKind, Processing, WindowMode
from kernel.batches import Column
from kernel.samples import Kind

SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
POINTS = 4

numbers = st.one_of(
    st.sampled_from([0.0, 1.0, 1.04, 1.06, 2.0, -5.0, 1e300, float("nan"), float("inf")]),
    st.floats(-100, 100),
    st.integers(-3, 3).map(float),
)
processings = st.builds(
    Processing,
    max_silence=st.one_of(st.none(), st.sampled_from([0.0, 2.0, 5.0])),
    window=st.one_of(st.none(), st.just((-1.0, 1.5))),
    window_mode=st.sampled_from(WindowMode),
    statistics_every=st.one_of(st.none(), st.sampled_from([1.0, 3.0])),
    statistics=st.sampled_from([(), ("mean", "count"), ("mean", "min", "max", "std", "count", "median")]),
    accept=st.sampled_from([("good", "uncertain", "bad"), ("good",), ("good", "bad")]),
    resolution=st.one_of(st.none(), st.sampled_from([0.1, 0.25, 3.0])),
)


@st.composite
def samples(draw: st.DrawFn) -> Column:
    n = draw(st.integers(0, 60))
    kind = draw(st.sampled_from([Kind.DOUBLE, Kind.LONG, Kind.TEXT]))
    raw = draw(st.lists(numbers, min_size=n, max_size=n))
    value = {
        Kind.DOUBLE: lambda: np.array(raw, np.float64),
        Kind.LONG: lambda: np.array([int(v) if -100 <= v <= 100 else 7 for v in raw], np.int64),
        Kind.TEXT: lambda: np.array([f"{v:.0f}" for v in raw] or [], dtype=object),
    }[kind]()
    step = st.sampled_from([0, 1, 300_000, 1_000_000, 2_500_000, -800_000])
    time = T0 + np.cumsum([0, *draw(st.lists(step, min_size=n, max_size=n))], dtype=np.int64)[1:]
    slots = np.array(draw(st.lists(st.integers(0, POINTS - 1), min_size=n, max_size=n)), np.int64)
    quality = np.array(draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=n, max_size=n)), np.uint8)
    return Column(kind, slots, time, time, value, quality, quality.astype(np.uint32) << np.uint32(30))


def processor(settings: Sequence[Processing], deadband: float = 0.0) -> tuple[Processor, Table]:
    table = Table()
    table.slots([(f"p{i}", PointKind.DOUBLE) for i in range(POINTS)])
    made = Processor(table)
    for i, one in enumerate(settings):
        made._deadbands[i] = deadband
        made.enroll(i, f"p{i}", one)
    return made, table


Row = tuple[int, float, str, int, int]


def rows(columns: Sequence[Column], table: Table) -> dict[str, list[Row]]:
    """What came out, by point, in order."""
    found: dict[str, list[Row]] = {}
    for c in columns:
        for i in range(len(c.time)):
            number = float("nan") if c.kind is Kind.TEXT else float(c.value[i])
            found.setdefault(table.names[int(c.index[i])], []).append(
                (int(c.time[i]), repr(number), str(c.value[i]) if c.kind is Kind.TEXT else "", int(c.quality[i]), int(c.status[i]))  # type: ignore[arg-type]
            )
    return found


def cut(column: Column, places: Sequence[int]) -> list[Column]:
    edges = sorted({0, len(column.time), *(p for p in places if p <= len(column.time))})
    return [take(column, np.arange(a, b)) for a, b in pairwise(edges)]


@given(
    st.lists(processings, min_size=POINTS, max_size=POINTS),
    samples(),
    st.lists(st.integers(1, 59), max_size=8),
    st.sampled_from([0.0, 0.5]),
)
def test_any_split_into_batches_gives_the_same(settings: list[Processing], column: Column, places: list[int], deadband: float) -> None:
    whole, table = processor(settings, deadband)
    split, other = processor(settings, deadband)
    end = T0 + 1000 * SECOND
    at_once = [*whole.process(column), *whole.tick(end)]
    in_pieces = [out for piece in cut(column, places) for out in split.process(piece)] + list(split.tick(end))
    assert rows(at_once, table) == rows(in_pieces, other)
    assert whole.counts() == split.counts()


@given(st.lists(processings, min_size=POINTS, max_size=POINTS), samples(), st.sampled_from([0.0, 0.5]))
def test_every_sample_is_passed_on_or_explained(settings: list[Processing], column: Column, deadband: float) -> None:
    made, _ = processor(settings, deadband)
    out = [*made.process(column), *made.tick(T0 + 1000 * SECOND)]
    counts = Counter(made.counts())
    derived = counts.pop("derived", 0)
    assert len(column.time) + derived == total(out) + sum(counts.values())
    assert set(counts) <= {"status", "window", "deadband", "suppressed"}


@given(samples())
def test_points_without_processing_are_passed_as_they_are(column: Column) -> None:
    made, _ = processor([Processing()] * POINTS)
    assert made.process(column) == (column,)
    assert made.process(column)[0] is column
    assert made.counts() == {}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_statistics_are_those_of_the_samples(values: list[float]) -> None:
    """Against Python's own statistics; one window, closed by silence."""
    names = ("mean", "min", "max", "std", "count", "median")
    made, table = processor([Processing(statistics_every=3600.0, statistics=names)])
    start = T0 - T0 % (3600 * SECOND)
    n = len(values)
    time = start + np.arange(n, dtype=np.int64)
    made.process(Column(Kind.DOUBLE, np.zeros(n, np.int64), time, time, np.array(values), np.zeros(n, np.uint8), np.zeros(n, np.uint32)))
    assert made.tick(start + 3600 * SECOND) == ()  # samples under way are waited for
    (out,) = made.tick(start + 3603 * SECOND)
    found = {table.names[int(s)]: float(v) for s, v in zip(out.index, out.value, strict=True)}
    scale = max(map(abs, values), default=1.0)
    assert found["p0.count"] == n
    assert found["p0.min"] == min(values)
    assert found["p0.max"] == max(values)
    assert found["p0.median"] == pytest.approx(median(values), rel=1e-12, abs=1e-12)
    assert found["p0.mean"] == pytest.approx(fmean(values), rel=1e-9, abs=1e-9 * scale + 1e-150)
    assert found["p0.std"] == pytest.approx(pstdev(values), rel=1e-6, abs=1e-7 * scale + 1e-150)
    assert set(out.time.tolist()) == {start + 3600 * SECOND}


@given(st.lists(st.integers(0, 5), max_size=40))
def test_rounds_hold_each_slot_once_and_in_order(slots: list[int]) -> None:
    column = np.array(slots, np.int64)
    groups = [g.tolist() for g in rounds(column)]
    assert sorted(i for g in groups for i in g) == list(range(len(slots)))
    for group in groups:
        assert len({slots[i] for i in group}) == len(group)
    for slot in set(slots):
        order = [i for g in groups for i in g if slots[i] == slot]
        assert order == sorted(order)
