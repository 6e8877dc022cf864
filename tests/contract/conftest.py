"""The real engines are at hand in every contract suite."""

from __future__ import annotations

from tests.support.cassandra import keyspaces_go
from tests.support.engines import cassandra_url, kafka_url, mqtt_url, redis_url, registry_url
