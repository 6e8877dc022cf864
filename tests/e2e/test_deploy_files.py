"""The files in deploy/ before their own judges: compose's schema, systemd, promtool, Ansible."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from bus.kafka.place import kafka_place
from cql import read_place
from mla.settings import load
from mon_queue.redis_url import redis_place
from tests.support.ansible import playbook, rendered
from tests.support.engines import docker_answers
from tests.support.platform import ROOT, eventually, free_port
from tests.support.tools import debian, run

DEPLOY = ROOT / "deploy"
COMPOSE = ("compose.yaml", "compose.embedded.yaml")


def compose_schema(path: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path))


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_files_follow_the_compose_specification(name: str, tmp_path: Path) -> None:
    good = compose_schema(DEPLOY / "compose" / name)
    assert good.returncode == 0, good.stdout + good.stderr
    bad = yaml.safe_load((DEPLOY / "compose" / name).read_text())
    next(iter(bad["services"].values()))["no_such_key"] = True
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(bad))
    assert compose_schema(tmp_path / "bad.yaml").returncode != 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_compose_really_starts() -> None:
    if not docker_answers():
        pytest.skip("no Docker engine answers here: compose files are checked, not started")
    port = free_port()
    base = ["docker", "compose", "-p", f"mla-test-{port}", "-f", str(DEPLOY / "compose/compose.embedded.yaml")]
    started = run(*base, "up", "--build", "--detach", "--wait", env={"HTTP_PORT": str(port)})
    try:
        assert started.returncode == 0, started.stderr[-4000:]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as answer:
            assert answer.status == 200
        written = run(*base, "exec", "-T", "mla", "touch", "/opt/mla/x")
        assert written.returncode != 0, "the root file system must be read-only"
    finally:
        run(*base, "down", "--volumes")


def test_secrets_are_made_once_and_kept_where_nothing_is_published(tmp_path: Path) -> None:
    made = tmp_path / "secrets"
    script = str(DEPLOY / "compose/secrets.sh")
    assert run("sh", script, env={"SECRETS": str(made)}).returncode == 0
    first = {p.name: p.read_bytes() for p in made.iterdir()}
    assert run("sh", script, env={"SECRETS": str(made)}).returncode == 0
    assert {p.name: p.read_bytes() for p in made.iterdir()} == first
    verified = run("openssl", "verify", "-CAfile", "ca.pem", "kafka.pem", "redis.pem", "cassandra.pem", "web.pem", cwd=made)
    assert verified.returncode == 0, verified.stderr
    assert made.stat().st_mode & 0o077 == 0
    ignored = run("git", "check-ignore", ".mla-secrets/ca.key", cwd=ROOT)
    assert ignored.returncode == 0, "the folder of secrets would be committed"


CONFINED = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/data"
mount -o remount,ro,bind /
if touch /x 2> /dev/null; then echo "the root is writable"; exit 9; fi
export MLA_DATA="$1/data" TMPDIR="$1" PYTHONDONTWRITEBYTECODE=1
setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$0" -m mla up > "$1/log" 2>&1 &
ready=0
for try in $(seq 600); do
  if "$0" -m deploy.alive http; then ready=1; break; fi
  sleep 0.1
done
kill -TERM $!
wait $! || { cat "$1/log"; exit 8; }
test $ready = 1 || { cat "$1/log"; exit 7; }
"""


