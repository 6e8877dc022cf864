"""What the playbook's roles write on a host, without the host: their templates rendered by Ansible itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.platform import ROOT
from tests.support.tools import run

ANSIBLE = ROOT / "deploy" / "ansible"
PASSWORDS = ("kafka", "redis", "cassandra", "cassandra_admin")
PLAY = """
- hosts: "{{ host }}"
  connection: local
  gather_facts: false
  vars_files:
    - "{{ ansible_folder }}/group_vars/all.yml"
    - "{{ ansible_folder }}/roles/mla/defaults/main.yml"
    - "{{ ansible_folder }}/roles/kafka/defaults/main.yml"
    - "{{ ansible_folder }}/roles/cassandra/defaults/main.yml"
    - "{{ ansible_folder }}/roles/redis/defaults/main.yml"
    - "{{ ansible_folder }}/roles/prometheus/defaults/main.yml"
  tasks:
    - ansible.builtin.template:
        src: "{{ ansible_folder }}/roles/{{ item | dirname }}/templates/{{ item | basename }}.j2"
        dest: "{{ out }}/{{ item | basename }}"
      loop:
        - mla/environment
        - mla/mla.toml
        - kafka/server.properties
        - kafka/kafka.service
        - cassandra/cassandra.yaml
        - cassandra/cassandra.service
        - redis/redis.conf
        - redis/users.acl
        - prometheus/targets.yml
    - ansible.builtin.copy: { content: "{{ mla_services | to_json }}", dest: "{{ out }}/services.json" }
"""


def playbook(*arguments: str) -> str:
    """Runs ansible-playbook in deploy/ansible; fails with what it said."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = run(program, *arguments, cwd=ANSIBLE, env={"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rendered(out: Path, inventory: str, host: str, more: Mapping[str, object] | None = None) -> Path:
    """The files of one host, in `out`; the passwords are `kafka-word` and the like."""
    files = out / "site"
    files.mkdir()
    for name in PASSWORDS:
        (files / f"{name}_password").write_text(f"{name}-word")
    (out / "play.yml").write_text(PLAY)
    given = {"host": host, "out": str(out), "ansible_folder": str(ANSIBLE), "site_files": str(files)}
    given["ansible_python_interpreter"] = sys.executable
    playbook("-i", inventory, str(out / "play.yml"), "-e", json.dumps({**given, **(more or {})}))
    return out
