"""The engines' configuration in deploy/compose, on the real engines without Docker: TLS, passwords, and the URLs that secrets.sh writes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from cassandra import OperationTimedOut
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import RoundRobinPolicy

from archive import open_archive
from bus import open_bus
from cdb import open_config
from deploy.engines import processes
from deploy.engines.artefacts import cache_folder, jars
from deploy.engines.cassandra import Cassandra
from deploy.engines.engine import Command, Node
from deploy.engines.kafka import ARTEFACTS, JAVA, VERSION
from deploy.engines.small import Redis
from kernel.clock import SystemClock
from kernel.errors import MlaError
from kernel.live_config import LiveConfig
from mon_queue import open_hot
from schemas.records import AUDIT_ACTIONS
from tests.contract.bus_backends import action
from tests.support.ansible import rendered
from tests.support.platform import free_port
from tests.support.points import batch
from tests.support.waiting import until

COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the containers see it: run/secrets/NAME as compose mounts them."""
    folder = tmp_path_factory.mktemp("site")
    made = folder / "made"
    subprocess.run(["sh", COMPOSE / "secrets.sh"], check=True, capture_output=True, env={**os.environ, "SECRETS": str(made)})
    secrets = folder / "run" / "secrets"
    secrets.mkdir(parents=True)
    for name, where in yaml.safe_load((COMPOSE / "compose.yaml").read_text())["secrets"].items():
        shutil.copy(where["file"].replace("${SECRETS:-../../.mla-secrets}", str(made)), secrets / name)
    return folder


def settings(site: Path, name: str, changes: Sequence[tuple[str, str]]) -> str:
    """An engine's file with other addresses and folders; every change must be one."""
    text = (COMPOSE / "engines" / name).read_text()
    for old, new in (("/run/secrets", str(site / "run/secrets")), *changes):
        assert old in text, old
        text = text.replace(old, new)
    return text


def url(site: Path, name: str, host: str, port: int) -> str:
    """A URL that secrets.sh wrote, at another address."""
    text = (site / "run/secrets" / name).read_text()
    found = re.sub(r"@[a-z]+:\d+", f"@{host}:{port}", text, count=1)
    return found.replace("/run/secrets", str(site / "run/secrets"))


@contextmanager
def started(command: Command, folder: Path) -> Iterator[None]:
    try:
        processes.start(command, folder, tied=True)
        yield
    finally:
        processes.stop([folder], at_once=True)


