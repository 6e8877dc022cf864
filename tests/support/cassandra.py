"""Keyspaces for tests: made once per test run, emptied for each test, because making tables takes seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import RoundRobinPolicy
from cassandra.query import tuple_factory

from cql import read_place

_RUN = os.urandom(4).hex()
_made: dict[str, str] = {}
"""Keyspace to a URL of its cluster."""


@pytest.fixture(scope="session", autouse=True)
def keyspaces_go() -> Iterator[None]:
    """A server that was given keeps nothing of this run; one that was started for it goes as a whole."""
    yield
    if os.environ.get("MLA_TEST_CASSANDRA"):
        for keyspace, url in _made.items():
            with administrator(url) as session:
                session.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")


def own(url: str, name: str) -> str:
    """The same cluster with a keyspace of this test run's own."""
    host, _, _ = url.rpartition("/")
    keyspace = f"t_{name}_{_RUN}"
    _made[keyspace] = f"{host}/{keyspace}"
    return _made[keyspace]


@contextmanager
def administrator(url: str) -> Iterator[Session]:
    """Cassandra itself, to look at what is there; rows are tuples."""
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), row_factory=tuple_factory, request_timeout=60.0)
    profiles, hosts = {EXEC_PROFILE_DEFAULT: profile}, list(read_place(url).hosts)
    with Cluster(hosts, protocol_version=5, execution_profiles=profiles, connect_timeout=30, control_connection_timeout=30) as cluster:
        yield cluster.connect()


def emptied(url: str, name: str) -> str:
    """As own, with nothing in its tables; the versions of the schema stay."""
    mine = own(url, name)
    place = read_place(mine)
    with administrator(mine) as session:
        cluster = session.cluster
        keyspace = cluster.metadata.keyspaces.get(place.keyspace)
        names = [f"{place.keyspace}.{t}" for t in (keyspace.tables if keyspace else ()) if t != "mla_schema"]
        filled = [t for t in names if session.execute(f"SELECT * FROM {t} LIMIT 1").one()]
        for done in [session.execute_async(f"TRUNCATE {t}") for t in filled]:
            done.result()
    return mine
