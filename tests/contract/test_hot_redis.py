"""What the hot queue on Redis promises beyond the port: several processes, lost connections, an emptied server, bounds, rights, TLS."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from deploy.engines import ENGINES, down, status, up
from deploy.engines.engine import Command
from deploy.engines.processes import start, stop
from kernel.clock import SECOND, SystemClock
from kernel.errors import BadUsage, NotAvailable
from kernel.hot_queue import HotQueue
from mon_queue import open_hot
from mon_queue.redis import RedisHotQueue
from schemas.records import PointBatch
from tests.support.certificates import certificate
from tests.support.points import batch
from tests.support.waiting import until

Opener = Callable[[], AbstractAsyncContextManager[HotQueue]]


def opener(url: str, *, max_bytes: int = 64 << 20) -> Opener:
    return lambda: open_hot(url, clock=SystemClock(), retention=60, max_bytes=max_bytes)


def now_batch(name: str, value: float, seq: int, *, source: str = "ast1.opcua") -> PointBatch:
    now = SystemClock().now()
    return batch([name], [value], time=now, received=now, seq=seq, source=source)


@pytest.fixture
def own_url(redis_url: str) -> str:
    """Keys of this test alone."""
    return f"{redis_url}?prefix={uuid.uuid4().hex}:"


@pytest.fixture
async def server(own_url: str) -> AsyncIterator[Redis]:
    """The server, for looking behind the scenes."""
    client = Redis.from_url(own_url.partition("?")[0])
    yield client
    await client.aclose()


def key(url: str, name: str) -> str:
    return url.partition("prefix=")[2] + "hot:" + name


async def test_what_one_process_puts_another_reads(own_url: str) -> None:
    opened = opener(own_url)
    async with opened() as writer, opened() as reader, asyncio.timeout(120), reader.live(["a", "b"]) as feed:
        assert (await anext(feed)).samples.values() == [None, None]
        await writer.put([now_batch("a", 1.0, 0)])
        change = await anext(feed)
        assert (change.samples.values(), change.samples.index.tolist()) == ([1.0], [0])
        await writer.put([now_batch("b", 2.0, 1)])
        assert (await anext(feed)).samples.values() == [2.0]
        assert (await reader.recent("a", 0)).value.tolist() == [1.0]


async def test_two_writers_of_the_same_batches_store_and_show_each_once(own_url: str, server: Redis) -> None:
    opened = opener(own_url)
    batches = [now_batch("a", float(i), i) for i in range(50)]
    async with opened() as one, opened() as two, opened() as reader, asyncio.timeout(120), reader.live(["a"], every=True) as feed:
        await anext(feed)
        async with asyncio.TaskGroup() as tasks:
            for writer in (one, two):
                tasks.create_task(writer.put(batches))
        got: list[object] = []
        while len(got) < 50:
            change = await anext(feed)
            got += change.samples.values()
            assert change.dropped == 0
        assert got == [float(i) for i in range(50)]
        assert await server.xlen(key(own_url, "stream")) == 50


async def test_a_batch_of_an_earlier_epoch_is_still_taken_and_numbers_start_again_in_a_new_one(own_url: str, server: Redis) -> None:
    async with opener(own_url)() as hot:
        for epoch in (1_800_000_000_000_001, 3, 1_800_000_000_000_002):
            await hot.put([batch(["a"], [1.0], epoch=epoch, seq=s) for s in (0, 1, 1)])
        assert await server.xlen(key(own_url, "stream")) == 6


async def test_runs_that_begin_ever_earlier_are_told_apart(own_url: str, server: Redis) -> None:
    async with opener(own_url)() as hot:
        for epoch in range(20, 8, -1):
            await hot.put([batch(["a"], [1.0], epoch=epoch, seq=s) for s in (0, 1)])
    async with opener(own_url)() as another:
        await another.put([batch(["a"], [1.0], epoch=9, seq=1)])
        assert await server.xlen(key(own_url, "stream")) == 24


async def test_last_values_outlive_the_window(own_url: str, server: Redis) -> None:
    async with opener(own_url)() as hot:
        await hot.put([batch(["d", "e"], [1.5, 2.5], covered=(0, 77)), batch(["l"], [2**62 + 1], seq=1), batch(["t"], ["on"], seq=2)])
        before = await hot.latest(["d", "e", "l", "t", "never"])
    await server.delete(key(own_url, "stream"))
    async with opener(own_url)() as hot:
        after = await hot.latest(["d", "e", "l", "t", "never"])
    assert after.values() == before.values() == [1.5, 2.5, 2**62 + 1, "on", None]
    for column in ("time", "received", "kind", "quality", "status", "confirmed"):
        assert getattr(after, column).tolist() == getattr(before, column).tolist()


async def test_the_window_is_there_for_a_process_that_starts_later(own_url: str) -> None:
    async with opener(own_url)() as hot:
        await hot.put([now_batch("a", float(i), i) for i in range(500)])
    async with opener(own_url)() as hot:
        assert (await hot.recent("a", 0)).value.tolist() == [float(i) for i in range(500)]


async def test_memory_is_bounded_and_what_leaves_early_is_counted(own_url: str) -> None:
    names = [f"p{i}" for i in range(1000)]
    async with opener(own_url, max_bytes=1 << 20)() as hot:
        assert isinstance(hot, RedisHotQueue)

        async def bounded() -> bool:
            return (await hot.usage()).trimmed_for_memory > 0

        for seq in range(100):
            await hot.put([batch(names, [float(seq)] * 1000, seq=seq)])
        await until(bounded)
        usage = await hot.usage()
        assert usage.bytes < 1.3 * (1 << 20)
        assert 0 < usage.entries < 100
        assert usage.sources == 1
        assert set((await hot.latest(names)).values()) == {99.0}


async def test_an_entry_that_is_no_batch_is_passed_over(own_url: str, server: Redis, caplog: pytest.LogCaptureFixture) -> None:
    async with opener(own_url)() as hot, asyncio.timeout(120), hot.live(["a"]) as feed:
        await anext(feed)
        await server.xadd(key(own_url, "stream"), {"k": "1 0 stranger", "b": b"\x00nonsense"})
        async with opener(own_url)() as writer:
            await writer.put([now_batch("a", 1.0, 0)])
        assert (await anext(feed)).samples.values() == [1.0]
    assert "of stranger passed over" in caplog.text


async def test_an_emptied_server_gets_its_last_values_back_and_the_writer_is_told(own_url: str, server: Redis) -> None:
    opened = opener(own_url)
    async with opened() as writer, opened() as reader, asyncio.timeout(120), reader.live(["a"]) as feed:
        await writer.put([now_batch("a", 1.0, 0), now_batch("old", 5.0, 1)])
        while (await anext(feed)).samples.values() != [1.0]:
            pass
        await server.delete(*[key(own_url, k) for k in ("stream", "seen", "last", "generation")])
        second = now_batch("a", 2.0, 2)
        with pytest.raises(NotAvailable, match="was emptied"):
            await writer.put([second])
        await writer.put([second])
        while (await anext(feed)).samples.values() != [2.0]:
            pass
        async with opened() as newcomer:
            assert (await newcomer.latest(["a", "old"])).values() == [2.0, 5.0]


@asynccontextmanager
async def private(folder: Path) -> AsyncIterator[str]:
    """A Redis that the test may break."""
    try:
        yield up(["redis"], folder, tied=True)["redis"]
    finally:
        down(["redis"], folder, at_once=True)


async def test_a_killed_server_costs_readers_only_freshness(tmp_path: Path) -> None:
    async with private(tmp_path) as url:
        opened = opener(url)
        async with opened() as writer, opened() as reader, asyncio.timeout(120), reader.live(["a"]) as feed:
            await writer.put([now_batch("a", 1.0, 0)])
            while (await anext(feed)).samples.values() != [1.0]:
                pass
            psutil.Process(status(["redis"], tmp_path)[0].pids[0]).kill()
            with pytest.raises(NotAvailable, match="does not answer"):
                await writer.put([now_batch("a", 2.0, 1)])
            assert (await reader.latest(["a"])).values() == [1.0]
            assert up(["redis"], tmp_path, tied=True)["redis"] == url

            async def put() -> bool:
                try:
                    await writer.put([now_batch("a", 3.0, 2)])
                except NotAvailable:
                    return False
                return True

            await until(put)
            while (await anext(feed)).samples.values() != [3.0]:
                pass
            async with opened() as newcomer:
                assert (await newcomer.latest(["a"])).values() == [3.0]


async def test_a_frozen_server_is_an_error_after_a_while_and_a_pause_for_readers(tmp_path: Path) -> None:
    async with private(tmp_path) as url:
        opened = opener(url)
        async with opened() as writer, opened() as reader, asyncio.timeout(120), reader.live(["a"]) as feed:
            await writer.put([now_batch("a", 1.0, 0)])
            while (await anext(feed)).samples.values() != [1.0]:
                pass
            server = psutil.Process(status(["redis"], tmp_path)[0].pids[0])
            server.suspend()
            with pytest.raises(NotAvailable, match="does not answer"):
                await writer.put([now_batch("a", 2.0, 1)])
            server.resume()
            await writer.put([now_batch("a", 3.0, 2)])
            while (await anext(feed)).samples.values() != [3.0]:
                pass


async def test_a_reader_that_was_away_too_long_gets_a_snapshot_and_is_told(own_url: str, server: Redis) -> None:
    opened = opener(own_url)
    async with opened() as writer, opened() as reader:
        assert isinstance(reader, RedisHotQueue)
        async with asyncio.timeout(120), reader.live(["a"], every=True) as every, reader.live(["a"]) as newest:
            await anext(every)
            await anext(newest)
            await writer.put([now_batch("a", 0.0, 0)])
            assert (await anext(every)).samples.values() == [0.0]
            await anext(newest)
            reader._position = "1-1"  # as if it had read nothing since
            reader._passed = -10
            await server.xtrim(key(own_url, "stream"), maxlen=0)
            await writer.put([now_batch("a", 1.0, 1)])
            await reader.catch_up()
            change = await anext(every)
            assert change.dropped > 0
            while (await anext(newest)).samples.values() != [1.0]:
                pass


async def test_a_user_without_the_right_is_told_so(tmp_path: Path) -> None:
    async with private(tmp_path) as url:
        admin = Redis.from_url(url)
        await admin.acl_setuser("reader", enabled=True, passwords=["+secret"], keys=["mla:*"], commands=["+@read", "+@connection"])
        await admin.acl_setuser("mla", enabled=True, passwords=["+secret"], keys=["mla:*"], commands=["+@all", "-@dangerous"])
        await admin.aclose()
        host = url.removeprefix("redis://")
        with pytest.raises(NotAvailable, match="refuses this user") as refused:
            async with opener(f"redis://mla:wrong@{host}")():
                pass
        assert "wrong" not in str(refused.value)
        with pytest.raises(NotAvailable, match="refuses this user"):
            async with opener(f"redis://reader:secret@{host}")():
                pass
        (tmp_path / "password").write_text("secret\n")
        async with opener(f"redis://mla@{host}?password_file={tmp_path}/password")() as hot:
            await hot.put([now_batch("a", 1.0, 0)])
            assert (await hot.latest(["a"])).values() == [1.0]


async def test_tls_with_a_known_authority_and_without(tmp_path: Path) -> None:
    cert, secret = certificate(tmp_path)
    async with private(tmp_path) as url:
        port = int(url.rpartition(":")[2])
        down(["redis"], tmp_path)
        options = ["--port", "0", "--tls-port", str(port), "--tls-cert-file", cert, "--tls-key-file", secret, "--tls-auth-clients", "no"]
        program = ENGINES["redis"].obtain(tmp_path, lambda text: None)
        start(Command((str(program), "--bind", "127.0.0.1", "--save", "", *map(str, options))), tmp_path, tied=True)
        try:
            with ExitStack() as stack:
                stack.callback(stop, [tmp_path], at_once=True)
                good = f"rediss://127.0.0.1:{port}?ssl_ca_certs={cert}"

                async def works() -> bool:
                    try:
                        async with opener(good)() as hot:
                            await hot.put([now_batch("a", 1.0, 0)])
                            return (await hot.latest(["a"])).values() == [1.0]
                    except NotAvailable:
                        return False

                await until(works)
                with pytest.raises(NotAvailable, match=r"certificate|CERTIFICATE"):
                    async with opener(f"rediss://127.0.0.1:{port}")():
                        pass
        finally:
            stop([tmp_path], at_once=True)


@pytest.mark.parametrize(
    ("url", "text"),
    [("redis://", "names no host"), ("redis://h:x", "names no host"), ("redis://h?prefx=a", "unknown option 'prefx'; known are: prefix")],
)
async def test_a_url_with_a_mistake_is_refused(url: str, text: str) -> None:
    with pytest.raises(BadUsage, match=text):
        async with opener(url)():
            pass


async def test_no_server_is_said_plainly() -> None:
    with pytest.raises(NotAvailable, match=r"hot queue redis://127.0.0.1:1 does not answer: check that Redis runs"):
        async with opener("redis://:secret@127.0.0.1:1")():
            pass
