"""The web HMI in headless Chromium on a running demo: hmi_web/e2e, one pytest test for each of its files."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.support.platform import ROOT, Running, eventually

WEB = ROOT / "hmi_web"
FILES = sorted(p.name for p in (WEB / "e2e").glob("*.test.ts"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FILES)
def test_in_chromium(demo: Running, name: str) -> None:
    assert (ROOT / "hmi_backend" / "static" / "index.html").exists(), "build the HMI first: make web"
    npx = shutil.which("npx")
    assert npx, "Node 20 is needed: see the README"
    eventually((demo.data / "demo.history").exists, 90, "a day of history")
    logins = dict(line.split(" ", 1) for line in (demo.data / "first-login.txt").read_text().splitlines())
    env = {**os.environ, "MLA_URL": f"http://{demo.http}", "MLA_USER": "operator", "MLA_PASSWORD": logins["operator"], "CI": "true"}
    done = subprocess.run(
        [npx, "vitest", "run", "--config", "e2e/vitest.config.ts", f"e2e/{name}"], cwd=WEB, env=env, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
