"""Who is alive: a writer holds a row that ends by itself, so that another takes over what a dead one left.

Only lightweight transactions touch it.

Durations are measured here by a clock that is never stepped. The nodes end rows by theirs, which may be stepped: a writer whose row is
gone is taken for dead only after it has been gone for as long as the writer itself may believe that it is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from cql import Link
from kernel.clock import monotonic

SECONDS = 15
"""A writer that does not renew its row for so long is taken for dead."""
RENEW = 4.0
LOW_STEP = 64
SURE = 11.0
"""Seconds after the beginning of a renewal up to which the row is certainly there."""
_JOIN = f"UPDATE archive_writers USING TTL {SECONDS} SET alive = ? WHERE k = 0 AND writer = ? IF alive = null"
_RENEW = f"UPDATE archive_writers USING TTL {SECONDS} SET alive = ? WHERE k = 0 AND writer = ? IF alive = ?"
_MARK = "INSERT INTO archive_writers (k, writer) VALUES (0, ?) IF NOT EXISTS"
_LEFT = "left"
_TAKE_LEFT = f"UPDATE archive_writers USING TTL {SECONDS} SET alive = ? WHERE k = 0 AND writer = ? IF alive = '{_LEFT}'"
_LEAVE = f"UPDATE archive_writers SET alive = '{_LEFT}' WHERE k = 0 AND writer = ? IF alive = ?"
_FORGET = "DELETE FROM archive_writers WHERE k = 0 AND writer = ? IF alive = ?"
_ALL = "SELECT writer, alive, low FROM archive_writers WHERE k = 0"
_LOW = "UPDATE archive_writers SET low = ? WHERE k = 0 AND writer = ? IF alive = ?"
_TAKE_NAMED = f"UPDATE archive_leases USING TTL {SECONDS} SET holder = ? WHERE name = ? IF holder = null"
_KEEP_NAMED = f"UPDATE archive_leases USING TTL {SECONDS} SET holder = ? WHERE name = ? IF holder = ?"
_DROP_NAMED = "UPDATE archive_leases SET holder = null WHERE name = ? IF holder = ?"


class WriterLease:
    """One writer's row. Blocks."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.writer = uuid.uuid4()
        self._sure_until = 0.0
        self._low = 0

    def join(self) -> None:
        """Appears among the writers."""
        begun = monotonic()
        self._link.ask(_MARK, (self.writer,))
        if self._link.ask(_JOIN, (self.writer.hex, self.writer))[0][0]:
            self._sure_until = begun + SURE

    def renew(self) -> bool:
        """Whether it still is one."""
        begun = monotonic()
        if self._link.ask(_RENEW, (self.writer.hex, self.writer, self.writer.hex))[0][0]:
            self._sure_until = begun + SURE
            return True
        self._sure_until = 0.0
        return False

    @property
    def sure(self) -> bool:
        """Whether nobody can have taken over up to now."""
        return monotonic() < self._sure_until

    def note_low(self, low: int) -> None:
        """Tells readers, now and then, from which part on the journal is to be read: they need not pass what was removed before."""
        if low >= self._low + LOW_STEP and self._link.ask(_LOW, (low, self.writer, self.writer.hex))[0][0]:
            self._low = low

    def leave(self, *, empty: bool) -> None:
        """Goes: others take over at once what is left; with `empty` there is nothing."""
        self._link.ask(_FORGET if empty else _LEAVE, (self.writer, self.writer.hex))


@dataclass(frozen=True, slots=True)
class Known:
    """A writer, as others see it."""

    writer: uuid.UUID
    alive: bool
    """It, or one who folds what it left, holds the row."""
    itself: bool
    """It holds the row."""
    left: bool
    """It said goodbye: it will append nothing more."""
    low: int
    """Its parts before this one are folded."""


def writers(link: Link) -> list[Known]:
    """Everyone with a journal. Blocks."""
    return [
        Known(writer, alive not in (None, _LEFT), alive == writer.hex, alive == _LEFT, low or 0) for writer, alive, low in link.ask(_ALL)
    ]


class Silence:
    """Since when writers have been without a row, as seen here."""

    def __init__(self) -> None:
        self._since: dict[uuid.UUID, float] = {}

    def gone(self, known: Sequence[Known], now: float) -> list[Known]:
        """Those that certainly append nothing more. now: seconds, never stepped."""
        self._since = {one.writer: self._since.get(one.writer, now) for one in known if not one.alive}
        return [one for one in known if one.left or now - self._since.get(one.writer, now) > SURE]


def take_over(link: Link, dead: Known, me: uuid.UUID) -> bool:
    """Whether the dead one's journal is now mine to fold, for SECONDS. Blocks."""
    return bool(link.ask(_TAKE_LEFT if dead.left else _JOIN, (me.hex, dead.writer))[0][0])


def keep_over(link: Link, dead: uuid.UUID, me: uuid.UUID) -> bool:
    """Prolongs it. Blocks."""
    return bool(link.ask(_RENEW, (me.hex, dead, me.hex))[0][0])


def bury(link: Link, dead: uuid.UUID, me: uuid.UUID) -> None:
    """Its journal is folded: the row goes. Blocks."""
    link.ask(_FORGET, (dead, me.hex))


class NamedLease:
    """Work that one process does at a time. Blocks."""

    def __init__(self, link: Link, name: str) -> None:
        self._link, self._name = link, name
        self._me = uuid.uuid4()
        self._asked = -RENEW

    def hold(self) -> bool:
        """Takes or prolongs it; whether it is held. Asks the cluster every few seconds only."""
        if monotonic() - self._asked < RENEW:
            return True
        begun = monotonic()
        kept = self._link.ask(_KEEP_NAMED, (self._me, self._name, self._me))[0][0]
        if kept or self._link.ask(_TAKE_NAMED, (self._me, self._name))[0][0]:
            self._asked = begun
            return True
        self._asked = -RENEW
        return False

    def drop(self) -> None:
        """Lets another one have it."""
        self._asked = -RENEW
        self._link.ask(_DROP_NAMED, (self._name, self._me))
