"""The config stores that the contract suite runs against. A further adapter adds one entry to BACKENDS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdb import open_config
from kernel.clock import Clock, SystemClock
from kernel.config_store import ConfigStore
from tests.support.cassandra import emptied

ROOT = Path(__file__).parents[2]


@dataclass
class ConfigBackend:
    """A running engine with an empty store: its URL, and other processes on it."""

    url: str

    def open(self, clock: Clock | None = None) -> AbstractAsyncContextManager[ConfigStore]:
        """The store, as a service opens it."""
        return open_config(self.url, clock=clock or SystemClock())

    def peer(self, name: str, count: int) -> subprocess.Popen[str]:
        """Another process on the same store that publishes count revisions; see config_peer."""
        command = [sys.executable, "-m", "tests.contract.config_peer", self.url, name, str(count)]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)


Backend = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[ConfigBackend]]


@asynccontextmanager
async def sqlite_backend(request: pytest.FixtureRequest) -> AsyncIterator[ConfigBackend]:
    """The embedded store."""
    yield ConfigBackend(f"sqlite://{request.getfixturevalue('tmp_path')}/cdb")


@asynccontextmanager
async def cassandra_backend(request: pytest.FixtureRequest) -> AsyncIterator[ConfigBackend]:
    """Apache Cassandra, in a keyspace that others do not use."""
    yield ConfigBackend(emptied(request.getfixturevalue("cassandra_url"), "config"))


BACKENDS: dict[str, Backend] = {"sqlite": sqlite_backend, "cassandra": cassandra_backend}
