"""A real Prometheus finds the running platform by its file of targets, and every panel of the dashboards has an answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.platform import ROOT, Running, eventually, free_port
from tests.support.tools import debian

DEPLOY = ROOT / "deploy"
EMPTY_AT_FIRST = {
    "Days until the disk is full",  # known after the archive has grown for a while
    "Days left",
    "Spooled on the collectors' disks",  # nothing was ever spooled
    "Meant, by hop and cause",  # nothing was left out, nothing is lost
    "Not meant, by hop and cause",
}


@pytest.fixture
def prometheus(demo: Running, tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus that scrapes the demo each second; otherwise as deploy/prometheus has it."""
    program = debian("prometheus", "prometheus", "prometheus")
    text = (DEPLOY / "prometheus/prometheus.yml").read_text().replace("scrape_interval: 15s", "scrape_interval: 1s")
    (tmp_path / "prometheus.yml").write_text(text.replace("evaluation_interval: 15s", "evaluation_interval: 1s"))
    (tmp_path / "rules.yml").write_text((DEPLOY / "prometheus/rules.yml").read_text().replace("interval: 15s", "interval: 1s"))
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets/mla-hmi.yml").write_text(json.dumps([{"targets": [demo.http], "labels": {"site": "demo"}}]))
    port = free_port()
    command = [
        program,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with open(tmp_path / "log.txt", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(90)
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def ask(prometheus: str, path: str, **arguments: str) -> Any:
    """What its API answers; None while it does not listen yet."""
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(arguments)}", timeout=90) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def silent_panels(prometheus: str) -> set[str]:
    """Panels for which a query has no answer; fails where Prometheus refuses one."""
    silent = set()
    for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                found = ask(prometheus, "query", query=target["expr"].replace("$job", ".*").replace("$hop", ".*"))
                assert found is not None, target["expr"]
                if not found["result"]:
                    silent.add(panel["title"])
    return silent


@pytest.mark.slow
def test_prometheus_finds_the_platform_and_every_panel_has_an_answer(prometheus: str) -> None:
    def scraped() -> bool:
        found = ask(prometheus, "query", query='mla_hop_in_total{job="mla", site="demo"} and on() up{job="mla"} == 1')
        return bool(found and found["result"])

    eventually(scraped, what="no series of the platform")
    eventually(lambda: ask(prometheus, "query", query="mla:hop_in:rate1m > 0")["result"], what="no recorded rate")
    eventually(lambda: silent_panels(prometheus) <= EMPTY_AT_FIRST, what="panels without data")
    who = ask(prometheus, "query", query='mla_service_up{service="dispatcher"}')["result"][0]["metric"]
    assert "@" in who["exported_instance"], "dashboards and rules name our label `instance` as Prometheus renames it"
    rules = [r for g in ask(prometheus, "rules")["groups"] for r in g["rules"]]
    assert [r["name"] for r in rules if r["health"] == "err"] == []
    firing = {r["name"] for r in rules if r.get("state") == "firing"}
    assert firing == set(), firing
