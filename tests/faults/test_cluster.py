"""A broker of three and a Cassandra node of three are lost under 20 000 points/s: stored = sent, none twice, none missing.

Replication 3; two brokers must have a record before it is acknowledged; LOCAL_QUORUM reads and writes.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from kernel.clock import SystemClock, monotonic
from tests.support.accounts import fault, opened
from tests.support.platform import mla
from tests.support.stack import PROBES, Stack, stack

pytestmark = pytest.mark.timeout(1500)
TOPIC = "monitoring.points"
SILENT = 15.0
"""Seconds: longer than nodes take to miss one."""
PATIENCE = 240
"""Seconds that a busy machine may need for anything."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("cluster"), nodes={"kafka": 3, "cassandra": 3}) as made:
        yield made


def partitions(site: Stack) -> dict[int, tuple[int, int]]:
    """Partition of the points' topic to its leader and the number of brokers that are in step."""
    admin = AdminClient({"bootstrap.servers": site.urls["kafka"].removeprefix("kafka://")})
    try:
        found = admin.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions
    except KafkaException:
        return {}
    return {p.id: (p.leader, len(p.isrs)) for p in found.values()}


def in_step(site: Stack) -> bool:
    """Whether every broker has every record."""
    return {copies for _, copies in partitions(site).values()} == {3}


async def test_the_broker_that_leads_most_partitions_is_lost_and_comes_back(site: Stack) -> None:
    site.wait(lambda: in_step(site), PATIENCE, "all copies in step at first")
    [(leader, _)] = Counter(broker for broker, _ in partitions(site).values()).most_common(1)
    async with fault(site, "`kill -9` of a Kafka broker of three"):
        site.kill_engine("kafka", leader - 1)
    assert leader not in {broker for broker, _ in partitions(site).values()}
    async with fault(site, "a Kafka broker of three comes back"):
        site.start_engine("kafka")
        site.wait(lambda: in_step(site), PATIENCE, "all copies in step")


async def test_a_cassandra_node_falls_silent(site: Stack) -> None:
    """The others wait for it until they take it for gone; every question is answered meanwhile."""
    async with fault(site, "a Cassandra node of three frozen for 15 s"), opened(site) as archive:
        pid = site.pids("cassandra")[2]
        os.kill(pid, signal.SIGSTOP)
        try:
            end = monotonic() + SILENT
            while monotonic() < end:
                found = await archive.at(PROBES, SystemClock().now())
                assert (found.time > 0).all()
        finally:
            os.kill(pid, signal.SIGCONT)
    assert not site.revived, site.revived


async def test_a_cassandra_node_is_lost(site: Stack) -> None:
    async with fault(site, "`kill -9` of a Cassandra node of three"):
        site.kill_engine("cassandra", 0)
    with (site.folder / "site" / "site.yaml").open("a") as out:
        out.write("# published while a node was away\n")
    mla("cdb", "import", str(site.folder / "site"), "-m", "with two of three", data=site.services.data, env=site.services.env)
    site.start_engine("cassandra")
    assert not site.revived, site.revived
