"""The hot queue on Redis, for platforms of many processes.

One stream carries every batch as one packed entry; a hash keeps one packed block of newest samples per source for what is older than the
stream. Every process follows the stream and answers from its own memory, so reading costs Redis nothing, and a lost connection costs a
reader nothing but freshness: it goes on from where it was, or from the blocks where the stream has moved on.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from kernel.clock import Clock, SystemClock, monotonic, sleep
from kernel.errors import NotAvailable
from kernel.samples import Changes, Samples, Series
from mon_queue.memory import MemoryHotQueue
from mon_queue.redis_url import RedisPlace
from mon_queue.snapshot import pack, unpack
from schemas.codec import NotDecodable, codec
from schemas.records import PointBatch

log = logging.getLogger(__name__)
T = TypeVar("T")

CHUNK = 2 << 20
"""Bytes sent in one call."""
READ = 200
"""Entries fetched in one call."""
BLOCK = 1.0
"""Seconds a reader waits for new entries; also how often it notices that the server is still there."""
GATHER = 0.01
"""Seconds between two reads, so that a burst is fetched at once."""
SILENT = 5.0
"""Seconds without an answer after which a connection is given up."""
TIDY = 1.0
KEEP_EVERY = 10.0
"""Seconds between blocks of newest samples; several times shorter than any window."""
_PUT: Final = """
-- KEYS: stream, seen, generation. ARGV: generation, window in ms, then per batch: source, epoch, seq, bytes.
-- `seen` holds per source the last seq of the 8 epochs heard last, newest first: a batch that comes again is not added.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return -1 end
local now = redis.call('TIME')
local oldest = string.format('%.0f-0', math.max(0, now[1] * 1000 - tonumber(ARGV[2])))
local added = 0
for i = 3, #ARGV, 4 do
  local source, epoch, seq = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local kept, last = {epoch .. ':' .. ARGV[i + 2]}, nil
  for e, s in string.gmatch(redis.call('HGET', KEYS[2], source) or '', '(%d+):(%d+)') do
    if e == epoch then last = tonumber(s) elseif #kept < 8 then kept[#kept + 1] = e .. ':' .. s end
  end
  if not last or last < seq then
    redis.call('HSET', KEYS[2], source, table.concat(kept, ' '))
    local name = ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. ' ' .. source
    redis.call('XADD', KEYS[1], 'MINID', '~', oldest, '*', 'k', name, 'b', ARGV[i + 3])
    added = added + 1
  end
