"""The bus on Kafka with a real schema registry: what stands in messages, who can be read, and what happens without the registry."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import pytest
from confluent_kafka import Consumer, Producer
from fastavro import parse_schema, schemaless_writer

from bus import open_bus
from bus.kafka.registry import LEVEL
from kernel.bus import Bus
from kernel.clock import SystemClock
from kernel.errors import NotAvailable
from schemas.codec import codec, to_plain
from schemas.confluent import head, number_of
from schemas.records import DEAD_LETTERS, TOPICS, DeadLetter, PointBatch
from schemas.registry import current
from schemas.topic import Topic
from tests.contract.bus_backends import BusBackend, action, numbers, registry_backend
from tests.contract.test_bus import read, take
from tests.peers.guarded_proxy import guarded
from tests.peers.tcp_proxy import tcp_proxy
from tests.support.certificates import certificate
from tests.support.points import batch
from tests.support.waiting import until


@pytest.fixture
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[BusBackend]:
    async with registry_backend(request) as found:
        yield found


@pytest.fixture
async def bus(backend: BusBackend) -> AsyncIterator[Bus]:
    async with backend.open() as opened:
        yield opened


@pytest.fixture
def ask(registry_url: str) -> Callable[..., Any]:
    """Asks the registry as anybody may."""

    def exchange(path: str, body: object = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = Request(registry_url + path, data, {"Content-Type": "application/vnd.schemaregistry.v1+json"}, method=method)
        with urlopen(asked, timeout=90) as answer:
            return json.load(answer)

    return exchange


@pytest.fixture
def raw(backend: BusBackend, kafka_url: str) -> Callable[[Topic[Any], bytes], None]:
    """Puts bytes on a topic as a program that is not ours does."""
    prefix = backend.url.partition("prefix=")[2]
    producer = Producer({"bootstrap.servers": kafka_url.removeprefix("kafka://")})

    def put(topic: Topic[Any], data: bytes) -> None:
        producer.produce(prefix + topic.name, data)
        assert producer.flush(20) == 0

    return put


def on_cluster(backend: BusBackend, topic: Topic[Any]) -> str:
    return backend.url.partition("prefix=")[2] + topic.name


def messages(kafka_url: str, name: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": kafka_url.removeprefix("kafka://"), "group.id": name, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    try:
        return [m.value() or b"" for m in consumer.consume(count, 30)]
    finally:
        consumer.close()


def changed(record: str, change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    """A schema of ours as another release, or somebody else, might have it."""
    schema = copy.deepcopy(current(record))
    change(schema["fields"])
    return schema


def written(schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(schema, named_schemas={}), value)
    return body.getvalue()


def ids_of(ask: Callable[..., Any], subject: str) -> set[int]:
    return {ask(f"/subjects/{subject}/versions/{v}")["id"] for v in ask(f"/subjects/{subject}/versions")}


async def letter(bus: Bus, topic: Topic[Any]) -> DeadLetter:
    tail: AsyncGenerator[DeadLetter, None] = bus.tail(DEAD_LETTERS, since=0)  # type: ignore[assignment]
    async with asyncio.timeout(120), aclosing(tail):
        async for found in tail:
            if found.origin == topic.name:
                return found
    raise AssertionError


async def test_messages_are_in_the_confluent_format_under_the_standard_subject(
    bus: Bus, backend: BusBackend, kafka_url: str, ask: Callable[..., Any]
) -> None:
    topic = Topic("test.points", PointBatch, attrgetter("source"), attrgetter("published"))
    sent = batch(["ast1.mount.azimuth", "ast1.mount.elevation"], [1.5, -2.5])
    await bus.publish(topic, [sent])
    name = on_cluster(backend, topic)
    [data] = messages(kafka_url, name, 1)
    [version] = ask(f"/subjects/{name}-value/versions")
    known = ask(f"/subjects/{name}-value/versions/{version}")
    assert data == head(known["id"]) + codec(PointBatch).encode(sent)[10:]
    assert json.loads(known["schema"]) == current("PointBatch")
    assert ask(f"/config/{name}-value") == {"compatibilityLevel": LEVEL}
    for other in TOPICS:
        assert ask(f"/subjects/{on_cluster(backend, other)}-value/versions") == [1], "none has to wait for the registry later"
    [got] = await read(bus, topic, "g", 1)
    assert got.wire == codec(PointBatch).encode(sent), "of a batch read only the head was exchanged"


async def test_what_was_written_before_the_registry_is_read_and_nothing_is_registered_twice(
    backend: BusBackend, ask: Callable[..., Any]
) -> None:
    topic = backend.topic()
    for n in range(4):
        async with backend.open() if n % 2 else backend.open_plain() as bus:
            await bus.publish(topic, [action(n)])
    async with backend.open() as bus:
        assert numbers(await read(bus, topic, "g", 4)) == [0, 1, 2, 3]
    assert ask(f"/subjects/{on_cluster(backend, topic)}-value/versions") == [1]


async def test_writers_with_newer_and_older_schemas_are_understood(
    bus: Bus, backend: BusBackend, ask: Callable[..., Any], raw: Callable[[Topic[Any], bytes], None]
) -> None:
    topic = backend.topic()
    await bus.publish(topic, [action(0)])
    subject = f"{on_cluster(backend, topic)}-value"
    newer = changed("AuditAction", lambda f: f.insert(0, {"name": "reason", "type": "string", "default": ""}))
    older = changed("AuditAction", lambda f: f.remove(next(x for x in f if x["name"] == "origin")))
    for n, schema in enumerate((newer, older), 1):
        number = ask(f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})["id"]
        raw(topic, head(number) + written(schema, {**to_plain(action(n)), "reason": "because"}))
    got = await read(bus, topic, "g", 3)
    assert got == [action(0), action(1), replace(action(2), origin="")]


async def test_a_batch_of_somebody_who_lists_the_fields_in_another_order(
    bus: Bus, backend: BusBackend, ask: Callable[..., Any], raw: Callable[[Topic[Any], bytes], None]
) -> None:
    topic = Topic("test.points", PointBatch, attrgetter("source"), attrgetter("published"))
    sent = batch(["a.b.c"], ["prêt"])
    await bus.publish(topic, [sent])
    other = changed("PointBatch", list.reverse)
    number = ask(f"/subjects/{on_cluster(backend, topic)}-value/versions", {"schema": json.dumps(other)})["id"]
    raw(topic, head(number) + written(other, to_plain(sent)))
    first, second = await read(bus, topic, "g", 2)
    assert to_plain(second) == to_plain(first) == to_plain(sent)


@pytest.mark.parametrize(
    ("schema", "kind", "reason"),
    [
        (None, None, "has none of that number"),
        ({"type": "record", "name": "Strange", "fields": [{"name": "x", "type": "int"}]}, "AVRO", "not a AuditAction"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "JSON", "no Avro schema"),
    ],
    ids=["no such number", "another record", "no Avro"],
)
async def test_what_cannot_be_read_goes_to_dead_letters_with_the_reason(
    bus: Bus,
    backend: BusBackend,
    ask: Callable[..., Any],
    raw: Callable[[Topic[Any], bytes], None],
    schema: object,
    kind: str | None,
    reason: str,
) -> None:
    topic = backend.topic()
    await bus.publish(topic, [action(0)])
    number = 2_000_000_000
    if schema is not None:
        body = {"schema": json.dumps(schema), "schemaType": kind}
        number = ask(f"/subjects/{backend._run}.{kind}/versions", body)["id"]
    raw(topic, head(number) + b"\x02")
    await bus.publish(topic, [action(1)])
    async with asyncio.timeout(120), bus.subscribe(topic, group="g") as subscription:
        assert numbers(await take(subscription, 2)) == [0, 1]
        assert subscription.lost == {"decode_error": 1}
    found = await letter(bus, topic)
    assert reason in found.reason
    assert found.data == head(number) + b"\x02"


async def test_without_the_setting_the_dead_letter_names_it(backend: BusBackend) -> None:
    topic = backend.topic()
    async with backend.open() as registered:
        await registered.publish(topic, [action(0)])
    async with backend.open_plain() as plain:
        await plain.publish(topic, [action(1)])
        assert numbers(await read(plain, topic, "g", 1)) == [1]
        found = await letter(plain, topic)
    assert "set registry_url to read such records" in found.reason
    assert number_of(found.data)


async def test_many_that_begin_a_topic_at_the_same_moment_agree(backend: BusBackend, ask: Callable[..., Any]) -> None:
    topic = backend.topic()

    async def one(n: int) -> None:
        async with backend.open() as bus:
            await bus.publish(topic, [action(n)])

    async with asyncio.timeout(200), asyncio.TaskGroup() as tasks:
        for n in range(8):
            tasks.create_task(one(n))
    async with backend.open() as bus:
        assert sorted(numbers(await read(bus, topic, "g", 8))) == list(range(8))
    assert len(ids_of(ask, f"{on_cluster(backend, topic)}-value")) == 1


async def test_a_refused_schema_is_an_error_with_the_reason_and_the_remedy(bus: Bus, backend: BusBackend, ask: Callable[..., Any]) -> None:
    topic = backend.topic()
    subject = f"{on_cluster(backend, topic)}-value"
    ask(f"/subjects/{subject}/versions", {"schema": json.dumps({"type": "string"})})
    ask(f"/config/{subject}", {"compatibility": "BACKWARD"}, "PUT")
    with pytest.raises(NotAvailable, match=f"AuditAction is refused for subject {subject} .*delete the subject"):
        await bus.publish(topic, [action(0)])
    ask(f"/subjects/{subject}", method="DELETE")
    await bus.publish(topic, [action(1)])
    assert numbers(await read(bus, topic, "g", 1)) == [1]


async def test_a_registry_that_is_not_there_at_the_start_is_said_plainly(backend: BusBackend) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    backend.registry = f"http://mla:s3cret@127.0.0.1:{port}"
    with pytest.raises(NotAvailable, match=rf"schema registry http://127.0.0.1:{port}: no answer: .*; check that it runs"):
        async with backend.open():
            pass


async def test_a_path_that_is_no_registry_is_said_plainly(backend: BusBackend) -> None:
    backend.registry = backend.registry.removesuffix("/v7") + "/v0"
    with pytest.raises(NotAvailable, match=r"no registry for Avro schemas .*check the path"):
        async with backend.open():
            pass


async def test_a_second_instance_answers_for_the_first(backend: BusBackend) -> None:
    backend.registry = backend.registry.replace("127.0.0.1", "127.0.0.1:1,127.0.0.1")
    topic = backend.topic()
    async with backend.open() as bus:
        await bus.publish(topic, [action(0)])
        assert numbers(await read(bus, topic, "g", 1)) == [0]


async def test_a_registry_that_goes_away_stops_only_what_is_new(
    backend: BusBackend, ask: Callable[..., Any], raw: Callable[[Topic[Any], bytes], None], caplog: pytest.LogCaptureFixture
) -> None:
    topic, new = backend.topic(), backend.topic()
    at = urlsplit(backend.registry)
    assert at.port
    async with tcp_proxy(at.port) as proxy:
        backend.registry = f"http://127.0.0.1:{proxy.port}{at.path}"
        async with asyncio.timeout(120), backend.open() as bus, bus.subscribe(topic, group="g") as subscription:
            await bus.publish(topic, [action(0)])
            assert numbers(await take(subscription, 1)) == [0]
            proxy.refuse()
            await bus.publish(topic, [action(1)])
            assert numbers(await take(subscription, 1)) == [1], "numbers learned before are enough"
            await bus.publish(DEAD_LETTERS, [DeadLetter(time=1, origin="x", reason="", data=b"")])
            with pytest.raises(NotAvailable, match="no answer"):
                await bus.publish(new, [action(0)])
            newer = changed("AuditAction", lambda f: f.append({"name": "why", "type": "string", "default": ""}))
            subject = f"{on_cluster(backend, topic)}-value"
            number = ask(f"/subjects/{subject}/versions", {"schema": json.dumps(newer)})["id"]
            raw(topic, head(number) + written(newer, {**to_plain(action(2)), "why": ""}))
            await bus.publish(topic, [action(3)])
            reading = asyncio.create_task(take(subscription, 2))
            with caplog.at_level(logging.ERROR):
                await until(lambda: f"reading {topic.name} waits: schema registry" in caplog.text, 30)
            assert not reading.done()
            proxy.accept()
            assert numbers(await reading) == [2, 3], "nothing was passed over meanwhile"
            assert subscription.lost == {}
            await bus.publish(new, [action(0)])


async def test_a_reader_that_waits_for_the_registry_can_be_closed(
    backend: BusBackend, raw: Callable[[Topic[Any], bytes], None], caplog: pytest.LogCaptureFixture
) -> None:
    topic = backend.topic()
    async with backend.open() as bus:
        await bus.publish(topic, [action(0)])
    at = urlsplit(backend.registry)
    assert at.port
    async with tcp_proxy(at.port) as proxy:
        backend.registry = f"http://127.0.0.1:{proxy.port}{at.path}"
        async with asyncio.timeout(120), backend.open() as bus:
            proxy.refuse()
            with caplog.at_level(logging.ERROR):
                async with bus.subscribe(topic, group="g"):
                    await until(lambda: "waits: schema registry" in caplog.text, 30)
            proxy.accept()
            assert numbers(await read(bus, topic, "g", 1)) == [0], "what nobody was given comes again"


async def test_a_guarded_registry(backend: BusBackend, tmp_path: Path) -> None:
    certificate(tmp_path)
    (tmp_path / "password").write_text("p:ä s\n")
    topic, port = backend.topic(), urlsplit(backend.registry).port
    assert port
    path, ca = urlsplit(backend.registry).path, f"ca={quote(str(tmp_path))}/cert.pem"
    async with asyncio.timeout(120), guarded(port, tmp_path, "mla", "p:ä s") as door:
        address = f"127.0.0.1:{door}{path}"
        for url in (f"https://mla@{address}?{ca}&password_file={tmp_path}/password", f"https://mla:p%3A%C3%A4%20s@{address}?{ca}"):
            async with open_bus(backend.url, clock=SystemClock(), registry=url) as bus:
                await bus.publish(topic, [action(0)])
        for url, text in (
            (f"https://mla:wrong@{address}?{ca}", "is not allowed .401.; check user and password"),
            (f"https://mla:wrong@{address}", "no secure connection: .*check ca="),
        ):
            with pytest.raises(NotAvailable, match=text) as raised:
                async with open_bus(backend.url, clock=SystemClock(), registry=url):
                    pass
            assert "wrong" not in str(raised.value)
