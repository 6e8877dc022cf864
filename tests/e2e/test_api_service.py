"""The service as a guest of a process: starting, stopping, health, metrics, the built HMI."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed

from hmi_backend.service import HmiBackend, listen
from kernel.errors import BadUsage
from schemas.records import HEARTBEATS, Heartbeat, Hop, ServiceState
from tests.support.hmi import Hmi, running, subscribe
from tests.support.points import batch
from tests.support.waiting import until


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A built HMI in small."""
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>HMI</title>")
    (root / "assets" / "app-1a2b3c.js").write_text("plain")
    (root / "assets" / "app-1a2b3c.js.br").write_bytes(b"brotli")
    (root / "assets" / "app-1a2b3c.js.gz").write_bytes(b"gzip")
    (tmp_path / "secret.txt").write_text("secret")
    return root


@pytest.fixture
async def hmi(tmp_path: Path, static: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path, static=static) as site:
        yield site


async def test_a_busy_port_names_the_remedy(hmi: Hmi, tmp_path: Path) -> None:
    second = HmiBackend(hmi.ports, host="127.0.0.1", port=hmi.service.port, users=hmi.users, views=tmp_path / "v.sqlite", static=None)
    with pytest.raises(BadUsage, match=r"in use.*MLA_HTTP"):
        await second.run(lambda: None)


def test_an_address_of_another_host_names_the_remedy() -> None:
    with pytest.raises(BadUsage, match="MLA_HTTP"):
        listen("192.0.2.1", 8080)
    with pytest.raises(BadUsage, match="MLA_HTTP"):
        listen("no such host", 8080)


async def test_stopping_says_goodbye_to_open_sockets(tmp_path: Path) -> None:
    async with running(tmp_path) as hmi:
        service = HmiBackend(hmi.ports, host="127.0.0.1", port=0, users=hmi.users, views=tmp_path / "v.sqlite", static=None)
        ready = asyncio.Event()
        task = asyncio.create_task(service.run(ready.set))
        await ready.wait()
        other = Hmi(hmi.ports, service, hmi.users, hmi.tokens)
        async with other.socket() as ws:
            await ws.send(subscribe("1", 'subscription { live(points: ["ast1.mount.azimuth"]) { seq } }'))
            await ws.recv()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert service.backend.links.streams == 0
        listen("127.0.0.1", service.port).close()


async def test_health_and_readiness(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"bus": "ok", "archive": "ok"}


async def test_metrics_can_be_read_by_prometheus(hmi: Hmi) -> None:
    now = hmi.clock.now()
    hop = Hop(name="dispatcher.store", source="a", entered=10, left=7, lost={"late": 3}, last=now)
    beat = Heartbeat(
        instance="d@h:1",
        service="dispatcher",
        system="monitoring",
        host="h",
        pid=1,
        time=now,
        started=now,
        state=ServiceState.RUNNING,
        cpu_s=2.5,
        rss_bytes=99,
        gauges={"dispatcher.store.lag_s": 0.5},
        hops=(hop,),
    )
    await hmi.ports.bus.publish(HEARTBEATS, [beat])
    await hmi.ports.archive.append([batch(["site.weather.rain"], [0.0], time=now, source="site.opcua")])
    await until(lambda: hmi.service.backend.fleet.instances(hmi.clock.now()))
    async with hmi.client(None) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {(s.name, *sorted(s.labels.values())): s.value for f in text_string_to_metric_families(answer.text) for s in f.samples}
    assert found["mla_hop_in_total", "a", "dispatcher.store"] == 10
    assert found["mla_hop_lost_total", "a", "dispatcher.store", "late"] == 3
    assert found["mla_hop_inside", "a", "dispatcher.store"] == 0
    assert found["mla_hop_lag_seconds", "dispatcher.store"] == 0.5
    assert found["mla_service_up", "d@h:1", "dispatcher", "monitoring"] == 1
    assert found["mla_archive_samples",] == 1
    assert found["mla_archive_disk_free_bytes",] > 0
    assert found["mla_config_revision",] == 1
    assert found["process_cpu_seconds_total",] > 0


