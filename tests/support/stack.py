"""The distributed platform as a site runs it, for tests that break it: engines of its own, each service a process, a device that counts.

20 000 points a second go from the device through OPC-UA, collector, Kafka and dispatcher to Redis and Cassandra. A test breaks something,
waits until the values of the very second are seen and stored again, and asks the accounts (tests.support.accounts) whether what is stored
is what was sent.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import cdb
from deploy.engines import down, status, up
from kernel.clock import SECOND, SystemClock, monotonic, pause
from mla.modules import MODULES
from tests.support.device import device, documents
from tests.support.platform import eventually, free_ports, mla
from tests.support.services import Services, services

BANKS, POINTS = 4, 5000
"""Sources, and points of each, all at 1 Hz."""
NAMES: tuple[str, ...] = tuple(f"bank{b + 1}.count.c{i + 1:05d}" for b in range(BANKS) for i in range(POINTS))
PROBES: tuple[str, ...] = tuple(f"bank{b + 1}.count.c00001" for b in range(BANKS))
"""One point of each source."""
SERVICES: tuple[str, ...] = tuple(MODULES)
ENGINE_NAMES = ("kafka", "redis", "cassandra")
LAST = "query($p: [String!]!) { lastValues(points: $p) { columns } }"


@dataclass(slots=True)
class Stack:
    """Engines, services and device. Labels of services are their names."""

    folder: Path
    urls: Mapping[str, str]
    """Engine to URL."""
    nodes: Mapping[str, int]
    env: Mapping[str, str]
    """Settings of the services."""
    services: Services
    notes: Path
    """What the device sent; see tests.support.device."""
    settled: int
    """Microseconds UTC: what was sent before is accounted for, or was sent before all was up."""
    revived: list[str] = field(default_factory=list)
    """Services that ended by themselves and were started again, as a supervisor does."""
    _token: str = ""

    # --- engines -------------------------------------------------------------------------------------------------------------------

    def engine(self, name: str) -> list[psutil.Process]:
        """The living processes of an engine, node after node."""
        (found,) = status([name], self.folder / "engines")
        return [psutil.Process(pid) for pid in found.pids]

    def start_engine(self, name: str) -> None:
        """Starts those of its nodes that are gone, with the data and at the ports they had."""
        assert up([name], self.folder / "engines", nodes=self.nodes, tied=True)[name] == self.urls[name], f"{name} came back elsewhere"

    def kill_engine(self, name: str, node: int = 0) -> None:
        """As a crash: SIGKILL of one node."""
        process = self.engine(name)[node]
        process.kill()
        psutil.wait_procs([process], 10)

    def restart_engine(self, name: str) -> None:
        """As an administrator does: stopped cleanly, then started."""
        down([name], self.folder / "engines")
        self.start_engine(name)

    # --- services ------------------------------------------------------------------------------------------------------------------

    def pids(self, name: str) -> list[int]:
        """Of a service or an engine."""
        return [self.services.processes[name].pid] if name in self.services.processes else [p.pid for p in self.engine(name)]

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Services and engines that stand still while the context lasts, and then go on as if nothing had been."""
        pids = [pid for name in names for pid in self.pids(name)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def stop_service(self, label: str) -> None:
        """As a supervisor does: SIGTERM, and then it must end by itself."""
        process = self.services.processes.pop(label)
        process.terminate()
        code = process.wait(90)
        assert code == 0, f"{label} ended with {code}:\n{self.services.said(label)[-3000:]}"

    def move(self, labels: Sequence[str], enter: Sequence[str]) -> None:
        """Services go on elsewhere, after `enter`; what is sent meanwhile need not be accounted for."""
        for label in labels:
            self.stop_service(label)
            self.services.enter[label] = enter
            self.services.start(label)
        self.services.await_serving(labels)
        self.await_live()
        self.settled = _next_second()

    def revive(self) -> None:
        """Starts what ended by itself, as a supervisor does."""
        for label, process in list(self.services.processes.items()):
            if process.poll() is not None:
                self.revived.append(label)
                self.services.start(label)

    def spooled(self) -> int:
        """Bytes that wait on the collectors' disks."""
        return sum(f.stat().st_size for f in self.services.data.rglob("*.spool"))

    # --- what people see -----------------------------------------------------------------------------------------------------------

    def last_values(self, points: Sequence[str] = PROBES) -> dict[str, int]:
        """Point to the source time of its last value, as the HMI's API gives it; empty while it does not answer."""
        try:
            api = self.services.api()
            self._token = self._token or api.login()
            times = api.graphql(LAST, self._token, p=list(points))["lastValues"]["columns"]["t"]
        except (OSError, AssertionError, KeyError):
            self._token = ""
            return {}
        return {p: t for p, t in zip(points, times, strict=True) if t is not None}

    def live_since(self, moment: int, points: Sequence[str] = PROBES) -> bool:
        """Whether every point has a last value of that moment or later."""
        found = self.last_values(points)
        return len(found) == len(points) and min(found.values()) >= moment

    def await_live(self, moment: int | None = None, timeout: float = 300) -> float:
        """Seconds until every source's values of the present (or of the given moment) are seen in the HMI."""
        begun, wanted = monotonic(), SystemClock().now() if moment is None else moment
        self.wait(lambda: self.live_since(wanted), timeout, "values of every source")
        return monotonic() - begun

    def status(self) -> dict[str, Any]:
        """As `mla status --json`."""
        found: dict[str, Any] = json.loads(mla("status", "--json", data=self.services.data, env=self.services.env).stdout)
        return found

    def wait(self, condition: Callable[[], object], timeout: float, what: str) -> None:
        """Until the condition holds; services that end meanwhile are started again."""

        def met() -> object:
            self.revive()
            return condition()

        try:
            eventually(met, timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None

    def said(self) -> str:
        """The end of what every service and engine printed."""
        logs = [*sorted(self.services.data.glob("*.log")), *sorted((self.folder / "engines").glob("*/node*/log.txt"))]
        return "\n".join(f"--- {f.relative_to(self.folder)}\n{f.read_text(errors='replace')[-1200:]}" for f in logs)


@contextmanager
def stack(
    folder: Path, *, nodes: Mapping[str, int] | None = None, labels: Sequence[str] = SERVICES, bus: str = "", enter: Sequence[str] = ()
) -> Iterator[Stack]:
    """The whole platform, started, every point seen. `nodes`: processes of an engine. `bus`: further options of the bus URL. `enter`:
    what stands before the services' commands."""
    counts = nodes or {}
    engines = folder / "engines"
    with ExitStack() as exits:
        exits.callback(down, ENGINE_NAMES, engines, at_once=True)
        urls = up(ENGINE_NAMES, engines, nodes=counts, tied=True)
        env = {
            "MLA_BUS_URL": f"{urls['kafka']}?partitions=4{bus}",
            "MLA_HOT_URL": urls["redis"],
            "MLA_ARCHIVE_URL": urls["cassandra"],
            "MLA_CDB_URL": urls["cassandra"],
            "MLA_REGISTRY_URL": "",
        }
        data, notes, port = folder / "data", folder / "sent", free_ports(BANKS)
        cdb.write_folder(folder / "site", documents(port, BANKS, POINTS))
        mla("cdb", "import", str(folder / "site"), "-m", "a device that counts", data=data, env=env)
        exits.enter_context(device(port, BANKS, POINTS, notes))
        running = exits.enter_context(services(data, env, labels, patience=400, enter=enter))
        made = Stack(folder, urls, counts, env, running, notes, SystemClock().now())
        made.await_live(timeout=400)
        made.settled = _next_second()
        yield made
        for label in [n for n, p in running.processes.items() if p.poll() is not None]:
            del running.processes[label]


def _next_second() -> int:
    """The next but one full second, microseconds UTC."""
    return (SystemClock().now() // SECOND + 2) * SECOND


def sleep_until(moment: int) -> None:
    """Blocks until a moment, microseconds UTC."""
    while (left := moment - SystemClock().now()) > 0:
        pause(min(1.0, left / SECOND))
