"""What only the config store on Cassandra can be asked: a first start of several at once, a lost answer, a cluster that is not there."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from cassandra import WriteTimeout, WriteType

from cdb import open_config
from cdb.cassandra import _COMMIT
from cql.link import Link, Row
from kernel.clock import ManualClock
from kernel.errors import BadUsage, Conflict, NotAvailable
from tests.support.cassandra import emptied, own


async def test_a_first_start_of_several_at_once(cassandra_url: str, clock: ManualClock) -> None:
    url = own(cassandra_url, f"fresh_{uuid.uuid4().hex[:8]}")

    async def start(n: int) -> int:
        async with open_config(url, clock=clock) as store:
            try:
                return (await store.publish({f"{n}.yaml": "x"}, base=0, author=str(n), comment="first")).number
            except Conflict:
                return 0

    assert sorted(await asyncio.gather(*map(start, range(4)))) == [0, 0, 0, 1]


async def test_an_answer_that_got_lost_is_asked_for_again(cassandra_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    true_run = Link.run

    async def lossy(self: Link, text: str, values: tuple[object, ...] = (), *, serial: bool = False) -> list[Row]:
        rows = await true_run(self, text, values, serial=serial)
        if text == _COMMIT:
            raise NotAvailable("the answer got lost") from WriteTimeout("lost", write_type=WriteType.CAS)
        return rows

    async with open_config(emptied(cassandra_url, "config"), clock=clock) as store:
        monkeypatch.setattr(Link, "run", lossy)
        assert (await store.publish({"a.yaml": "1"}, base=0, author="anna", comment="mine")).number == 1
        monkeypatch.setattr(Link, "run", true_run)
        assert (await store.load()).documents == {"a.yaml": "1"}


async def test_incompressible_texts_take_several_rows(cassandra_url: str, clock: ManualClock) -> None:
    text = "".join(uuid.uuid4().hex for _ in range(40_000))
    async with open_config(emptied(cassandra_url, "config"), clock=clock) as store:
        await store.publish({"a.yaml": text}, base=0, author="anna", comment="long")
        assert (await store.load()).documents == {"a.yaml": text}


async def test_no_cluster_is_said_plainly(clock: ManualClock) -> None:
    with pytest.raises(NotAvailable, match=r"cassandra://127.0.0.1:1/mla does not answer: .*check that enough Cassandra nodes run"):
        async with open_config("cassandra://u:secret@127.0.0.1:1/mla", clock=clock):
            pass


async def test_tables_of_a_newer_release_are_refused(cassandra_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_config(emptied(cassandra_url, "config"), clock=clock):
        pass
    monkeypatch.setattr("cdb.cassandra.SCHEMA", ())
    with pytest.raises(BadUsage, match="of a newer release"):
        async with open_config(own(cassandra_url, "config"), clock=clock):
            pass
