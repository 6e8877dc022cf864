"""The benchmarks, for a moment each: they run, lose nothing, and say what they measured. No figure is judged here."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cdb
from bench.catchup import catch_up, fill
from bench.flow import Flow, Passed, mixes, send
from bench.growth import fitted
from bench.places import Places
from kernel.clock import SystemClock
from kernel.live_config import LiveConfig
from mla.cli.bench import BENCHES, bench
from tests.support.cassandra import own
from tests.support.engines import cassandra_url, kafka_url, redis_url

pytestmark = pytest.mark.timeout(400)


def quiet(step: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def measured(*arguments: str) -> dict[str, Any]:
    """What the command says with --json."""
    ran = CliRunner().invoke(bench, [*arguments, "--json"], catch_exceptions=False)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_ingest_says_what_a_point_and_a_batch_cost() -> None:
    found = measured("ingest", "--points", "1000", "--seconds", "1")
    assert (found["name"], found["unit"], found["lost"]) == ("ingest", "points/s", 0)
    assert found["points"] == found["live_points"] >= 20_000
    assert found["cpu_us_per_batch"] / (found["points"] / found["batches"]) == pytest.approx(found["cpu_s_per_million"], rel=0.01)


def test_catching_up_stores_everything_that_waited() -> None:
    found = measured("catchup", "--points", "1000", "--seconds", "1")
    assert (found["unit"], found["lost"], found["points"]) == ("points/s", 0, 100_000)
    assert found["seconds"] >= found["seconds_to_join"] > 0


def test_growth_compares_equal_batches_and_splits_their_cost() -> None:
    found = measured("growth", "--points", "2000", "--seconds", "1")
    assert found["lost"] == 0
    assert found["value"] >= 1
    assert {"cpu_s_per_million_1000_points", "cpu_s_per_million_2000_points", "query_cpu_ms_2000_points"} <= set(found)


def test_a_device_is_followed_to_a_subscriber() -> None:
    found = measured("opcua", "--points", "200", "--seconds", "5")
    assert found["lost"] == 0
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["source_to_subscriber_p99_ms"]


def test_a_killed_collector_is_replaced() -> None:
    found = measured("takeover", "--seconds", "1")
    assert found["unit"] == "s"
    assert found["kills"] >= 1
    assert 0 < found["median_s"] <= found["value"]


def test_a_person_sees_the_unit_of_every_number() -> None:
    ran = CliRunner().invoke(bench, ["ingest", "--points", "1000", "--seconds", "1"], catch_exceptions=False)
    figures = [line.split(maxsplit=2) for line in ran.stdout.splitlines() if line.split()[1].replace(".", "").isdigit()]
    assert len(figures) >= 8
    assert all(len(words) == 3 for words in figures if words[0] != "setup"), figures


def test_what_cannot_be_run_is_refused_by_name() -> None:
    for arguments, said in ((["nonsense"], ", ".join(BENCHES)), (["query", "--engines"], "ingest, catchup"), (["scale"], "--engines")):
        ran = CliRunner().invoke(bench, arguments)
        assert ran.exit_code != 0
        assert said in str(ran.exception)


def test_a_line_through_two_runs_gives_batch_and_point() -> None:
    small, large = (Passed(n * 10, 10, n * 10, 0, 1.0, 10 * (3e-4 + n * 4e-7), {}, 0.0) for n in (100, 2000))
    cost = fitted((small, large))
    assert (cost.batch, cost.point) == pytest.approx((3e-4, 4e-7))


@pytest.fixture
def engines(kafka_url: str, redis_url: str, cassandra_url: str) -> Places:
    """The real engines, with names of this test's own."""
    mine = uuid.uuid4().hex[:8]
    return Places(f"{kafka_url}?prefix={mine}.", f"{redis_url}?prefix={mine}:", own(cassandra_url, f"bench_{mine}"), "test engines")


async def test_two_dispatchers_share_a_full_topic_on_the_engines(engines: Places) -> None:
    filled = await fill(engines, SystemClock(), 1000, 20_000, 20_000, quiet)
    caught = await catch_up(engines, 1000, filled, 2, quiet)
    assert (caught.points, caught.lost) == (filled, 0)
    assert len(caught.cpu) == 2


async def test_a_flow_passes_the_engines_whole(engines: Places, tmp_path: Path) -> None:
    config = cdb.compile(cdb.scaled(1000), 1)
    passed = await send(engines, SystemClock(), LiveConfig(config), Flow(mixes(config), 1.0, rate=5000, warm=1), quiet)
    assert passed.stored == passed.points > 0
