"""The config store in Apache Cassandra: of two editors, a lightweight transaction lets one win.

A revision becomes visible by one row, `INSERT ... IF NOT EXISTS` under the next number: all revisions stand in one partition, so that the
cluster agrees on one order. What belongs to it is written before: the texts, each once by its hash, and the list of documents. What an
editor that lost has written is never seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import random
from typing import Any

import zstandard

from cdb.paths import check_path, check_text
from cql import Link, Migration, Place, migrate, open_link
from cql.link import contended, undecided
from cql.page import Row
from kernel.clock import Clock, sleep
from kernel.config_store import ConfigStore, Snapshot
from kernel.errors import BadUsage, Conflict, NotAvailable
from schemas.records import Revision

log = logging.getLogger(__name__)
POLL = 0.5
"""Seconds between looks for a revision that somebody published."""
PIECE = 256 << 10
"""Bytes of a compressed text in one row: far below what a node takes at once."""
AT_ONCE = 32
PATIENCE = 20.0
"""Seconds for which transactions that time out are repeated."""
SCHEMA = (
    Migration(
        (
            "CREATE TABLE IF NOT EXISTS config_revisions (store int, number int, base int, time bigint, author text, comment text,"
            " paths text, manifest uuid, PRIMARY KEY (store, number)) WITH id = {id:config_revisions}"
            " AND CLUSTERING ORDER BY (number DESC)",
            "CREATE TABLE IF NOT EXISTS config_manifests (manifest uuid PRIMARY KEY, documents blob) WITH id = {id:config_manifests}",
            "CREATE TABLE IF NOT EXISTS config_texts (hash blob, piece int, pieces int, data blob, PRIMARY KEY (hash, piece))"
            " WITH id = {id:config_texts}",
        )
    ),
)
_COLUMNS = "number, base, time, author, comment, paths"
_NEWEST = "SELECT number FROM config_revisions WHERE store = 0 LIMIT 1"
_ONE = f"SELECT {_COLUMNS}, manifest FROM config_revisions WHERE store = 0 AND number = ?"
_PAGE = f"SELECT {_COLUMNS} FROM config_revisions WHERE store = 0 AND number < ? LIMIT ?"
_COMMIT = f"INSERT INTO config_revisions (store, {_COLUMNS}, manifest) VALUES (0, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
_MANIFEST = "SELECT documents FROM config_manifests WHERE manifest = ?"
_PUT_MANIFEST = "INSERT INTO config_manifests (manifest, documents) VALUES (?, ?)"
_TEXT = "SELECT piece, pieces, data FROM config_texts WHERE hash = ?"
_PUT_TEXT = "INSERT INTO config_texts (hash, piece, pieces, data) VALUES (?, ?, ?, ?)"
Hashes = dict[str, str]
"""Path to the hash of its text, hexadecimal."""


@asynccontextmanager
async def open_cassandra(place: Place, *, clock: Clock) -> AsyncIterator[ConfigStore]:
    """The store in a keyspace; its tables are made where they are not there."""
    async with open_link(place) as link:
        await asyncio.to_thread(migrate, link, "config", SCHEMA)
        yield _CassandraStore(link, clock)


class _CassandraStore:
    """Without state: every process sees what the cluster has agreed on."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link, self._clock = link, clock

    async def load(self, revision: int | None = None) -> Snapshot:
        newest = await self._newest()
        if revision is None and newest == 0:
            return Snapshot(None, {})
        wanted = newest if revision is None else revision
        if not 1 <= wanted <= newest:
            known = f"known: 1 to {newest}" if newest else "nothing was published yet"
            raise BadUsage(f"there is no revision {wanted} ({known})")
        found, hashes = await self._revision(wanted)
        texts = await self._texts(set(hashes.values()))
        return Snapshot(found, {path: texts[key] for path, key in sorted(hashes.items())})

    async def publish(self, changes: Mapping[str, str | None], *, base: int, author: str, comment: str) -> Revision:
        for path, text in changes.items():
            check_path(path)
            check_text(path, text)
        newest = await self._newest()
        if newest != base:
            raise Conflict(f"the newest revision is {newest}, not {base}: {await self._who(newest)}read it and repeat the change")
        before = (await self._revision(base))[1] if base else {}
        wanted = {path: None if text is None else _hash(text) for path, text in changes.items()}
        differing = {path for path, key in wanted.items() if before.get(path) != key}
        after = {path: key for path, key in (before | wanted).items() if key is not None}
        revision = Revision(
            number=base + 1, base=base, time=self._clock.now(), author=author, comment=comment, paths=tuple(sorted(differing))
        )
        await self._put_texts(text for path in differing if (text := changes[path]) is not None)
        await self._commit(revision, after)
        return revision

    async def revisions(self, *, limit: int = 100, before: int | None = None) -> Sequence[Revision]:
        if limit < 1:
            raise BadUsage(f"a limit of {limit} revisions: ask for at least 1")
        end = (1 << 31) - 1
        return [
            _revision(row) for row in await self._link.run(_PAGE, (end if before is None else max(0, min(before, end)), min(limit, end)))
        ]

    async def watch(self, after: int) -> AsyncIterator[int]:
        away = False
        while True:
            try:
                rows = await self._link.run(_NEWEST)
                newest = rows[0][0] if rows else 0
                away = False
            except NotAvailable as error:  # the revision in force stays in force: who follows need not end with the cluster
                if not away:
                    log.warning("new revisions cannot be seen now: %s", error)
                away, newest = True, after
            if newest > after:
                after = newest
                yield newest
            else:
                await sleep(self._clock, POLL)

    async def _newest(self) -> int:
        rows = await self._agreed(_NEWEST)
        return int(rows[0][0]) if rows else 0

    async def _revision(self, number: int) -> tuple[Revision, Hashes]:
        (row,) = await self._agreed(_ONE, (number,))
        rows = await self._link.run(_MANIFEST, (row[-1],))
        if not rows:
            raise NotAvailable(f"{self._link.place.shown}: the list of documents of revision {number} is not there; repair the cluster")
        return _revision(row[:-1]), json.loads(zstandard.decompress(rows[0][0]))

    async def _commit(self, revision: Revision, documents: Hashes) -> None:
        manifest = uuid.uuid4()
        await self._link.run(_PUT_MANIFEST, (manifest, zstandard.compress(json.dumps(documents).encode())))
        row = (revision.number, revision.base, revision.time, revision.author, revision.comment, json.dumps(revision.paths), manifest)
        try:
            applied = bool((await self._agreed(_COMMIT, row))[0][0])
        except NotAvailable as error:
            if not undecided(error):
                raise
            applied = await self._is_mine(revision.number, manifest)
        if not applied and not await self._is_mine(revision.number, manifest):
            number = await self._newest()
            raise Conflict(f"the newest revision is {number}, not {revision.base}: {await self._who(number)}read it and repeat the change")

    async def _agreed(self, text: str, values: Sequence[Any] = ()) -> list[Row]:
        """The answer of a lightweight transaction or of a serial read, asked again while it loses against others and times out. A repeated
        transaction that was applied the first time says that it was not: see _is_mine."""
        end = self._clock.steady() + PATIENCE
        while True:
            try:
                return await self._link.run(text, values, serial=not text.startswith("INSERT"))
            except NotAvailable as error:
                if not contended(error) or self._clock.steady() > end:
                    raise
            await sleep(self._clock, 0.1 + 0.3 * random())

    async def _is_mine(self, number: int, manifest: uuid.UUID) -> bool:
        """A serial read completes what a node left unfinished, so that the answer stands for ever."""
        rows = await self._agreed(_ONE, (number,))
        return bool(rows) and rows[0][-1] == manifest

    async def _who(self, number: int) -> str:
        rows = await self._agreed(_ONE, (number,))
        return f"{rows[0][3]} published it ({rows[0][4]}); " if rows else ""

    async def _put_texts(self, texts: Iterable[str]) -> None:
        for text in texts:
            data = zstandard.compress(text.encode())
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            for i, piece in enumerate(pieces):
                await self._link.run(_PUT_TEXT, (bytes.fromhex(_hash(text)), i, len(pieces), piece))

    async def _texts(self, hashes: set[str]) -> dict[str, str]:
        """Texts by hash, some at a time."""
        found: dict[str, str] = {}
        waiting = sorted(hashes)
        for at in range(0, len(waiting), AT_ONCE):
            part = waiting[at : at + AT_ONCE]
            found.update(zip(part, await asyncio.gather(*(self._text(key) for key in part)), strict=True))
        return found

    async def _text(self, key: str) -> str:
        rows = sorted(await self._link.run(_TEXT, (bytes.fromhex(key),)))
        if not rows or len(rows) != rows[0][1]:
            raise NotAvailable(f"{self._link.place.shown}: a document's text is not whole; repair the cluster")
        return zstandard.decompress(b"".join(data for _, _, data in rows)).decode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _revision(row: tuple[int, int, int, str, str, str]) -> Revision:
    number, base, time, author, comment, paths = row
    return Revision(number=number, base=base, time=time, author=author, comment=comment, paths=tuple(json.loads(paths)))
