"""Where a benchmark keeps its data: the embedded engines, or real ones started for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from deploy.engines import running


@dataclass(frozen=True, slots=True)
class Places:
    """URLs of the ports, and what to call them."""

    bus: str
    hot: str
    archive: str
    about: str


@contextmanager
def places(root: Path, engines: bool) -> Iterator[Places]:
    """Embedded engines under root; or Kafka, Redis and Cassandra on this host, running while the context lasts."""
    if not engines:
        yield Places(f"sqlite://{root}/bus", "memory://", f"sqlite://{root}/archive", "embedded engines in one process")
        return
    with ExitStack() as stack:
        kafka, redis, cassandra = (
            stack.enter_context(running(name, root / name, say=lambda text: click.echo(text, err=True)))
            for name in ("kafka", "redis", "cassandra")
        )
        yield Places(kafka, redis, cassandra, "Kafka, Redis and Cassandra on the same two cores, our side in one process")
