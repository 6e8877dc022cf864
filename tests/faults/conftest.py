"""One platform for all faults: broken, mended and accounted for, one fault after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.privileged import small_disk
from tests.support.stack import Stack, stack
from tests.support.stepped import SteppedClock


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> SteppedClock:
    """The clock that the services of `site` go by: true until it is stepped."""
    return SteppedClock(tmp_path_factory.mktemp("host") / "clock")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, clock: SteppedClock) -> Iterator[Stack]:
    """Kafka, Redis and Cassandra of its own, every service a process, 20 000 points/s. Where we are root Kafka has a small disk."""
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as exits:
        if os.geteuid() == 0:
            exits.enter_context(small_disk(folder / "engines" / "kafka", "1g"))
        yield exits.enter_context(stack(folder, enter=clock.enter))
