"""Scanning on a grid, into columns; and how the sources are split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernel.clock import SECOND
from simulator.blocks import Wire, make_blocks, period_of
from simulator.faults import Fault, FaultKind, FaultScript
from simulator.scanner import Scanner
from simulator.scene import Scene
from simulator.serve import assign, display_title
from simulator.signals import Signals, make_world
from tests.support.simulated import make_array

NOW = 1_795_500_003 * SECOND + 4_321


def scanner(faults: FaultScript = FaultScript(), fast: tuple[str, ...] = ()) -> Scanner:
    """Two telescopes and the site, everything scanned once a second, the points named in `fast` five times."""
    config = make_array(2)
    world = make_world(config, Scene(7, 40_000), faults)
    points = [replace(p, type=replace(p.type, sampling=0.2)) if p.name in fast else p for p in config.points.values()]
    return Scanner(world, [[p for p in points if p.source == s] for s in config.sources], 1.0)


def test_blocks_hold_one_wire_type_and_period_each_and_every_point_once() -> None:
    points = list(make_array(1).points.values())
    blocks = make_blocks(points, 1.0)
    assert sorted(p.name for b in blocks for p in b.points) == sorted(p.name for p in points)
    assert len({(b.period, b.wire) for b in blocks}) == len(blocks)
    assert {b.period for b in blocks} == {SECOND}


def test_a_rate_makes_everything_faster() -> None:
    slow = make_array(1).points["ast1.structure.t01.temperature"]
    fast = replace(slow, type=replace(slow.type, sampling=0.5))
    assert [period_of(slow, rate) for rate in (1.0, 10.0)] == [SECOND, SECOND // 10]
    assert [period_of(fast, rate) for rate in (1.0, 10.0)] == [SECOND // 2, SECOND // 20]


def test_the_first_scan_reaches_every_point_and_later_ones_only_what_is_due() -> None:
    s = scanner(fast=("ast1.power.voltage",))
    first = s.scan(NOW)
    assert len(first) == sum(map(len, s.blocks))
    assert {b.scanned for b in first} == {1_795_500_003 * SECOND}
    assert s.scan(NOW + 10) == []
    assert s.next_due() == 1_795_500_003 * SECOND + 200_000
    assert {b.period for b in s.scan(s.next_due())} == {SECOND // 5}
    assert {b.period for b in s.scan(1_795_500_004 * SECOND)} == {SECOND // 5, SECOND}


def test_samples_of_a_scan_share_one_time_and_equal_the_model() -> None:
    s = scanner()
    s.scan(NOW)
    config = make_array(2)
    world = make_world(config, Scene(7, 40_000))
    for block in (b for blocks in s.blocks for b in blocks):
        assert set(block.time.tolist()) == {block.scanned}
        if block.wire is Wire.STRING:
            assert block.value.tolist() == ["camera 4.2.7"] or block.value.tolist() == ["camera 4.3.6"]
            continue
        t = np.array([block.scanned / SECOND])
        expected = Signals(world, block.points).values(world.frame(t), t).value[0]
        np.testing.assert_array_equal(block.value.astype(np.float64), expected)


def test_a_silent_point_keeps_its_old_sample() -> None:
    name = "ast1.power.voltage"
    start = NOW // SECOND + 1
    s = scanner(FaultScript((Fault(FaultKind.SILENT, name, duration=5, first=float(start)),)))
    s.scan(NOW)
    block = next(b for b in s.blocks[0] if any(p.name == name for p in b.points))
    at = [p.name for p in block.points].index(name)
    before = block.value[at], block.time[at]
    s.scan(start * SECOND)
    assert (block.value[at], block.time[at], block.fresh[at]) == (*before, False)
    assert block.time.max() == start * SECOND
    s.scan((start + 5) * SECOND)
    assert block.time[at] == (start + 5) * SECOND
    assert block.fresh[at]


def test_a_status_goes_when_its_fault_goes() -> None:
    name = "ast1.power.voltage"
    start = NOW // SECOND + 1
    s = scanner(FaultScript((Fault(FaultKind.BAD, name, duration=2, first=float(start)),)))
    block = next(b for b in s.blocks[0] if any(p.name == name for p in b.points))
    at = [p.name for p in block.points].index(name)
    found = []
    for second in range(4):
        s.scan((start + second) * SECOND)
        found.append(int(block.status[at]))
    assert found == [0x808C0000, 0x808C0000, 0, 0]


@pytest.mark.parametrize("processes", [1, 2, 3, 20])
def test_sources_are_split_evenly_and_completely(processes: int) -> None:
    config = make_array()
    lots = assign(config, processes)
    assert sorted(name for lot in lots for name in lot) == sorted(config.sources)
    assert len(lots) == min(processes, len(config.sources))
    assert max(map(len, lots)) - min(map(len, lots)) <= 1


def test_folders_of_assets_have_titles() -> None:
    assert (display_title("ast1"), display_title("site")) == ("AST1", "Site")
