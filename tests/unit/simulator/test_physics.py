"""The simulated world: facts of astronomy it must meet, and relations that must hold whatever the moment."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from kernel.array import Point, PointKind, PointType, Site
from kernel.clock import SECOND
from simulator.faults import NONE, Fault, FaultKind, FaultScript
from simulator.noise import keys_of, smooth, uniform, white
from simulator.physics.frame import BLOCK, DARK, Frame
from simulator.physics.mount import MAINTENANCE, PARKED, SLEWING, TRACKING, pointing, states
from simulator.physics.sky import sun_elevation, to_equatorial, to_horizontal, track
from simulator.scene import Scene, night_scene
from simulator.signals import Signals, make_world, rounded
from tests.support.simulated import SITE, make_array

NOW = 1_795_500_000 * SECOND


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def night(length: float = 3 * 3600, step: float = 1.0, maintained: tuple[int, ...] = ()) -> Frame:
    scene = night_scene(SITE, NOW)
    t = NOW / SECOND + scene.shift + np.arange(0.0, length, step)
    return Frame(t[:, None], SITE, scene.seed, 9, maintained)


def columns(frame_step: float, length: float, *names: str, faults: FaultScript = NONE) -> dict[str, np.ndarray]:
    config = make_array()
    world = make_world(config, night_scene(SITE, NOW), faults)
    t = NOW / SECOND + np.arange(0.0, length, frame_step)
    values = Signals(world, [config.points[n] for n in names]).values(world.frame(t), t).value
    return {n: values[:, i] for i, n in enumerate(names)}


@pytest.mark.parametrize(
    ("when", "latitude", "longitude", "elevation"),
    [
        ("2026-03-20T12:07", 0.0, 0.0, 89.9),  # noon at the equator on the equinox
        ("2026-06-21T12:02", 23.44, 0.0, 90.0),  # noon on the tropic at the solstice
        ("2026-12-21T13:04", 28.30, -16.51, 38.26),  # winter noon at Teide: 90 - 28.30 - 23.44
        ("2026-06-21T00:02", 66.56, 0.0, 0.0),  # midnight on the polar circle at the solstice
    ],
)
def test_the_sun_stands_where_it_should(when: str, latitude: float, longitude: float, elevation: float) -> None:
    assert float(sun_elevation(np.array(seconds(when)), latitude, longitude)) == pytest.approx(elevation, abs=0.35)


def test_coordinates_go_there_and_back() -> None:
    azimuth, elevation = np.linspace(-179, 179, 50), np.linspace(5, 85, 50)
    back = to_horizontal(*to_equatorial(azimuth, elevation, 0.49), 0.49)
    np.testing.assert_allclose(back[0], azimuth, atol=1e-9)
    np.testing.assert_allclose(back[1], elevation, atol=1e-9)


def test_a_star_culminates_in_the_south_moving_west_at_the_sidereal_rate() -> None:
    elapsed = np.array([-1.0, 0.0, 1.0])
    azimuth, elevation = track(np.array(180.0), np.array(50.0), elapsed, 28.3)
    declination = 50.0 - (90 - 28.3)
    rate = 15.04107 / 3600 * np.cos(np.radians(declination)) / np.cos(np.radians(50.0))
    assert (azimuth[2] - azimuth[0]) / 2 == pytest.approx(rate, rel=1e-4)
    assert elevation[1] >= max(elevation[0], elevation[2])


def test_noise_is_a_function_of_key_and_time() -> None:
    keys = keys_of([f"p{i}" for i in range(200)], 7)[None, :]
    t = np.arange(0.0, 500.0)[:, None] + 1.8e9
    w, s = white(keys, t), smooth(keys, t, 60.0)
    assert np.array_equal(w[[17]], white(keys, t[[17]]))
    assert np.array_equal(s[:, 3:4], smooth(keys[:, 3:4], t, 60.0))
    assert abs(w.mean()) < 0.01
    assert w.std() == pytest.approx(1.0, abs=0.01)
    assert np.abs(s).max() <= 1.0
    assert np.abs(np.diff(s, axis=0)).max() < 0.06
    assert np.abs(np.corrcoef(w[:, :20].T) - np.eye(20)).max() < 0.25
    assert uniform(keys, np.array([[3]])).min() >= 0.0


def test_the_night_scene_begins_an_undisturbed_night() -> None:
    frame = night()
    assert frame.observing.all()
    assert (frame.sun < DARK).all()
    assert (frame.storm < 0.05).all()


def test_where_there_is_no_night_time_is_not_shifted() -> None:
    june = round(seconds("2026-05-20T00:00")) * SECOND
    assert night_scene(Site(latitude=80.0), june) == Scene(7, 0)


@pytest.mark.parametrize("hours", range(0, 24, 3))
def test_a_night_is_found_at_any_hour(hours: int) -> None:
    now = NOW + hours * 3600 * SECOND
    scene = night_scene(SITE, now)
    frame = Frame(np.array([[now / SECOND + scene.shift]]), SITE, scene.seed, 9)
    assert scene.shift >= 0
    assert frame.observing.all()


def test_all_telescopes_follow_one_target_within_the_speeds_of_their_drives() -> None:
    frame = night(2 * BLOCK)
    p = pointing(frame)
    assert np.abs(np.diff(p.azimuth, axis=0)).max() <= 3.01
    assert np.abs(np.diff(p.elevation, axis=0)).max() <= 2.01
    tracking = p.tracking.all(axis=1)
    assert tracking.mean() > 0.8
    assert np.ptp(p.azimuth[tracking], axis=1).max() < 1e-9
    assert p.elevation[tracking].min() > 30


def test_by_day_everything_is_parked_and_dark() -> None:
    names = ("ast1.mount.elevation", "ast1.camera.high_voltage", "ast1.camera.lid", "ast1.mount.state", "site.array.state")
    config = make_array()
    world = make_world(config, Scene(7, 0))
    t = np.array([seconds("2026-12-21T13:04")])
    values = Signals(world, [config.points[n] for n in names]).values(world.frame(t), t).value[0]
    assert values[:4].tolist() == [0.0, 0.0, 0.0, PARKED]
    assert values[4] in (0, 3)


def test_a_telescope_in_maintenance_does_not_take_part() -> None:
    frame = night(BLOCK, 10.0, maintained=(4,))
    found = states(frame)
    assert set(found[:, 4].tolist()) == {MAINTENANCE}
    assert set(found[:, 3].tolist()) <= {SLEWING, TRACKING, 1}
    assert not pointing(frame).tracking[:, 4].any()


def test_high_voltage_needs_an_open_lid_and_tracking_makes_triggers() -> None:
    day = columns(5.0, 86_400.0, "ast2.camera.high_voltage", "ast2.camera.lid", "ast2.mount.state", "ast2.camera.trigger_rate")
    high = day["ast2.camera.high_voltage"] > 50
    assert 0.2 < high.mean() < 0.7
    assert set(day["ast2.camera.lid"][high].tolist()) <= {2.0}
    assert day["ast2.camera.trigger_rate"][high & (day["ast2.mount.state"] == TRACKING)].min() > 50
    assert day["ast2.camera.trigger_rate"][~high].max() < 400


def test_limits_of_the_catalogue_are_not_broken_without_a_fault() -> None:
    quiet = columns(10.0, 86_400.0, "ast3.camera.pdm17.temperature", "ast9.mount.elevation_motor_current", "ast9.power.ups_autonomy")
    assert quiet["ast3.camera.pdm17.temperature"].max() < 18
    assert quiet["ast3.camera.pdm17.temperature"].min() > 5
    assert quiet["ast9.mount.elevation_motor_current"].max() < 10
    assert np.percentile(quiet["ast9.power.ups_autonomy"], 5) > 20


def test_values_have_the_resolution_of_their_sensor() -> None:
    found = rounded(np.array([[0.12345, 7.26, 1234.4]]), np.array([[0.01, 0.5, 1.0]]))
    assert found.tolist() == [[0.12, 7.5, 1234.0]]
    temperature = columns(60.0, 7_200.0, "ast1.structure.t03.temperature")["ast1.structure.t03.temperature"]
    assert all(v == round(v, 2) for v in temperature.tolist())


def test_a_value_does_not_depend_on_what_else_is_asked() -> None:
    config = make_array()
    world = make_world(config, Scene(7, 30_000))
    points = [p for p in config.points.values() if p.type.kind is not PointKind.TEXT]
    t = NOW / SECOND + np.arange(0.0, 100.0, 10)
    whole = Signals(world, points).values(world.frame(t), t).value
    some, when = points[5::173], t[[7]]
    part = Signals(world, some).values(world.frame(when), when).value
    assert np.array_equal(part[0], whole[7, 5::173])


def test_unknown_points_get_plausible_values() -> None:
    kinds = [
        PointType(unit="bar"),
        PointType(range=(0.0, 50.0)),
        PointType(PointKind.BOOL),
        PointType(PointKind.ENUM, labels=((4, "A"), (9, "B"))),
        PointType(PointKind.LONG),
    ]
    points = [Point(f"hut.thing{i}", kind, "hut", "hut.opcua") for i, kind in enumerate(kinds)]
    world = make_world(make_array(1), Scene())
    t = NOW / SECOND + np.arange(0.0, 10 * 86_400.0, 600)
    v = Signals(world, points).values(world.frame(t), t).value
    assert 5 < v[:, 0].min() < v[:, 0].max() < 7
    assert 0 < v[:, 1].min() < v[:, 1].max() < 50
    assert set(v[:, 2].tolist()) == {0.0, 1.0}
    assert set(v[:, 3].tolist()) == {4.0, 9.0}
    assert np.array_equal(v[:, 4], np.floor(v[:, 4]))


def test_faults_disturb_their_points_only_and_only_then() -> None:
    name, other = "ast1.mirror.m1.temperature", "ast1.mirror.m2.temperature"
    t = NOW / SECOND + np.arange(0.0, 100.0)
    start = float(t[0]) + 20
    config, scene = make_array(1), Scene(7, 0)
    points = [config.points[name], config.points[other]]

    def run(*faults: Fault) -> object:
        world = make_world(config, scene, FaultScript(faults))
        return Signals(world, points).values(world.frame(t), t)

    plain = run().value  # type: ignore[attr-defined]
    on = slice(20, 50)
    scaled = run(Fault(FaultKind.SCALE, name, duration=30, first=start, amount=2.0)).value  # type: ignore[attr-defined]
    np.testing.assert_array_equal(scaled[on, 0], plain[on, 0] * 2)
    np.testing.assert_array_equal(scaled[50:], plain[50:])
    np.testing.assert_array_equal(scaled[:, 1], plain[:, 1])
    frozen = run(Fault(FaultKind.FROZEN, name, duration=30, first=start)).value  # type: ignore[attr-defined]
    assert set(frozen[on, 0].tolist()) == {plain[20, 0]}
    drift = run(Fault(FaultKind.DRIFT, name, duration=30, first=start, amount=5.0)).value - plain  # type: ignore[attr-defined]
    assert drift[on, 0].max() == pytest.approx(5.0, abs=0.05)
    assert drift[20, 0] == pytest.approx(0.0, abs=1e-9)
    bad = run(Fault(FaultKind.BAD, name, duration=30, first=start)).status  # type: ignore[attr-defined]
    assert set(bad[on, 0].tolist()) == {0x808C0000}
    assert not bad[:, 1].any()
    silent = run(Fault(FaultKind.SILENT, name, duration=30, first=start)).heard  # type: ignore[attr-defined]
    assert not silent[on, 0].any()
    assert silent[50:].all()
