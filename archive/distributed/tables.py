"""The tables of the archive in a keyspace.

Partitions: a journal part is closed at 4 MB; a fold of one part is one partition of slabs; a chunk table's partition is a point's bucket,
whose length is chosen for 4 MB (see buckets.py) and written down in archive_buckets before anything is put into it.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from cql import Link, Migration
from cql.schema import make
from kernel.array import ArchiveClass
from kernel.clock import DAY, SECOND

SHELF = 4096
"""Series ids in one partition of their names."""
BUCKET_SHELF = 256
FOREVER = 1 << 62
"""Timestamp of deletions under keys that are never used again: nothing of what a stepped clock has written under them survives."""
_SHORT = "gc_grace_seconds = 10800"
"""What is deleted here and comes back from a node that was away is recognised by the root, so tombstones may go soon."""
SCHEMA = (
    Migration(
        (
            "CREATE TABLE IF NOT EXISTS archive_counters (name text PRIMARY KEY, value int) WITH id = {id:archive_counters}",
            "CREATE TABLE IF NOT EXISTS archive_series (shelf int, id int, name text, source text, PRIMARY KEY (shelf, id))"
            " WITH id = {id:archive_series}",
            "CREATE TABLE IF NOT EXISTS archive_writers (k int, writer uuid, alive text, low int, PRIMARY KEY (k, writer))"
            f" WITH id = {{id:archive_writers}} AND {_SHORT}",
            f"CREATE TABLE IF NOT EXISTS archive_leases (name text PRIMARY KEY, holder uuid) WITH id = {{id:archive_leases}} AND {_SHORT}",
            "CREATE TABLE IF NOT EXISTS archive_parts (writer uuid, part int, source text, attempt uuid, PRIMARY KEY (writer, part))"
            f" WITH id = {{id:archive_parts}} AND {_SHORT}",
            "CREATE TABLE IF NOT EXISTS archive_journal (writer uuid, part int, row int, piece int, pieces int, stored bigint,"
            " epoch bigint, seq bigint, n int, size int, first bigint, last bigint, names blob, at int, data blob,"
            f" PRIMARY KEY ((writer, part), row, piece)) WITH id = {{id:archive_journal}} AND {_SHORT}",
            "CREATE TABLE IF NOT EXISTS archive_names (hash blob PRIMARY KEY, data blob) WITH id = {id:archive_names}",
            "CREATE TABLE IF NOT EXISTS archive_slabs (base uuid, section int, low int, data blob, PRIMARY KEY (base, section, low))"
            f" WITH id = {{id:archive_slabs}} AND {_SHORT}",
            "CREATE TABLE IF NOT EXISTS archive_roots (source text PRIMARY KEY, version bigint, data blob) WITH id = {id:archive_roots}",
            "CREATE TABLE IF NOT EXISTS archive_totals (k int, source text, data blob, PRIMARY KEY (k, source))"
            " WITH id = {id:archive_totals}",
            "CREATE TABLE IF NOT EXISTS archive_buckets (shelf int, id int, class text, start bigint, length bigint,"
            " PRIMARY KEY (shelf, id, class, start)) WITH id = {id:archive_buckets}",
            "CREATE TABLE IF NOT EXISTS archive_event_months (source text, refused boolean, month int,"
            " PRIMARY KEY ((source, refused), month)) WITH id = {id:archive_event_months}",
            "CREATE TABLE IF NOT EXISTS archive_events (source text, refused boolean, month int, start bigint, key blob, kind text,"
            " cause text, end bigint, time bigint, points text, count bigint, detail text,"
            " PRIMARY KEY ((source, refused, month), start, key)) WITH id = {id:archive_events}",
            "CREATE TABLE IF NOT EXISTS archive_ledger (source text, day int, last bigint, base uuid, first bigint, data blob, stored blob,"
            " PRIMARY KEY ((source, day), last, base)) WITH id = {id:archive_ledger}",
        )
    ),
)


def chunk_table(archive_class: str) -> str:
    """The table of a class: its name where that can be one, else with a hash."""
    if re.fullmatch(r"[a-z0-9_]{1,30}", archive_class):
        return f"archive_chunks_{archive_class}"
    plain = re.sub(r"[^a-z0-9]", "_", archive_class.lower())[:20]
    return f"archive_chunks_{plain}_{blake2b(archive_class.encode(), digest_size=4).hexdigest()}"


def ensure_class(link: Link, found: ArchiveClass) -> None:
    """Makes the table of a class, or brings its time to live up to the configuration. Blocks.

    A class that is kept for ever has windows of 30 days; else about 30 windows share its retention, so that whole files expire.
    """
    table = chunk_table(found.name)
    seconds = 0 if found.retention is None else round(found.retention) + DAY // SECOND
    days = 30 if found.retention is None else max(1, round(found.retention / 86_400 / 30))
    known = link.table(table)
    if known is None:
        make(
            link,
            "archive",
            table,
            f"CREATE TABLE IF NOT EXISTS {table} (id int, bucket bigint, window bigint, chunk bigint, kind tinyint, piece int,"
            " first bigint, last bigint, n int, made bigint, data blob,"
            " PRIMARY KEY ((id, bucket), window, chunk, kind, piece)) WITH id = {id:" + table + "} AND compaction ="
            f" {{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', 'compaction_window_size': {days}}}"
            f" AND default_time_to_live = {seconds} AND compression = {{'enabled': false}}",
        )
    elif int(known.options.get("default_time_to_live", 0)) != seconds:
        link.define(f"ALTER TABLE {table} WITH default_time_to_live = {seconds}")
