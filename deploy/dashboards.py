"""Writes the Grafana dashboards of the platform's own health: `python -m deploy.dashboards`; with --check says whether they are current.

Panels are listed here, one line each; what Grafana wants around them is written by the functions below.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "grafana" / "dashboards"
SOURCE: Final = {"type": "prometheus", "uid": "${prometheus}"}
WIDTH: Final = 24
JOB: Final = 'job=~"$job"'
DELIBERATE: Final = "deadband|window|suppressed|status|statistics|duplicate|filtered"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. queries: pairs of a PromQL expression and a legend."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    about: str = ""
    warn: float | None = None
    """From here yellow; critical: from here red. Where critical is the smaller one, low values are the bad ones."""
    critical: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


def _q(expression: str, legend: str = "") -> tuple[tuple[str, str], ...]:
    return ((expression.replace("JOB", JOB), legend),)


PLATFORM: Final = (
    Row(
        "At a glance",
        (
            Panel("HMI backends up", _q("sum(up{JOB})"), kind="stat", width=4, warn=1, critical=0.5),
            Panel("Instances that failed", _q("count(mla_service_up{JOB} == 0) or vector(0)"), kind="stat", width=4, critical=1),
            Panel("Samples per second", _q('sum(mla_hop_rate_in{JOB, hop="collector.receive"})'), "cps", "stat", 4),
            Panel("Lost per second, not meant", _q("sum(mla:hop_lost:rate5m{JOB}) or vector(0)"), "cps", "stat", 4, warn=0.001, critical=1),
            Panel("Archive delay", _q('max(mla_hop_lag_seconds{JOB, hop="dispatcher.store"})'), "s", "stat", 4, warn=10, critical=60),
            Panel("Days until the disk is full", _q("min(mla_archive_days_left{JOB})"), "none", "stat", 4, warn=14, critical=2),
        ),
    ),
    Row(
        "Services",
        (
            Panel("State", _q("mla_service_state{JOB}", "{{service}} {{exported_instance}} {{state}}"), kind="table", width=12),
            Panel("CPU", _q("rate(mla_service_cpu_seconds_total{JOB}[1m])", "{{exported_instance}}"), "percentunit", width=6),
            Panel("Memory", _q("mla_service_memory_bytes{JOB}", "{{exported_instance}}"), "bytes", width=6),
            Panel("Configuration revision", _q("mla_service_config_revision{JOB}", "{{exported_instance}}"), width=6),
            Panel("Open web sockets", _q("mla_hmi_sockets{JOB}", "sockets") + _q("mla_hmi_streams{JOB}", "live feeds"), width=6),
            Panel("Screens cut off", _q("increase(mla_hmi_laggards_total{JOB}[5m])", "in 5 min"), width=6, warn=1),
            Panel("CPU of the HMI's process", _q("rate(process_cpu_seconds_total{JOB}[1m])", "{{instance}}"), "percentunit", width=6),
        ),
    ),
)
PIPELINE: Final = (
    Row(
        "Rates",
        (
            Panel("In, by hop", _q("sum by (hop) (mla_hop_rate_in{JOB})", "{{hop}}"), "cps", width=12),
            Panel("Out, by hop", _q("sum by (hop) (mla_hop_rate_out{JOB})", "{{hop}}"), "cps", width=12),
            Panel("In, by source", _q('sum by (source) (mla_hop_rate_in{JOB, hop=~"$hop"})', "{{source}}"), "cps", width=24),
        ),
    ),
    Row(
        "Age and lag",
        (
            Panel(
                "Age of the newest record, by hop",
                _q("min by (hop) (mla_hop_age_seconds{JOB})", "{{hop}}"),
                "s",
                about="Of a hop with several sources: the most recent one.",
            ),
            Panel("Oldest sources", _q('topk(10, mla_hop_age_seconds{JOB, hop=~"$hop"})', "{{source}}"), "s"),
            Panel("Lag", _q("mla_hop_lag_seconds{JOB}", "{{hop}}"), "s", warn=10, critical=60),
            Panel("Not yet committed", _q("mla_topic_lag_records{JOB}", "{{topic}} {{group}}")),
            Panel("Inside a hop", _q("sum by (hop) (mla_hop_inside{JOB})", "{{hop}}"), about="in - out - explained; 0 at rest."),
            Panel("Clock of the sources", _q('mla_service_gauge{JOB, name="source_skew_s"}', "{{exported_instance}}"), "s"),
        ),
    ),
    Row(
        "Explained loss",
        (
            Panel(
                "Not meant, by hop and cause",
                _q(f'sum by (hop, cause) (rate(mla_hop_lost_total{{JOB, cause!~"{DELIBERATE}"}}[5m]))', "{{hop}} {{cause}}"),
                "cps",
                width=12,
                about="Every sample that is not stored is counted with its cause. These nobody asked for.",
                warn=0.001,
            ),
            Panel(
                "Meant, by hop and cause",
                _q(f'sum by (hop, cause) (rate(mla_hop_lost_total{{JOB, cause=~"{DELIBERATE}"}}[5m]))', "{{hop}} {{cause}}"),
                "cps",
                width=12,
                about="Deadbands, comparison windows and suppression of what did not change.",
            ),
            Panel(
                "Ledger: in - out - explained of the last hour",
                _q(
                    "sum by (hop) (increase(mla_hop_in_total{JOB}[1h])) - sum by (hop) (increase(mla_hop_out_total{JOB}[1h]))"
                    " - (sum by (hop) (increase(mla_hop_lost_total{JOB}[1h])) or sum by (hop) (increase(mla_hop_in_total{JOB}[1h])) * 0)",
                    "{{hop}}",
                ),
                width=12,
                about="Around 0, but for what is inside and for Prometheus's extrapolation.",
            ),
            Panel(
                "Spooled on the collectors' disks",
                _q('mla_service_gauge{JOB, name="spool_bytes"}', "{{exported_instance}}"),
                "bytes",
                width=12,
            ),
        ),
    ),
)
STORES: Final = (
    Row(
        "Bus",
        (
            Panel("Records held", _q("mla_topic_records{JOB}", "{{topic}}")),
            Panel("Bytes held", _q("mla_topic_bytes{JOB}", "{{topic}}"), "bytes"),
            Panel("Behind, by group", _q("mla_topic_lag_records{JOB}", "{{topic}} {{group}}")),
            Panel(
                "Evicted before they were read",
                _q("increase(mla_topic_evicted_records_total{JOB}[5m])", "{{topic}} {{group}}"),
                about="Retention was faster than a group: make the topic's retention longer, or the group faster.",
            ),
            Panel("Hot queue", _q('mla_service_gauge{JOB, name="hot_bytes"}', "{{exported_instance}}"), "bytes"),
        ),
    ),
    Row(
        "Archive",
        (
            Panel("Samples", _q("mla_archive_samples{JOB}", "all") + _q("mla_archive_open_samples{JOB}", "not yet sealed")),
            Panel("Bytes", _q("mla_archive_bytes{JOB}", "archive"), "bytes"),
            Panel("Bytes per sample", _q("mla_archive_bytes{JOB} / mla_archive_samples{JOB}"), "bytes", "stat", 4),
            Panel("Stored per second", _q("deriv(mla_archive_samples{JOB}[10m])"), "cps", "stat", 4),
        ),
    ),
    Row(
        "Disks",
        (
            Panel("Free", _q("mla_archive_disk_free_bytes{JOB}", "{{instance}}"), "bytes", width=12, warn=2e10, critical=2e9),
            Panel("Days left", _q("mla_archive_days_left{JOB}", "{{instance}}"), "none", width=12, warn=14, critical=2),
        ),
    ),
)
DASHBOARDS: Final = {
    "mla-platform": ("MLA platform", PLATFORM),
    "mla-pipeline": ("MLA pipeline: rates, lag, explained loss", PIPELINE),
    "mla-stores": ("MLA bus, archive and disks", STORES),
}


def _thresholds(panel: Panel) -> dict[str, Any]:
    marks = [(v, c) for v, c in ((panel.warn, "yellow"), (panel.critical, "red")) if v is not None]
    low_is_bad = panel.warn is not None and panel.critical is not None and panel.critical < panel.warn
    if not low_is_bad:
        return {"mode": "absolute", "steps": [{"color": "green", "value": None}, *({"color": c, "value": v} for v, c in marks)]}
    steps = [{"color": "red", "value": None}, {"color": "yellow", "value": panel.critical}, {"color": "green", "value": panel.warn}]
    return {"mode": "absolute", "steps": steps}


def _panel(panel: Panel, number: int, x: int, y: int, height: int) -> dict[str, Any]:
    table = panel.kind == "table"
    targets = [
        {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": e, "legendFormat": text or "__auto", "instant": table, "format": "table"}
        if table
        else {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": e, "legendFormat": text or "__auto"}
        for i, (e, text) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": height},
        "fieldConfig": {"defaults": {"unit": panel.unit, "thresholds": _thresholds(panel)}, "overrides": []},
        "options": {"legend": {"displayMode": "table", "calcs": ["lastNotNull", "max"]}} if panel.kind == "timeseries" else {},
        "targets": targets,
    }


def _variable(name: str, query: str, label: str) -> dict[str, Any]:
    all_of_them = {"text": "All", "value": "$__all"}
    return {
        "name": name, "label": label, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2,
        "includeAll": True, "multi": True, "current": all_of_them, "sort": 1,
    }  # fmt: skip


def dashboard(uid: str, title: str, rows: Sequence[Row]) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": row.title, "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}, "panels": []}
        )
        y, x, tallest = y + 1, 0, 0
        for panel in row.panels:
            height = 4 if panel.kind == "stat" else 8
            if x + panel.width > WIDTH:
                y, x, tallest = y + tallest, 0, 0
            panels.append(_panel(panel, len(panels) + 1, x, y, height))
            x, tallest = x + panel.width, max(tallest, height)
        y += tallest
    source = {"name": "prometheus", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    variables = [source, _variable("job", "label_values(mla_config_revision, job)", "Platform")]
    if rows is PIPELINE:
        variables.append(_variable("hop", "label_values(mla_hop_rate_in, hop)", "Hop"))
    return {
        "uid": uid,
        "title": title,
        "tags": ["mla"],
        "timezone": "utc",
        "schemaVersion": 39,
        "version": 1,
        "refresh": "15s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": variables},
        "links": [{"type": "dashboards", "tags": ["mla"], "title": "MLA", "asDropdown": False, "includeVars": True, "keepTime": True}],
        "panels": panels,
    }


def main(arguments: Sequence[str]) -> int:
    """Writes the files, or says which are not current."""
    stale = []
    for uid, (title, rows) in DASHBOARDS.items():
        text = json.dumps(dashboard(uid, title, rows), indent=1) + "\n"
        path = FOLDER / f"{uid}.json"
        if "--check" in arguments:
            stale += [] if path.exists() and path.read_text() == text else [path.name]
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale:
        sys.stderr.write(f"not current: {', '.join(stale)}; run python -m deploy.dashboards\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