def speaks_tls(port: int, ca: Path) -> bool:
    """Whether a TLS server with a certificate of our authority for 127.0.0.1 answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            ssl.create_default_context(cafile=str(ca)).wrap_socket(plain, server_hostname="127.0.0.1").close()
    except OSError:
        return False
    return True


async def up(port: int, site: Path, folder: Path, timeout: float) -> None:
    def answers() -> bool:
        assert processes.find(folder) is not None, processes.last_words(folder, 6000)
        return speaks_tls(port, site / "run/secrets/ca")

    await until(answers, timeout, "no TLS server")


def one_host(folder: Path) -> str:
    """An inventory in which this host carries everything."""
    groups = {name: {"hosts": {"127.0.0.1": {"kafka_id": 1}}} for name in ("kafka", "cassandra", "redis", "hmi")}
    file = folder / "inventory.yml"
    file.write_text(json.dumps({"all": {"children": groups}}))
    return str(file)


async def kafka_behaves(file: Path, address: str, client: int, site: Path) -> None:
    """Formats and starts a broker with a file of settings: it takes our user's records, and nobody else's."""
    folder = file.parent
    java = (*JAVA, "-Xmx384m", "-cp", f"{jars(cache_folder(), f'kafka-{VERSION}', ARTEFACTS, lambda text: None)}/*")
    cluster = re.search(r"CLUSTER_ID:-([\w-]+)", (COMPOSE / "compose.yaml").read_text())
    assert cluster
    await asyncio.to_thread(
        subprocess.run, [*java, "kafka.tools.StorageTool", "format", "-t", cluster[1], "-c", file], check=True, capture_output=True
    )
    with started(Command((*java, "kafka.Kafka", str(file))), folder):
        await up(client, site, folder, 300)
        async with open_bus(address, clock=SystemClock()) as bus:
            await bus.publish(AUDIT_ACTIONS, [action(1)])
            async with bus.subscribe(AUDIT_ACTIONS, group="g") as subscription:
                assert list(await anext(aiter(subscription.batches()))) == [action(1)]
        wrong = re.sub(r"password_file=[^&]*", f"password_file={site}/run/secrets/redis_password", address)
        with pytest.raises(MlaError):
            async with open_bus(f"{wrong}&publish_timeout=3", clock=SystemClock()) as bus:
                await bus.publish(AUDIT_ACTIONS, [action(2)])


async def test_kafka_takes_clients_with_tls_and_password_only(site: Path, tmp_path: Path) -> None:
    client, inner, controller = free_port(), free_port(), free_port()
    file = tmp_path / "server.properties"
    changes = [("kafka:9093", f"127.0.0.1:{client}"), ("://:9093", f"://127.0.0.1:{client}"), (":9095", f":{inner}")]
    file.write_text(settings(site, "kafka.properties", [*changes, (":9094", f":{controller}"), ("/var/lib/kafka", str(tmp_path))]))
    await kafka_behaves(file, url(site, "bus_url", "127.0.0.1", client), client, site)


async def test_the_playbook_s_kafka_uses_certificates_on_both_sides_among_brokers(site: Path, tmp_path: Path) -> None:
    client, inner, controller = free_port(), free_port(), free_port()
    await asyncio.to_thread(rendered, tmp_path, one_host(tmp_path), "127.0.0.1", {"kafka_port": client})
    secrets = site / "run/secrets"
    file = tmp_path / "server.properties"
    text = file.read_text()
    for old, new in (
        ("/etc/kafka/keystore.pem", str(secrets / "kafka_keystore")),
        ("/etc/kafka/ca.pem", str(secrets / "ca")),
        ("/var/lib/kafka", str(tmp_path)),
        (":9094", f":{inner}"),
        (":9095", f":{controller}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    file.write_text(text)
    lines = (tmp_path / "environment").read_text().splitlines()
    address = next(line.partition("=")[2] for line in lines if line.startswith("MLA_BUS_URL"))
    (tmp_path / "word").write_text("kafka-word")
    address = address.replace("/etc/mla/ca.pem", str(secrets / "ca")).replace("/etc/mla/kafka_password", str(tmp_path / "word"))
    await kafka_behaves(file, address, client, site)


async def test_redis_gives_the_platform_its_own_keys_only(site: Path, tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "redis.conf"
    file.write_text(settings(site, "redis.conf", [("tls-port 6380", f"tls-port {port}")]) + f'bind 127.0.0.1\ndir "{tmp_path}"\n')
    address = url(site, "hot_url", "127.0.0.1", port)
    with started(Command((str(Redis().obtain(cache_folder(), lambda text: None)), str(file))), tmp_path):
        await up(port, site, tmp_path, 120)
        async with open_hot(address, clock=SystemClock()) as hot:
            now = SystemClock().now()
            await hot.put([batch(["site.weather.rain"], [1.5], time=now)])
            await until(lambda: _value(hot), what="the value does not come back")
        with pytest.raises(MlaError):
            async with open_hot(address.replace("prefix", "x").replace("?", "?prefix=other:&"), clock=SystemClock()) as hot:
                await hot.put([batch(["site.weather.rain"], [1.5], time=now, seq=1)])
        with pytest.raises(MlaError):
            async with open_hot(address.replace("mla@", "default@"), clock=SystemClock()) as hot:
                await hot.put([batch(["site.weather.rain"], [1.5], time=now, seq=2)])


async def _value(hot: object) -> bool:
    samples = await hot.latest(["site.weather.rain"])  # type: ignore[attr-defined]
    return bool(samples.values() == [1.5])


async def test_cassandra_takes_the_platform_s_user_with_tls_only(site: Path, tmp_path: Path) -> None:
    engine = Cassandra()
    node = Node(1, tmp_path, "127.0.0.1", {"client": free_port(), "storage": free_port()})
    (tmp_path / "data").mkdir()
    command = engine.prepare(engine.obtain(cache_folder(), lambda text: None), [node], node, lambda text: None)
    listen = f"listen_address: 127.0.0.1\nrpc_address: 127.0.0.1\nstorage_port: {node.ports['storage']}"
    changes = [("storage_port: 7000", listen), ("port: 9042", f"port: {node.client}"), ('seeds: "cassandra"', 'seeds: "127.0.0.1"')]
    text = settings(site, "cassandra.yaml", [*changes, ("/var/lib/cassandra", str(tmp_path / "data"))])
    (tmp_path / "conf" / "cassandra.yaml").write_text(text.replace("GossipingPropertyFileSnitch", "SimpleSnitch"))
    secrets = site / "run/secrets"
    with started(command, tmp_path):
        await up(node.client, site, tmp_path, 300)
        script = (COMPOSE / "engines" / "cassandra-init.sh").read_text()
        statements = re.search(r"<<CQL\n(.*?)\nCQL", script, re.DOTALL)
        assert statements
        given = statements[1].replace("$user", (secrets / "cassandra_password").read_text()).replace("${REPLICATION:-1}", "1")
        await until(lambda: _as_administrator(node, secrets, given.replace("NetworkTopologyStrategy", "SimpleStrategy")), what="no log-in")
        address = url(site, "cassandra_url", "127.0.0.1", node.client)
        async with open_config(address, clock=SystemClock()) as store:
            assert (await store.load()).revision is None
        async with open_archive(address, clock=SystemClock(), config=LiveConfig()) as archive:
            report = await archive.append([batch(["site.weather.rain"], [1.5], time=SystemClock().now())])
            assert report.stored == 1
        with pytest.raises(MlaError):
            async with open_config(address.replace("/mla?", "/another?"), clock=SystemClock()):
                pass
        wrong = re.sub(r"password_file=.*", f"password_file={secrets}/redis_password", address)
        with pytest.raises(MlaError, match="refuses this user"):
            async with open_config(wrong, clock=SystemClock()):
                pass


async def test_the_playbook_s_cassandra_encrypts_among_nodes_too(site: Path, tmp_path: Path) -> None:
    engine = Cassandra()
    node = Node(1, tmp_path, "127.0.0.1", {"client": free_port(), "storage": free_port()})
    (tmp_path / "data").mkdir()
    await asyncio.to_thread(rendered, tmp_path, one_host(tmp_path), "127.0.0.1", {"cassandra_port": node.client})
    text = (tmp_path / "cassandra.yaml").read_text()
    secrets = site / "run/secrets"
    for old, new in (
        ("/etc/cassandra/keystore.pem", str(secrets / "cassandra_keystore")),
        ("/etc/cassandra/ca.pem", str(secrets / "ca")),
        ("/var/lib/cassandra", str(tmp_path / "data")),
        ("storage_port: 7000", f"storage_port: {node.ports['storage']}"),
        ("GossipingPropertyFileSnitch", "SimpleSnitch"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    command = engine.prepare(engine.obtain(cache_folder(), lambda text: None), [node], node, lambda text: None)
    (tmp_path / "conf" / "cassandra.yaml").write_text(text)
    with started(command, tmp_path):
        await up(node.client, site, tmp_path, 300)
        await until(lambda: _as_administrator(node, secrets, "SELECT key FROM system.local"), what="no log-in")
        with pytest.raises(ssl.SSLError, match=r"alert|certificate"):
            await asyncio.to_thread(_without_certificate, node.ports["storage"], secrets / "ca")


def _without_certificate(port: int, ca: Path) -> bytes:
    """What a node says to a peer that shows no certificate: in TLS 1.3 it refuses after the handshake, at the first read."""
    context = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as link,
    ):
        link.sendall(b"\0" * 64)
        return link.recv(64)


def _as_administrator(node: Node, secrets: Path, statements: str) -> bool:
    """What cassandra-init.sh has cqlsh do; False while the built-in administrator does not exist yet."""
    context = ssl.create_default_context(cafile=str(secrets / "ca"))
    context.check_hostname = False
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60)
    login = PlainTextAuthProvider("cassandra", "cassandra")
    cluster = Cluster(
        ["127.0.0.1"], port=node.client, auth_provider=login, ssl_context=context, protocol_version=5,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )  # fmt: skip
    try:
        session = cluster.connect()
        for statement in statements.split(";"):
            if statement.strip():
                session.execute(statement)
    except (NoHostAvailable, OperationTimedOut):
        return False
    finally:
        cluster.shutdown()
    return True
