"""The native engines really start, answer, stop, and survive a crashed run."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from deploy.engines import down, status, up
from kernel.errors import BadUsage
from tests.support.waiting import until


@pytest.mark.parametrize("name", ["redis", "mosquitto", "kafka"])
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