end
return added
"""


@dataclass(frozen=True, slots=True)
class RedisUsage:
    """What the hot queue takes of the server."""

    bytes: int
    entries: int
    sources: int
    trimmed_for_memory: int
    """Entries that left the window early because of max_bytes, by this process."""


@asynccontextmanager
async def open_redis(place: RedisPlace, *, clock: Clock, retention: float, max_bytes: int) -> AsyncIterator[RedisHotQueue]:
    """The hot queue of a Redis server, filled with what the server holds. Raises NotAvailable where it does not answer."""
    client = Redis.from_url(
        place.url,
        password=place.password,
        socket_timeout=None,  # the client's own would swallow a cancellation (asyncio.wait_for of Python 3.11); see _ask
        socket_connect_timeout=SILENT,
        retry=Retry(NoBackoff(), 1),
        client_name="mla",
    )
    try:
        queue = RedisHotQueue(client, place, clock, retention, max_bytes)
        await queue.catch_up()
        tasks = [asyncio.create_task(queue.follow(), name="hot.follow"), asyncio.create_task(queue.tidy(), name="hot.tidy")]
        try:
            yield queue
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await queue.keep()
    finally:
        await client.aclose()


class RedisHotQueue:
    """See kernel.hot_queue.HotQueue. Made by open_redis."""

    def __init__(self, client: Redis, place: RedisPlace, clock: Clock, retention: float, max_bytes: int) -> None:
        self._client, self._place = client, place
        self._local = MemoryHotQueue(clock, retention=retention, max_bytes=max_bytes)
        self._window_ms = round(retention * 1000)
        self._max_bytes = max_bytes
        self._put = client.register_script(_PUT)
        self._stream, self._seen, self._last, self._generation_key = (
            f"{place.prefix}hot:{k}" for k in ("stream", "seen", "last", "generation")
        )
        self._generation = ""
        self._position = "0-0"
        self._passed = 0
        self._writes = False
        self._changed: set[str] = set()
        self._kept = monotonic()
        self._trimmed = 0

    async def put(self, batches: Sequence[PointBatch]) -> None:
        """See HotQueue. Raises NotAvailable where Redis does not take them: they are put again after a while, as everything is that the
        bus still has when Redis was emptied."""
        self._writes = True
        for chunk in _chunks(batches):
            arguments: list[Any] = [self._generation, self._window_ms]
            for b in chunk:
                arguments += [b.source, b.epoch, b.seq, codec(PointBatch).encode(b)]
            added = await self._ask(self._put(keys=[self._stream, self._seen, self._generation_key], args=arguments))
            if added < 0:
                await self._begin_anew()
                raise NotAvailable(f"hot queue {self._place.shown} was emptied: its last values are back, put again what the bus still has")
            await self._local.put(chunk)
            self._changed.update(b.source for b in chunk)

    async def latest(self, points: Sequence[str]) -> Samples:
        """See HotQueue."""
        return await self._local.latest(points)

    async def recent(self, point: str, since: int) -> Series:
        """See HotQueue."""
        return await self._local.recent(point, since)

    def live(self, points: Sequence[str], *, every: bool = False) -> AbstractAsyncContextManager[AsyncIterator[Changes]]:
        """See HotQueue."""
        return self._local.live(points, every=every)

    async def usage(self) -> RedisUsage:
        """What it takes of the server now. Raises NotAvailable."""
        sizes = [await self._ask(self._client.memory_usage(k, samples=20)) or 0 for k in (self._stream, self._seen, self._last)]
        entries, sources = await self._ask(self._client.xlen(self._stream)), await self._ask(self._client.hlen(self._last))
        return RedisUsage(sum(sizes), entries, sources, self._trimmed)

    async def gauges(self) -> Mapping[str, float]:
        """See Measured: bytes and entries on the server, and entries that left the window early because of max_bytes."""
        used = await self.usage()
        return {
            "hot_bytes": float(used.bytes),
            "hot_entries_count": float(used.entries),
            "hot_sources_count": float(used.sources),
            "hot_trimmed_count": float(used.trimmed_for_memory),
        }

    async def catch_up(self) -> None:
        """Takes over everything the server holds that is not here yet. Raises NotAvailable."""
        await self._adopt_generation()
        lost = await self._missed()
        if lost is not None:
            self._restore_all(await self._ask(self._client.hvals(self._last)))
            if lost:
                self._local.forget_window(lost)
            self._position = "0-0"
        while await self._read(block=False):
            pass

    async def follow(self) -> None:
        """Reads what comes, without end; comes back after a lost connection."""
        away = False
        while True:
            try:
                if away:
                    await self.catch_up()
                    log.info("hot queue %s answers again", self._place.shown)
                    away = False
                await self._read(block=True)
                await sleep(SystemClock(), GATHER)
            except NotAvailable as error:
                if not away:
                    log.warning("%s", error)
                away = True
                await sleep(SystemClock(), BLOCK / 2)

    async def tidy(self) -> None:
        """Every second: notices an emptied server, keeps the newest samples, holds the stream below max_bytes."""
        while True:
            await sleep(SystemClock(), TIDY)
            with suppress(NotAvailable):  # `follow` says it, and `put` raises it
                if await self._ask(self._client.get(self._generation_key)) != self._generation.encode():
                    await self._begin_anew()
                if not self._writes:
                    continue
                if monotonic() - self._kept >= KEEP_EVERY:
                    await self._keep_changed()
                await self._bound()

    async def keep(self) -> None:
        """Writes the newest samples that changed, if Redis takes them; else the bus still has them."""
        with suppress(NotAvailable):
            if self._writes:
                await self._keep_changed()

    async def _keep_changed(self) -> None:
        changed, self._changed = self._changed, set()
        self._kept = monotonic()
        try:
            for snapshot in self._local.snapshots(changed):
                await self._ask(self._client.hset(self._last, snapshot.source, pack(snapshot)))
        except NotAvailable:
            self._changed |= changed
            raise

    async def _bound(self) -> None:
        size = await self._ask(self._client.memory_usage(self._stream, samples=20)) or 0
        if size > self._max_bytes:
            await self._keep_changed()  # before what it comes from is gone
            length = await self._ask(self._client.xlen(self._stream))
            fitting = int(length * self._max_bytes / size * 0.9)
            self._trimmed += await self._ask(self._client.xtrim(self._stream, maxlen=fitting, approximate=False))

    async def _begin_anew(self) -> None:
        """The server lost its memory: gives it back the newest samples, and reads its stream from the beginning."""
        log.warning("hot queue %s was emptied", self._place.shown)
        await self._adopt_generation()
        self._changed.update(self._local.sources())
        await self._keep_changed()

    async def _adopt_generation(self) -> None:
        """One random word per life of the server's content; the first process that finds none makes it."""
        await self._ask(self._client.set(self._generation_key, uuid.uuid4().hex, nx=True))
        found = (await self._ask(self._client.get(self._generation_key)) or b"").decode()
        if found != self._generation:
            self._generation, self._position, self._passed = found, "0-0", 0

    async def _missed(self) -> int | None:
        """How many entries left the stream before this process read them; None: it can go on from its position."""
        try:
            about = await self._ask(self._client.xinfo_stream(self._stream))
        except NotAvailable as error:
            if "no such key" not in str(error):
                raise
            return 0
        gone = about.get("entries-added", self._passed) - about["length"]
        if self._position == "0-0":
            self._passed = gone
            return 0
        missed = gone - self._passed
        if missed <= 0:
            return None
        self._passed = gone
        return int(missed)

    async def _read(self, *, block: bool) -> int:
        """Takes the next entries; how many there were."""
        start = self._position
        answer = await self._ask(self._client.xread({self._stream: start}, count=READ, block=round(BLOCK * 1000) if block else None))
        entries = _entries(answer)
        if entries and start == self._position:  # else begun anew meanwhile
            await self._take(entries)
            self._passed += len(entries)
            self._position = entries[-1][0].decode()
        return len(entries)

    async def _take(self, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> None:
        fresh = []
        for _, fields in entries:
            epoch, seq, source = fields[b"k"].decode().split(" ", 2)
            if self._local.knows(source, int(epoch), int(seq)):
                continue
            try:
                fresh.append(codec(PointBatch).decode(fields[b"b"]))
            except NotDecodable as error:
                log.error("hot queue %s: batch %s of %s passed over: %s", self._place.shown, seq, source, error)
        if fresh:
            await self._local.put(fresh)
            self._changed.update(b.source for b in fresh)

    def _restore_all(self, blocks: Sequence[bytes]) -> None:
        for block in blocks:
            snapshot = unpack(block)
            if snapshot is not None:
                self._local.restore(snapshot)

    async def _ask(self, call: Awaitable[T] | Any) -> Any:
        """The server's answer; what goes wrong is a NotAvailable that names it."""
        try:
            async with asyncio.timeout(SILENT):
                return await call
        except (RedisError, OSError) as error:
            raise NotAvailable(_explained(self._place.shown, error)) from error


def _explained(where: str, error: Exception) -> str:
    text = str(error) or type(error).__name__
    if text.startswith("OOM") or "maxmemory" in text:
        return f"hot queue {where} is full: raise Redis's maxmemory or lower hot_bytes ({text})"
    if isinstance(error, (AuthenticationError, NoPermissionError)):
        return f"hot queue {where} refuses this user: check user, password and ACL ({text})"
    return f"hot queue {where} does not answer: check that Redis runs and hot_url is right ({text})"


def _chunks(batches: Sequence[PointBatch]) -> Iterator[list[PointBatch]]:
    chunk: list[PointBatch] = []
    size = 0
    for b in batches:
        n = len(codec(PointBatch).encode(b))
        if chunk and size + n > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(b)
        size += n
    if chunk:
        yield chunk


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries in an answer to XREAD of one stream, in either form of the protocol."""
    if not answer:
        return []
    if isinstance(answer, dict):
        (groups,) = answer.values()
        return [e for g in groups for e in g] if groups and isinstance(groups[0], list) else list(groups)
    return list(answer[0][1])
