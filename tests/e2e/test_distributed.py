"""The same services, each its own process, on Kafka, Redis and Cassandra: nothing differs but the URLs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from archive import open_archive
from bus.kafka.place import kafka_place
from cdb import write_folder
from kernel.archive import SeriesQuery
from kernel.clock import SECOND, SystemClock, monotonic
from kernel.live_config import LiveConfig
from mla.children import PARENT
from mla.demo import example
from tests.support.cassandra import own
from tests.support.engines import cassandra_url, kafka_url, redis_url, registry_url
from tests.support.platform import ROOT, eventually, free_ports, mla
from tests.support.services import Services, services

pytestmark = pytest.mark.timeout(400)
LAST = "query($p: [String!]!) { lastValues(points: $p) { columns } }"
AZIMUTHS = [f"ast{i}.mount.azimuth" for i in range(1, 10)]
POINTS = 200


@pytest.fixture
def engines(kafka_url: str, redis_url: str, cassandra_url: str) -> dict[str, str]:
    """Settings that name the real engines, with names of this test's own."""
    mine = uuid.uuid4().hex[:8]
    store = own(cassandra_url, f"e2e_{mine}")
    return {
        "MLA_BUS_URL": f"{kafka_url}?prefix={mine}.&partitions=4",
        "MLA_HOT_URL": f"{redis_url}?prefix={mine}:",
        "MLA_ARCHIVE_URL": store,
        "MLA_CDB_URL": store,
    }


@pytest.fixture
def registered(engines: dict[str, str], registry_url: str) -> dict[str, str]:
    """The same with a schema registry."""
    return {**engines, "MLA_REGISTRY_URL": registry_url}


def first_bytes(bus_url: str, topics: Sequence[str]) -> dict[str, set[bytes]]:
    """What the messages on these topics begin with."""
    place = kafka_place(bus_url)
    found: dict[str, set[bytes]] = {t: set() for t in topics}
    consumer = Consumer({**place.client, "group.id": f"{place.prefix}looks", "auto.offset.reset": "earliest"})
    consumer.subscribe([place.prefix + t for t in topics])
    try:
        end = monotonic() + 60
        while not all(found.values()) and monotonic() < end:
            for m in consumer.consume(500, 1):
                if m.error() is None:
                    found[(m.topic() or "").removeprefix(place.prefix)].add((m.value() or b"")[:1])
    finally:
        consumer.close()
    return found


@contextmanager
def simulated(data: Path, env: Mapping[str, str]) -> Iterator[None]:
    """The simulated array, serving the published configuration."""
    command = [sys.executable, "-m", "mla", "--data", str(data), "simulate", "--published", "--faults", "none"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env, PARENT: str(os.getpid())}, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(90)


def status(s: Services) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(mla("status", "--json", data=s.data, env=s.env).stdout)
    return found


def lag(s: Services) -> int:
    """Points that entered the living dispatcher and are not accounted for; -1 while it has seen nothing."""
    lines = [h for h in status(s)["hops"] if h["name"] == "dispatcher.store"]
    moving = round(sum(h["rate_in_per_s"] for h in lines))
    return sum(h["inside"] for h in lines if h["inside"] > 0) + moving if lines else -1


def test_the_array_on_the_real_engines_with_registered_schemas(tmp_path: Path, registered: dict[str, str]) -> None:
    data, begun = tmp_path / "data", SystemClock().now()
    write_folder(tmp_path / "site", example(free_ports(12)))
    with services(data, registered) as s:
        mla("cdb", "import", str(tmp_path / "site"), "-m", "the example", data=data, env=s.env)
        with simulated(data, registered):
            api = s.api()
            token = api.login()

            def fresh() -> bool:
                times = api.graphql(LAST, token, p=AZIMUTHS)["lastValues"]["columns"]["t"]
                return all(t is not None and t > begun for t in times)

            eventually(fresh, what="an azimuth of each telescope")
            series = 'query($p: [String!]!) { series(points: $p, from: "now-5m", to: "now") { columns unit } }'
            [block] = api.graphql(series, token, p=["site.weather.wind_speed"])["series"]
            eventually(
                lambda: len(api.graphql(series, token, p=["site.weather.wind_speed"])["series"][0]["columns"]["t"]) > 3, what="its series"
            )
            assert block["unit"] == "km/h"
            states = {x["name"]: x["state"] for x in status(s)["services"]}
            assert set(states) == {"collector", "dispatcher", "hmi", "monitor_manager"}
            said = mla("stop", "monitoring", data=data, env=s.env)
            assert said.stdout.strip() == "collector is stopped; dispatcher is stopped"
            mla("start", "monitoring", data=data, env=s.env)
            started = SystemClock().now()
            values = "query($p: [String!]!) { lastValues(points: $p) { columns } }"
            eventually(
                lambda: api.graphql(values, token, p=["site.weather.wind_speed"])["lastValues"]["columns"]["t"][0] > started,
                what="values again",
            )
            topics = ("monitoring.points", "heartbeats", "commands.requests", "cdb.revisions")
            assert first_bytes(registered["MLA_BUS_URL"], topics) == {t: {b"\0"} for t in topics}, "all in the Confluent wire format"
            assert not json.loads(mla("dead", "--json", data=data, env=s.env).stdout)


@contextmanager
def publisher(data: Path, env: Mapping[str, str], source: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    notes = data / f"{source}.notes"
    command = [sys.executable, "-m", "tests.support.publisher", env["MLA_BUS_URL"], str(notes), source, str(POINTS)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield process, notes
    finally:
        process.kill()
        process.wait()


def acknowledged(notes: Path) -> int:
    return sum(line.isdigit() for line in notes.read_text().splitlines()) if notes.exists() else 0


async def stored(url: str, point: str) -> list[int]:
    clock = SystemClock()
    async with open_archive(url, clock=clock, config=LiveConfig(), read_only=True) as archive:
        [block] = await archive.series(SeriesQuery((point,), 0, clock.now() + 3600 * SECOND))
        return [int(v) for v in block.series.value.tolist()]


async def test_a_killed_and_a_frozen_dispatcher_lose_and_double_nothing(tmp_path: Path, engines: dict[str, str]) -> None:
    data = tmp_path / "data"
    with services(data, engines, ("dispatcher", "dispatcher 2")) as s, publisher(data, engines, "one") as (source, notes):
        eventually(lambda: acknowledged(notes) > 50, what="batches under way")
        s.kill("dispatcher 2")
        eventually(lambda n=acknowledged(notes): acknowledged(notes) > n + 50, what="batches after the death of one dispatcher")
        os.kill(s.processes["dispatcher"].pid, signal.SIGSTOP)
        eventually(lambda n=acknowledged(notes): acknowledged(notes) > n + 50, what="batches while the other is frozen")
        s.start("dispatcher 3")
        os.kill(s.processes["dispatcher"].pid, signal.SIGCONT)
        source.kill()
        source.wait()
        s.await_serving(["dispatcher 3"])
        eventually(lambda: lag(s) == 0, what="everything stored")
        sent = acknowledged(notes)

        async def all_stored() -> bool:
            return len(await stored(engines["MLA_ARCHIVE_URL"], "bench.one.p00000")) >= sent

        from tests.support.waiting import until

        await until(all_stored, what="every acknowledged batch in the archive")
    for point in (0, POINTS - 1):
        values = await stored(engines["MLA_ARCHIVE_URL"], f"bench.one.p{point:05d}")
        assert values == list(range(len(values))), "each batch once, in order"
        assert len(values) in (sent, sent + 1)
