"""Subscriptions that come back, whatever happened; and what was lost meanwhile is told."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SECOND, SystemClock, sleep
from schemas.records import GapCause, StateEvent, StateKind
from tests.peers.collecting import Collecting, array, collecting, point, source
from tests.peers.opcua_peer import free_port, opcua_peer
from tests.peers.tcp_proxy import tcp_proxy
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(300)
POINTS = [point("p.a", "d00000"), point("p.b", "d00001")]


async def flowing(c: Collecting, more: int = 3) -> None:
    """Waits for new samples."""
    before = c.bus.samples
    await until(lambda: c.bus.samples >= before + more, what="new samples")


def kinds(c: Collecting) -> list[StateKind]:
    return [e.kind for e in c.bus.events if e.kind in (StateKind.CONNECTED, StateKind.DISCONNECTED)]


def newest(c: Collecting, kind: StateKind) -> StateEvent:
    return c.bus.of(kind)[-1]


async def test_a_server_that_restarts(tmp_path: Path) -> None:
    port = free_port()
    config = array([source(f"opc.tcp://127.0.0.1:{port}")], POINTS)
    async with collecting(config) as c:
        await until(lambda: kinds(c) == [StateKind.DISCONNECTED])  # it was not there yet
        async with opcua_peer(tmp_path, port=port, rate=5) as peer:
            await flowing(c)
            await peer.kill()
            last = max(b.received for b in c.bus.batches)
            await until(lambda: len(kinds(c)) == 3)
            lost = newest(c, StateKind.DISCONNECTED)
            assert lost.cause is GapCause.DISCONNECTED
            assert abs(lost.start - last) < 10 * SECOND
            assert lost.end is None
            assert lost.detail
        async with opcua_peer(tmp_path, port=port, rate=5):
            await flowing(c)
            assert kinds(c) == [StateKind.DISCONNECTED, StateKind.CONNECTED] * 2
            assert newest(c, StateKind.CONNECTED).start > lost.start
        entered, left, explained = c.hop()
        assert entered == left + sum(explained.values())


async def test_a_lost_session(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path, rate=5) as peer, collecting(array([source(peer.url)], POINTS)) as c:
        await flowing(c)
        await peer.tell("killSessions")
        await until(lambda: kinds(c)[-2:] == [StateKind.DISCONNECTED, StateKind.CONNECTED])
        await flowing(c)


async def test_a_half_open_socket(tmp_path: Path) -> None:
    """The network swallows everything and ends nothing: only the missing keep-alives tell."""
    async with opcua_peer(tmp_path, rate=5) as peer, tcp_proxy(peer.port) as proxy, collecting(array([source(proxy.url)], POINTS)) as c:
        await flowing(c)
        proxy.silence()
        await until(lambda: kinds(c)[-1] is StateKind.DISCONNECTED)
        assert "nothing heard" in newest(c, StateKind.DISCONNECTED).detail
        proxy.flow()
        await until(lambda: kinds(c)[-1] is StateKind.CONNECTED)
        await flowing(c)


async def test_a_cut_connection_loses_nothing(tmp_path: Path) -> None:
    """The session and its subscriptions outlive the connection: after a short cut every value of the meantime arrives."""
    async with opcua_peer(tmp_path, rate=0) as peer, tcp_proxy(peer.port) as proxy, collecting(array([source(proxy.url)], POINTS)) as c:
        await until(lambda: c.bus.values("p.a"))
        sent: list[float] = [0.0]
        for turn in range(1, 31):
            await peer.tell("set", name="d00000", value=float(turn))
            sent.append(float(turn))
            await sleep(SystemClock(), 0.12)  # values must not follow faster than they are sampled
            if turn in (6, 14):
                proxy.silence()  # what the server sends now is lost on the way, and must be asked for again
            if turn in (9, 18):
                proxy.cut()
                proxy.flow()
        await until(lambda: c.bus.last("p.a") == 30.0)
        assert sorted({v for _, v, _, _ in c.bus.values("p.a")}) == sent
        connected = c.bus.of(StateKind.CONNECTED)
        lost = c.bus.of(StateKind.DISCONNECTED)
        assert len(connected) == 3
        assert [e.start for e in connected[1:]] == [e.start for e in lost]  # nothing in between is missing
        assert not c.bus.of(StateKind.GAP)


async def test_one_source_that_fails_touches_no_other(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path, rate=5) as peer:
        dead = source(f"opc.tcp://127.0.0.1:{free_port()}", name="dead")
        wrong = source(peer.url, name="wrong", security_policy="Basic9")
        config = array([source(peer.url), dead, wrong], [*POINTS, point("q.a", "d00000", src="dead"), point("r.a", "d00000", src="wrong")])
        async with collecting(config) as c:
            await flowing(c)
            await until(lambda: {e.source for e in c.bus.of(StateKind.DISCONNECTED)} == {"dead", "wrong"})
            (said,) = [e.detail for e in c.bus.events if e.source == "wrong"]
            assert "security_policy" in said
            assert "Basic256Sha256" in said


async def test_a_changed_configuration_touches_only_what_changed(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path, rate=5, doubles=20) as peer:
        before = [point(f"p.x{i}", f"d{i:05d}") for i in range(5)]
        other = source(peer.url, name="other")
        async with collecting(array([source(peer.url), other], [*before, point("o.a", "d00009", src="other")])) as c:
            await flowing(c)
            after = [*before[1:], point("p.x9", "d00009"), point("p.slow", "d00010", sampling=0.5)]
            after[0] = point("p.x1", "d00011")  # the same point, elsewhere
            c.config.replace(array([source(peer.url)], after, 2))
            await until(lambda: c.bus.values("p.x9") and c.bus.values("p.slow"))
            await until(lambda: (c.bus.last("p.x1") or 0) >= 11)
            gone = len(c.bus.values("p.x0"))
            await flowing(c, 30)
            assert len(c.bus.values("p.x0")) == gone
            assert [e.source for e in c.bus.of(StateKind.CONNECTED)].count("peer") == 1  # never reconnected
            assert [e.source for e in c.bus.of(StateKind.DISCONNECTED)] == ["other"]
            turns = [int(v) for _, v, _, _ in c.bus.values("p.x2")]
            assert all(b - a in (0, 1) for a, b in pairwise(turns)), turns  # of an untouched point nothing is missing
            c.config.replace(array([source(peer.url)], [], 3))
            await until(lambda: subscriptions_gone(peer))
            c.config.replace(array([source(peer.url)], before, 4))
            await flowing(c)


async def subscriptions_gone(peer: Any) -> bool:
    return bool((await peer.tell("count"))["subscriptions"] == 0)


async def test_stopping_closes_the_session_and_hands_in_everything(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path, rate=20) as peer:
        async with collecting(array([source(peer.url)], POINTS)) as c:
            await flowing(c)
        entered, left, lost = c.hop()
        assert entered == left == c.bus.samples
        assert lost == {}
        assert kinds(c)[-1] is StateKind.DISCONNECTED
        answer = await peer.tell("count")
        assert (answer["sessions"], answer["subscriptions"]) == (0, 0)