def test_the_platform_runs_on_a_read_only_root_without_capabilities() -> None:
    """What the container is promised, without a container: a mount name space of its own, nothing writable but one folder."""
    if os.geteuid() or run("unshare", "-m", "true").returncode:
        pytest.skip("needs a mount name space of its own, and so root")
    folder = next(f for f in ("/tmp", "/mnt", "/srv") if not str(ROOT).startswith(f))
    done = run("unshare", "-m", "sh", "-c", CONFINED, sys.executable, folder, cwd=ROOT, env={"MLA_HTTP": f"127.0.0.1:{free_port()}"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


# --- systemd ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with our interpreter in the place of /opt/mla."""
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/mla/bin/mla", sys.executable).replace("/opt/mla/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("unit", ["mla.service", "mla.target", "mla@dispatcher.service", "mla@collector.service", "mla-alive@hmi.timer"])
def test_units_are_good(unit: str, units: Path) -> None:
    analyze = debian("systemd-analyze", "systemd")
    name, at, rest = unit.partition("@")
    if at:
        shutil.copy(units / f"{name}@{rest[rest.rindex('.') :]}", units / unit)
    judged = run(analyze, "verify", "--man=no", str(units / unit), env={"SYSTEMD_UNIT_PATH": f"{units}:"})
    assert judged.returncode == 0, judged.stderr
    said = [line for line in judged.stderr.splitlines() if str(units) in line or "mla" in line]
    assert said == []


def test_a_misspelt_directive_is_noticed(units: Path) -> None:
    text = (units / "mla.service").read_text().replace("ProtectHome=", "ProtectHaus=")
    (units / "mla.service").write_text(text)
    judged = run(debian("systemd-analyze", "systemd"), "verify", "--man=no", str(units / "mla.service"))
    assert "ProtectHaus" in judged.stderr


@pytest.mark.parametrize("unit", ["mla.service", "mla@.service"])
def test_units_expose_little(unit: str, units: Path) -> None:
    judged = run(debian("systemd-analyze", "systemd"), "security", "--offline=true", "--threshold=20", str(units / unit))
    assert judged.returncode == 0, judged.stdout[-400:] + judged.stderr


@pytest.mark.parametrize(("instance", "service"), [("dispatcher", "dispatcher"), ("collector:2", "collector"), ("hmi", "hmi")])
def test_what_stands_after_the_colon_only_tells_instances_apart(instance: str, service: str) -> None:
    line = next(x for x in (DEPLOY / "systemd/mla@.service").read_text().splitlines() if x.startswith("ExecStart="))
    shell = line.removeprefix("ExecStart=").replace("$$", "$").replace("%%", "%").replace("%i", instance)
    said = run("sh", "-c", shell.replace("exec /opt/mla/bin/mla", "exec echo"))
    assert said.stdout.split() == ["--config", "/etc/mla/mla.toml", "run", service]


def test_the_command_line_of_a_host_takes_its_settings(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "lib/hmi").mkdir(parents=True)
    (tmp_path / "etc/environment").write_text("# comment\nMLA_BUS_URL=kafka://a@b:1?tls=1&ca=/x y\nPATH=/nowhere\n")
    text = (DEPLOY / "systemd/mla").read_text().replace("/etc/mla", str(tmp_path / "etc")).replace("/var/lib/mla", str(tmp_path / "lib"))
    text = text.replace("setpriv --reuid mla --regid mla --init-groups", "env")
    text = text.replace("/opt/mla/bin/mla --config", "sh -c 'echo \"$MLA_BUS_URL|$MLA_DATA|$@\"' --config").replace(
        "setpriv --reuid mla --regid mla --init-groups", "env"
    )
    said = run("sh", "-c", text, "mla", "status", "--json")
    assert said.stdout.strip() == f"kafka://a@b:1?tls=1&ca=/x y|{tmp_path}/lib/hmi|{tmp_path}/etc/mla.toml status --json", said.stderr


# --- Prometheus ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def promtool() -> str:
    return debian("promtool", "prometheus", "prometheus")


def test_rules_are_good_and_fire_when_they_should(promtool: str) -> None:
    for words in (("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")):
        judged = run(promtool, *words, cwd=DEPLOY / "prometheus")
        assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.compose.yml", "prometheus.kubernetes.yml"])
def test_scrape_configurations_are_good(name: str, promtool: str, tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus" / name).read_text()
    # Debian's promtool is built without the discovery of Kubernetes: what is done with its labels is checked all the same
    text = text.replace("kubernetes_sd_configs:\n      - role: endpoints", "static_configs:\n      - targets: [hmi:8800]")
    (tmp_path / name).write_text(text)
    (tmp_path / "targets").mkdir()
    shutil.copy(DEPLOY / "prometheus/rules.yml", tmp_path)
    judged = run(promtool, "check", "config", str(tmp_path / name))
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_dashboards_ask_in_good_promql(promtool: str, tmp_path: Path) -> None:
    rules = []
    for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                rules.append({"record": f"panel:{len(rules)}", "expr": target["expr"].replace("$job", ".*").replace("$hop", ".*")})
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    judged = run(promtool, "check", "rules", str(tmp_path / "panels.yml"))
    assert judged.returncode == 0, judged.stdout + judged.stderr


# --- Ansible ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_first_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the roles write on the first host of the example."""
    return rendered(tmp_path_factory.mktemp("host"), "inventory.example.yml", "one.example.org")


def test_the_playbook_can_be_read() -> None:
    assert "playbook: site.yml" in playbook("-i", "inventory.example.yml", "--syntax-check", "site.yml")


def test_the_playbook_writes_settings_that_the_platform_reads(of_first_host: Path) -> None:
    for name in ("ca.pem", "kafka_password", "redis_password", "cassandra_password"):
        (of_first_host / name).write_text("word")
    lines = (of_first_host / "environment").read_text().replace("/etc/mla", str(of_first_host)).splitlines()
    settings = load(of_first_host / "mla.toml", environment=dict(line.split("=", 1) for line in lines if line))
    assert kafka_place(settings.bus).client["bootstrap.servers"] == "one.example.org:9093,two.example.org:9093,three.example.org:9093"
    assert redis_place(settings.hot_url).shown == "rediss://one.example.org:6380"
    place = read_place(settings.cdb)
    assert [h for h, _ in place.hosts] == ["one.example.org", "two.example.org", "three.example.org"]
    assert place.replication == (("dc1", 3),)
    assert settings.metrics_open
    assert json.loads((of_first_host / "services.json").read_text()) == ["dispatcher", "monitor_manager", "hmi"]


def test_the_playbook_s_kafka_keeps_a_record_on_two_of_three_disks(of_first_host: Path) -> None:
    lines = (of_first_host / "server.properties").read_text().splitlines()
    kafka = dict(line.split("=", 1) for line in lines if line and line[0] != "#")
    assert kafka["controller.quorum.voters"] == "1@one.example.org:9095,2@two.example.org:9095,3@three.example.org:9095"
    assert (kafka["default.replication.factor"], kafka["min.insync.replicas"], kafka["node.id"]) == ("3", "2", "1")
    assert 'user_mla="kafka-word"' in kafka["listener.name.client.plain.sasl.jaas.config"]
    assert "PLAINTEXT" not in kafka["listener.security.protocol.map"]
    cassandra = yaml.safe_load((of_first_host / "cassandra.yaml").read_text())
    assert cassandra["server_encryption_options"]["internode_encryption"] == "all"


def test_the_playbook_s_prometheus_finds_the_hmi(of_first_host: Path) -> None:
    assert [t["targets"] for t in yaml.safe_load((of_first_host / "targets.yml").read_text())] == [["127.0.0.1:8800"]]


# --- liveness --------------------------------------------------------------------------------------------------------------------------


def test_a_running_platform_is_alive_and_a_host_that_is_not_there_is_not(demo: object, tmp_path: Path) -> None:
    data, http = demo.data, demo.http  # type: ignore[attr-defined]
    settings = {"MLA_DATA": str(data), "MLA_HTTP": http}
    assert run(sys.executable, "-m", "deploy.alive", "http", cwd=ROOT, env=settings).returncode == 0
    assert run(sys.executable, "-m", "deploy.alive", "http", cwd=ROOT, env={"MLA_HTTP": f"127.0.0.1:{free_port()}"}).returncode == 1
    heard = eventually(lambda: run(sys.executable, "-m", "deploy.alive", cwd=ROOT, env=settings), what="an answer")
    assert (heard.returncode, heard.stdout) == (0, "alive\n"), heard.stderr
    nobody = run(sys.executable, "-m", "deploy.alive", cwd=ROOT, env={"MLA_DATA": str(tmp_path)})
    assert nobody.returncode == 0, "a bus on which nobody is heard is no reason to restart"
    with_other_name = f"import socket; socket.gethostname = lambda: 'elsewhere'; import deploy.alive as a; raise SystemExit(a.main([]))"  # noqa: F541
    assert run(sys.executable, "-c", with_other_name, cwd=ROOT, env=settings).stdout == "nothing is heard of elsewhere\n"


def test_no_address_of_a_registry_stands_in_an_image_name() -> None:
    named = re.compile(r"image:\s*(\S+)")
    for path in (*(DEPLOY / "compose").glob("*.yaml"), DEPLOY / "helm/mla/values.yaml"):
        for image in named.findall(path.read_text()):
            assert "." not in image.partition("/")[0].partition(":")[0], f"{path.name}: {image}"
