"""A running platform: `mla up` as a process of its own, and a small HTTP client for it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.clock import monotonic, pause
from mla.children import PARENT

ROOT = Path(__file__).resolve().parents[2]


_handed_out = itertools.count(os.getpid() * 97)
"""Below the range from which the system gives connections theirs, so that none takes a port before it is listened at; no two askers of a
test run get the same one."""


def free_port() -> int:
    """A port nobody listens on just now."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of a row of ports that nobody listens on just now."""
    row: list[int] = []
    for turn in _handed_out:
        port = 10_000 + turn % 22_000
        row = [*row, port] if _free(port) and (not row or port == row[-1] + 1) else []
        if len(row) == count:
            return row[0]
    raise AssertionError("counting does not end")


def _free(port: int) -> bool:
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def mla(*arguments: str, data: Path, env: Mapping[str, str] | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs one `mla` command to its end."""
    command = [sys.executable, "-m", "mla", "--data", str(data), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **(env or {})}, timeout=300)
    if check and done.returncode != 0:
        raise AssertionError(f"mla {' '.join(arguments)} ended with {done.returncode}: {done.stdout}\n{done.stderr}")
    return done


@dataclass(frozen=True, slots=True)
class Running:
    """A started `mla` process."""

    process: subprocess.Popen[bytes]
    data: Path
    http: str
    log: Path

    def said(self) -> str:
        """Everything it printed so far."""
        return self.log.read_text(errors="replace")

    def login(self, user: str = "operator") -> str:
        """A bearer token of one of the first accounts."""
        logins = dict(line.split(" ", 1) for line in (self.data / "first-login.txt").read_text().splitlines())
        status, body = self.post("/auth/login", {"user": user, "password": logins[user]})
        assert status == 200, (status, body)
        return str(body["token"])

    def post(self, path: str, body: Any, token: str = "") -> tuple[int, Any]:
        """Status and decoded JSON answer."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        request = urllib.request.Request(f"http://{self.http}{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def get(self, path: str, token: str = "") -> tuple[int, bytes]:
        """Status and body."""
        request = urllib.request.Request(f"http://{self.http}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def graphql(self, query: str, token: str, **variables: Any) -> dict[str, Any]:
        """The answer's data; fails on errors."""
        _, body = self.post("/graphql", {"query": query, "variables": variables}, token)
        assert "errors" not in body or not body["errors"], body["errors"]
        data: dict[str, Any] = body["data"]
        return data


@contextmanager
def running(data: Path, *arguments: str, env: Mapping[str, str] | None = None, wait: float = 180) -> Iterator[Running]:
    """`mla up …` on a free port, ready; stopped with SIGINT at the end, which must end it cleanly with exit code 0."""
    http = f"127.0.0.1:{free_port()}"
    data.mkdir(parents=True, exist_ok=True)
    log = data / "mla.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "mla", "up", "--data", str(data), "--http", http, *arguments],
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT,
            env={**os.environ, PARENT: str(os.getpid()), **(env or {})},  # so that it ends with a test run that was killed
        )  # fmt: skip
        up = Running(process, data, http, log)
        try:
            _await_ready(up, wait)
            yield up
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            code = process.wait(90)
    assert code in (0, -signal.SIGKILL), f"mla up ended with {code}:\n{up.said()[-4000:]}"


def _await_ready(up: Running, wait: float) -> None:
    end = monotonic() + wait
    while True:
        assert up.process.poll() is None, f"mla up ended with {up.process.returncode}:\n{up.said()[-4000:]}"
        try:
            if up.get("/readyz")[0] == 200:
                return
        except OSError:
            pass
        assert monotonic() < end, f"not ready within {wait:g} s:\n{up.said()[-4000:]}"
        pause(0.05)


def eventually(condition: Any, timeout: float = 120.0, what: str = "") -> Any:
    """The condition's first true answer; fails after timeout seconds. For tests without an event loop."""
    end = monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        assert monotonic() < end, f"not within {timeout:g} s: {what or condition}"
        pause(0.05)


def pids_of(parent: int) -> Sequence[int]:
    """Child processes of a process."""
    import psutil

    return [p.pid for p in psutil.Process(parent).children(recursive=True)]
