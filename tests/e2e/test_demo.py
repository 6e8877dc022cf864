"""What a newcomer sees after `make run`: nine telescopes live, a past, a configuration that can be changed, a ledger that adds up."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kernel.clock import SECOND, SystemClock
from tests.support.platform import Running, eventually, mla

pytestmark = pytest.mark.timeout(300)
LAST = "query($p: [String!]!) { lastValues(points: $p) { points columns } }"
AZIMUTHS = [f"ast{i}.mount.azimuth" for i in range(1, 10)]
STANDING = "ast5.mount.azimuth"


def test_nine_telescopes_are_live(demo: Running) -> None:
    """The one in maintenance stands still: its azimuth is as old as its connection."""
    token = demo.login("operator")

    def moved() -> bool:
        columns = demo.graphql(LAST, token, p=AZIMUTHS)["lastValues"]["columns"]
        now, times = SystemClock().now(), dict(zip(AZIMUTHS, columns["t"], strict=True))
        return times.pop(STANDING) is not None and all(t is not None and now - t < 60 * SECOND for t in times.values())

    eventually(moved, what="a fresh azimuth of each telescope that moves")


def test_a_fresh_demo_has_a_past(demo: Running) -> None:
    eventually((demo.data / "demo.history").exists, what="a day of history")
    answer = demo.graphql(
        """query($p: [String!]!) { series(points: $p, from: "now-24h", to: "now", resample: {method: MINMAX, buckets: 500}) {
             point unit method columns gaps { start end cause } complete } }""",
        demo.login("operator"),
        p=["site.weather.air_temperature", "ast1.mount.azimuth"],
    )
    for block in answer["series"]:
        times = block["columns"]["t"]
        assert len(times) > 300
        assert times == sorted(times)
        assert times[-1] - times[0] > 23 * 3600 * SECOND
        assert block["unit"]


def test_a_published_change_takes_effect_without_a_restart(demo: Running, tmp_path: Path) -> None:
    mla("cdb", "export", str(tmp_path / "site"), data=demo.data)
    files = [f for f in (tmp_path / "site").rglob("*.yaml") if "wind_gust" in f.read_text()]
    assert files
    for f in files:
        f.write_text(f.read_text().replace("gust", "gust", 1).replace("hihi: 60", "hihi: 61"))
    changed = [f for f in files if "hihi: 61" in f.read_text()]
    assert changed
    token = demo.login("operator")
    before = {
        i["instance"]: i["started_us"]
        for s in json.loads(mla("status", "--json", data=demo.data).stdout)["services"]
        for i in s["instances"]
    }
    said = mla("cdb", "import", str(tmp_path / "site"), "-m", "raise the gust limit", "--json", data=demo.data)
    number = json.loads(said.stdout)["number"]
    limits = """{ point(name: "site.weather.wind_gust") { limits { hihi } } }"""
    eventually(lambda: demo.graphql(limits, token)["point"]["limits"]["hihi"] == 61, what="the new limit")

    def all_follow() -> bool:
        services = json.loads(mla("status", "--json", data=demo.data).stdout)["services"]
        instances = [i for s in services for i in s["instances"]]
        return all(i["revision"] == number for i in instances) and {i["instance"]: i["started_us"] for i in instances} == before

    eventually(all_follow, what="every instance follows, none restarted")


def test_a_wrong_configuration_is_refused_whole(demo: Running, tmp_path: Path) -> None:
    mla("cdb", "export", str(tmp_path / "site"), data=demo.data)
    file = next(f for f in (tmp_path / "site").rglob("*.yaml") if "hihi: 6" in f.read_text())
    file.write_text(file.read_text().replace("hihi: 6", "hihii: 6", 1))
    before = json.loads(mla("cdb", "log", "--json", data=demo.data).stdout)[0]["number"]
    done = mla("cdb", "import", str(tmp_path / "site"), "-m", "typo", data=demo.data, check=False)
    assert done.returncode == 2
    assert file.name in done.stderr
    assert "hihi" in done.stderr
    kept = file.read_text()
    done = mla("cdb", "export", str(tmp_path / "site"), data=demo.data, check=False)
    assert (done.returncode, "--force" in done.stderr, file.read_text()) == (2, True, kept)
    mla("cdb", "export", str(tmp_path / "site"), "--force", data=demo.data)
    assert file.read_text() != kept
    assert json.loads(mla("cdb", "log", "--json", data=demo.data).stdout)[0]["number"] == before


def test_the_ledger_adds_up(demo: Running) -> None:
    def balanced() -> bool:
        hops = json.loads(mla("status", "--json", data=demo.data).stdout)["hops"]
        stored = [h for h in hops if h["name"] == "dispatcher.store"]
        received = [h for h in hops if h["name"] == "collector.receive"]
        return bool(stored and received) and all(h["in"] > 0 and 0 <= h["inside"] <= 20_000 for h in stored + received)

    eventually(balanced, what="in = out + explained, but for what is under way")


def test_the_monitoring_system_stops_and_starts(demo: Running) -> None:
    said = mla("stop", "monitoring", "--reason", "test", data=demo.data)
    assert "dispatcher is stopped" in said.stdout
    assert "collector is stopped" in said.stdout
    states = {s["name"]: s["state"] for s in json.loads(mla("status", "--json", data=demo.data).stdout)["services"]}
    assert states["dispatcher"] == states["collector"] == "STOPPED"
    assert states["hmi"] == "RUNNING"
    mla("start", "monitoring", data=demo.data)
    token = demo.login()
    now = SystemClock().now()
    eventually(lambda: min(demo.graphql(LAST, token, p=AZIMUTHS[:1])["lastValues"]["columns"]["t"]) > now, what="values after the start")
    states = {s["name"]: s["state"] for s in json.loads(mla("status", "--json", data=demo.data).stdout)["services"]}
    assert states["dispatcher"] == "RUNNING"
    assert states["collector"] in ("RUNNING", "DEGRADED"), "degraded while one of the demo's troubled sources is away"


def test_reading_from_the_command_line(demo: Running) -> None:
    points = json.loads(mla("points", "ast1.mount.*", "--json", data=demo.data).stdout)
    assert points["total"] >= 13
    env = {"MLA_HTTP": demo.http}
    [value] = json.loads(mla("get", "ast1.mount.azimuth", "--json", data=demo.data, env=env).stdout)
    assert value["unit"] == "°"
    assert -360 < value["value"] < 360
    [block] = json.loads(mla("query", "ast1.mount.azimuth", "--from", "now-5m", "--json", data=demo.data).stdout)
    assert len(block["columns"]["t"]) > 5
    unknown = mla("get", "ast1.mount.azimut", data=demo.data, env=env, check=False)
    assert unknown.returncode == 2
    assert "mla points" in unknown.stderr


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_export_to_a_file(demo: Running, tmp_path: Path, form: str) -> None:
    target = tmp_path / f"out.{form}"
    mla("export", "points", "ast[12].mount.elevation", "--from", "now-1h", "--format", form, "-o", str(target), data=demo.data)
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(target.read_text())))
        names = {r["point"] for r in rows}
    elif form == "parquet":
        table = pq.read_table(target)
        rows, names = table.to_pylist(), set(table.column("point").to_pylist())
    else:
        rows = [json.loads(line) for line in target.read_text().splitlines()]
        names = {r["point"] for r in rows}
    assert len(rows) > 50
    assert names == {"ast1.mount.elevation", "ast2.mount.elevation"}


def test_metrics_health_and_the_page(demo: Running) -> None:
    assert demo.get("/healthz")[0] == 200
    status, text = demo.get("/metrics")
    assert status == 200
    assert b"mla_" in text
    status, page = demo.get("/")
    assert status == 200
    assert b"<html" in page.lower()
    assert demo.get("/lifeboat")[0] == 200
