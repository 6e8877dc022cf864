"""What the rooms that keep their data in Apache Cassandra share: the URL, the connection, the schema.

The only place that imports the client library.
"""

from __future__ import annotations

from cql.link import Link, open_link
from cql.page import Page
from cql.place import FORM, Place, read_place
from cql.schema import Migration, migrate

__all__ = ["FORM", "Link", "Migration", "Page", "Place", "migrate", "open_link", "read_place"]
