"""One platform for all faults: broken, mended and accounted for, one fault after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack, stack


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, Redis and Cassandra of its own, every service a process, 20 000 points/s."""
    with stack(tmp_path_factory.mktemp("site")) as made:
        yield made
