"""Where a benchmark keeps its data: the embedded engines, or real ones started for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import psutil

from deploy.engines import running, status

ENGINES = ("kafka", "redis", "cassandra")


@dataclass(frozen=True, slots=True)
class Places:
    """URLs of the ports, and what to call them."""

    bus: str
    hot: str
    archive: str
    about: str
    pids: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Processes of each engine; none where the engines are embedded."""

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each engine since it started."""
        return {name: sum(_cpu(p) for p in pids) for name, pids in self.pids.items()}


@contextmanager
def places(root: Path, engines: bool) -> Iterator[Places]:
    """Embedded engines under root; or Kafka, Redis and Cassandra on this host, running while the context lasts."""
    if not engines:
        yield Places(f"sqlite://{root}/bus", "memory://", f"sqlite://{root}/archive", "embedded engines")
        return
    with ExitStack() as stack:
        bus, hot, archive = (
            stack.enter_context(running(name, root / name, say=lambda text: click.echo(text, err=True))) for name in ENGINES
        )
        pids = {name: status([name], root / name)[0].pids for name in ENGINES}
        yield Places(bus, hot, archive, "Kafka, Redis and Cassandra on the same host", pids)


def _cpu(pid: int) -> float:
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)
