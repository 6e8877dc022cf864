"""The real engines for tests: an address from the environment, else a Docker engine where one answers, else native processes.

Started when first asked for, once per session, shared by all tests, stopped at the end. With MLA_REQUIRE_REAL=1, as in CI, an engine
that cannot be had fails the tests that need it; without it they are skipped with the reason.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from deploy.engines import running
from deploy.engines.talk import mqtt_answers
from kernel.clock import pause
from kernel.errors import NotAvailable

VARIABLES = {"kafka": "MLA_TEST_KAFKA", "redis": "MLA_TEST_REDIS", "cassandra": "MLA_TEST_CASSANDRA", "mosquitto": "MLA_TEST_MQTT"}


@cache
def docker_answers() -> bool:
    """Whether a Docker engine serves this user."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


@contextmanager
def _kafka_container() -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer

    container = KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft()
    container.with_env("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "2000").with_env("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
    with container as started:
        yield f"kafka://{started.get_bootstrap_server()}"


@contextmanager
def _redis_container() -> Iterator[str]:
    from testcontainers.community.redis import RedisContainer

    with RedisContainer("redis:7.4") as started:
        yield f"redis://{started.get_container_host_ip()}:{started.get_exposed_port(6379)}"


@contextmanager
def _cassandra_container() -> Iterator[str]:
    from testcontainers.community.cassandra import CassandraContainer

    with CassandraContainer("cassandra:5.0") as started:
        yield f"cassandra://{started.get_container_host_ip()}:{started.get_exposed_port(9042)}/mla"


@contextmanager
def _mqtt_container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    with DockerContainer("eclipse-mosquitto:2.0").with_command("mosquitto -c /mosquitto-no-auth.conf").with_exposed_ports(1883) as started:
        host, port = started.get_container_host_ip(), int(started.get_exposed_port(1883))
        while not mqtt_answers(host, port):
            pause(0.1)
        yield f"mqtt://{host}:{port}"


CONTAINERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "kafka": _kafka_container,
    "redis": _redis_container,
    "cassandra": _cassandra_container,
    "mosquitto": _mqtt_container,
}


@contextmanager
def native(name: str, nodes: int | None = None) -> Iterator[str]:
    """A native engine of one's own in a folder of its own, for tests that break it."""
    folder = Path(tempfile.mkdtemp(prefix=f"mla-{name}-"))
    try:
        with running(name, folder, nodes=nodes) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Shared:
    """What runs now, and how many fixtures use it: several conftest files may import the fixtures."""

    def __init__(self) -> None:
        self._users: dict[str, int] = {}
        self._running: dict[str, tuple[str, ExitStack]] = {}

    @contextmanager
    def use(self, name: str) -> Iterator[str]:
        if name not in self._running:
            self._running[name] = self._start(name)
        self._users[name] = self._users.get(name, 0) + 1
        try:
            yield self._running[name][0]
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                self._running.pop(name)[1].close()

    def _start(self, name: str) -> tuple[str, ExitStack]:
        stack = ExitStack()
        given = os.environ.get(VARIABLES[name])
        if given:
            return given, stack
        try:
            return stack.enter_context(CONTAINERS[name]() if docker_answers() else native(name)), stack
        except NotAvailable as error:
            if os.environ.get("MLA_REQUIRE_REAL"):
                pytest.fail(f"{name} is required: {error}")
            pytest.skip(str(error))


_shared = _Shared()


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """kafka://HOST:PORT of a real Apache Kafka. Others use it too: take topics of your own (`?prefix=`)."""
    with _shared.use("kafka") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """redis://HOST:PORT of a real Redis. Others use it too: take keys of your own (`?prefix=`)."""
    with _shared.use("redis") as url:
        yield url


@pytest.fixture(scope="session")
def cassandra_url() -> Iterator[str]:
    """cassandra://HOST:PORT/mla of a real Apache Cassandra. Others use it too: take a keyspace of your own."""
    with _shared.use("cassandra") as url:
        yield url


@pytest.fixture(scope="session")
def mqtt_url() -> Iterator[str]:
    """mqtt://HOST:PORT of a real Mosquitto. Others use it too: take topics of your own."""
    with _shared.use("mosquitto") as url:
        yield url
