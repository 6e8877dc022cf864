"""Tables made and changed by the program itself, also when several processes start at once.

A table of versions says how far each part's schema has come. One process at a time changes it: it holds a lease, got by a lightweight
transaction, that ends by itself. Tables get an id worked out from their name, so that even two nodes that make the same table at the same
moment make the same one.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from random import random
from typing import Any

from cql.link import Link
from kernel.clock import monotonic, pause
from kernel.errors import BadUsage, NotAvailable

LEASE = 60
"""Seconds after which a process that died while changing the schema is passed over."""
PATIENCE = 120.0
HASTE = "speculative_retry = 'MIN(99p,500ms)'"
"""Of every table: a node that waits for another's answer asks a third one after half a second at the latest. Left to itself it goes by how
long answers took lately, which is as long as its patience where the host is busy, and until it has learnt that a node is gone."""
_NAMES = uuid.UUID("6f1c1c0e-5a0b-4d2e-9a43-6d6c61000001")
_VERSIONS = "mla_schema"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a part's schema: statements that may be run again. `{id:NAME}` stands for the id of the table NAME, and for what we want
    of every table."""

    statements: tuple[str, ...]


def migrate(link: Link, part: str, steps: Sequence[Migration]) -> None:
    """Brings a part's tables to the last step. Blocks. Raises BadUsage where a newer release has been here."""
    if link.table(_VERSIONS) is None:
        columns = "(part text PRIMARY KEY, version int, owner uuid)"
        link.define(f"CREATE TABLE IF NOT EXISTS {_VERSIONS} {columns} WITH id = {_table_id(link, _VERSIONS)} AND {HASTE}")
    if _first_look(link, part, len(steps)) == len(steps):
        return
    me = uuid.uuid4()
    _take(link, part, me)
    try:
        for number in range(_version(link, part, len(steps)), len(steps)):
            for statement in steps[number].statements:
                link.define(_with_ids(link, statement))
            _settled(link, f"UPDATE {_VERSIONS} SET version = ? WHERE part = ? IF owner = ?", (number + 1, part, me))
    finally:
        _settled(link, f"UPDATE {_VERSIONS} SET owner = null WHERE part = ? IF owner = ?", (part, me))


def make(link: Link, part: str, table: str, statement: str) -> None:
    """Makes one further table, where it is not there. Blocks."""
    if link.table(table) is not None:
        return
    me = uuid.uuid4()
    _take(link, part, me)
    try:
        link.define(_with_ids(link, statement))
    finally:
        _settled(link, f"UPDATE {_VERSIONS} SET owner = null WHERE part = ? IF owner = ?", (part, me))


def _first_look(link: Link, part: str, known: int) -> int:
    """The version; a node that learns of the table of versions from another process may deny it for a moment."""
    end = monotonic() + 20.0
    while True:
        try:
            return _version(link, part, known)
        except (NotAvailable, BadUsage) as error:
            if monotonic() > end or not ("does not exist" in str(error) or isinstance(error, NotAvailable)):
                raise
        pause(0.2)


def _version(link: Link, part: str, known: int) -> int:
    rows = link.ask(f"SELECT version FROM {_VERSIONS} WHERE part = ?", (part,), serial=True)
    version = rows[0][0] or 0 if rows else 0
    if version > known:
        raise BadUsage(f"{link.place.shown}: its {part} tables are of a newer release (version {version}); update this one")
    return int(version)


def _take(link: Link, part: str, me: uuid.UUID) -> None:
    """Waits for the lease. A transaction that timed out may have been done all the same: then the row names this owner."""
    end = monotonic() + PATIENCE
    while True:
        row = _settled(link, f"UPDATE {_VERSIONS} USING TTL {LEASE} SET owner = ? WHERE part = ? IF owner = null", (me, part))
        if row[0] or me in row:
            return
        if monotonic() > end:
            raise NotAvailable(f"{link.place.shown}: another process has been changing the {part} tables for {PATIENCE:.0f} s; look at it")
        pause(0.1 + 0.3 * random())


def _settled(link: Link, text: str, values: tuple[object, ...], patience: float = 20.0) -> tuple[Any, ...]:
    """The answer of a lightweight transaction that may be repeated; tried again while it loses against others and times out."""
    end = monotonic() + patience
    while True:
        try:
            return tuple(link.ask(text, values)[0])
        except NotAvailable:
            if monotonic() > end:
                raise
        pause(0.1 + 0.3 * random())


def _table_id(link: Link, table: str) -> uuid.UUID:
    return uuid.uuid5(_NAMES, f"{link.place.keyspace}.{table}")


def _with_ids(link: Link, statement: str) -> str:
    while (at := statement.find("{id:")) >= 0:
        end = statement.index("}", at)
        statement = f"{statement[:at]}{_table_id(link, statement[at + 4 : end])} AND {HASTE}{statement[end + 1 :]}"
    return statement
