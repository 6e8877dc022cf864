"""Which samples a monitored item reports: OPC 10000-4, 5.12 and 7.22, one test per rule."""

from __future__ import annotations

import numpy as np

from kernel.array import Point, PointType
from kernel.clock import SECOND
from simulator.blocks import Block, Wire, make_block
from simulator.opcua.encoding import OVERFLOW
from simulator.opcua.items import TRIGGER_STATUS, TRIGGER_TIME, TRIGGER_VALUE, ItemGroup, ItemSpec

T0 = 1_800_000_000 * SECOND


def block(n: int = 3) -> Block:
    points = [Point(f"ast1.p{i}", PointType(), "ast1", "ast1.opcua") for i in range(n)]
    made = make_block(points, Wire.DOUBLE, SECOND)
    scan(made, [0.0] * n, 0)
    return made


def scan(b: Block, values: list[float], second: int, status: list[int] | None = None, fresh: list[bool] | None = None) -> None:
    now = T0 + second * SECOND
    heard = np.array(fresh if fresh is not None else [True] * len(values))
    b.value[heard] = np.array(values)[heard]
    b.time[heard] = now
    b.fresh[:] = heard
    b.status[:] = status or 0
    b.scanned = now


def spec(position: int = 0, **changes: object) -> ItemSpec:
    fields: dict[str, object] = {
        "id": 10 + position,
        "position": position,
        "handle": 100 + position,
        "interval": SECOND,
        "deadband": 0.0,
        "trigger": TRIGGER_VALUE,
        "queue": 10,
        "reporting": True,
    }
    return ItemSpec(**{**fields, **changes})  # type: ignore[arg-type]


def told(group: ItemGroup) -> list[tuple[int, float]]:
    """(handle, value) of everything that waits, and takes it."""
    return [(h, v) for c in group.take(10_000) for h, v in zip(c.handle.tolist(), c.value.tolist(), strict=True)]


def test_the_first_report_is_the_value_in_force() -> None:
    b = block()
    scan(b, [1.5, 2.5, 3.5], 1)
    group = ItemGroup(b)
    group.add([spec(0), spec(2)])
    assert told(group) == [(100, 1.5), (102, 3.5)]


def test_only_changes_are_reported() -> None:
    b = block()
    group = ItemGroup(b)
    group.add([spec(0), spec(1)])
    told(group)
    scan(b, [0.0, 7.0, 9.0], 1)
    group.sample()
    assert told(group) == [(101, 7.0)]


def test_a_change_of_status_alone_is_reported() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec()])
    told(group)
    scan(b, [0.0], 1, status=[0x40930000])
    group.sample()
    (chunk,) = group.take(10)
    assert chunk.status.tolist() == [0x40930000]


def test_status_trigger_ignores_values() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec(trigger=TRIGGER_STATUS)])
    told(group)
    scan(b, [5.0], 1)
    group.sample()
    assert told(group) == []


def test_timestamp_trigger_reports_every_fresh_sample() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec(trigger=TRIGGER_TIME)])
    told(group)
    scan(b, [0.0], 1)
    group.sample()
    assert told(group) == [(100, 0.0)]
    scan(b, [0.0], 2, fresh=[False])
    group.sample()
    assert told(group) == []


def test_deadband_counts_from_the_last_reported_value() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec(deadband=1.0)])
    told(group)
    found = []
    for second, value in enumerate([0.6, 1.0, 1.1, 1.9, 0.05], start=1):
        scan(b, [value], second)
        group.sample()
        found += told(group)
    assert found == [(100, 1.1), (100, 0.05)]


def test_a_slower_sampling_interval_skips_scans_and_keeps_the_newest_value() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec(interval=3 * SECOND)])
    told(group)
    found = []
    for second in range(1, 8):
        scan(b, [float(second)], second)
        group.sample()
        found += told(group)
    assert found == [(100, 3.0), (100, 6.0)]


def test_a_full_queue_drops_the_oldest_and_says_so() -> None:
    b = block(2)
    group = ItemGroup(b)
    group.add([spec(0, queue=3), spec(1, queue=10)])
    told(group)
    for second in range(1, 6):
        scan(b, [float(second), -float(second)], second)
        group.sample()
    chunks = group.take(100)
    rows = [(h, v, s) for c in chunks for h, v, s in zip(c.handle.tolist(), c.value.tolist(), c.status.tolist(), strict=True)]
    assert [r for r in rows if r[0] == 100] == [(100, 3.0, OVERFLOW), (100, 4.0, 0), (100, 5.0, 0)]
    assert [r[1] for r in rows if r[0] == 101] == [-1.0, -2.0, -3.0, -4.0, -5.0]
    assert group.count == 0


def test_a_queue_of_one_holds_the_newest_without_a_word() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec(queue=1)])
    for second in range(1, 4):
        scan(b, [float(second)], second)
        group.sample()
    (chunk,) = group.take(10)
    assert (chunk.value.tolist(), chunk.status.tolist()) == ([3.0], [0])


def test_a_removed_item_takes_its_waiting_samples_along() -> None:
    b = block(3)
    group = ItemGroup(b)
    group.add([spec(0), spec(1), spec(2)])
    group.remove([1])
    assert told(group) == [(100, 0.0), (102, 0.0)]
    scan(b, [1.0, 2.0, 3.0], 1)
    group.sample()
    assert told(group) == [(100, 1.0), (102, 3.0)]


def test_an_item_that_begins_to_report_tells_the_value_in_force() -> None:
    b = block(1)
    group = ItemGroup(b)
    group.add([spec(reporting=False)])
    scan(b, [4.0], 1)
    group.sample()
    assert told(group) == []
    group.change(0, spec())
    assert told(group) == [(100, 4.0)]


def test_take_gives_no_more_than_asked_and_the_rest_later() -> None:
    b = block(3)
    group = ItemGroup(b)
    group.add([spec(0), spec(1), spec(2)])
    assert [len(c) for c in group.take(2)] == [2]
    assert group.count == 1
    assert told(group) == [(102, 0.0)]
