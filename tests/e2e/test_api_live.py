"""Following live values over graphql-transport-ws and over the binary socket."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from kernel.clock import SECOND, monotonic
from tests.support.hmi import Hmi, dumps, loads, running, subscribe
from tests.support.points import batch
from tests.support.waiting import until

NAMES = ["ast1.mount.azimuth", "ast1.mount.elevation", "ast1.camera.firmware"]
LIVE = """subscription($p: [String!]!, $mode: LiveMode! = LATEST, $hz: Float! = 50) {
    live(points: $p, mode: $mode, maxHz: $hz) { seq points columns dropped serverTime } }"""


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def put(hmi: Hmi, name: str, value: object, seq: int, time: int | None = None) -> int:
    now = time or hmi.clock.now()
    await hmi.ports.hot.put([batch([name], [value], time=now, seq=seq)])
    return now


async def next_of(ws: ClientConnection, ident: str = "1") -> dict[str, Any]:
    message = loads(await asyncio.wait_for(ws.recv(), 60))
    assert message["type"] == "next", message
    assert message["id"] == ident
    found: dict[str, Any] = message["payload"]["data"]
    return found


async def test_a_snapshot_comes_first_then_what_changed(hmi: Hmi) -> None:
    t0 = await put(hmi, NAMES[0], 1.0, 0)
    async with hmi.socket() as ws:
        await ws.send(subscribe("1", LIVE, {"p": NAMES}))
        first = (await next_of(ws))["live"]
        assert (first["seq"], first["points"], first["dropped"]) == (0, NAMES, 0)
        assert first["columns"] == {"t": [t0, None, None], "v": [1.0, None, None], "q": [0, None, None]}
        t1 = await put(hmi, NAMES[2], "v3", 1)
        second = (await next_of(ws))["live"]
        assert (second["seq"], second["points"]) == (1, [NAMES[2]])
        assert second["columns"] == {"t": [t1], "v": ["v3"], "q": [0]}
        assert abs(second["serverTime"] - t1) < 10 * SECOND


async def test_a_slow_reader_gets_the_newest_and_batch_mode_gets_all(hmi: Hmi) -> None:
    async with hmi.socket() as ws:
        await ws.send(subscribe("latest", LIVE, {"p": NAMES[:1], "hz": 1}))
        assert (await next_of(ws, "latest"))["live"]["seq"] == 0
        times = [await put(hmi, NAMES[0], float(i), i) for i in range(5)]
        latest = (await next_of(ws, "latest"))["live"]
        seq = 1
        while latest["columns"]["v"] != [4.0]:  # a busy machine takes a turn between them
            assert (latest["seq"], len(latest["points"])) == (seq, 1)
            latest, seq = (await next_of(ws, "latest"))["live"], seq + 1
        assert (latest["seq"], latest["columns"]["t"]) == (seq, [times[-1]])
        assert seq < len(times)
        await ws.send(dumps({"type": "complete", "id": "latest"}))
        await ws.send(subscribe("batch", LIVE, {"p": NAMES[:1], "hz": 1, "mode": "BATCH"}))
        assert (await next_of(ws, "batch"))["live"]["columns"]["v"] == [4.0]
        for i in range(5, 9):
            await put(hmi, NAMES[0], float(i), i)
        values, points = [], []
        while len(values) < 4:
            batches = (await next_of(ws, "batch"))["live"]
            values += batches["columns"]["v"]
            points += batches["points"]
        assert values == [5.0, 6.0, 7.0, 8.0]
        assert points == NAMES[:1] * 4
    await until(lambda: hmi.service.backend.links.streams == 0)


async def test_what_is_wrong_is_told_on_its_own_subscription(hmi: Hmi) -> None:
    async with hmi.socket() as ws:
        await ws.send(subscribe("1", LIVE, {"p": ["ast1.mount.azimut"]}))
        message = loads(await ws.recv())
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert errors[0]["extensions"]["code"] == "UNKNOWN_POINT"
        while message["type"] != "complete" and message["type"] != "error":
            message = loads(await ws.recv())
        await ws.send(subscribe("2", LIVE, {"p": NAMES, "hz": 1000}))
        message = loads(await ws.recv())
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert errors[0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "message", ["[]", "5", '{"type": "subscribe", "id": "1", "payload": "x"}', '{"type": "subscribe", "id": 1}', '{"type": 3}', "{"]
)
async def test_messages_of_a_wrong_shape_close_with_4400(hmi: Hmi, message: str) -> None:
    async with hmi.socket() as ws:
        await ws.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400


@pytest.mark.parametrize(
    ("query", "name", "code"),
    [
        ("subscription { live(", None, "GRAPHQL_PARSE_FAILED"),
        ("{ " * 5000, None, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { user } } query B { me { role } }", "C", "BAD_REQUEST"),
        ("fragment f on Me { user }", None, "BAD_REQUEST"),
    ],
)
async def test_a_document_that_makes_no_sense_ends_its_own_operation_only(hmi: Hmi, query: str, name: str | None, code: str) -> None:
    await put(hmi, NAMES[0], 1.0, 0)
    async with hmi.socket() as ws:
        await ws.send(subscribe("good", LIVE, {"p": NAMES[:1]}))
        await next_of(ws, "good")
        await ws.send(dumps({"type": "subscribe", "id": "bad", "payload": {"query": query, "operationName": name}}))
        answer = loads(await asyncio.wait_for(ws.recv(), 60))
        assert (answer["type"], answer["id"]) == ("error", "bad")
        assert answer["payload"][0]["extensions"]["code"] == code
        assert answer["payload"][0]["message"]
        await put(hmi, NAMES[0], 2.0, 1)
        assert (await next_of(ws, "good"))["live"]["columns"]["v"] == [2.0]


async def test_null_stands_for_the_default_of_an_argument(hmi: Hmi) -> None:
    await put(hmi, NAMES[0], 1.0, 0)
    query = "subscription($p: [String!]!, $m: LiveMode, $hz: Float) { live(points: $p, mode: $m, maxHz: $hz) { columns } }"
    async with hmi.socket() as ws:
        await ws.send(subscribe("1", query, {"p": NAMES[:1], "m": None, "hz": None}))
        assert (await next_of(ws))["live"]["columns"]["v"] == [1.0]


async def test_only_graphql_transport_ws_is_spoken(hmi: Hmi) -> None:
    async with connect(hmi.url.replace("http", "ws") + "/graphql", subprotocols=["graphql-ws"], proxy=None) as ws:  # type: ignore[list-item]
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4406


async def test_pipeline_and_revision_can_be_followed(hmi: Hmi) -> None:
    async with hmi.socket() as ws:
        await ws.send(subscribe("1", "subscription { revisionChanges { revision points } }"))
        assert (await next_of(ws))["revisionChanges"]["revision"] == 1
        snapshot = await hmi.ports.config_store.load()
        changed = snapshot.documents["site.yaml"].replace("2390", "2391")
        await hmi.ports.editor.publish({"site.yaml": changed}, base=1, author="x", comment="y")
        assert (await next_of(ws))["revisionChanges"]["revision"] == 2
        await ws.send(dumps({"type": "complete", "id": "1"}))
        await ws.send(subscribe("2", "subscription { pipelineStatus { time revision } }"))
        assert (await next_of(ws, "2"))["pipelineStatus"]["revision"] == 2


async def binary(ws: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = msgpack.unpackb(await asyncio.wait_for(ws.recv(), 60), strict_map_key=False)
    return found


async def test_the_binary_socket_gives_columns_by_number(hmi: Hmi) -> None:
    t0 = await put(hmi, NAMES[0], 1.5, 0)
    async with connect(hmi.url.replace("http", "ws") + "/ws/live", proxy=None) as ws:
        await ws.send(dumps({"op": "auth", "token": hmi.tokens["viewer"]}))
        assert (await binary(ws))["op"] == "hello"
        await ws.send(msgpack.packb({"op": "subscribe", "id": 7, "points": NAMES, "maxHz": 50}))
        told = await binary(ws)
        assert (told["op"], told["id"], told["points"], told["units"][0], told["kinds"]) == (
            "subscribed",
            7,
            3,
            "°",
            ["DOUBLE", "DOUBLE", "TEXT"],
        )
        first = await binary(ws)
        assert (first["op"], first["id"], first["seq"]) == ("data", 7, 0)
        assert np.frombuffer(first["i"], "<u4").tolist() == [0, 1, 2]
        assert np.frombuffer(first["t"], "<f8")[0] == t0
        assert np.frombuffer(first["v"], "<f8")[0] == 1.5
        assert np.frombuffer(first["q"], "u1").tolist() == [0, 255, 255]
        await put(hmi, NAMES[2], "v4", 1)
        second = await binary(ws)
        assert np.frombuffer(second["i"], "<u4").tolist() == [2]
        assert second["text"] == {0: "v4"}
        await ws.send(dumps({"op": "subscribe", "id": 8, "points": ["no.such"]}))
        refused = await binary(ws)
        assert (refused["op"], refused["id"], refused["code"]) == ("error", 8, "UNKNOWN_POINT")
        await ws.send(dumps({"op": "unsubscribe", "id": 7}))
        await until(lambda: hmi.service.backend.links.streams == 0)
        await ws.send("nonsense")
        assert (await binary(ws))["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": True}, "id: a number"),
        ({"maxHz": True}, "maxHz: a number"),
        ({"maxHz": 0}, "maxHz is between"),
        ({"maxHz": 1e9}, "maxHz is between"),
    ],
)
async def test_a_feed_that_makes_no_sense_is_refused_before_it_begins(hmi: Hmi, wrong: dict[str, object], said: str) -> None:
    async with connect(hmi.url.replace("http", "ws") + "/ws/live", proxy=None) as ws:
        await ws.send(dumps({"op": "auth", "token": hmi.tokens["viewer"]}))
        assert (await binary(ws))["op"] == "hello"
        await ws.send(dumps({"op": "subscribe", "id": 1, "points": NAMES} | wrong))
        answer = await binary(ws)
    assert (answer["op"], answer["code"]) == ("error", "BAD_REQUEST")
    assert answer["message"].startswith(said)


async def test_the_binary_socket_needs_a_log_in(hmi: Hmi) -> None:
    async with connect(hmi.url.replace("http", "ws") + "/ws/live", proxy=None) as ws:
        await ws.send(dumps({"op": "subscribe", "id": 1, "points": NAMES}))
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_client_that_stops_reading_is_put_out_and_nobody_else_waits(hmi: Hmi) -> None:
    names = [n for n in sorted(hmi.ports.live.current.points) if n.startswith("ast1.")]
    raw = sockets.create_connection(("127.0.0.1", hmi.service.port))
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    links = hmi.service.backend.links
    async with connect(
        hmi.url.replace("http", "ws") + "/graphql",
        subprotocols=["graphql-transport-ws"],
        sock=raw,
        max_queue=1,
        ping_interval=None,
        close_timeout=0.1,
    ) as stalled:  # type: ignore[list-item]
        await stalled.send(dumps({"type": "connection_init", "payload": {"token": hmi.tokens["viewer"]}}))
        await stalled.recv()
        await stalled.send(subscribe("1", LIVE, {"p": names}))
        await until(lambda: links.streams == 1)
        stalled.transport.pause_reading()
        begin, seq = monotonic(), 0
        async with hmi.socket() as good:
            await good.send(subscribe("1", LIVE, {"p": names[:1]}))
            await next_of(good)
            while links.laggards == 0:
                assert monotonic() - begin < 60
                seq += 1
                await hmi.ports.hot.put([batch(names, [float(seq)] * len(names), time=hmi.clock.now(), seq=seq)])
                assert (await next_of(good))["live"]["columns"]["v"] == [float(seq)]
            await until(lambda: links.streams == 1)
            assert len(links) == 1
        stalled.transport.abort()
