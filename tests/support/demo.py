"""One demo platform for all tests that only look at it, or put back what they change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import Running, free_ports, running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`mla up --demo` on a fresh data folder."""
    data: Path = tmp_path_factory.mktemp("demo")
    with running(data, "--demo", env={"MLA_DEMO_PORT": str(free_ports(12))}) as up:
        yield up
