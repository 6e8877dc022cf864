"""Independent implementations judge the API: graphql-http's audits, the graphql-ws client and its protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hmi import Hmi, running
from tests.support.points import batch

PEERS = Path(__file__).resolve().parents[1] / "peers"
POINT = "ast1.mount.azimuth"


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def peer(script: str, *arguments: str) -> Any:
    """What a script of tests/peers prints."""
    node = shutil.which("node")
    assert node, "Node 20 is needed: see the README"
    process = await asyncio.create_subprocess_exec(
        node, str(PEERS / script), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_every_audit_of_graphql_over_http_passes(hmi: Hmi) -> None:
    audits = await peer("graphql_audit.mjs", f"{hmi.url}/graphql", hmi.tokens["viewer"])
    assert len(audits) >= 61
    assert {a["name"].split(" ")[0] for a in audits} >= {"MUST", "SHOULD", "MAY"}
    assert not [(a["name"], a["reason"]) for a in audits if a["status"] != "ok"]


async def test_the_graphql_ws_client_and_the_protocol_are_served(hmi: Hmi) -> None:
    await hmi.ports.hot.put([batch([POINT], [1.0], time=hmi.clock.now())])
    checks = await peer("graphql_socket.mjs", f"{hmi.url.replace('http', 'ws')}/graphql", hmi.tokens["viewer"], POINT)
    assert len(checks) >= 25
    assert not {name: wrong for name, wrong in checks.items() if wrong != "ok"}
    assert hmi.service.backend.links.streams == 0
