"""schemathesis sends whatever the schemas allow, and more: everything is understood or refused with a code, nothing crashes."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.support.hmi import Hmi, running
from tests.support.points import batch

ROOT = Path(__file__).resolve().parents[2]
SECONDS, PATIENCE = 13, 260
"""Less where the examples are done before; a machine too busy for the fewest that mean something is given more time."""
ENOUGH = 20
COMMON = ("--no-color", "--generation-deterministic", "--continue-on-failure", "--no-shrink")
NOT_SAID = "positive_data_acceptance"
"""A time, a duration or a point that exists cannot be told in OpenAPI."""


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        names = ["ast1.mount.azimuth", "site.weather.wind_speed"]
        for seq in range(5):
            now = site.clock.now()
            await site.ports.hot.put([batch(names, [1.0, 2.0], time=now, seq=seq)])
            await site.ports.archive.append([batch(names, [1.0, 2.0], time=now, seq=seq)])
        yield site


async def schemathesis(folder: Path, url: str, token: str, options: Sequence[str], hooks: str = "") -> tuple[int, str]:
    """The exit code and what it printed, of a run that tried enough cases or had all its time."""
    code, said = await _run(folder, url, token, (*options, "--max-time", str(SECONDS)), hooks)
    if code == 0 and _cases(said) < ENOUGH:
        code, said = await _run(folder, url, token, (*options, "--max-time", str(PATIENCE)), hooks)
    return code, said


async def _run(folder: Path, url: str, token: str, options: Sequence[str], hooks: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **({"SCHEMATHESIS_HOOKS": hooks} if hooks else {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", url, "-H", f"Authorization: Bearer {token}", *options, *COMMON,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


def _cases(said: str) -> int:
    found = re.search(r"(\d+) generated", said)
    return int(found.group(1)) if found else 0


async def test_any_graphql_document_is_understood_or_refused(hmi: Hmi, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = ("--checks", "understood_or_refused", "-n", "8")
    code, said = await schemathesis(tmp_path, f"{hmi.url}/graphql", hmi.tokens["viewer"], options, "tests.peers.graphql_fuzz")
    assert code == 0, said[-6000:]
    assert _cases(said) >= ENOUGH, said[-6000:]
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_the_plain_paths_are_what_their_openapi_document_says(hmi: Hmi, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = ("--exclude-path", "/auth/logout", "--exclude-checks", NOT_SAID, "-n", "8")
    code, said = await schemathesis(tmp_path, f"{hmi.url}/openapi.json", hmi.tokens["viewer"], options)
    assert code == 0, said[-6000:]
    assert _cases(said) >= ENOUGH, said[-6000:]
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
