"""Programs that check deployment files: found, else installed where this machine can."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

import pytest

from deploy.engines.artefacts import cache_folder, need
from kernel.errors import NotAvailable

HELM = "v3.22.0"


@cache
def debian(program: str, package: str, service: str = "") -> str:
    """A program of a Debian package; skips, or with MLA_REQUIRE_REAL fails, where it cannot be had."""
    try:
        return need(program, package, lambda text: None, service)
    except NotAvailable as error:
        if os.environ.get("MLA_REQUIRE_REAL"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@cache
def helm() -> str:
    """Helm, built once as a Go module where Go is installed; skips where neither is."""
    found = shutil.which("helm")
    if found:
        return found
    folder = cache_folder() / f"helm-{HELM}"
    if not (folder / "helm").exists():
        go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
        if go is None:
            pytest.skip("neither helm nor Go is installed: the chart is not checked here")
        environment = {**os.environ, "GOBIN": str(folder), "GOTOOLCHAIN": "local"}
        command = [go, "install", f"helm.sh/helm/v3/cmd/helm@{HELM}"]
        built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if built.returncode:
            pytest.fail(f"helm could not be built: {built.stderr[-2000:]}")
    return str(folder / "helm")


def run(*command: str, cwd: str | os.PathLike[str] | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a checker to its end."""
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300, check=False)
