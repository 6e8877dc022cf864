"""Whatever rules and dashboards ask for, /metrics really has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy import dashboards
from hmi_backend.metrics import Picture, text
from kernel.archive import ArchiveStats
from kernel.bus import TopicStats
from kernel.fleet import HopStatus, InstanceStatus
from schemas.records import Heartbeat, Hop, ServiceState
from tests.support.promql import grouped, selectors

DEPLOY = Path(dashboards.__file__).parent
OF_PROMETHEUS = {"up": frozenset[str]()}
TARGET = frozenset({"job", "instance", "namespace", "pod", "site", "host"})
"""Labels that a scraper adds; our own `instance` it renames."""


def _beat() -> Heartbeat:
    hop = Hop(name="dispatcher.store", source="a", entered=10, left=7, lost={"late": 3}, last=1)
    gauges = {"dispatcher.store.lag_s": 0.5, "spool_bytes": 1.0, "source_skew_s": 0.1}
    return Heartbeat(
        instance="d@h:1", service="dispatcher", system="monitoring", host="h", pid=1, time=2, started=1,
        state=ServiceState.RUNNING, cpu_s=1.0, rss_bytes=1, gauges=gauges, hops=(hop,),
    )  # fmt: skip


@pytest.fixture(scope="module")
def exposed() -> Mapping[str, frozenset[str]]:
    """Every series of /metrics with its labels, of a platform in which everything has happened."""
    hop = HopStatus("dispatcher.store", "a", 10, 7, {"late": 3}, 1.0, 1.0, 1)
    instance = InstanceStatus(_beat(), ServiceState.RUNNING, 0.1)
    topic = TopicStats("monitoring.points", 1, 1, 1, 1, {"dispatcher": 1}, {"dispatcher": 1})
    archive = ArchiveStats(1, 1, 1, 1, 1, disk_free_bytes=1, days_left=1.0, classes={})
    picture = Picture(2, [hop], [instance], [topic], archive, 1, 1, 1, 1)
    found: dict[str, frozenset[str]] = dict(OF_PROMETHEUS)
    for family in text_string_to_metric_families(text(picture).decode()):
        for sample in family.samples:
            labels = {"exported_instance" if name == "instance" else name for name in sample.labels}
            found[sample.name] = found.get(sample.name, frozenset()) | labels
    return found


def _rules() -> list[dict[str, Any]]:
    return [r for g in yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"] for r in g["rules"]]


def asked() -> Iterator[tuple[str, str]]:
    """Every expression of deploy/, with where it stands."""
    for rule in _rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}", target["expr"]
        for variable in board["templating"]["list"]:
            if (found := re.match(r"label_values\((\w+), \w+\)", variable["query"])) is not None:
                yield f"{path.stem}: {variable['name']}", found[1]
    scaled = (DEPLOY / "helm/mla/templates/autoscaling.yaml").read_text()
    yield from (("autoscaling", q) for q in re.findall(r"query: (.+)", scaled))


@pytest.mark.parametrize(("where", "expression"), [pytest.param(w, e, id=w) for w, e in asked()])
def test_every_metric_and_label_exists(where: str, expression: str, exposed: Mapping[str, frozenset[str]]) -> None:
    recorded = {r["record"]: grouped(r["expr"]) for r in _rules() if "record" in r}
    known = {**exposed, **recorded}
    found = list(selectors(expression))
    assert found, f"{where} asks for nothing"
    for name, labels in found:
        assert name in known, f"{where} asks for {name}, which nobody exposes"
        assert labels <= known[name] | TARGET, f"{where}: {name} has no label {sorted(labels - known[name] - TARGET)}"
    anywhere = frozenset[str]().union(*(known[n] for n, _ in found)) | TARGET
    assert grouped(expression) <= anywhere, f"{where} groups by {sorted(grouped(expression) - anywhere)}"


def test_dashboards_show_every_metric_of_ours(exposed: Mapping[str, frozenset[str]]) -> None:
    shown = {name for where, e in asked() if where.startswith("mla-") for name, _ in selectors(e)}
    missing = {name for name in exposed if name.startswith("mla_")} - shown
    assert not missing, f"no dashboard shows {sorted(missing)}"


def test_dashboards_are_those_of_their_list() -> None:
    assert dashboards.main(["--check"]) == 0
    files = {p.stem for p in (DEPLOY / "grafana" / "dashboards").glob("*.json")}
    assert files == set(dashboards.DASHBOARDS)


@pytest.mark.parametrize("uid", list(dashboards.DASHBOARDS))
def test_panels_do_not_overlap_and_fit(uid: str) -> None:
    title, rows = dashboards.DASHBOARDS[uid]
    taken: set[tuple[int, int]] = set()
    panels = dashboards.dashboard(uid, title, rows)["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= dashboards.WIDTH
        taken |= cells


def test_low_values_are_bad_where_the_critical_one_is_the_smaller() -> None:
    steps = dashboards._thresholds(dashboards.Panel("Days", (), warn=14, critical=2))["steps"]
    assert [(s["value"], s["color"]) for s in steps] == [(None, "red"), (2, "yellow"), (14, "green")]


def test_every_alarm_says_what_to_do_and_is_of_a_known_severity() -> None:
    for rule in _rules():
        if "alert" in rule:
            assert {"summary", "remedy"} <= set(rule["annotations"]), rule["alert"]
            assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]


def test_deliberate_causes_are_the_same_everywhere() -> None:
    texts = (DEPLOY / "prometheus" / "rules.yml").read_text()
    assert texts.count(dashboards.DELIBERATE) == 2


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("sum by (job, hop) (rate(a_total[1m]))", {"a_total"}),
        ('max_over_time(sum by (job) (b{c="x}"})[1h:1m]) > 0 and on (job) d == 0', {"b", "d"}),
        ('e{f=~"g|h", i!="j"} / k offset 5m', {"e", "k"}),
        ("count(l == 0) or vector(0)", {"l"}),
        ("n:o:rate5m > 16e6", {"n:o:rate5m"}),
        ("topk(10, p)", {"p"}),
    ],
)
def test_the_reader_of_expressions_sees_what_they_ask_for(expression: str, names: set[str]) -> None:
    assert {name for name, _ in selectors(expression)} == names
