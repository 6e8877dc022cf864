"""The Python client on connections that fail: what it mends, what it tells, and that it leaves nothing half done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

import pytest

from kernel.clock import pause
from tests.peers.tcp_proxy import tcp_proxy
from tests.support.client import mla_client
from tests.support.platform import Running
from tests.support.waiting import until

Answer = Callable[[int, asyncio.StreamWriter], Awaitable[None]]
ME = {"data": {"me": {"user": "x", "role": "VIEWER", "expires": 0, "seriesBudget": 1}}}


def http(body: bytes, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """An HTTP server; answer(n, writer) writes what comes after the n-th request of all, counted from 0."""
    count = 0
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0]) if lengths else 0)
                count += 1
                await answer(count - 1, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def hangs_up_on_the_second(n: int, writer: asyncio.StreamWriter) -> None:
    if n == 1:
        writer.close()
    else:
        writer.write(http(json.dumps(ME).encode()))


async def test_a_question_is_asked_again_when_an_idle_connection_was_closed() -> None:
    async with serving(hangs_up_on_the_second) as url, mla_client.aconnect(url, token="t") as mla:
        assert (await mla.me()).user == "x"

    def blocking(url: str) -> str:
        with mla_client.connect(url, token="t") as mla:
            return mla.me().user

    async with serving(hangs_up_on_the_second) as url:
        assert await asyncio.to_thread(blocking, url) == "x"


async def test_what_may_change_something_is_not_asked_again() -> None:
    async with serving(hangs_up_on_the_second) as url, mla_client.aconnect(url, token="t") as mla:
        with pytest.raises(mla_client.ConnectionLost):
            await mla.graphql('mutation { sessionsEnd(user: "x") { ok } }')
        assert (await mla.me()).user == "x"


async def test_a_download_that_breaks_leaves_no_file(tmp_path: Path) -> None:
    async def breaks(n: int, writer: asyncio.StreamWriter) -> None:
        if n == 0:
            writer.write(http(json.dumps(ME).encode()))
        else:
            writer.write(http(b"x" * 100_000, length=1_000_000))
            await writer.drain()
            writer.close()

    seen: list[int] = []

    def blocking(url: str) -> None:
        with mla_client.connect(url, token="t") as mla:
            mla.export("a.b", 0, 10, path=tmp_path / "x.csv", progress=seen.append)

    async with serving(breaks) as url, mla_client.aconnect(url, token="t") as mla:
        with pytest.raises(mla_client.ConnectionLost):
            await mla.export("a.b", 0, 10, path=tmp_path / "x.csv", progress=seen.append)
    assert seen[-1] == 100_000
    async with serving(breaks) as url:
        with pytest.raises(mla_client.ConnectionLost):
            await asyncio.to_thread(blocking, url)
    assert seen[-1] == 100_000
    assert list(tmp_path.iterdir()) == []


async def test_what_is_no_platform_or_does_not_answer_is_told() -> None:
    async def page(n: int, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"<html>It works!</html>"))

    async def nothing(n: int, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(page) as url:
        with pytest.raises(mla_client.MlaError, match="address of an MLA platform"):
            await mla_client.aconnect(url, token="t")
    async with serving(nothing) as url:
        with pytest.raises(mla_client.ConnectionLost, match="no answer in time"):
            await mla_client.aconnect(url, token="t", timeout=0.3)


async def test_a_closed_client_says_so() -> None:
    async def answer(n: int, writer: asyncio.StreamWriter) -> None:
        writer.write(http(json.dumps(ME).encode()))

    async with serving(answer) as url:
        async with await mla_client.aconnect(url, token="t") as mla:
            assert (await mla.me()).user == "x"
        with pytest.raises(mla_client.ConnectionLost, match="was closed"):
            await mla.me()
        with await asyncio.to_thread(mla_client.connect, url, token="t") as blocking:
            pass
        with pytest.raises(mla_client.ConnectionLost, match="was closed"):
            blocking.me()


@pytest.mark.timeout(300)
async def test_a_pulled_cable_is_noticed_and_the_gap_told(demo: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = mla_client.edge.socket_options
    hasty = {"ping_interval": 0.3, "ping_timeout": 2, "close_timeout": 0.2, "open_timeout": 5}
    monkeypatch.setattr(mla_client.edge, "socket_options", lambda *given: patient(*given) | hasty)
    point = "ast1.mount.azimuth"
    async with tcp_proxy(int(demo.http.rpartition(":")[2])) as proxy:
        mla = mla_client.aconnect(f"http://127.0.0.1:{proxy.port}", token=await asyncio.to_thread(demo.login))
        async with mla, aclosing(mla.live([point], max_hz=10)) as live:
            await asyncio.wait_for(anext(live), 60)
            proxy.silence()
            waiting = asyncio.create_task(told_gap(live))
            try:
                before = proxy.connections
                await until(lambda: proxy.connections > before, what="the client tries again")
                proxy.flow()
                batch = await asyncio.wait_for(waiting, 60)
            finally:
                waiting.cancel()
            assert batch.gap is not None
            assert batch.snapshot
            assert batch["ast1.mount.azimuth"].unit == "°"


@pytest.mark.timeout(300)
async def test_a_busy_reader_keeps_its_connection_and_then_gets_the_newest(demo: Running) -> None:
    def blocking(token: str) -> list[mla_client.LiveBatch]:
        with mla_client.connect(f"http://{demo.http}", token=token) as mla, closing(mla.live(["ast?.mount.*"], max_hz=50)) as live:
            first = next(live)
            pause(10)  # longer than the server waits for one that does not answer its pings
            return [first, next(live)]

    first, after = await asyncio.to_thread(blocking, await asyncio.to_thread(demo.login))
    assert after.gap is None
    assert not after.snapshot
    assert after.seq > first.seq + 5
    assert len(set(after.points)) == len(after.points)
    assert (after.server_time - first.server_time).total_seconds() > 8


async def told_gap(live: AsyncIterator[mla_client.LiveBatch]) -> mla_client.LiveBatch:
    async for batch in live:
        if batch.gap is not None:
            return batch
    raise AssertionError("the feed ended")
