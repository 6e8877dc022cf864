"""The network between services and engines is cut for a while, with connections left open: stored = sent, none twice, none missing."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from redis import Redis

from kernel.clock import SECOND, SystemClock
from tests.support.accounts import account, await_stored
from tests.support.privileged import namespace
from tests.support.stack import Stack, sleep_until, stack

log = logging.getLogger(__name__)
pytestmark = pytest.mark.timeout(1500)
PATIENCE = 300
"""Seconds that a busy machine may need for anything."""
CUT = 35
"""Seconds: longer than any lease, and than a silent broker or node is borne."""


def now() -> int:
    return SystemClock().now()


async def test_collector_and_dispatcher_are_cut_off_from_kafka_redis_and_cassandra(tmp_path: Path) -> None:
    with stack(tmp_path) as site:
        ports = {int(found) for url in site.urls.values() for found in re.findall(r":(\d+)", url)}
        with Redis.from_url(site.urls["redis"]) as client:
            client.config_set("protected-mode", "no")  # what comes from the namespace has another address
        with namespace(sorted(ports)) as network:
            for label in ("collector", "dispatcher"):
                site.stop_service(label)
                site.services.enter[label] = network.enter
                site.services.start(label)
            site.services.await_serving(["collector", "dispatcher"])
            site.await_live(timeout=PATIENCE)
            begin = (now() // SECOND + 2) * SECOND
            sleep_until(begin + 3 * SECOND)
            network.cut()
            sleep_until(now() + CUT * SECOND)
            assert site.spooled() > 0
            network.mend()
            log.info("live again after %.1f s", site.await_live(timeout=PATIENCE))
            end = (now() // SECOND + 1) * SECOND
            log.info("stored again after %.1f s", await await_stored(site, end, PATIENCE))
            (await account(site, begin, end, timeout=PATIENCE)).check()
            for label in ("collector", "dispatcher"):
                site.stop_service(label)
        assert not site.revived, site.revived
