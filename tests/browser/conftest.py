"""One demo platform for the browser tests, with the HMI that was built last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.platform import ROOT, Running, free_ports, running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`mla up --demo` on a fresh data folder; the built HMI must lie in hmi_backend/static (`make build` puts it there)."""
    assert (ROOT / "hmi_backend" / "static" / "index.html").is_file(), "the web HMI is not built: run `make build`"
    with running(tmp_path_factory.mktemp("browser"), "--demo", env={"MLA_DEMO_PORT": str(free_ports(12))}) as up:
        yield up
