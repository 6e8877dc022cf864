"""Several collectors divide the sources among themselves and take over from one that dies; browsed points are points like any other."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SECOND, SystemClock
from tests.peers.opcua_peer import opcua_peer
from tests.support.platform import Running, eventually, free_ports, mla, running

pytestmark = pytest.mark.timeout(300)
LAST = "query($p: [String!]!) { lastValues(points: $p) { columns } }"
SITE = """site:
  name: plant
  sources:
    opcua:
      protocol: opcua
      url: {url}
      browse:
        - {{path: Objects/Peer/Doubles/*, point: "plc.{{1}}", sampling: 1s, deadband: 0}}
"""


def collectors(up: Running) -> dict[int, dict[str, Any]]:
    """Living collector instances by process id."""
    services = json.loads(mla("status", "--json", data=up.data).stdout)["services"]
    found = [i for s in services if s["name"] == "collector" for i in s["instances"]]
    return {int(i["instance"].rpartition(":")[2]): i for i in found if i["state"] in ("RUNNING", "DEGRADED") and i["silent_s"] < 4}


def counts(up: Running) -> list[int]:
    """Sources that each living collector reads."""
    return sorted(int(i["gauges"].get("sources_count", 0)) for i in collectors(up).values())


def test_collectors_share_sources_and_take_over(tmp_path: Path) -> None:
    env = {"MLA_DEMO_PORT": str(free_ports(12)), "MLA_COLLECTOR_PROCESSES": "2"}
    with running(tmp_path, "--demo", env=env) as up:
        eventually(lambda: len(counts(up)) == 2 and sum(counts(up)) == 10 and min(counts(up)) > 0, what="ten sources, divided")
        token = up.login()
        points = [f"ast{i}.network.clock_offset" for i in (1, 2, 3, 4, 5, 6, 7, 9)] + ["site.weather.wind_speed"]

        def all_after(moment: int) -> bool:
            times = up.graphql(LAST, token, p=points)["lastValues"]["columns"]["t"]
            return all(t is not None and t > moment for t in times)

        eventually(lambda: all_after(SystemClock().now() - 70 * SECOND), what="values of every source")
        victim = max(collectors(up).items(), key=lambda c: c[1]["gauges"]["sources_count"])[0]
        os.kill(victim, signal.SIGKILL)
        killed = SystemClock().now()
        eventually(lambda: victim not in collectors(up), what="the dead one is not counted any more")
        eventually(lambda: all_after(killed + SECOND), what="values of every source after the death of one collector")
        eventually(lambda: len(counts(up)) == 2 and sum(counts(up)) == 10 and min(counts(up)) > 0, what="divided again after its restart")


async def test_browsed_points_are_listed_live_and_archived(tmp_path: Path) -> None:
    async with opcua_peer(tmp_path / "peer", doubles=12, rate=1) as peer:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "site.yaml").write_text(SITE.format(url=peer.url))
        mla("cdb", "import", str(tmp_path / "site"), "-m", "a device found by browsing", data=tmp_path / "data")
        with running(tmp_path / "data") as up:
            token = up.login()
            listed = '{ points(filter: {search: "plc.d0000"}) { edges { node { name unit } } } }'

            def found() -> dict[str, str]:
                return {e["node"]["name"]: e["node"]["unit"] for e in up.graphql(listed, token)["points"]["edges"]}

            points = eventually(lambda: found() if len(found()) >= 10 else None, what="browsed points in the list")
            assert points["plant.plc.d00003"] == "°C"
            fresh = eventually(
                lambda: up.graphql(LAST, token, p=["plant.plc.d00003"])["lastValues"]["columns"]["t"][0], what="a live value of one of them"
            )
            assert fresh > SystemClock().now() - 60 * SECOND
            series = 'query($p: [String!]!) { series(points: $p, from: "now-5m", to: "now") { columns unit } }'
            eventually(lambda: len(up.graphql(series, token, p=["plant.plc.d00003"])["series"][0]["columns"]["t"]) > 2, what="its series")
