"""Data in motion: durable, ordered topics. The URL picks the adapter."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import unquote

from bus.retention import KEEP, Retention
from bus.sqlite.bus import open_sqlite
from kernel.bus import Bus
from kernel.clock import Clock
from kernel.errors import BadUsage

__all__ = ["KEEP", "SCHEMES", "Retention", "open_bus"]

SCHEMES = ("sqlite:///ABSOLUTE/FOLDER", "kafka://HOST:PORT")


def open_bus(
    url: str, *, clock: Clock, retention: Mapping[str, Retention] | None = None, registry: str = ""
) -> AbstractAsyncContextManager[Bus]:
    """The bus at a URL, open for as long as the context lasts. `retention` overrides bus.retention.DEFAULTS topic by topic.

    `registry`: the URL of a schema registry, for Kafka; records then travel in the Confluent wire format.

    Raises BadUsage for a URL that names no known kind of bus, NotAvailable (on entering) where the bus cannot be opened.
    """
    scheme, found, rest = url.partition("://")
    if registry and scheme != "kafka":
        raise BadUsage(f"a schema registry is for Kafka: with the bus {url!r} leave registry_url empty")
    if found and scheme == "sqlite":
        return open_sqlite(_folder(url, rest), clock=clock, retention=retention or {})
    if found and scheme == "kafka":
        from bus.kafka.bus import open_kafka
        from bus.kafka.place import kafka_place
        from bus.kafka.registry import registry_place

        schemas = registry_place(registry) if registry else None
        return open_kafka(kafka_place(url), clock=clock, retention=retention or {}, registry=schemas)
    raise BadUsage(f"unknown bus URL {url!r}: use one of {', '.join(SCHEMES)}")


def _folder(url: str, rest: str) -> Path:
    path = unquote(rest)
    if not path.startswith("/") or path == "/":
        raise BadUsage(f"bus URL {url!r} names no absolute folder: write {SCHEMES[0]}, with three slashes")
    return Path(path)
