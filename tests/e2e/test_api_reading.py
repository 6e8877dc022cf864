"""Reading over HTTP: points, samples, configuration, pipeline, as a script would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.clock import SECOND
from schemas.records import (
    DEAD_LETTERS,
    HEARTBEATS,
    MONITORING_STATE,
    DeadLetter,
    GapCause,
    Heartbeat,
    Hop,
    ServiceState,
    StateEvent,
    StateKind,
)
from tests.support.hmi import Hmi, running
from tests.support.points import batch
from tests.support.waiting import until


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def test_points_come_in_pages_that_together_are_the_whole_list(hmi: Hmi) -> None:
    query = """query($after: String) { points(first: 500, after: $after) {
        edges { cursor node { name } } pageInfo { hasNextPage endCursor } totalCount } }"""
    names: list[str] = []
    after = None
    while True:
        page = (await hmi.data(query, {"after": after}))["points"]
        names += [e["node"]["name"] for e in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == sorted(hmi.ports.live.current.points)
    assert page["totalCount"] == len(names) > 1800


async def test_null_stands_for_the_default_of_an_argument(hmi: Hmi) -> None:
    asked = """query($n: Int, $r: Resample) { points(first: $n) { nodes { name } } cdbRevisions(first: $n) { nodes { number } }
        audit(first: $n) { nodes { user } } series(points: ["ast1.mount.azimuth"], from: "now-1h", to: "now", resample: $r) { method } }"""
    found = await hmi.data(asked, {"n": None, "r": {"method": "MEAN", "every": "10s", "fill": None}})
    assert len(found["points"]["nodes"]) == 100


async def test_a_table_tells_of_many_points_at_once_what_the_catalogue_tells_of_each(hmi: Hmi) -> None:
    now = hmi.clock.now()
    await hmi.ports.hot.put([batch(["ast1.mount.azimuth", "ast3.mount.azimuth"], [12.5, 13.5], time=now)])
    data = await hmi.data(
        """{ table: pointTable(names: ["ast1.mount.state", "ast1.mount.azimuth", "no.such.point"], groups: ["mount.azimuth", "no.group"]) {
               revision points definitions columns }
             points(filter: {names: ["ast1.mount.state", "ast3.mount.azimuth"]}) { revision nodes {
               name unit description kind asset device address group sampling deadband archiveClass
               limits { lolo lo hi hihi } range { low high } labels { value label } } } }"""
    )
    table, listed = data["table"], {n.pop("name"): n for n in data["points"]["nodes"]}
    names = table["points"]
    assert names == ["ast1.mount.state", "ast1.mount.azimuth", *(f"ast{i}.mount.azimuth" for i in range(2, 10))]
    assert dict(zip(names, table["columns"]["v"], strict=True))["ast3.mount.azimuth"] == 13.5
    assert table["columns"]["t"][:2] == [None, now]
    assert table["revision"] == data["points"]["revision"] == 1
    told = table["definitions"]
    for name, point in listed.items():
        i = names.index(name)
        assert {**told["types"][told["type"][i]], **{k: told[k][i] for k in ("asset", "device", "address")}} == point


async def test_a_point_tells_what_it_is_and_what_it_is_now(hmi: Hmi) -> None:
    now = hmi.clock.now()
    await hmi.ports.hot.put([batch(["ast1.mount.azimuth", "ast1.mount.elevation"], [12.5, float("nan")], time=now, quality=[0, 2])])
    await hmi.ports.hot.put([batch(["ast1.mount.state"], [3], time=now, seq=1)])
    data = await hmi.data(
        """{ azimuth: point(name: "ast1.mount.azimuth") { name unit kind device asset group sampling quality value time received }
             elevation: point(name: "ast1.mount.elevation") { value quality }
             state: point(name: "ast1.mount.state") { kind value label labels { value label } }
             silent: point(name: "ast2.mount.azimuth") { value quality time }
             none: point(name: "ast1.mount.azimut") { name } }"""
    )
    azimuth = data["azimuth"]
    assert azimuth["unit"] == "°"
    assert azimuth["kind"] == "DOUBLE"
    assert azimuth["device"] == "ast1.opcua"
    assert (azimuth["value"], azimuth["quality"], azimuth["time"]) == (12.5, "GOOD", now)
    assert data["elevation"] == {"value": None, "quality": "BAD"}
    assert (data["state"]["kind"], data["state"]["value"], data["state"]["label"]) == ("ENUM", 3, "TRACKING")
    assert data["silent"] == {"value": None, "quality": None, "time": None}
    assert data["none"] is None


async def test_points_are_found_by_three_letters_by_pattern_and_by_quality(hmi: Hmi) -> None:
    now = hmi.clock.now()
    await hmi.ports.hot.put([batch(["ast1.mount.azimuth", "ast2.mount.azimuth"], [1.0, 2.0], time=now, quality=[0, 2])])
    data = await hmi.data(
        """{ search: points(filter: {search: "azi mot"}) { nodes { name } }
             glob: points(filter: {glob: "ast?.mount.azimuth"}) { nodes { name } totalCount }
             bad: points(filter: {quality: [BAD]}) { nodes { name } totalCount pageInfo { hasNextPage } }
             asset: points(filter: {asset: "site", kind: [ENUM]}) { nodes { name } }
             device: points(filter: {device: "ast3.opcua", group: "mount.azimuth"}) { nodes { name } } }"""
    )
    found = [n["name"] for n in data["search"]["nodes"]]
    assert found[0] == "ast1.mount.azimuth_motor_current"
    assert all("azimuth_motor" in n for n in found)
    assert [n["name"] for n in data["glob"]["nodes"]] == [f"ast{i}.mount.azimuth" for i in range(1, 10)]
    assert data["bad"] == {"nodes": [{"name": "ast2.mount.azimuth"}], "totalCount": None, "pageInfo": {"hasNextPage": False}}
    assert {"name": "site.array.state"} in data["asset"]["nodes"]
    assert data["device"]["nodes"] == [{"name": "ast3.mount.azimuth"}]


async def test_last_values_are_columns_aligned_with_the_points_asked_for(hmi: Hmi) -> None:
    now = hmi.clock.now()
    await hmi.ports.hot.put([batch(["ast1.mount.azimuth"], [1.5], time=now)])
    await hmi.ports.hot.put([batch(["ast1.camera.firmware"], ["v2"], time=now, seq=1)])
    names = ["ast1.camera.firmware", "ast2.mount.azimuth", "ast1.mount.azimuth"]
    batches = (await hmi.data("query($p: [String!]!) { lastValues(points: $p) { seq points columns dropped } }", {"p": names}))[
        "lastValues"
    ]
    assert batches == {
        "seq": 0,
        "points": names,
        "columns": {"t": [now, None, now], "v": ["v2", None, 1.5], "q": [0, None, 0]},
        "dropped": 0,
    }


async def test_an_unknown_point_is_named_with_what_was_meant(hmi: Hmi) -> None:
    error = await hmi.error('{ lastValues(points: ["ast1.mount.azimut"]) { seq } }')
    assert error["extensions"]["code"] == "UNKNOWN_POINT"
    assert error["extensions"]["points"] == [{"name": "ast1.mount.azimut", "didYouMean": error["extensions"]["points"][0]["didYouMean"]}]
    assert "ast1.mount.azimuth" in error["extensions"]["points"][0]["didYouMean"]
    assert "did you mean" in error["message"]


async def test_a_series_is_columns_with_gaps_and_null_for_what_is_no_number(hmi: Hmi) -> None:
    t0 = hmi.clock.now() - 600 * SECOND
    times = [t0 + i * SECOND for i in range(5)]
    for i, (t, v) in enumerate(zip(times, [1.0, float("nan"), float("inf"), 4.0, 5.0], strict=True)):
        await hmi.ports.archive.append([batch(["site.weather.wind_speed"], [v], time=t, seq=i, source="site.opcua")])
    gap = StateEvent(
        source="site.opcua",
        time=t0 + 5 * SECOND,
        kind=StateKind.GAP,
        cause=GapCause.OVERFLOW,
        points=("site.weather.wind_speed",),
        start=t0 + 4 * SECOND,
        end=t0 + 5 * SECOND,
        count=3,
    )
    await hmi.ports.archive.append([], [gap])
    query = """query($from: Time!, $to: Time!) {
        series(points: ["site.weather.wind_speed"], from: $from, to: $to)
          { point unit method columns gaps { start end cause count } nextCursor } }"""
    block = (await hmi.data(query, {"from": t0, "to": times[-1] + 1}))["series"][0]
    assert block["unit"] == "km/h"
    assert block["method"] == "RAW"
    assert block["columns"] == {"t": times, "v": [1.0, None, None, 4.0, 5.0], "q": [0, 0, 0, 0, 0]}
    assert {"start": t0 + 4 * SECOND, "end": t0 + 5 * SECOND, "cause": "OVERFLOW", "count": 3} in block["gaps"]


async def test_a_series_is_resampled_and_long_ones_go_on_with_a_cursor(hmi: Hmi) -> None:
    t0 = (hmi.clock.now() // (60 * SECOND) - 30) * 60 * SECOND
    for seq in range(10):
        times = [t0 + (seq * 10 + i) * SECOND for i in range(10)]
        for i, t in enumerate(times):
            await hmi.ports.archive.append(
                [batch(["site.weather.humidity"], [float(seq * 10 + i)], time=t, seq=seq * 10 + i, source="site.opcua")]
            )
    query = """query($from: Time!, $to: Time!, $resample: Resample, $limit: Int! = 100000, $after: String) {
        series(points: ["site.weather.humidity"], from: $from, to: $to, resample: $resample, limit: $limit, after: $after)
          { method columns complete nextCursor } }"""
    span = {"from": t0, "to": t0 + 100 * SECOND}
    mean = (await hmi.data(query, {**span, "resample": {"method": "MEAN", "every": "10s"}}))["series"][0]
    assert mean["method"] == "MEAN"
    assert mean["columns"]["v"] == [4.5 + 10 * i for i in range(10)]
    whole: list[int] = []
    after = None
    while True:
        block = (await hmi.data(query, {**span, "limit": 30, "after": after}))["series"][0]
        whole += block["columns"]["t"]
        after = block["nextCursor"]
        if after is None:
            break
    assert whole == [t0 + i * SECOND for i in range(100)]


async def test_what_costs_too_much_is_refused_before_it_is_executed(hmi: Hmi) -> None:
    query = """query($p: [String!]!) { series(points: $p, from: "now-5d", to: "now", resample: {method: MEAN, every: "1s"}) { point } }"""
    points = [f"ast{i}.mount.azimuth" for i in range(1, 6)]
    error = await hmi.error(query, {"p": points})
    assert error["extensions"]["code"] == "TOO_EXPENSIVE"
    assert error["extensions"]["cost"] == 5 * 5 * 86_400
    assert "buckets" in error["message"]
    assert (await hmi.ask(query, {"p": points}, role="engineer")).get("errors") is None


async def test_of_several_operations_one_must_be_named(hmi: Hmi) -> None:
    document = 'query A { me { user } } query B { me { role } } mutation C { deleteView(id: "x") { __typename } }'
    async with hmi.client() as client:
        unnamed = (await client.post("/graphql", json={"query": document})).json()
        named = (await client.post("/graphql", json={"query": document, "operationName": "B"})).json()
    assert unnamed["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "operationName" in unnamed["errors"][0]["message"]
    assert not unnamed.get("data")
    assert named == {"data": {"me": {"role": "VIEWER"}}}


async def test_a_range_that_ends_where_it_begins_is_empty(hmi: Hmi) -> None:
    for resample in ("", ", resample: {method: MEAN, buckets: 3}"):
        asked = f'series(points: ["ast1.mount.azimuth"], from: 1, to: 1{resample})'
        data = await hmi.data(f"{{ {asked} {{ columns gaps {{ start }} complete }} }}")
        assert data["series"] == [{"columns": {"t": [], "v": [], "q": []}, "gaps": [], "complete": True}]


@pytest.mark.parametrize(
    ("query", "remedy"),
    [
        ('{ series(points: ["ast1.mount.azimuth"], from: "yesterday", to: "now") { point } }', "now-10m"),
        ('{ series(points: ["ast1.mount.azimuth"], from: "now", to: "now-1h") { point } }', "before"),
        ('{ series(points: ["ast1.mount.azimuth"], from: "now-1h", to: "now", resample: {method: MEAN}) { point } }', "buckets"),
        ("{ points(first: 501) { totalCount } }", "500"),
        ('{ points(after: "nonsense") { totalCount } }', "endCursor"),
        ("{ points { nodes { nam } } }", "name"),
        ("{ points(first: 10", "Syntax"),
    ],
)
async def test_bad_requests_name_the_remedy(hmi: Hmi, query: str, remedy: str) -> None:
    error = await hmi.error(query)
    assert error["extensions"]["code"] in ("BAD_REQUEST", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED")
    assert remedy in error["message"]


async def test_documents_are_limited_in_depth_aliases_length_and_cost(hmi: Hmi) -> None:
    many = " ".join(f"a{i}: revision {{ revision }}" for i in range(61))
    nested = "{ " * 12 + "name" + " }" * 12
    pages = " ".join(f"a{i}: points(first: 500) {{ nodes {{ name unit kind group }} }}" for i in range(41))
    series = 'series(points: $p, from: "now-1h", to: "now", resample: {method: MEAN, buckets: 100000}) { point }'
    points = {"p": [f"ast{i}.mount.azimuth" for i in range(1, 10)] * 3}
    for query, variables, remedy in (
        (f"{{ {many} }}", {}, "61 aliases"),
        (f"{{ ...A }} fragment A on Query {{ ...B }} fragment B on Query {{ {many} }}", {}, "61 aliases"),
        ("{ " + "me { user } " * 1500 + " }", {}, "token"),
        (f"{{ pipeline {nested.replace('{ ', '{ systems ', 11)} }}", {}, "levels deep"),
        (f"{{ {pages} }}", {}, "values of fields"),
        (f"query($p: [String!]!) {{ ...F }} fragment F on Query {{ {series} }}", points, "2,700,000 samples"),
        (f"query($p: [String!]!) {{ ... on Query {{ {series} }} }}", points, "2,700,000 samples"),
        ("{" + "me {" * 900 + "user" + "}" * 901, {}, "nested too deeply"),
    ):
        error = await hmi.error(query, variables)
        assert remedy in error["message"].lower(), error
        assert error["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "TOO_EXPENSIVE")
    two = "query Small { me { user } } query Large($p: [String!]!) { " + series + " }"
    async with hmi.client() as client:
        asked = {"query": two, "variables": points}
        assert (await client.post("/graphql", json={**asked, "operationName": "Small"})).json()["data"] == {"me": {"user": "viewer"}}
        large = (await client.post("/graphql", json={**asked, "operationName": "Large"})).json()
    assert large["errors"][0]["extensions"]["code"] == "TOO_EXPENSIVE"


async def test_site_assets_and_sources(hmi: Hmi) -> None:
    await hmi.ports.bus.publish(
        MONITORING_STATE,
        [StateEvent(source="ast1.opcua", time=hmi.clock.now(), kind=StateKind.CONNECTED, cause=GapCause.UNKNOWN, points=(), start=1)],
    )
    await until(lambda: hmi.service.backend.connections)
    data = await hmi.data(
        """{ site { title latitude } assets(type: "astri") { name title parent position { east north } points }
             sources { name url connected points } stateEvents(source: "ast1.opcua") { nodes { kind cause } } }"""
    )
    assert data["site"]["latitude"] == pytest.approx(28.3)
    assert [a["name"] for a in data["assets"]] == [f"ast{i}" for i in range(1, 10)]
    assert data["assets"][0]["position"] == {"east": -330.0, "north": 150.0}
    sources = {s["name"]: s for s in data["sources"]}
    assert sources["ast1.opcua"]["connected"] is True
    assert sources["ast2.opcua"]["connected"] is None
    assert sources["ast1.opcua"]["points"] > 100
    assert data["stateEvents"]["nodes"] == [{"kind": "CONNECTED", "cause": "UNKNOWN"}]


def beat(time: int, entered: int) -> Heartbeat:
    """What a dispatcher would say of itself."""
    hop = Hop(name="dispatcher.store", source="", entered=entered, left=entered - 7, lost={"late": 5}, last=time)
    return Heartbeat(
        instance="dispatcher@host:1",
        service="dispatcher",
        system="monitoring",
        host="host",
        pid=1,
        time=time,
        started=time - 100,
        revision=1,
        state=ServiceState.RUNNING,
        cpu_s=1.5,
        rss_bytes=1000,
        gauges={"archive_delay_s": 0.25},
        hops=(hop,),
    )


async def test_the_pipeline_shows_every_hop_and_why_records_ended(hmi: Hmi) -> None:
    now = hmi.clock.now()
    first, second = beat(now - SECOND, 1000), beat(now, 3000)
    await hmi.ports.bus.publish(HEARTBEATS, [first])
    await hmi.ports.bus.publish(HEARTBEATS, [Heartbeat(**{f: getattr(second, f) for f in second.__slots__} | {"started": first.started})])
    fleet = hmi.service.backend.fleet
    await until(lambda: any(h.entered == 3000 for h in fleet.hops(hmi.clock.now())))
    data = await hmi.data(
        """{ pipeline { hops { name in out inside lost { cause count } rateIn lag age }
                        systems { name state rateIn } topics { name records } }
             services { name state lastError instances { instance host revision gauges { name value } } } }"""
    )
    hop = data["pipeline"]["hops"][0]
    assert (hop["name"], hop["in"], hop["out"], hop["inside"]) == ("dispatcher.store", 3000, 2993, 2)
    assert hop["lost"] == [{"cause": "late", "count": 5}]
    assert hop["rateIn"] == pytest.approx(2000)
    assert hop["lag"] == 0.25
    assert data["pipeline"]["systems"] == [{"name": "monitoring", "state": "RUNNING", "rateIn": pytest.approx(2000)}]
    assert {"heartbeats"} <= {t["name"] for t in data["pipeline"]["topics"]}
    assert data["services"][0]["instances"][0]["gauges"] == [{"name": "archive_delay_s", "value": 0.25}]


async def test_archive_and_dead_letters(hmi: Hmi) -> None:
    await hmi.ports.archive.append([batch(["site.weather.rain"], [0.0], time=hmi.clock.now(), source="site.opcua")])
    await hmi.ports.bus.publish(
        DEAD_LETTERS, [DeadLetter(time=hmi.clock.now(), origin="monitoring.points", reason="not Avro", data=b"\xff\x00abc")]
    )
    await until(lambda: hmi.service.backend.dead_letters.seen)
    data = await hmi.data(
        """{ archive { samples bytes diskFree daysLeft classes { name retention } }
             deadLetters { totalCount nodes { origin reason size text data } } }"""
    )
    assert data["archive"]["samples"] == 1
    assert data["archive"]["diskFree"] > 0
    assert data["deadLetters"]["totalCount"] == 1
    assert data["deadLetters"]["nodes"] == [
        {"origin": "monitoring.points", "reason": "not Avro", "size": 5, "text": "\ufffd\x00abc", "data": "/wBhYmM="}
    ]


async def test_a_point_that_is_no_longer_configured_is_read_from_its_history(hmi: Hmi) -> None:
    t0 = hmi.clock.now() - 60 * SECOND
    await hmi.ports.archive.append([batch(["ast1.mount.retired"], [7.0], time=t0)])
    query = """query($p: [String!]!) { series(points: $p, from: "now-1h", to: "now") { point unit columns } }"""
    block = (await hmi.data(query, {"p": ["ast1.mount.retired"]}))["series"][0]
    assert (block["unit"], block["columns"]["v"]) == (None, [7.0])
    error = await hmi.error(query, {"p": ["ast1.mount.retired", "ast1.mount.azimut"]})
    assert [p["name"] for p in error["extensions"]["points"]] == ["ast1.mount.azimut"]


async def test_the_sample_in_force_at_a_moment(hmi: Hmi) -> None:
    t0 = hmi.clock.now() - 600 * SECOND
    for i in range(3):
        await hmi.ports.archive.append([batch(["ast1.mount.azimuth"], [float(i)], time=t0 + 60 * i * SECOND, seq=i)])
    query = """query($at: Time!) { valuesAt(points: ["ast1.mount.azimuth", "ast2.mount.azimuth"], at: $at) { points columns } }"""
    batches = (await hmi.data(query, {"at": t0 + 90 * SECOND}))["valuesAt"]
    assert batches["columns"] == {"t": [t0 + 60 * SECOND, None], "v": [1.0, None], "q": [0, None]}
