"""Each service as a process of its own, `mla run NAME`, on given engines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kernel.clock import monotonic, pause
from mla.children import PARENT
from tests.support.platform import ROOT, Running, free_port

SERVICES = ("collector", "dispatcher", "hmi", "monitor_manager")


@dataclass(slots=True)
class Services:
    """Service processes by name; more than one of a name is `name`, `name 2` ..."""

    data: Path
    env: Mapping[str, str]
    http: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    """How often each was started."""
    enter: dict[str, Sequence[str]] = field(default_factory=dict)
    """What stands before the command of some: where they run."""

    def start(self, label: str) -> None:
        """Starts `mla run NAME`; the label's first word is the name. What an earlier one of the label said is kept beside its log."""
        self.starts[label] = self.starts.get(label, 0) + 1
        file = self.data / f"{label}.log"
        if file.exists():
            file.rename(self.data / f"{label}.{self.starts[label] - 1}.log")
        log = file.open("ab")
        command = [*self.enter.get(label, ()), sys.executable, "-m", "mla", "--data", str(self.data), "run", label.split()[0]]
        env = {**os.environ, **self.env, PARENT: str(os.getpid())}
        self.processes[label] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=ROOT, env=env)
        log.close()

    def kill(self, label: str) -> None:
        """As a crash: SIGKILL."""
        process = self.processes.pop(label)
        process.kill()
        process.wait()

    def said(self, label: str) -> str:
        """What it printed."""
        return (self.data / f"{label}.log").read_text(errors="replace")

    def await_serving(self, labels: Sequence[str], timeout: float = 240) -> None:
        """Until each of them says that it serves."""
        end = monotonic() + timeout
        while not all("serving: " in self.said(label) for label in labels):
            for label in labels:
                code = self.processes[label].poll()
                assert code is None, f"{label} ended with {code}:\n{self.said(label)[-3000:]}"
            assert monotonic() < end, "\n".join(f"{label}:\n{self.said(label)[-1500:]}" for label in labels)
            pause(0.1)

    def api(self) -> Running:
        """The HMI process, as a platform to ask."""
        return Running(self.processes["hmi"], self.data, self.http, self.data / "hmi.log")


@contextmanager
def services(
    data: Path, env: Mapping[str, str], labels: Sequence[str] = SERVICES, *, patience: float = 240, enter: Sequence[str] = ()
) -> Iterator[Services]:
    """The named services, started at the same moment, serving; each ends cleanly with SIGINT. `enter` stands before each one's command."""
    data.mkdir(parents=True, exist_ok=True)
    http = f"127.0.0.1:{free_port()}"
    running = Services(data, {**env, "MLA_HTTP": http}, http, enter=dict.fromkeys(labels, enter))
    with ExitStack() as stack:
        stack.callback(_stop, running)
        for label in labels:
            running.start(label)
        running.await_serving(labels, patience)
        yield running


def _stop(running: Services) -> None:
    codes = {}
    for process in running.processes.values():
        process.send_signal(signal.SIGINT)
    for label, process in running.processes.items():
        try:
            codes[label] = process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            codes[label] = process.wait()
    bad = {label: code for label, code in codes.items() if code}
    assert not bad, f"{bad}\n" + "\n".join(running.said(label)[-3000:] for label in bad)
