"""Signed and encrypted connections, and the three ways to say who we are, against a node-opcua server."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.opcua import Pki
from schemas.records import StateKind
from tests.peers.collecting import array, collecting, point, source
from tests.peers.opcua_peer import opcua_peer
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
POINTS = [point("p.a", "d00000")]
SECURE = {"security_policy": "Basic256Sha256", "security_mode": "SignAndEncrypt"}


def password_file(folder: Path, text: str = "secret") -> str:
    path = folder / "password"
    path.write_text(text + "\n")
    return str(path)


async def test_signed_and_encrypted_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    pki = tmp_path / "mine"
    async with opcua_peer(tmp_path / "server", rate=5, secure=True) as peer:
        config = array(
            [source(peer.url, **SECURE), source(peer.url, name="second", **SECURE)], [*POINTS, point("q.a", "d00001", src="second")]
        )
        async with collecting(config, pki=pki) as c:
            await until(lambda: len(c.bus.values("p.a")) > 3 and len(c.bus.values("q.a")) > 3)
        certificate = (pki / "collector.der").read_bytes()
        assert (pki / "collector.pem").stat().st_mode & 0o077 == 0
        async with collecting(config, pki=pki) as c:
            await until(lambda: c.bus.values("p.a"))
        assert (pki / "collector.der").read_bytes() == certificate  # made once


async def test_the_secure_channel_is_renewed_while_data_flow(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path / "server", rate=10, secure=True) as peer:
        config = array([source(peer.url, channel_lifetime="6", **SECURE)], POINTS)
        async with collecting(config, pki=tmp_path / "mine") as c:
            await until(lambda: len({int(v) for _, v, _, _ in c.bus.values("p.a")}) > 110)
            assert len(c.bus.of(StateKind.CONNECTED)) == 1
            assert not c.bus.of(StateKind.DISCONNECTED)


@pytest.mark.parametrize("secure", [{}, SECURE])
async def test_user_name_and_password(tmp_path: Path, secure: dict[str, str]) -> None:
    async with opcua_peer(tmp_path / "server", rate=5, secure=True, users={"mla": "secret"}) as peer:
        good = source(peer.url, user="mla", password_file=password_file(tmp_path), **secure)
        async with collecting(array([good], POINTS), pki=tmp_path / "mine") as c:
            await until(lambda: len(c.bus.values("p.a")) > 3)
        wrong = source(peer.url, user="mla", password_file=password_file(tmp_path, "wrong"), **secure)
        async with collecting(array([wrong], POINTS), pki=tmp_path / "mine") as c:
            (event,) = await until(lambda: c.bus.events)  # type: ignore[misc]
            assert event.kind is StateKind.DISCONNECTED
            assert "Bad" in event.detail


async def test_user_certificate(tmp_path: Path) -> None:
    certificate, key = await Pki(tmp_path / "user").pair()
    async with opcua_peer(tmp_path / "server", rate=5, secure=True, users={}) as peer:
        config = array([source(peer.url, user_certificate=str(certificate), user_private_key=str(key), **SECURE)], POINTS)
        async with collecting(config, pki=tmp_path / "mine") as c:
            await until(lambda: len(c.bus.values("p.a")) > 3)


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path / "server", secure=True) as peer:
        sources = [
            source(peer.url, name="nocert", **SECURE),
            source(peer.url, name="nofile", user="mla", password_file=str(tmp_path / "absent")),
            source(peer.url, name="typo", securty="None"),
            source(peer.url, name="number", watchdog="soon"),
        ]
        points = [point(f"{s.name}.a", "d00000", src=s.name) for s in sources]
        async with collecting(array(sources, points)) as c:
            await until(lambda: len(c.bus.events) == 4)
            said = {e.source: e.detail for e in c.bus.events}
            assert "certificate" in said["nocert"]
            assert "password_file" in said["nofile"]
            assert "securty" in said["typo"]
            assert "user_certificate" in said["typo"]
            assert "watchdog" in said["number"]
