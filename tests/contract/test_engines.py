"""The native engines really start, answer, stop, and survive a crashed run."""

from __future__ import annotations

from pathlib import Path

import orjson
import psutil
import pytest
from click.testing import CliRunner

from deploy.engines import down, status, up
from kernel.errors import BadUsage
from mla.cli.engines import engines
from tests.support.waiting import until


@pytest.mark.parametrize("name", ["redis", "mosquitto", "kafka", "registry", pytest.param("cassandra", marks=pytest.mark.slow)])
async def test_up_status_down_and_up_again_at_the_same_place(name: str, tmp_path: Path) -> None:
    try:
        first = up([name], tmp_path, tied=True)
        running = status([name], tmp_path)[0]
        assert (running.state, running.url, len(running.pids)) == ("running", first[name], 1)
        assert running.memory > 1_000_000
        assert up([name], tmp_path) == first
        assert status([name], tmp_path)[0].pids == running.pids, "what runs is left as it is"
        psutil.Process(running.pids[0]).kill()
        await until(lambda: status([name], tmp_path)[0].state == "stopped")
        assert up([name], tmp_path, tied=True) == first, "after a crash it comes back under the same URL"
        with pytest.raises(BadUsage, match="has 1 nodes, not 3"):
            up([name], tmp_path, nodes={name: 3})
    finally:
        stopped = down([name], tmp_path)
    assert stopped == {name: 1}
    assert status([name], tmp_path)[0].state == "stopped"


@pytest.mark.slow
async def test_a_broker_of_three_that_is_gone_comes_back_beside_the_others(tmp_path: Path) -> None:
    try:
        first = up(["kafka"], tmp_path, nodes={"kafka": 3}, tied=True)
        before = status(["kafka"], tmp_path)[0]
        psutil.Process(before.pids[1]).kill()
        await until(lambda: status(["kafka"], tmp_path)[0].state == "degraded")
        assert up(["kafka"], tmp_path, tied=True) == first
        after = status(["kafka"], tmp_path)[0]
        assert after.state == "running"
        assert set(before.pids) & set(after.pids) == {before.pids[0], before.pids[2]}
    finally:
        down(["kafka"], tmp_path, at_once=True)


def test_the_command_line(tmp_path: Path) -> None:
    def call(*words: str) -> object:
        done = CliRunner().invoke(engines, [*words, "--json"], obj={"config": None, "data": str(tmp_path)}, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return orjson.loads(done.stdout)

    try:
        urls = call("up", "redis", "mosquitto")
        assert isinstance(urls, dict)
        assert urls["redis"].startswith("redis://127.0.0.1:")
        assert urls["mosquitto"].startswith("mqtt://127.0.0.1:")
        states = call("status")
        assert isinstance(states, list)
        assert {s["name"]: s["state"] for s in states} == {
            "kafka": "stopped",
            "cassandra": "stopped",
            "redis": "running",
            "mosquitto": "running",
            "registry": "stopped",
        }
        assert states[2]["url"] == urls["redis"]
        lines = CliRunner().invoke(engines, ["up", "redis", "--env"], obj={"config": None, "data": str(tmp_path)}).stdout
        assert lines == f"export MLA_HOT_URL={urls['redis']}\n"
    finally:
        stopped = call("down")
    assert stopped == {"registry": 0, "mosquitto": 1, "redis": 1, "cassandra": 0, "kafka": 0}
