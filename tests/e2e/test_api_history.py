"""Limits as they were, telescopes compared, marks on the time axis, the way of a value."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SECOND
from schemas.records import (
    HEARTBEATS,
    MONITORING_DISCOVERED,
    MONITORING_STATE,
    DiscoveredPoint,
    Discovery,
    GapCause,
    Heartbeat,
    ServiceState,
    StateEvent,
    StateKind,
)
from tests.support.hmi import Hmi, running
from tests.support.points import batch
from tests.support.waiting import until

WIND = "site.weather.wind_speed"
AZIMUTHS = [f"ast{i}.mount.azimuth" for i in range(1, 10)]


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def publish(hmi: Hmi, change: Callable[[str], str], comment: str) -> int:
    """Publishes site.yaml changed; microseconds UTC at which it was published."""
    snapshot = await hmi.ports.config_store.load()
    assert snapshot.revision is not None
    text = change(snapshot.documents["site.yaml"])
    assert text != snapshot.documents["site.yaml"]
    done = await hmi.ports.editor.publish({"site.yaml": text}, base=snapshot.revision.number, author="eva", comment=comment)
    await until(lambda: hmi.ports.live.current.revision == done.number)
    return done.time


async def test_limits_are_told_as_they_were(hmi: Hmi) -> None:
    first = (await hmi.ports.config_store.load()).revision
    assert first is not None
    lower = await publish(hmi, lambda t: t.replace("limits: {hi: 36, hihi: 50}", "limits: {hi: 30, hihi: 50}", 1), "a storm season")
    other = await publish(hmi, lambda t: t.replace("height: 2390", "height: 2391"), "surveyed")
    gone = await publish(hmi, lambda t: t.replace("        wind_speed:", "        wind_velocity:", 1), "renamed by mistake")
    back = await publish(hmi, lambda t: t.replace("        wind_velocity:", "        wind_speed:", 1), "renamed back")
    query = """query($n: String!, $from: Time!, $to: Time!, $at: Time!) { point(name: $n) {
        limitsAt(time: $at) { revision since until limits { hi hihi } author comment }
        limitsHistory(from: $from, to: $to) { revision since until unit limits { hi } comment } } }"""
    ask: dict[str, Any] = {"n": WIND, "from": "now-1h", "to": "now+1s", "at": lower}
    found = (await hmi.data(query, ask))["point"]
    assert found["limitsAt"] == {
        "revision": 2,
        "since": lower,
        "until": other,
        "limits": {"hi": 30, "hihi": 50},
        "author": "eva",
        "comment": "a storm season",
    }
    assert [(s["revision"], s["since"], s["until"], s["limits"]["hi"]) for s in found["limitsHistory"]] == [
        (1, first.time, lower, 36),
        (2, lower, gone, 30),
        (5, back, None, 30),
    ]
    for moment, hi in ((first.time, 36), (lower - 1, 36), (other, 30), (back, 30)):
        assert (await hmi.data(query, {**ask, "at": moment}))["point"]["limitsAt"]["limits"]["hi"] == hi
    for moment in (first.time - 1, gone):
        assert (await hmi.data(query, {**ask, "at": moment}))["point"]["limitsAt"] is None
    within = (await hmi.data(query, {**ask, "from": lower + 1, "to": other}))["point"]["limitsHistory"]
    assert [(s["revision"], s["until"]) for s in within] == [(2, None)]


async def test_the_history_of_points_no_longer_configured_can_be_read(hmi: Hmi) -> None:
    await publish(hmi, lambda t: t.replace("        wind_speed:", "        wind_velocity:", 1), "renamed")
    query = """query($p: [String!]!) { limitsHistory(points: $p, from: "now-1h", to: "now+1s") {
        point steps { revision until limits { hi } } } }"""
    found = {
        h["point"]: h["steps"] for h in (await hmi.data(query, {"p": [WIND, "site.weather.wind_velocity", "never.was"]}))["limitsHistory"]
    }
    assert [(s["revision"], s["limits"]["hi"]) for s in found[WIND]] == [(1, 36)]
    assert found[WIND][0]["until"] is not None
    assert [s["revision"] for s in found["site.weather.wind_velocity"]] == [2]
    assert found["never.was"] == []


async def test_what_a_device_tells_is_no_change_of_the_configuration(hmi: Hmi) -> None:
    await publish(hmi, lambda t: t.replace("height: 2390", "height: 2391"), "surveyed")
    told = DiscoveredPoint(name="ast1.mount.azimuth", address="", browse=-1, low=-270.0, high=270.0, labels=())
    await hmi.ports.bus.publish(MONITORING_DISCOVERED, [Discovery(source="ast1.opcua", time=hmi.clock.now(), points=(told,))])
    past = hmi.service.backend.past
    await until(lambda: "ast1.opcua" in past._told)
    query = '{ limitsHistory(points: ["ast1.mount.azimuth"], from: "now-1h", to: "now+1s") { steps { revision range { high } } } }'
    steps = (await hmi.data(query))["limitsHistory"][0]["steps"]
    assert steps[0]["revision"] == 1


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ('{ limitsHistory(points: [], from: "now-1h", to: "now") { point } }', "1 to 500"),
        ('{ limitsHistory(points: ["a"], from: "now", to: "now-1h") { point } }', "before"),
        ('{ fleetStats(group: "mount.azimut") { count } }', "mount.azimuth"),
        ('{ fleetStats(group: "mount.azimuth", from: "now-1h") { count } }', "from and to"),
        ('{ fleetStats(group: "mount.azimuth", at: "now", from: "now-1h", to: "now") { count } }', "from and to"),
        ('{ fleetStats(group: "mount.azimuth", from: "now", to: "now-1h") { count } }', "before"),
        ('{ annotations(from: "now", to: "now-1h") { complete } }', "before"),
        ('{ annotations(from: "now-1h", to: "now", first: 0) { complete } }', "between"),
    ],
)
async def test_bad_requests_name_the_remedy(hmi: Hmi, query: str, remedy: str) -> None:
    error = await hmi.error(query)
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert remedy in error["message"]


async def test_nine_telescopes_are_compared_now_then_and_over_a_range(hmi: Hmi) -> None:
    t0 = hmi.clock.now() - 600 * SECOND
    values = [10.0, 10.1, 10.2, 10.0, 10.1, 10.2, 10.1, 10.0, 50.0]
    for seq in range(4):
        time = t0 + seq * 60 * SECOND
        await hmi.ports.archive.append([batch(AZIMUTHS, [v + seq for v in values], time=time, seq=seq)])
    await hmi.ports.hot.put([batch(AZIMUTHS[:8], values[:8], time=t0, quality=[0] * 7 + [2])])
    query = """query($at: Time, $from: Time, $to: Time) { fleetStats(group: "mount.azimuth", at: $at, from: $from, to: $to) {
        unit count median mad min max at from to
        members { point asset title value quality count min max mean std z odd } } }"""
    now = (await hmi.data(query))["fleetStats"]
    assert (now["unit"], now["count"], now["median"]) == ("°", 7, pytest.approx(10.1))
    assert (now["members"][7]["value"], now["members"][7]["quality"], now["members"][7]["z"]) == (10.0, "BAD", None)
    assert (now["members"][8]["value"], now["members"][8]["z"], now["members"][8]["odd"]) == (None, None, False)
    then = (await hmi.data(query, {"at": t0 + 90 * SECOND}))["fleetStats"]
    assert (then["count"], then["at"], then["median"]) == (9, t0 + 90 * SECOND, pytest.approx(11.1))
    assert [m["odd"] for m in then["members"]] == [False] * 8 + [True]
    span = (await hmi.data(query, {"from": t0, "to": t0 + 180 * SECOND}))["fleetStats"]
    last = span["members"][8]
    assert (last["asset"], last["count"], last["min"], last["max"], last["mean"], last["value"]) == ("ast9", 3, 50, 52, 51, 52)
    assert last["std"] == pytest.approx((2 / 3) ** 0.5)
    assert last["z"] == pytest.approx(0.6745 * 39.9 / 0.1)
    assert (span["at"], span["from"], span["min"], span["max"]) == (None, t0, pytest.approx(11.0), 51)


async def test_states_are_compared_too(hmi: Hmi) -> None:
    names = [f"ast{i}.mount.state" for i in range(1, 10)]
    await hmi.ports.hot.put([batch(names, [3] * 8 + [1], time=hmi.clock.now())])
    stats = (await hmi.data('{ fleetStats(group: "mount.state") { kind count mean members { label z odd } } }'))["fleetStats"]
    assert (stats["kind"], stats["count"], stats["mean"]) == ("ENUM", 9, None)
    assert [m["odd"] for m in stats["members"]] == [False] * 8 + [True]
    assert stats["members"][0] == {"label": "TRACKING", "z": None, "odd": False}
    groups = (await hmi.data('{ groups(search: "mount azimuth", members: 9) { group unit members kind } }'))["groups"]
    assert {"group": "mount.azimuth", "unit": "°", "members": 9, "kind": "DOUBLE"} in groups


def state(source: str, time: int, kind: StateKind, cause: GapCause = GapCause.UNKNOWN, end: int | None = None) -> StateEvent:
    return StateEvent(source=source, time=time, kind=kind, cause=cause, points=(), start=time, end=end, count=7 if end else None)


async def test_marks_of_a_range_are_what_happened_and_who_did_what(hmi: Hmi) -> None:
    now = hmi.clock.now()
    events = [
        state("ast1.opcua", now - 50 * SECOND, StateKind.DISCONNECTED, GapCause.DISCONNECTED),
        state("ast1.opcua", now - 40 * SECOND, StateKind.CONNECTED),
        state("ast2.opcua", now - 30 * SECOND, StateKind.GAP, GapCause.OVERFLOW, now - 20 * SECOND),
    ]
    await hmi.ports.bus.publish(MONITORING_STATE, events)
    await hmi.data('mutation { sessionsEnd(user: "operator") { ok } }', role="admin")
    backend = hmi.service.backend
    await until(lambda: backend.state_events.seen == 3 and backend.audit_log.seen >= 1)
    query = """query($from: Time!, $assets: [String!], $kinds: [AnnotationKind!], $first: Int! = 500) {
        annotations(from: $from, to: "now+1s", assets: $assets, kinds: $kinds, first: $first) {
          complete nodes { kind time end title user asset source revision ok } } }"""
    found = (await hmi.data(query, {"from": "now-1h"}))["annotations"]
    assert [n["kind"] for n in found["nodes"]] == ["DISCONNECTED", "CONNECTED", "LOSS", "CONFIGURATION", "ACTION"]
    assert found["nodes"][0]["title"] == "ast1.opcua disconnected"
    gap = found["nodes"][2]
    assert (gap["asset"], gap["end"], gap["title"]) == ("ast2", now - 20 * SECOND, "ast2.opcua gap: overflow, 7 samples")
    assert (found["nodes"][3]["revision"], found["nodes"][3]["user"]) == (1, "test")
    assert (found["nodes"][4]["title"], found["nodes"][4]["user"]) == ("sessionsEnd operator", "admin")
    assert found["complete"] is True
    one = (await hmi.data(query, {"from": "now-1h", "assets": ["ast2"], "kinds": ["LOSS", "CONNECTED"]}))["annotations"]
    assert [n["source"] for n in one["nodes"]] == ["ast2.opcua"]
    some = (await hmi.data(query, {"from": "now-1h", "first": 2}))["annotations"]
    assert ([n["kind"] for n in some["nodes"]], some["complete"]) == (["CONFIGURATION", "ACTION"], False)
    assert (await hmi.data(query, {"from": "now-30d", "kinds": ["LOSS"]}))["annotations"]["complete"] is False
    assert (await hmi.data(query, {"from": "now-30d", "kinds": ["CONFIGURATION"]}))["annotations"]["complete"] is True
    within = {"from": now - 25 * SECOND, "kinds": ["LOSS", "DISCONNECTED"]}
    assert [n["kind"] for n in (await hmi.data(query, within))["annotations"]["nodes"]] == ["LOSS"]


async def test_log_ins_are_no_marks(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        assert (await client.post("/auth/login", json={"user": "nobody", "password": "wrong"})).status_code == 401
    await until(lambda: hmi.service.backend.audit_log.seen)
    found = await hmi.data('{ annotations(from: "now-1h", to: "now+1s", kinds: [ACTION]) { nodes { title } } }')
    assert found["annotations"]["nodes"] == []


async def test_the_way_of_a_value_is_told_by_hop(hmi: Hmi) -> None:
    now = hmi.clock.now()
    await hmi.ports.hot.put([batch([WIND], [1.0], time=now - 3 * SECOND, received=now - 2 * SECOND, source="site.opcua")])
    gauges = {
        "site.opcua.source_skew_s": -0.5,
        "dispatcher.hot.lag_s": 0.01,
        "dispatcher.store.lag_s": 0.2,
        "collector.publish.lag_s": 0.004,
    }
    beat = Heartbeat(
        instance="x@h:1", service="collector", system="monitoring", host="h", pid=1, time=now, started=now, state=ServiceState.RUNNING,
        cpu_s=0.0, rss_bytes=1, gauges=gauges, hops=(),
    )  # fmt: skip
    await hmi.ports.bus.publish(HEARTBEATS, [beat])
    await until(lambda: hmi.service.backend.fleet.instances(hmi.clock.now()))
    latency = (await hmi.data('{ point(name: "%s") { latency { time age skew hops { hop seconds basis } } } }' % WIND))["point"]["latency"]  # noqa: UP031
    hops = {h["hop"]: (h["seconds"], h["basis"]) for h in latency["hops"]}
    assert (latency["time"], latency["skew"]) == (now - 3 * SECOND, -0.5)
    assert 3 <= latency["age"] < 60
    assert hops["COLLECTOR"] == (1.0, "SAMPLE")
    assert (hops["BUS"], hops["HOT_QUEUE"], hops["ARCHIVE"]) == ((0.004, "SERVICE"), (0.01, "SERVICE"), (0.2, "SERVICE"))
    assert 2 <= hops["NOW"][0] < 60
    silent = (await hmi.data('{ point(name: "ast1.mount.azimuth") { latency { age hops { seconds } } } }'))["point"]["latency"]
    assert silent["age"] is None
    assert silent["hops"][0] == {"seconds": None}
