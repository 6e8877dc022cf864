"""The configuration database: typed YAML documents, every mistake reported at once, revisions, publish and roll back.

The format of the documents is described in docs/reference/configuration.md.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import unquote

from cdb.compiler import compile
from cdb.diff import PointsDiff, diff_documents, diff_points, unified
from cdb.editor import Editor
from cdb.examples import example, scaled
from cdb.folder import changed, read_folder, scan_folder, write_folder
from cdb.following import follow
from cdb.sqlite import open_sqlite
from kernel.clock import Clock
from kernel.config_store import ConfigStore
from kernel.errors import BadUsage

__all__ = [
    "SCHEMES",
    "Editor",
    "PointsDiff",
    "changed",
    "compile",
    "diff_documents",
    "diff_points",
    "example",
    "follow",
    "open_config",
    "read_folder",
    "scaled",
    "scan_folder",
    "unified",
    "write_folder",
]

SCHEMES = ("sqlite:///ABSOLUTE/FOLDER", "cassandra://HOST[:PORT]/KEYSPACE")


def open_config(url: str, *, clock: Clock) -> AbstractAsyncContextManager[ConfigStore]:
    """The config store at a URL, open for as long as the context lasts.

    Raises BadUsage for a URL that names no known kind of store, NotAvailable (on entering) where the store cannot be opened.
    """
    scheme, found, rest = url.partition("://")
    if found and scheme == "sqlite":
        return open_sqlite(_folder(url, rest), clock=clock)
    if found and scheme == "cassandra":
        from cdb.cassandra import open_cassandra
        from cql import read_place

        return open_cassandra(read_place(url), clock=clock)
    raise BadUsage(f"unknown configuration URL {url!r}: use one of {', '.join(SCHEMES)}")


def _folder(url: str, rest: str) -> Path:
    path = unquote(rest)
    if not path.startswith("/") or path == "/":
        raise BadUsage(f"configuration URL {url!r} names no absolute folder: write {SCHEMES[0]}, with three slashes")
    return Path(path)
