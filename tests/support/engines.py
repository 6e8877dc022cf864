"""The real engines for tests: an address from the environment, else a Docker engine where one answers, else native processes.

Started when first asked for, once per session, shared by all tests, stopped at the end. With MLA_REQUIRE_REAL=1, as in CI, an engine
that cannot be had fails the tests that need it; without it they are skipped with the reason.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.engines import registry, running
from deploy.engines.engine import Node
from deploy.engines.kafka import server_properties
from deploy.engines.talk import cassandra_nodes, kafka_brokers, mqtt_answers, redis_answers, registry_answers
from kernel.clock import monotonic, pause
from kernel.errors import NotAvailable

KAFKA_START = "/tmp/start.sh"
"""In the container of Kafka, which waits for it."""
log = logging.getLogger(__name__)
VARIABLES = {
    "kafka": "MLA_TEST_KAFKA",
    "redis": "MLA_TEST_REDIS",
    "cassandra": "MLA_TEST_CASSANDRA",
    "mosquitto": "MLA_TEST_MQTT",
    "registry": "MLA_TEST_REGISTRY",
}


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


def _await(answers: Callable[[str, int], object], container: Any, port: int, seconds: float = 120.0) -> tuple[str, int]:
    """The address at which a container's port is reached, once it answers there."""
    host, at = container.get_container_host_ip(), int(container.get_exposed_port(port))
    end = monotonic() + seconds
    while not answers(host, at):
        if monotonic() > end:
            said = b"".join(container.get_logs()).decode(errors="replace")
            raise NotAvailable(f"{container.image} does not answer at {host}:{at} within {seconds:.0f} s; it said:\n{said[-2000:]}")
        pause(0.1)
    return host, at


def _container(image: str, port: int, **options: Any) -> Any:
    from testcontainers.core.container import DockerContainer

    return DockerContainer(image, **options).with_exposed_ports(port)


def kafka_environment() -> dict[str, str]:
    """The settings of a native node, for Apache's image; what it tells clients of its address is not known before it runs."""
    node = Node(1, Path(), "localhost", {"client": 9092, "controller": 9094})
    settings = server_properties([node], node) | {
        "listeners": "PLAINTEXT://0.0.0.0:9092,BROKER://localhost:9093,CONTROLLER://localhost:9094",
        "inter.broker.listener.name": "BROKER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }
    return {f"KAFKA_{k.upper().replace('.', '_')}": v for k, v in settings.items() if k not in ("log.dirs", "advertised.listeners")}


@contextmanager
def _kafka_container() -> Iterator[str]:
    wait = f"while [ ! -f {KAFKA_START} ]; do sleep 0.1; done; . {KAFKA_START}; exec /etc/kafka/docker/run"
    with _container("apache/kafka:4.1.0", 9092, env=kafka_environment(), command=["sh", "-c", wait]) as started:
        host, port = started.get_container_host_ip(), started.get_exposed_port(9092)
        text = f"export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{host}:{port},BROKER://localhost:9093\n"
        started.copy_into_container(text.encode(), KAFKA_START)
        _await(kafka_brokers, started, 9092)
        yield f"kafka://{host}:{port}"


@contextmanager
def _redis_container() -> Iterator[str]:
    with _container("redis:7.4", 6379) as started:
        host, port = _await(redis_answers, started, 6379)
        yield f"redis://{host}:{port}"


@contextmanager
def _cassandra_container() -> Iterator[str]:
    patient = dict.fromkeys(("cas_contention_timeout", "write_request_timeout", "read_request_timeout"), "8000ms")
    options = {
        "cassandra.config.allow_system_properties": "true",
        **{f"cassandra.settings.{name}": value for name, value in patient.items()},
        "cassandra.skip_wait_for_gossip_to_settle": "0",
    }
    env = {
        "JVM_OPTS": " ".join(f"-D{k}={v}" for k, v in options.items()),
        "MAX_HEAP_SIZE": "512M",
        "HEAP_NEWSIZE": "128M",
        "CASSANDRA_NUM_TOKENS": "1",
    }
    with _container("cassandra:5.0", 9042, env=env) as started:
        host, port = _await(cassandra_nodes, started, 9042)
        yield f"cassandra://{host}:{port}/mla"


@contextmanager
def _mqtt_container() -> Iterator[str]:
    with _container("eclipse-mosquitto:2.0", 1883, command="mosquitto -c /mosquitto-no-auth.conf") as started:
        host, port = _await(mqtt_answers, started, 1883)
        yield f"mqtt://{host}:{port}"


@contextmanager
def _registry_container() -> Iterator[str]:
    with _container(f"apicurio/apicurio-registry-mem:{registry.VERSION}", 8080) as started:
        host, port = _await(lambda h, p: registry_answers(h, p, registry.PATH), started, 8080)
        yield f"http://{host}:{port}{registry.PATH}"


CONTAINERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "kafka": _kafka_container,
    "redis": _redis_container,
    "cassandra": _cassandra_container,
    "mosquitto": _mqtt_container,
    "registry": _registry_container,
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
            return stack.enter_context(self._made(name)), stack
        except NotAvailable as error:
            if os.environ.get("MLA_REQUIRE_REAL"):
                pytest.fail(f"{name} is required: {error}")
            pytest.skip(str(error))

    @contextmanager
    def _made(self, name: str) -> Iterator[str]:
        """A container; natively where there is no Docker engine, or it has not this image and cannot get it."""
        with ExitStack() as stack:
            url = in_container(name, stack) if docker_answers() else None
            yield url or stack.enter_context(native(name))


def in_container(name: str, stack: ExitStack) -> str | None:
    """Its URL; None where the Docker engine cannot get the image."""
    from docker.errors import APIError

    try:
        return stack.enter_context(CONTAINERS[name]())
    except APIError as error:
        log.warning("%s is started natively: the Docker engine cannot: %s", name, error)
        return None


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


@pytest.fixture(scope="session")
def registry_url() -> Iterator[str]:
    """http://HOST:PORT/PATH of a real schema registry. Others use it too: take topics of your own (`?prefix=` of the bus)."""
    with _shared.use("registry") as url:
        yield url
