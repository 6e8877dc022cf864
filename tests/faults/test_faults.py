"""The fault matrix on single engines: nothing that dies, freezes, forgets or restarts under 20 000 points/s loses or doubles a sample."""

from __future__ import annotations

import re

import pytest
from redis import Redis

from kernel.clock import SECOND, SystemClock
from tests.support.accounts import fault
from tests.support.privileged import fill, namespace, root
from tests.support.stack import ENGINE_NAMES, SERVICES, Stack, sleep_until
from tests.support.stepped import SteppedClock

pytestmark = pytest.mark.timeout(1500)
FREEZE = 30 * SECOND
HOUR = 3600
PATIENCE = 300
"""Seconds that a busy machine may need for anything."""
CUT = 25
"""Seconds: longer than any lease, and than a silent broker or node is borne."""
AWAY = 2 * SECOND
"""A supervisor takes so long to start what died."""
OTHERS = tuple(s for s in SERVICES if s not in ("collector", "dispatcher"))


def die(site: Stack, *names: str) -> None:
    """SIGKILL, and a supervisor that starts them again."""
    for name in names:
        site.services.kill(name)
    sleep_until(SystemClock().now() + AWAY)
    for name in names:
        site.services.start(name)


@pytest.mark.parametrize("names", [("dispatcher",), OTHERS], ids=" ".join)
async def test_a_killed_service(site: Stack, names: tuple[str, ...]) -> None:
    async with fault(site, f"`kill -9` of {', '.join(names)}"):
        die(site, *names)
    assert not site.revived


async def test_a_killed_collector_is_explained(site: Stack) -> None:
    begun = SystemClock().now()
    async with fault(site, "`kill -9` of collector", gaps=lambda: (SystemClock().now() - begun) / SECOND):
        die(site, "collector")
    assert not site.revived


@pytest.mark.parametrize("name", ENGINE_NAMES)
async def test_a_killed_engine(site: Stack, name: str) -> None:
    async with fault(site, f"`kill -9` of {name}"):
        site.kill_engine(name)
        site.start_engine(name)
    assert not site.revived


async def test_a_full_disk_under_kafka(site: Stack) -> None:
    """The broker ends, since its only log folder refuses a write, and collectors spool to their disks. Room is made, and it is started."""
    root("fill a small disk")
    filler = site.folder / "engines" / "kafka" / "filler"
    async with fault(site, "a full disk under Kafka"):
        fill(filler)
        site.wait(lambda: not site.engine("kafka"), PATIENCE, "the end of the broker")
        site.wait(site.spooled, PATIENCE, "samples in the collector's spool")
        filler.unlink()
        site.start_engine("kafka")
    assert not site.revived


async def test_redis_emptied(site: Stack) -> None:
    async with fault(site, "Redis emptied"):
        with Redis.from_url(site.urls["redis"]) as client:
            client.flushall()
    assert not site.revived


@pytest.mark.parametrize("names", [("cassandra", *OTHERS), ("kafka", "redis", "dispatcher")], ids=" ".join)
async def test_frozen(site: Stack, names: tuple[str, ...]) -> None:
    async with fault(site, f"{', '.join(names)} frozen for 30 s"):
        with site.frozen(*names):
            sleep_until(SystemClock().now() + FREEZE)
    assert not site.revived


async def test_a_frozen_collector_is_explained(site: Stack) -> None:
    begun = SystemClock().now()
    async with fault(site, "collector frozen for 30 s", gaps=lambda: (SystemClock().now() - begun) / SECOND):
        with site.frozen("collector"):
            sleep_until(SystemClock().now() + FREEZE)
    assert not site.revived


async def test_collector_and_dispatcher_are_cut_off_from_the_engines(site: Stack, clock: SteppedClock) -> None:
    """The network goes, in their namespace, and connections stay open on both sides."""
    moved = ("collector", "dispatcher")
    with Redis.from_url(site.urls["redis"]) as client:
        client.config_set("protected-mode", "no")  # what comes from the namespace has another address
    ports = {int(found) for url in site.urls.values() for found in re.findall(r":(\d+)", url)}
    with namespace(sorted(ports)) as network:
        site.move(moved, (*network.enter, *clock.enter))
        async with fault(site, f"the network of collector and dispatcher to the engines cut for {CUT} s"):
            network.cut()
            sleep_until(SystemClock().now() + CUT * SECOND)
            assert site.spooled() > 0
            network.mend()
        site.move(moved, clock.enter)
    assert not site.revived


async def test_rolling_restart(site: Stack) -> None:
    """One after the other, each once the one before serves again."""
    async with fault(site, "rolling restart of the engines"):
        for name in ENGINE_NAMES:
            site.restart_engine(name)
    begun = SystemClock().now()
    async with fault(site, "rolling restart of the services", gaps=lambda: (SystemClock().now() - begun) / SECOND):
        for name in SERVICES:
            site.stop_service(name)
            site.services.start(name)
            site.await_live()
    assert not site.revived


async def test_a_stepped_clock(site: Stack, clock: SteppedClock) -> None:
    """The clock of the services' host is set an hour ahead, right, an hour behind and right again; the engines are on other hosts. Nothing
    waits for the hour that comes a second time, neither a service that ends nor one that begins."""
    for offset, name in ((HOUR, "an hour ahead"), (0, "right again"), (-HOUR, "an hour behind")):
        async with fault(site, f"clock of the services set {name}"):
            clock.step(offset)
    async with fault(site, "services restarted an hour behind, clock set right"):
        for label in (*OTHERS, "dispatcher"):
            site.stop_service(label)
            site.services.start(label)
        site.await_live()
        clock.step(0)
    assert not site.revived


async def test_the_ledger_adds_up(site: Stack) -> None:
    """After all that: once nothing more comes in, nothing is inside, and what was lost has a cause."""
    site.stop_service("collector")
    site.wait(lambda: all(h["inside"] == 0 for h in site.status()["hops"]), PATIENCE, "in = out + explained at every hop")
    causes = {cause for h in site.status()["hops"] for cause, n in h["lost"].items() if n}
    assert causes <= {"duplicate", "process_gone"}, causes
