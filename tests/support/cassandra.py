"""Keyspaces for tests: made once per test run, emptied for each test, because making tables takes seconds."""

from __future__ import annotations

import os

from cassandra.cluster import Cluster

from cql import read_place

_RUN = os.urandom(4).hex()


def own(url: str, name: str) -> str:
    """The same cluster with a keyspace of this test run's own."""
    host, _, _ = url.rpartition("/")
    return f"{host}/t_{name}_{_RUN}"


def emptied(url: str, name: str) -> str:
    """As own, with nothing in its tables; the versions of the schema stay."""
    mine = own(url, name)
    place = read_place(mine)
    with Cluster(list(place.hosts), protocol_version=5) as cluster:
        session = cluster.connect()
        keyspace = cluster.metadata.keyspaces.get(place.keyspace)
        for table in keyspace.tables if keyspace else ():
            if table != "mla_schema":
                session.execute(f"TRUNCATE {place.keyspace}.{table}", timeout=60.0)
    return mine