async def test_the_lifeboat_shows_values_with_their_age(hmi: Hmi) -> None:
    await hmi.ports.hot.put([batch(["site.weather.wind_speed"], [36.6], time=hmi.clock.now())])
    await hmi.ports.hot.put([batch(["ast1.mount.state"], [3], time=hmi.clock.now(), seq=1)])
    async with hmi.client(None) as client:
        page = await client.get("/lifeboat")
        values = (await client.get("/lifeboat.json")).json()
    assert "lifeboat.json" in page.text
    site = {v["name"]: v for v in values["site"]}
    assert site["site.weather.wind_speed"]["value"] == "36.6"
    assert site["site.weather.wind_speed"]["unit"] == "km/h"
    assert 0 <= site["site.weather.wind_speed"]["age"] < 60
    assert site["site.weather.humidity"]["age"] is None
    assert (site["site.weather.wind_speed"]["stale"], site["site.weather.humidity"]["stale"]) == (False, False)  # never is not stale
    assert (site["site.weather.wind_speed"]["beyond"], site["site.weather.humidity"]["beyond"]) == ("HI", None)
    assert {v["name"]: v["value"] for v in values["telescopes"]}["ast1.mount.state"] == "TRACKING"


async def test_the_built_hmi_is_served_with_its_cache_rules(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        page = await client.get("/point/ast1.mount.azimuth", headers={"accept": "text/html"})
        assert "<title>HMI" in page.text
        assert page.headers["cache-control"] == "no-cache"
        script = await client.get("/assets/app-1a2b3c.js", headers={"accept-encoding": "identity"})
        assert (script.text, script.headers["content-type"]) == ("plain", "text/javascript; charset=utf-8")
        assert "immutable" in script.headers["cache-control"]
        async with client.stream("GET", "/assets/app-1a2b3c.js", headers={"accept-encoding": "gzip, br"}) as packed:
            assert packed.headers["content-encoding"] == "br"
            assert b"".join([b async for b in packed.aiter_raw()]) == b"brotli"
        again = await client.get("/", headers={"accept": "text/html", "if-none-match": f'"other", W/{page.headers["etag"]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", page.headers["etag"])
        assert "content-security-policy" in again.headers
        for path in ("/assets/gone.js", "/favicon.ico", "/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt"):
            assert (await client.get(path, headers={"accept": "*/*"})).status_code == 404, path


async def test_the_explorer_and_the_documentation_work_without_internet(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        page = await client.get("/graphql", headers={"accept": "text/html,*/*"})
        assert page.status_code == 200
        assert "graphql-transport-ws" in page.text
        assert "sha256-" in page.headers["content-security-policy"]
        assert (await client.get("/graphql")).text == page.text  # as curl asks, with */*
    async with hmi.client() as client:
        assert "type Query" in (await client.get("/schema.graphql")).text
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/auth/login", "/auth/logout", "/export/series.{form}", "/healthz", "/readyz", "/metrics", "/lifeboat"} <= set(paths)


async def test_graphql_over_http_answers_in_the_type_that_was_asked_for(hmi: Hmi) -> None:
    async with hmi.client() as client:
        modern = {"accept": "application/graphql-response+json, application/json;q=0.9"}
        good = await client.post("/graphql", json={"query": "{ me { user } }"}, headers=modern)
        assert (good.status_code, good.headers["content-type"]) == (200, "application/graphql-response+json; charset=utf-8")
        bad = await client.post("/graphql", json={"query": "{ nothing }"}, headers=modern)
        assert bad.status_code == 400
        assert "data" not in bad.json()
        old = await client.post("/graphql", json={"query": "{ nothing }"}, headers={"accept": "application/json"})
        assert (old.status_code, old.headers["content-type"]) == (200, "application/json")
        got = await client.get("/graphql", params={"query": "{ me { user } }"}, headers={"accept": "application/json"})
        assert got.json()["data"]["me"]["user"] == "viewer"
        write = 'mutation { sessionsEnd(user: "viewer") { ok } }'
        refused = await client.get("/graphql", params={"query": write}, headers={"accept": "application/json"})
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"[{}]",
        b"{}",
        b"null",
        b"5",
        b'"{ me { user } }"',
        b'{"query": 1}',
        b'{"query": "{ me { user } }", "variables": 5}',
        b'{"query": "{ me { user } }", "operationName": 5}',
    ],
)
async def test_what_is_no_graphql_request_is_refused_in_the_shape_of_every_error(hmi: Hmi, content: bytes) -> None:
    async with hmi.client() as client:
        answer = await client.post("/graphql", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
        follow = await client.post("/graphql", json={"query": "subscription { pipelineStatus { time } }"})
        assert follow.status_code == 400
        assert "graphql-transport-ws" in follow.json()["errors"][0]["message"]


async def test_head_says_what_get_says(hmi: Hmi, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> None:
        raise OSError("the disk is gone")

    paths = ("/healthz", "/readyz", "/metrics", "/lifeboat", "/lifeboat.json", "/docs", "/schema.graphql")
    async with hmi.client() as client:
        for path in paths:
            head, get = await client.head(path), await client.get(path)
            assert (head.status_code, head.headers["content-type"], head.content) == (200, get.headers["content-type"], b""), path
        monkeypatch.setattr(hmi.service.backend, "archive_stats", gone)
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.head("/readyz")).status_code == 503
        export = await client.head("/export/series.csv", params={"points": "ast1.mount.azimuth", "from": "now-1h"})
        assert (export.status_code, export.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/export/serie.csv", "/export/", "/ingest/points", "/ws/lives", "/graphql/x", "/auth/logon"])
async def test_a_mistyped_edge_is_told_and_never_answered_with_the_page(hmi: Hmi, path: str) -> None:
    async with hmi.client() as client:
        answer = await client.get(path, headers={"accept": "text/html,*/*"})
    assert answer.status_code in (404, 405)
    assert answer.json()["errors"][0]["extensions"]["code"] in ("NOT_FOUND", "METHOD_NOT_ALLOWED")


async def test_what_goes_wrong_inside_is_not_told(hmi: Hmi, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(hmi.service.backend, "archive_stats", broken)
    error = await hmi.error("{ archive { samples } }")
    assert error["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(error)


async def test_large_json_is_compressed_for_those_who_ask_and_files_are_not(hmi: Hmi) -> None:
    query = {"query": "{ points(first: 100) { nodes { name description } } }"}
    async with hmi.client() as client:
        plain = await client.post("/graphql", json=query, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "accept-encoding"
        for asked in ("gzip", "br, gzip;q=0.5", "*"):
            packed = await client.post("/graphql", json=query, headers={"accept-encoding": asked})
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.json() == plain.json()
            assert int(packed.headers["content-length"]) < len(plain.content) / 2
        for asked in ("gzip;q=0", "br", "gzip;q=x"):
            assert "content-encoding" not in (await client.post("/graphql", json=query, headers={"accept-encoding": asked})).headers
        small = await client.post("/graphql", json={"query": "{ me { user } }"}, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in small.headers
        assert (await client.get("/schema.graphql", headers={"accept-encoding": "gzip"})).headers["content-encoding"] == "gzip"
        export = {"points": "ast1.mount.azimuth", "from": "now-1h"}
        for form in ("csv", "jsonl", "parquet"):
            file = await client.get(f"/export/series.{form}", params=export, headers={"accept-encoding": "gzip"})
            assert file.status_code == 200
            assert "content-encoding" not in file.headers
        login = await client.post("/auth/login", json={"user": "x" * 3000, "password": "y"}, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in login.headers
