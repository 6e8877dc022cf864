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
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psutil

from kernel.clock import SECOND, SystemClock

SILENT: Final = 20.0
"""Seconds after which a process counts as hanging: the heartbeat comes every second."""
PATIENCE: Final = 15.0
YOUNG: Final = 60.0
"""Seconds in which a process may start."""


def verdict(report: Mapping[str, Any], host: str, pid: int | None = None) -> str:
    """What is wrong with this host's instances (or that of one process) in an answer of `mla status --json`; empty: nothing."""
    beats = [i for s in report["services"] for i in s["instances"]]
    if not beats or min(i["silent_s"] for i in beats) > SILENT:
        return ""  # nobody is heard: the bus or our way to it is ill, not this process
    who = host if pid is None else f"{host}:{pid}"
    places = [(i["instance"].rpartition("@")[2], i["silent_s"]) for i in beats]
    mine = [silent for place, silent in places if who in (place, place.rpartition(":")[0])]
    if not mine:
        return f"nothing is heard of {who}"
    return f"{who} has been silent for {min(mine):.0f} s" if min(mine) > SILENT else ""


def young(pid: int) -> bool:
    """Whether a process began so recently that it need not be heard yet, or is gone."""
    try:
        return SystemClock().now() / SECOND - psutil.Process(pid).create_time() < YOUNG
    except psutil.NoSuchProcess:
        return True


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


def main(arguments: Sequence[str]) -> int:
    """`http` asks the HMI; a process id asks the bus what it heard of that process, nothing at all what it heard of this host."""
    if list(arguments) == ["http"]:
        return 0 if answers(os.environ.get("MLA_HTTP", "127.0.0.1:8800")) else 1
    pid = int(arguments[0]) if arguments else None
    if pid is not None and young(pid):
        return 0
    try:
        told = subprocess.run([sys.executable, "-m", "mla", "status", "--json"], check=False, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return 0
    wrong = verdict(json.loads(told.stdout), socket.gethostname(), pid) if told.returncode == 0 else ""
    sys.stdout.write(f"{wrong or 'alive'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
