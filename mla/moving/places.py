"""Where an archive and a configuration are, as people name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kernel.errors import BadUsage


@dataclass(frozen=True, slots=True)
class Place:
    """Both URLs."""

    archive: str
    cdb: str


def read_places(urls: Sequence[str], option: str) -> Place:
    """Two URLs are archive and configuration. One is both: a Cassandra keyspace, or `sqlite:///DATA`, a data folder with
    `archive` and `cdb`. Raises BadUsage naming the option.
    """
    if not 1 <= len(urls) <= 2:
        raise BadUsage(f"{option} is given {len(urls)} times: once for both, or twice, the archive first and then the configuration")
    for url in urls:
        if not url.startswith(("sqlite:///", "cassandra://")) or url.rstrip("/") == "sqlite:":
            raise BadUsage(f"{option} {url!r}: write sqlite:///ABSOLUTE/FOLDER or cassandra://HOST[:PORT]/KEYSPACE")
    if len(urls) == 2:
        return Place(*urls)
    if urls[0].startswith("cassandra://"):
        return Place(urls[0], urls[0])
    base = urls[0].rstrip("/")
    return Place(f"{base}/archive", f"{base}/cdb")


def folder_of(url: str) -> Path | None:
    """The folder of an embedded store; None for an engine elsewhere."""
    return Path(url.removeprefix("sqlite://")) if url.startswith("sqlite:///") else None


def check_source(place: Place) -> None:
    """Raises BadUsage where a folder holds nothing: opening it would make an empty store."""
    for url, file in ((place.archive, "open.db"), (place.cdb, "revisions.sqlite")):
        folder = folder_of(url)
        if folder is not None and not (folder / file).exists():
            raise BadUsage(f"{folder} holds no {file}: name the folder of the archive, of the configuration, or the data folder of both")
