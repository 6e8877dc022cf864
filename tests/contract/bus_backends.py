"""The buses that the contract suite runs against. A further adapter adds one entry to BACKENDS."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import pytest

from bus import open_bus
from kernel.bus import Bus
from kernel.clock import SystemClock
from schemas.records import AuditAction
from schemas.topic import Topic

ROOT = Path(__file__).parents[2]


def action_topic(name: str) -> Topic[AuditAction]:
    """A topic of small records: `user` is the key."""
    return Topic(name, AuditAction, attrgetter("user"), attrgetter("time"))


def action(n: int, *, key: str = "k", time: int | None = None, detail: str = "") -> AuditAction:
    """Record n."""
    return AuditAction(time=n if time is None else time, user=key, role="", action="", target=str(n), ok=True, detail=detail)


def numbers(records: object) -> list[int]:
    """The n of each action."""
    return [int(r.target) for r in records]  # type: ignore[attr-defined]


@dataclass
class BusBackend:
    """A running engine: its URL, fresh topic names, and other processes on it."""

    url: str
    registry: str = ""
    """URL of the schema registry that the bus writes with."""
    _ids: itertools.count[int] = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def open(self) -> AbstractAsyncContextManager[Bus]:
        """The bus, as a service opens it."""
        return open_bus(self.url, clock=SystemClock(), registry=self.registry)

    def open_plain(self) -> AbstractAsyncContextManager[Bus]:
        """The same bus without a schema registry, which would refuse records of another schema."""
        return open_bus(self.url, clock=SystemClock())

    def topic(self) -> Topic[AuditAction]:
        """A topic that no other test uses."""
        return action_topic(f"test.{self._run}.{next(self._ids)}")

    def peer(self, *words: str) -> subprocess.Popen[str]:
        """Another process on the same bus; see bus_peer."""
        command = [sys.executable, "-m", "tests.contract.bus_peer", self.url, *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MLA_REGISTRY_URL": self.registry}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


Backend = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[BusBackend]]


@asynccontextmanager
async def sqlite_backend(request: pytest.FixtureRequest) -> AsyncIterator[BusBackend]:
    """The embedded log."""
    yield BusBackend(f"sqlite://{request.getfixturevalue('tmp_path')}/bus")


@asynccontextmanager
async def kafka_backend(request: pytest.FixtureRequest) -> AsyncIterator[BusBackend]:
    """Apache Kafka, shared with other tests: topics and groups begin with a word of this test's own."""
    yield BusBackend(f"{request.getfixturevalue('kafka_url')}?prefix={uuid.uuid4().hex[:8]}.")


@asynccontextmanager
async def registry_backend(request: pytest.FixtureRequest) -> AsyncIterator[BusBackend]:
    """The same with a schema registry."""
    async with kafka_backend(request) as found:
        found.registry = request.getfixturevalue("registry_url")
        yield found


BACKENDS: dict[str, Backend] = {"sqlite": sqlite_backend, "kafka": kafka_backend, "registry": registry_backend}
