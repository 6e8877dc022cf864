"""What an archive holds besides samples: which points each source has delivered, what is covered, what was told. For copying all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from kernel.errors import BadUsage
from schemas.records import StateEvent


class Contents(Protocol):
    """As of the moment of opening. Its methods block: call them in worker threads, one at a time."""

    def points(self) -> Sequence[tuple[str, str]]:
        """Every (source, point) ever seen, by source, the names in the order of first sight."""
        ...

    def covered(self, source: str) -> Sequence[tuple[int, int]]:
        """The times in which a source reported every change, microseconds UTC, ascending."""
        ...

    def events(self, source: str) -> Iterator[StateEvent]:
        """Everything told about a source, refusals too."""
        ...

    def sources(self) -> Sequence[str]:
        """Every source that delivered points, by name."""
        ...


@asynccontextmanager
async def open_contents(url: str) -> AsyncIterator[Contents]:
    """The contents of the archive at a URL, which must exist. Raises BadUsage for an unknown scheme or where there is no archive."""
    scheme, _, rest = url.partition("://")
    if scheme == "cassandra":
        from archive.distributed.contents import open_distributed_contents
        from cql import read_place

        async with open_distributed_contents(read_place(url)) as distributed:
            yield distributed
    elif scheme == "sqlite":
        from archive.embedded.contents import open_embedded_contents

        async with open_embedded_contents(Path(rest)) as embedded:
            yield embedded
    else:
        raise BadUsage(f"archive URL {url!r}: unknown scheme {scheme!r}; known are sqlite://, cassandra://")
