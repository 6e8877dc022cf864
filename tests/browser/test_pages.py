"""The web HMI in a real Chromium on a real platform. The tests themselves are in hmi_web/e2e; here they are given a platform."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.platform import ROOT, Running

HMI = ROOT / "hmi_web"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("suite", sorted(p.name.removesuffix(".test.ts") for p in (HMI / "e2e").glob("*.test.ts")))
def test_browser(demo: Running, suite: str) -> None:
    """pages: every page as an operator uses it; tour: a watch by the keyboard alone, in each palette; watch: several windows, phones;
    link: the network goes and comes back; look: accessibility and red night."""
    assert (HMI / "node_modules").is_dir(), "the tools of the web HMI are not installed: run `npm ci` in hmi_web"
    password = dict(line.split(" ", 1) for line in (demo.data / "first-login.txt").read_text().splitlines())["operator"]
    done = subprocess.run(
        ["npm", "run", "--silent", "e2e", "--", f"{suite}.test.ts"],
        cwd=HMI,
        env={**os.environ, "MLA_URL": f"http://{demo.http}", "MLA_USER": "operator", "MLA_PASSWORD": password, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert done.returncode == 0, f"{done.stdout[-12_000:]}\n{done.stderr[-4_000:]}"
