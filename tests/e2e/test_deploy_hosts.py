"""The site on hosts: secrets for every host, a step of the playbook, Cassandra's first log-in; each run as it stands."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.ansible import ANSIBLE, playbook
from tests.support.platform import ROOT
from tests.support.tools import run

COMPOSE = ROOT / "deploy" / "compose"

CQLSH = """#!/bin/sh
# As a node whose cache of credentials knows the administrator's password of before for two log-ins more.
while [ $# -gt 0 ]; do [ "$1" != --credentials ] || word=$(sed -n 's/^password = //p' "$2"); shift; done
said=$(cat)
left=$(cat "$STATE/left" 2>/dev/null || echo none)
if [ "$word" = admin-word ]; then
  case $left in
    none) exit 1 ;;
    0) ;;
    *) echo $((left - 1)) > "$STATE/left"; exit 1 ;;
  esac
fi
case $said in
  *"ALTER ROLE cassandra"*) echo 2 > "$STATE/left" ;;
  *"CREATE ROLE"*) echo "$said" > "$STATE/made" ;;
esac
"""


def secrets(folder: Path, **more: str) -> None:
    done = run("sh", str(COMPOSE / "secrets.sh"), env={"SECRETS": str(folder), **more})
    assert done.returncode == 0, done.stderr


def shown(certificate: Path, *options: str) -> str:
    return run("openssl", "x509", "-in", str(certificate), "-noout", *options).stdout


def test_secrets_are_made_for_every_host_of_the_inventory(tmp_path: Path) -> None:
    secrets(tmp_path, HOSTS="one.example.org two.example.org")
    ours = tmp_path / "certificates"
    assert {f.name for f in ours.iterdir()} == {f"{h}.example.org.{k}" for h in ("one", "two") for k in ("pem", "key")}
    assert "DNS:two.example.org" in shown(ours / "two.example.org.pem", "-ext", "subjectAltName")
    assert "BEGIN PRIVATE KEY" in (ours / "one.example.org.key").read_text(), "PKCS#8, as Kafka and Cassandra read it"
    assert stat.S_IMODE((ours / "one.example.org.key").stat().st_mode) == 0o600
    assert run("openssl", "verify", "-CAfile", str(tmp_path / "ca.pem"), str(ours / "one.example.org.pem")).returncode == 0


def test_a_deleted_certificate_is_made_again_and_no_other(tmp_path: Path) -> None:
    secrets(tmp_path, HOSTS="one.example.org two.example.org")
    before = {f: f.read_text() for f in (tmp_path / "certificates").iterdir()}
    for kind in ("pem", "key"):
        (tmp_path / "certificates" / f"one.example.org.{kind}").unlink()
    secrets(tmp_path, HOSTS="one.example.org two.example.org", DAYS="10")
    changed = {f.name for f, text in before.items() if f.read_text() != text}
    assert changed == {"one.example.org.pem", "one.example.org.key"}


def test_cassandra_is_given_the_configuration_it_is_delivered_with(tmp_path: Path) -> None:
    """The folder is there already: made by a task before, for the user cassandra."""
    tasks = yaml.safe_load((ANSIBLE / "roles" / "cassandra" / "tasks" / "main.yml").read_text())
    [task] = [t for t in tasks if t["name"] == "Configuration as it is delivered"]
    delivered, target = tmp_path / "home" / "conf", tmp_path / "etc"
    (delivered / "triggers").mkdir(parents=True)
    target.mkdir()
    (delivered / "logback.xml").write_text("<configuration/>")
    (delivered / "cassandra.yaml").write_text("theirs")
    (target / "cassandra.yaml").write_text("ours")
    moved = yaml.safe_load(yaml.safe_dump(task).replace("/etc/cassandra", str(target)))
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [moved]}]))
    playbook(
        "-i", "localhost,", str(play), "-e", f"cassandra_home={tmp_path / 'home'}", "-e", f"ansible_python_interpreter={sys.executable}"
    )
    assert (target / "logback.xml").read_text() == "<configuration/>"
    assert (target / "triggers").is_dir()
    assert (target / "cassandra.yaml").read_text() == "ours"


@pytest.mark.timeout(60)
def test_the_first_log_in_outlasts_a_node_that_remembers_the_old_password(tmp_path: Path) -> None:
    program = tmp_path / "cqlsh"
    program.write_text(CQLSH)
    program.chmod(0o755)
    words = {"ADMIN_PASSWORD": "admin-word", "USER_PASSWORD": "user-word", "CA_FILE": "ca.pem"}
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = run("sh", str(COMPOSE / "engines" / "cassandra-init.sh"), "node", env={**words, "STATE": str(tmp_path), "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ALTER ROLE mla WITH PASSWORD = 'user-word'" in (tmp_path / "made").read_text()
