"""The chart: linted, rendered in the ways it is used, every manifest against the schemas of Kubernetes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mla.settings import Settings
from tests.support.platform import ROOT
from tests.support.tools import helm, run

CHART = ROOT / "deploy" / "helm" / "mla"
KUBERNETES = "1.31.0"
OF_OPERATORS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}
"""Kinds whose schemas come with their operators, not with Kubernetes."""
EXTERNAL = (
    "bundled.enabled=false",
    "engines.busUrl=kafka://k:9093",
    "engines.hotUrl=rediss://r:6380",
    "engines.archiveUrl=cassandra://c/mla",
    "engines.cdbUrl=cassandra://c/mla",
)
WAYS: Mapping[str, Sequence[str]] = {
    "as it is": (),
    "embedded": ("mode=embedded", "embedded.demo=true"),
    "engines elsewhere": (*EXTERNAL, "engines.filesSecret=certificates", "networkPolicy.engines={10.0.0.0/8}"),
    "urls in a secret": ("bundled.enabled=false", "engines.existingSecret=urls"),
    "three of each": ("bundled.kafka.replicas=3", "bundled.cassandra.replicas=3", "collector.replicas=4"),
    "everything": (
        "ingress.enabled=true",
        "ingress.className=nginx",
        "ingress.tlsSecret=tls",
        "hmi.adminSecret=admin",
        "autoscaling.enabled=true",
        "monitoring.serviceMonitor=true",
        "monitoring.rules=true",
        "monitoring.dashboards=true",
        "monitoring.labels.release=prometheus",
        "image.pullSecrets[0].name=pull",
        "priorityClassName=high",
        "settings.registryUrl=http://registry:8081",
    ),
    "scaled by lag": ("autoscaling.enabled=true", "autoscaling.by=lag"),
    "scaled by KEDA": ("autoscaling.enabled=true", "autoscaling.by=keda"),
}


def _sets(values: Sequence[str]) -> list[str]:
    return [word for v in values for word in ("--set", v)]


def manifests(*values: str, name: str = "site") -> list[dict[str, Any]]:
    """What helm renders, each as an object."""
    done = run(helm(), "template", name, str(CHART), "--kube-version", KUBERNETES, *_sets(values))
    assert done.returncode == 0, done.stderr
    return [m for m in yaml.safe_load_all(done.stdout) if m]


def pods(found: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Workload to its pod's specification."""
    return {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in found if "template" in m.get("spec", {})}


@pytest.mark.parametrize("way", WAYS)
def test_every_manifest_is_good(way: str) -> None:
    linted = run(helm(), "lint", "--strict", str(CHART), "--kube-version", KUBERNETES, *_sets(WAYS[way]))
    assert linted.returncode == 0, linted.stdout
    found = manifests(*WAYS[way])
    assert found
    for manifest in found:
        if manifest["kind"] not in OF_OPERATORS:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    names = [(m["kind"], m["metadata"]["name"]) for m in found]
    assert len(names) == len(set(names)), "two of one name"


def test_a_misspelt_key_of_a_manifest_is_noticed() -> None:
    deployment = next(m for m in manifests() if m["kind"] == "Deployment")
    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    "values",
    [
        ("mode=both",),
        ("collector.replicas=0",),
        ("bundled.kafka.replicas=2",),
        ("dispatcher.replicas=13",),
        ("settings.loglevel=INFO",),
        ("engines.busUrl=http://kafka",),
        ("bundled.enabled=false",),
    ],
    ids=lambda v: v[0],
)
def test_bad_values_are_refused(values: Sequence[str]) -> None:
    done = run(helm(), "template", "site", str(CHART), "--kube-version", KUBERNETES, *_sets(values))
    assert done.returncode != 0
    assert values[0].partition("=")[0].split(".")[-1] in done.stderr or "engines.busUrl is empty" in done.stderr


def test_settings_of_the_pods_are_settings() -> None:
    known = {f"MLA_{n.upper()}" for n in Settings.model_fields}
    for way in WAYS.values():
        for spec in pods(manifests(*way)).values():
            for entry in (e for c in spec["containers"] for e in c.get("env", ())):
                name = entry["name"]
                assert not name.startswith("MLA_") or name.removesuffix("_FILE") in known, name


