"""The invented past: gapless but for its outages, only changes, and the same world that is live afterwards."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from kernel.batches import columns, size
from kernel.clock import SECOND
from kernel.samples import Kind
from schemas.codec import codec
from schemas.records import GapCause, PointBatch, StateKind
from simulator.faults import DEMO, Fault, FaultKind, FaultScript
from simulator.history import history, outages
from simulator.scene import Scene, night_scene
from simulator.signals import Signals, make_world
from tests.support.simulated import SITE, make_array

END = 1_795_500_000 * SECOND
START = END - 2 * 3600 * SECOND


def samples(batches: list[PointBatch]) -> dict[str, list[tuple[int, object, int]]]:
    """Of every point: (time, value, quality), in the order given."""
    found: dict[str, list[tuple[int, object, int]]] = defaultdict(list)
    for batch in batches:
        for c in columns(batch):
            for i, t, v, q in zip(c.index.tolist(), c.time.tolist(), c.value.tolist(), c.quality.tolist(), strict=True):
                found[batch.names[i]].append((t, v, q))
    return found


@pytest.fixture(scope="module")
def plain() -> list[PointBatch]:
    return list(history(make_array(3), START, END, scene=night_scene(SITE, END)))


def test_every_source_is_covered_without_a_gap_in_one_sequence(plain: list[PointBatch]) -> None:
    for source in make_array(3).sources:
        own = [b for b in plain if b.source == source]
        assert [b.seq for b in own] == list(range(len(own)))
        assert {b.epoch for b in own} == {START}
        assert (own[0].covered_from, own[-1].covered_to) == (START, END)
        assert all(a.covered_to == b.covered_from for a, b in itertools.pairwise(own))


def test_every_point_has_a_past(plain: list[PointBatch]) -> None:
    found = samples(plain)
    assert set(found) == set(make_array(3).points)
    for name, rows in found.items():
        times = [t for t, _, _ in rows]
        assert times == sorted(set(times)), name
        assert START <= times[0] < times[-1] + SECOND <= END + SECOND


def test_only_changes_are_told_and_everything_once_an_hour(plain: list[PointBatch]) -> None:
    rows = samples(plain)["ast1.network.link"]
    assert [v for _, v, _ in rows] == [1, 1]
    assert rows[1][0] - rows[0][0] == 3600 * SECOND
    for name in ("ast2.mount.azimuth", "site.weather.wind_speed"):
        values = samples(plain)[name]
        repeated = [b for a, b in itertools.pairwise(values) if a[1] == b[1] and b[0] - a[0] < 3600 * SECOND]
        assert repeated == []


def test_the_past_is_that_of_the_live_world(plain: list[PointBatch]) -> None:
    config, scene = make_array(3), night_scene(SITE, END)
    name = "ast2.camera.pdm05.temperature"
    world = make_world(config, scene)
    rows = samples(plain)[name]
    t = np.array([time / SECOND for time, _, _ in rows])
    live = Signals(world, [config.points[name]]).values(world.frame(t), t).value[:, 0]
    np.testing.assert_array_equal([v for _, v, _ in rows], live)


def test_the_same_call_gives_the_same_bytes(plain: list[PointBatch]) -> None:
    again = history(make_array(3), START, END, scene=night_scene(SITE, END))
    encode = codec(PointBatch).encode
    assert [encode(b) for b in again] == [encode(b) for b in plain]


def test_kinds_go_into_their_columns(plain: list[PointBatch]) -> None:
    kinds = {(b.names[i], c.kind) for b in plain for c in columns(b) for i in set(c.index.tolist())}
    assert ("ast1.mount.state", Kind.LONG) in kinds
    assert ("ast1.mount.brake", Kind.LONG) in kinds
    assert ("ast1.camera.firmware", Kind.TEXT) in kinds
    assert ("ast1.mount.azimuth", Kind.DOUBLE) in kinds


def test_an_outage_is_a_hole_in_samples_and_coverage_with_an_event() -> None:
    lost = Fault(FaultKind.DISCONNECT, "ast2.opcua", duration=95, first=START / SECOND + 1_000)
    script = FaultScript((lost,))
    batches = list(history(make_array(2), START, END, faults=script))
    (event,) = outages(make_array(2), START, END, faults=script)
    assert (event.kind, event.cause, event.source) == (StateKind.GAP, GapCause.DISCONNECTED, "ast2.opcua")
    assert (event.start, event.end) == (START + 1_000 * SECOND, START + 1_095 * SECOND)
    own = [b for b in batches if b.source == "ast2.opcua"]
    holes = [(a.covered_to, b.covered_from) for a, b in itertools.pairwise(own) if a.covered_to != b.covered_from]
    assert holes == [(event.start, event.end)]
    for name, rows in samples(own).items():
        assert not [t for t, _, _ in rows if event.start <= t < event.end]
        after = [t for t, _, _ in rows if t >= event.end]
        assert after[0] - event.end < 60 * SECOND, f"{name} is not told anew after the gap"


def test_an_outage_over_the_edge_of_a_batch_is_one_hole() -> None:
    script = FaultScript((Fault(FaultKind.DISCONNECT, "ast1.opcua", duration=600, first=START / SECOND + 1_500),))
    own = [b for b in history(make_array(1), START, END, faults=script) if b.source == "ast1.opcua"]
    holes = [(a.covered_to, b.covered_from) for a, b in itertools.pairwise(own) if a.covered_to != b.covered_from]
    assert holes == [(START + 1_500 * SECOND, START + 2_100 * SECOND)]
    first_after = next(b for b in own if b.covered_from == START + 2_100 * SECOND)
    assert "ast1.network.link" in first_after.names


def test_bad_samples_have_no_value_and_say_so() -> None:
    script = FaultScript((Fault(FaultKind.BAD, "ast1.mount.state"), Fault(FaultKind.UNCERTAIN, "ast1.power.voltage")))
    found = samples(list(history(make_array(1), START, START + 600 * SECOND, faults=script)))
    assert all(np.isnan(v) and q == 2 for _, v, q in found["ast1.mount.state"])  # type: ignore[call-overload]
    assert {q for _, _, q in found["ast1.power.voltage"]} == {1}
    assert {q for _, _, q in found["ast1.power.load"]} == {0}


def test_the_demo_has_excursions_worth_an_alarm() -> None:
    day = list(history(make_array(), END - 86_400 * SECOND, END, scene=Scene(7, 46_200), faults=DEMO))
    found = samples([b for b in day if b.source in ("ast3.opcua", "ast4.opcua")])
    warm = [v for _, v, _ in found["ast3.camera.pdm17.temperature"]]
    assert max(warm) > 20  # type: ignore[type-var]
    assert max(v for _, v, _ in found["ast3.camera.pdm18.temperature"]) < 18  # type: ignore[type-var,operator]
    assert 500_000 < sum(map(size, day)) < 6_000_000
