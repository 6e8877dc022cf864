"""Data at rest: samples and explained gaps, for years."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from archive.embedded.adapter import open_embedded
from kernel.archive import Archive
from kernel.clock import Clock
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig

SCHEMES = ("sqlite", "cassandra")


def open_archive(url: str, *, clock: Clock, config: LiveConfig, read_only: bool = False) -> AbstractAsyncContextManager[Archive]:
    """The archive at a URL: `sqlite:///absolute/path` is the embedded one, in a directory that is made if it is not there.

    One process stores; others open with read_only=True and read while it does. `cassandra://host[:port]/keyspace` is the distributed one:
    there, many may store. Raises BadUsage for an unknown scheme.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "cassandra":
        from archive.distributed.adapter import open_distributed
        from cql import read_place

        return open_distributed(read_place(url), clock, config, read_only=read_only)
    if scheme != "sqlite":
        raise BadUsage(f"archive URL {url!r}: unknown scheme {scheme!r}; known are {', '.join(s + '://' for s in SCHEMES)}")
    if not rest.startswith("/") or rest == "/":
        raise BadUsage(f"archive URL {url!r}: give an absolute directory, as in sqlite:///var/lib/mla/archive")
    return open_embedded(Path(rest), clock, config, read_only=read_only)