def test_containers_run_without_rights() -> None:
    for name, spec in pods(manifests(*WAYS["everything"])).items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["automountServiceAccountToken"] is False, name
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"]["drop"] == ["ALL"], name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name
            if container["image"].startswith("mla:"):
                assert security["readOnlyRootFilesystem"] is True, name
                assert "/tmp" in {m["mountPath"] for m in container["volumeMounts"]}, name


def test_every_workload_has_a_probe_and_mounts_only_its_volumes() -> None:
    for way in WAYS.values():
        found = manifests(*way)
        claims = {
            m["metadata"]["name"]: {c["metadata"]["name"] for c in m["spec"].get("volumeClaimTemplates", ())} for m in found if "spec" in m
        }
        for name, spec in pods(found).items():
            volumes = {v["name"] for v in spec.get("volumes", ())} | claims[name]
            for container in (*spec["containers"], *spec.get("initContainers", ())):
                assert {m["name"] for m in container.get("volumeMounts", ())} <= volumes, name
            assert all("livenessProbe" in c for c in spec["containers"]), name


def test_services_selectors_and_budgets_find_pods() -> None:
    found = manifests(*WAYS["three of each"])
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in found if "template" in m.get("spec", {})]

    def finds(selector: Mapping[str, str]) -> bool:
        return any(selector.items() <= have.items() for have in labels)

    for m in found:
        if m["kind"] == "Service":
            assert finds(m["spec"]["selector"]), m["metadata"]["name"]
        if m["kind"] in ("PodDisruptionBudget", "Deployment", "StatefulSet"):
            assert finds(m["spec"]["selector"]["matchLabels"]), m["metadata"]["name"]
        if m["kind"] == "NetworkPolicy":
            assert finds(m["spec"]["podSelector"]["matchLabels"]), m["metadata"]["name"]
    assert {m["metadata"]["name"] for m in found if m["kind"] == "PodDisruptionBudget"} == {
        "site-mla-collector", "site-mla-dispatcher", "site-mla-kafka", "site-mla-cassandra"
    }  # fmt: skip


def test_engines_may_be_reached_by_this_release_only() -> None:
    policies = {m["metadata"]["name"]: m["spec"] for m in manifests() if m["kind"] == "NetworkPolicy"}
    assert policies["site-mla-default"]["ingress"] == []
    for engine, port in (("kafka", 9092), ("redis", 6379), ("cassandra", 9042)):
        rule = policies[f"site-mla-{engine}"]["ingress"][0]
        assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "mla", "app.kubernetes.io/instance": "site"}}}]
        assert port in {p["port"] for p in rule["ports"]}


def test_three_kafka_nodes_agree_on_who_votes() -> None:
    spec = pods(manifests(*WAYS["three of each"]))["site-mla-kafka"]
    env = {e["name"]: e.get("value") for e in spec["containers"][0]["env"]}
    nodes = "site-mla-kafka-nodes"
    assert env["KAFKA_CONTROLLER_QUORUM_VOTERS"] == ",".join(f"{i}@site-mla-kafka-{i}.{nodes}:9094" for i in range(3))
    assert (env["KAFKA_DEFAULT_REPLICATION_FACTOR"], env["KAFKA_MIN_INSYNC_REPLICAS"]) == ("3", "2")
    urls = next(m for m in manifests(*WAYS["three of each"]) if m["kind"] == "Secret")["stringData"]
    assert urls["archive-url"].endswith("?local_dc=dc1&replication=dc1:3")


def test_the_chart_brings_rules_and_dashboards_even_when_packed(tmp_path: Path) -> None:
    packed = run(helm(), "package", str(CHART), "--destination", str(tmp_path))
    assert packed.returncode == 0, packed.stderr
    archive = next(tmp_path.glob("mla-*.tgz"))
    shutil.unpack_archive(archive, tmp_path)
    assert (tmp_path / "mla/files/rules.yml").read_text() == (ROOT / "deploy/prometheus/rules.yml").read_text()
    found = {m["kind"]: m for m in manifests(*WAYS["everything"])}
    assert found["PrometheusRule"]["spec"]["groups"][0]["name"] == "mla-records"
    boards = found["ConfigMap"]["data"]
    assert {json.loads(text)["uid"] for text in boards.values()} == {p.stem for p in (ROOT / "deploy/grafana/dashboards").glob("*.json")}
