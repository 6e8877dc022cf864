"""With a schema registry, programs that are not ours read our topics and write to them: the Java and JavaScript clients of Kafka."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pytest

from archive import open_archive
from bus import open_bus
from deploy.engines.artefacts import cache_folder, jars, need
from deploy.engines.registry import VERSION
from dispatcher.service import Dispatcher
from kernel.archive import SeriesQuery
from kernel.batches import build
from kernel.clock import SECOND, SystemClock
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from kernel.samples import Kind
from mon_queue import open_hot
from schemas.codec import to_plain
from schemas.records import MONITORING_POINTS, PointBatch
from schemas.registry import current
from tests.support.engines import kafka_url, registry_url
from tests.support.points import T0, batch, column
from tests.support.waiting import until

__all__ = ["kafka_url", "registry_url"]
pytestmark = pytest.mark.timeout(400)
PEERS = Path(__file__).resolve().parents[1] / "peers"
SERDES = (f"io.apicurio:apicurio-registry-serdes-avro-serde:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
NAMES = ["ast1.mount.azimuth", "ast1.mount.state", "ast1.mount.µ°"]


def sent(seq: int) -> PointBatch:
    """A batch with every kind of value, and the values that programs stumble over."""
    return build(
        source="ast1.opcua", epoch=T0, seq=seq, received=T0 + 9, published=T0 + 10, names=NAMES,
        columns=[
            column(Kind.DOUBLE, [0, 0, 0], [T0, T0 + 1_000_003, T0 + 2], [1.5 + seq, np.nan, -np.inf], [0, 2, 1]),
            column(Kind.LONG, [1, 1], [T0, T0 + 5], [2**63 - 1, -(2**63)]),
            column(Kind.TEXT, [2], [T0], ["prêt ✓"]),
        ],
        covered=(T0, T0 + 5),
    )  # fmt: skip


def checked(read: Any, seq: int) -> None:
    """What the other program understood is what was sent; numbers beyond its own come as text."""
    assert (read["source"], int(read["epoch"]), int(read["seq"])) == ("ast1.opcua", T0, seq)
    assert read["names"] == NAMES
    doubles, longs, texts = read["doubles"], read["longs"], read["texts"]
    assert [int(doubles["base"]) + int(t) for t in doubles["time"]] == [T0, T0 + 1_000_003, T0 + 2]
    assert [float(v) for v in doubles["value"]] == pytest.approx([1.5 + seq, np.nan, -np.inf], nan_ok=True, rel=0, abs=0)
    assert doubles["quality"] == [0, 2, 1]
    assert [int(longs["base"]) + int(t) for t in longs["time"]] == [T0, T0 + 5]
    assert [int(v) for v in longs["value"]] == [2**63 - 1, -(2**63)]
    assert texts["value"] == ["prêt ✓"]


def javascript() -> list[str]:
    node = shutil.which("node")
    assert node, "Node 20 is needed: see the README"
    return [node, str(PEERS / "registry_peer.mjs")]


def run(command: list[str], text: str = "") -> list[Any]:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def prefix() -> str:
    return f"{uuid.uuid4().hex[:8]}."


@pytest.fixture
async def topic(kafka_url: str, registry_url: str, prefix: str) -> str:
    """A topic with two batches that the platform wrote."""
    async with open_bus(f"{kafka_url}?prefix={prefix}", clock=SystemClock(), registry=registry_url) as bus:
        await bus.publish(MONITORING_POINTS, [sent(0)])
        await bus.publish(MONITORING_POINTS, [sent(1)])
    return prefix + MONITORING_POINTS.name


async def test_kafkajs_with_the_registry_reads_our_batches(kafka_url: str, registry_url: str, topic: str) -> None:
    read = run([*javascript(), "read", kafka_url.removeprefix("kafka://"), registry_url, topic, "2"])
    for seq in range(2):
        checked(read[seq], seq)


async def test_a_java_consumer_with_a_registry_deserializer_reads_our_batches(kafka_url: str, registry_url: str, topic: str) -> None:
    libraries = jars(cache_folder(), f"apicurio-serdes-{VERSION}", SERDES, print_nothing)
    need("javac", "openjdk-17-jdk-headless", print_nothing)
    own = urlunsplit(urlsplit(registry_url)._replace(path="/apis/registry/v2"))
    quiet = [
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xmx256m",
        "-Dfile.encoding=UTF-8",
    ]
    program = ["java", *quiet, "-cp", f"{libraries}/*", str(PEERS / "ReadTopic.java")]
    read = run([*program, kafka_url.removeprefix("kafka://"), own, topic, "2"])
    for seq in range(2):
        checked(read[seq], seq)


def print_nothing(text: str) -> None:
    """No progress for people."""


async def test_a_batch_that_kafkajs_wrote_with_a_schema_of_its_own_is_stored(
    kafka_url: str, registry_url: str, prefix: str, tmp_path: Path
) -> None:
    schema = copy.deepcopy(current("PointBatch"))
    schema["fields"].insert(0, {"name": "operator", "type": "string", "default": ""})
    clock, live, meter, names = SystemClock(), LiveConfig(), Meter("dispatcher"), ["peer.a.x", "peer.a.y", "peer.a.z"]
    ours, theirs = (batch(names, [1.5, -2.5, 3.5 + n], time=clock.now() - SECOND, source="peer", seq=n) for n in (0, 1))
    text = json.dumps({"schema": schema, "key": "peer", "record": {**to_plain(theirs), "operator": "someone"}})
    async with (
        open_bus(f"{kafka_url}?prefix={prefix}", clock=clock, registry=registry_url) as bus,
        open_hot("memory://", clock=clock) as hot,
        open_archive(f"sqlite://{tmp_path}/archive", clock=clock, config=live) as archive,
    ):
        service = Dispatcher(bus=bus, hot=hot, archive=archive, config=live, clock=clock, meter=meter)
        ready = asyncio.Event()
        task = asyncio.create_task(service.run(ready.set))
        try:
            await ready.wait()
            await bus.publish(MONITORING_POINTS, [ours])
            command = [*javascript(), "write", kafka_url.removeprefix("kafka://"), registry_url, prefix + MONITORING_POINTS.name]
            await asyncio.to_thread(run, command, text)
            await until(lambda: meter.hop("dispatcher.store").left == 6, 60)
            [block] = await archive.series(SeriesQuery((names[2],), 0, clock.now() + SECOND))
            assert block.series.value.tolist() == [3.5, 4.5]
            assert block.series.time.tolist() == [ours.doubles.base, theirs.doubles.base]
        finally:
            task.cancel()
            await asyncio.wait([task])
