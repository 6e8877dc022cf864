"""What only the config store on Cassandra can be asked: a first start of several at once, a lost answer, a cluster that is not there."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from pathlib import Path

import pytest
from cassandra import AuthenticationFailed, Unauthorized, WriteTimeout, WriteType
from cassandra.cluster import NoHostAvailable

from cdb import open_config
from cdb.cassandra import _COMMIT
from cql import read_place
from cql.link import Link, explained
from cql.page import Row
from kernel.clock import ManualClock, SystemClock
from kernel.errors import BadUsage, Conflict, NotAvailable
from tests.contract.test_hot_redis import certificate
from tests.support.cassandra import emptied, own
from tests.support.severed import way_to
from tests.support.waiting import until


async def test_a_first_start_of_several_at_once(cassandra_url: str, clock: ManualClock) -> None:
    url = own(cassandra_url, f"fresh_{uuid.uuid4().hex[:8]}")

    async def start(n: int) -> int:
        async with open_config(url, clock=clock) as store:
            try:
                return (await store.publish({f"{n}.yaml": "x"}, base=0, author=str(n), comment="first")).number
            except Conflict:
                return 0

    assert sorted(await asyncio.gather(*map(start, range(4)))) == [0, 0, 0, 1]


async def test_an_answer_that_got_lost_is_asked_for_again(cassandra_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true_run, asked = Link.run, 0

    async def lossy(self: Link, text: str, values: tuple[object, ...] = (), *, serial: bool = False) -> list[Row]:
        nonlocal asked
        rows = await true_run(self, text, values, serial=serial)
        asked += text == _COMMIT
        if text == _COMMIT and asked == 1:
            raise NotAvailable("the answer got lost") from WriteTimeout("lost", write_type=WriteType.CAS)
        return rows

    async with open_config(emptied(cassandra_url, "config"), clock=SystemClock()) as store:
        monkeypatch.setattr(Link, "run", lossy)
        assert (await store.publish({"a.yaml": "1"}, base=0, author="anna", comment="mine")).number == 1
        assert asked == 2
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


async def test_tls_with_a_known_authority_and_without(cassandra_url: str, clock: ManualClock, tmp_path: Path) -> None:
    cert, secret = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    place = read_place(emptied(cassandra_url, "config"))
    async with way_to(*place.hosts[0], tls=context) as way:
        there = f"cassandra://127.0.0.1:{way.port}/{place.keyspace}"
        async with open_config(f"{there}?ca={cert}", clock=clock) as store:
            assert (await store.publish({"a.yaml": "1"}, base=0, author="anna", comment="secretly")).number == 1
        with pytest.raises(NotAvailable, match=r"certificate|CERTIFICATE"):
            async with open_config(f"{there}?tls=1", clock=clock):
                pass
    with pytest.raises(BadUsage, match="certificates cannot be read"):
        async with open_config(f"{there}?ca={tmp_path}/nowhere.pem", clock=clock):
            pass


async def test_a_cut_network_is_said_and_survived(cassandra_url: str, clock: ManualClock) -> None:
    place = read_place(emptied(cassandra_url, "config"))
    async with way_to(*place.hosts[0]) as way, open_config(f"cassandra://127.0.0.1:{way.port}/{place.keyspace}", clock=clock) as store:
        newest = asyncio.create_task(anext(store.watch(0)))  # type: ignore[arg-type]
        await way.cut()
        with pytest.raises(NotAvailable, match="does not answer"):
            await store.publish({"a.yaml": "1"}, base=0, author="anna", comment="x")
        await way.mend()

        async def published() -> bool:
            try:
                await store.publish({"a.yaml": "1"}, base=0, author="anna", comment="x")
            except NotAvailable:
                return False
            return True

        await until(published)

        async def seen() -> bool:
            await clock.advance(1.0)
            return newest.done()

        await until(seen)
        assert newest.result() == 1
        assert (await store.load()).documents == {"a.yaml": "1"}


def test_who_is_refused_is_told_so() -> None:
    place = read_place("cassandra://u:secret@h/mla")
    refused = explained(place, NoHostAvailable("no host", {"h": AuthenticationFailed("bad credentials")}))
    assert str(refused) == "cassandra://h:9042/mla refuses this user: check user and password or password_file in the URL"
    assert "grant the user its rights" in str(explained(place, Unauthorized("no MODIFY")))
