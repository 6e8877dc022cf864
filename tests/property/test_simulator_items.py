"""Whatever the order of scans and publishing moments: nothing is lost, repeated or out of order, and every overflow is told."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernel.array import Point, PointType
from kernel.clock import SECOND
from simulator.blocks import Wire, make_block
from simulator.faults import Fault, FaultKind, FaultScript
from simulator.opcua.encoding import OVERFLOW
from simulator.opcua.items import TRIGGER_VALUE, ItemGroup, ItemSpec

N = 4
ROW = st.lists(st.integers(0, 3), min_size=N, max_size=N)
STEPS = st.lists(st.one_of(ROW, st.integers(1, 7).map(lambda n: ("take", n))), max_size=40)


@given(STEPS, st.lists(st.integers(1, 4), min_size=N, max_size=N))
def test_each_item_reports_the_changes_its_queue_can_hold(steps: list[object], queues: list[int]) -> None:
    points = [Point(f"p{i}", PointType(), "a", "a.opcua") for i in range(N)]
    block = make_block(points, Wire.INT64, SECOND)
    group = ItemGroup(block)
    group.add([ItemSpec(i, i, i, SECOND, 0.0, TRIGGER_VALUE, queues[i], True) for i in range(N)])
    waiting: list[list[tuple[int, bool]]] = [[(0, False)] for _ in range(N)]
    last = [0] * N
    for second, step in enumerate([*steps, ("take", 10_000)], start=1):
        if isinstance(step, list):
            block.value[:] = step
            block.time[:] = block.scanned = second * SECOND
            group.sample()
            for i, value in enumerate(step):
                if value != last[i]:
                    last[i] = value
                    waiting[i].append((value, False))
                    if len(waiting[i]) > queues[i]:
                        waiting[i].pop(0)
                        waiting[i][0] = (waiting[i][0][0], queues[i] > 1)
            continue
        assert isinstance(step, tuple)
        got = group.take(step[1])
        assert sum(map(len, got)) == min(step[1], sum(map(len, waiting)))
        for chunk in got:
            for item, handle, value, status in zip(
                chunk.item.tolist(), chunk.handle.tolist(), chunk.value.tolist(), chunk.status.tolist(), strict=True
            ):
                assert item == handle
                assert (value, status == OVERFLOW) == waiting[item].pop(0)
        assert group.count == sum(map(len, waiting))
    assert waiting == [[]] * N
    assert not group.rows["pending"].any()


FAULTS = st.builds(
    Fault,
    kind=st.sampled_from([FaultKind.RESTART, FaultKind.DISCONNECT]),
    target=st.just("x"),
    duration=st.integers(1, 60).map(float),
    every=st.one_of(st.just(0.0), st.integers(61, 300).map(float)),
    first=st.integers(0, 400).map(float),
)


@given(st.lists(FAULTS, max_size=3), st.integers(0, 300), st.integers(1, 300))
def test_outages_are_the_moments_at_which_a_fault_is_active(faults: list[Fault], start: int, length: int) -> None:
    end = start + length
    spans = FaultScript(tuple(faults)).outages("x", start, end)
    assert all(a < b for a, b in spans)
    assert all(first[1] < second[0] for first, second in itertools.pairwise(spans))
    t = np.arange(start, end) + 0.5
    inside = np.array([any(a <= x < b for a, b in spans) for x in t])
    active = np.array([any(bool(f.active(x)) for f in faults) for x in t])
    np.testing.assert_array_equal(inside, active)
