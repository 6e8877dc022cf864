"""`python -m deploy.alive`: is the platform's process in this container alive? Exit code 0: yes, or nobody can tell; 1: no.

A process that ends is restarted without any question asked. This one finds those that hang: they fall silent on the bus while others are
heard there. A bus that does not answer is no reason to restart anybody: collectors go on into their spools.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

SILENT: Final = 20.0
"""Seconds after which a process counts as hanging: the heartbeat comes every second."""
PATIENCE: Final = 15.0


def verdict(report: Mapping[str, Any], host: str) -> str:
    """What is wrong with this host's instances in an answer of `mla status --json`; empty: nothing."""
    beats = [i for s in report["services"] for i in s["instances"]]
    mine = [i for i in beats if i["instance"].rpartition("@")[2].rpartition(":")[0] == host]
    if not beats or min(i["silent_s"] for i in beats) > SILENT:
        return ""  # nobody is heard: the bus or our way to it is ill, not this process
    if not mine:
        return f"nothing is heard of {host}"
    newest = min(i["silent_s"] for i in mine)
    return f"{host} has been silent for {newest:.0f} s" if newest > SILENT else ""


def answers(address: str) -> bool:
    """Whether the HMI at HOST:PORT says that it lives."""
    host, _, port = address.rpartition(":")
    name = host.strip("[]")
    link = http.client.HTTPConnection("127.0.0.1" if name in ("", "0.0.0.0", "::") else name, int(port), timeout=PATIENCE)
    try:
        link.request("GET", "/healthz")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()


def main() -> int:
    """With the argument `hmi` asks the HMI; without, asks the bus what it heard of this host."""
    if sys.argv[1:] == ["hmi"]:
        return 0 if answers(os.environ.get("MLA_HTTP", "127.0.0.1:8800")) else 1
    try:
        told = subprocess.run([sys.executable, "-m", "mla", "status", "--json"], capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return 0
    wrong = verdict(json.loads(told.stdout), socket.gethostname()) if told.returncode == 0 else ""
    sys.stdout.write(f"{wrong or 'alive'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
