"""Getting in, staying in, being put out."""

from __future__ import annotations

import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hmi_backend.roles import Role
from tests.support.hmi import Hmi, dumps, loads, running, subscribe
from tests.support.waiting import until

ME = {"query": "{ me { user role } }"}


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        site.users.add("olga", "correct horse", Role.OPERATOR)
        yield site


async def log_in(client: httpx.AsyncClient, password: str = "correct horse", user: str = "olga", **headers: str) -> httpx.Response:
    return await client.post("/auth/login", json={"user": user, "password": password}, headers=headers)


async def test_a_browser_gets_a_cookie_that_scripts_cannot_read(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        answer = await log_in(client)
        assert answer.status_code == 200
        assert answer.json()["role"] == "operator"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await client.post("/graphql", json=ME)).json() == {"data": {"me": {"user": "olga", "role": "OPERATOR"}}}
        assert (await client.post("/auth/logout")).status_code == 204
        assert (await client.post("/graphql", json=ME)).status_code == 401


async def test_the_token_works_for_programs_and_ends_with_the_session(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        token = (await log_in(client)).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    async with hmi.client(None) as client:
        assert (await client.post("/graphql", json=ME, headers=headers)).status_code == 200
        assert (await client.post("/auth/logout", headers=headers)).status_code == 204
        refused = await client.post("/graphql", json=ME, headers=headers)
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_wrong_passwords_are_slowed_down_and_audited(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        answers = [await log_in(client, "wrong password") for _ in range(4)]
        assert [a.status_code for a in answers] == [401, 401, 401, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert "wait" in answers[-1].json()["errors"][0]["message"]
        assert (await log_in(client)).status_code == 429
        assert (await log_in(client, "wrong password", user="nobody")).status_code == 401
    log = hmi.service.backend.audit_log
    await until(lambda: sum(not a.ok for a in log.newest_first()) >= 4)
    assert {(a.action, a.user, a.ok) for a in log.newest_first()} == {("login", "olga", False), ("login", "nobody", False)}


@pytest.mark.parametrize("body", [{}, {"user": "olga"}, {"user": 5, "password": []}, []])
async def test_a_log_in_of_another_shape_is_told_so(hmi: Hmi, body: object) -> None:
    async with hmi.client(None) as client:
        answer = await client.post("/auth/login", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("content", [b'{"user": "\xff"', b"{", b"\x00"])
async def test_a_log_in_that_is_no_json_is_told_so(hmi: Hmi, content: bytes) -> None:
    async with hmi.client(None) as client:
        answer = await client.post("/auth/login", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/graphql"),
        ("GET", "/graphql?query={me{user}}"),
        ("GET", "/schema.graphql"),
        ("GET", "/export/series.csv?from=now-1h"),
        ("GET", "/openapi.json"),
        ("POST", "/auth/logout"),
        ("POST", "/ingest/points"),
    ],
)
async def test_everything_else_needs_a_log_in(hmi: Hmi, method: str, path: str) -> None:
    async with hmi.client(None) as client:
        answer = await client.request(method, path, headers={"accept": "application/json"})
        assert answer.status_code == 401
        assert (await client.request(method, path, headers={"authorization": "Bearer nonsense"})).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/lifeboat", "/lifeboat.json", "/", "/docs", "/telescope/ast1"])
async def test_these_need_none(hmi: Hmi, path: str) -> None:
    async with hmi.client(None) as client:
        answer = await client.get(path)
        assert (await client.get(path, headers={"authorization": "Bearer of-a-session-that-ended"})).status_code == 200
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_another_sites_page_cannot_use_the_cookie(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        assert (await log_in(client, origin="https://evil.example")).status_code == 403
        await log_in(client)
        assert (await client.post("/graphql", json=ME, headers={"origin": "https://evil.example"})).status_code == 403
        assert (await client.post("/graphql", json=ME, headers={"sec-fetch-site": "cross-site"})).status_code == 403
        assert (await client.post("/graphql", json=ME, headers={"origin": hmi.url})).status_code == 200
        cookie = "; ".join(f"{k}={v}" for k, v in client.cookies.items())
    for path in ("/graphql", "/ws/live"):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(
                hmi.url.replace("http", "ws") + path,
                subprotocols=["graphql-transport-ws"],
                proxy=None,  # type: ignore[list-item]
                origin="https://evil.example",
                additional_headers={"cookie": cookie},  # type: ignore[arg-type]
            ):
                pass
        assert refused.value.response.status_code == 403


async def test_a_socket_without_a_valid_token_is_closed(hmi: Hmi) -> None:
    for payload in ({}, {"token": "nonsense"}, {"token": 5}):
        async with connect(hmi.url.replace("http", "ws") + "/graphql", subprotocols=["graphql-transport-ws"], proxy=None) as ws:  # type: ignore[list-item]
            await ws.send(dumps({"type": "connection_init", "payload": payload}))
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_open_sockets_close_when_the_session_ends(hmi: Hmi) -> None:
    query = 'subscription { live(points: ["ast1.mount.azimuth"]) { seq } }'
    async with hmi.socket("operator") as ws, hmi.socket("viewer") as other:
        await ws.send(subscribe("1", query))
        assert loads(await ws.recv())["type"] == "next"
        await hmi.data('mutation { sessionsEnd(user: "operator") { ok } }', role="admin")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()  # nothing changes, so nothing else is sent
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
        await other.send(dumps({"type": "ping"}))
        assert loads(await other.recv())["type"] == "pong"
    await until(lambda: hmi.service.backend.links.streams == 0)


async def test_users_are_kept_as_hashes_that_only_the_owner_may_read(hmi: Hmi, tmp_path: Path) -> None:
    async with hmi.client(None) as client:
        token = (await log_in(client)).json()["token"]
    for file in (tmp_path / "users.json", tmp_path / "users.sessions.json"):
        assert file.stat().st_mode & 0o077 == 0
        assert token not in file.read_text()
        assert "correct horse" not in file.read_text()
    assert json.loads((tmp_path / "users.json").read_text())["users"]["olga"]["role"] == "operator"


async def test_a_body_without_end_is_refused(hmi: Hmi) -> None:
    async with hmi.client(None) as client:
        answer = await client.post(
            "/auth/login", content=b'{"user": "' + b"x" * 70_000 + b'"}', headers={"content-type": "application/json"}
        )
        assert answer.status_code in (400, 413)
    async with hmi.client() as client:
        answer = await client.post("/graphql", content=b"x" * (17 << 20), headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"


async def test_the_binary_socket_closes_too_when_the_session_ends(hmi: Hmi) -> None:
    token = hmi.tokens["operator"]
    async with connect(
        hmi.url.replace("http", "ws") + "/ws/live", proxy=None, additional_headers={"authorization": f"Bearer {token}"}
    ) as ws:
        await ws.recv()
        await ws.send(dumps({"op": "subscribe", "id": 1, "points": ["ast1.mount.azimuth"]}))
        await ws.recv()
        await ws.recv()
        identity = hmi.users.identify(token)
        assert identity is not None
        hmi.users.end(identity)
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    await until(lambda: hmi.service.backend.links.streams == 0)


async def test_a_full_disk_locks_nobody_out(hmi: Hmi, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hmi_backend.users.os.fsync", full)
    async with hmi.client(None) as client:
        assert (await log_in(client)).status_code == 200
        assert (await client.post("/graphql", json=ME)).json()["data"]["me"]["user"] == "olga"
        out = await client.post("/auth/logout")
        assert out.status_code == 503
        assert "room on its disk" in out.text
        assert (await client.post("/graphql", json=ME)).status_code == 401


async def test_a_fault_of_ours_has_the_shape_of_every_error(hmi: Hmi, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Role:
        raise RuntimeError("the device room is on fire")

    monkeypatch.setattr(hmi.users, "check", broken)
    async with hmi.client(None) as client:
        answer = await log_in(client)
    assert answer.status_code == 500
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "on fire" not in answer.text
