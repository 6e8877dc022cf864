"""The archives that the contract suite runs against. A further adapter adds a parameter here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from archive import open_archive
from kernel.archive import Archive
from kernel.clock import Clock, ManualClock
from kernel.live_config import LiveConfig
from tests.support.cassandra import emptied


@dataclass(frozen=True)
class Backend:
    """How to open the same store again, for writing or for reading only."""

    url: str
    clock: ManualClock

    def open(
        self, *, config: LiveConfig | None = None, clock: Clock | None = None, read_only: bool = False
    ) -> AbstractAsyncContextManager[Archive]:
        return open_archive(self.url, clock=clock or self.clock, config=config or LiveConfig(), read_only=read_only)


@pytest.fixture(params=["embedded", "cassandra"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Backend:
    """A store of its own for each test."""
    makers: dict[str, Callable[[], str]] = {
        "embedded": lambda: f"sqlite://{tmp_path}/archive",
        "cassandra": lambda: emptied(request.getfixturevalue("cassandra_url"), "archive"),
    }
    return Backend(makers[request.param](), clock)


@pytest.fixture
async def archive(backend: Backend) -> AsyncIterator[Archive]:
    async with backend.open() as opened:
        yield opened
