"""groups.db: how far each consumer group is, who reads for it, and which undecodable records were reported. Blocking.

A commit is not forced to the disk: it survives the death of any process, and one lost to a power failure makes records come again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from bus.leases import Member, gone, process_started
from bus.sqlite.files import File, transaction
from kernel.clock import monotonic
from kernel.errors import NotAvailable

SCHEMA = """
CREATE TABLE groups (topic TEXT, name TEXT, next INTEGER NOT NULL, evicted INTEGER NOT NULL DEFAULT 0, holder TEXT, reader INTEGER,
  PRIMARY KEY (topic, name)) WITHOUT ROWID;
CREATE TABLE members (id TEXT PRIMARY KEY, host TEXT, boot TEXT, space TEXT, pid INTEGER, started REAL, beat REAL) WITHOUT ROWID;
CREATE TABLE reported (topic TEXT, seq INTEGER, PRIMARY KEY (topic, seq)) WITHOUT ROWID;
"""
RELEASE = "UPDATE groups SET holder = NULL, reader = NULL WHERE holder = ? AND reader = ?"
ENTER = "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a group is in its topic."""

    topic: str
    group: str
    next: int
    """The first record not committed."""
    evicted: int
    """Records that left the topic before the group had read them."""


class Groups(File):
    """The file of one bus folder, seen as one member: a process that has the bus open."""

    def __init__(self, folder: Path, me: Member) -> None:
        super().__init__(folder / "groups.db", SCHEMA, "PRAGMA synchronous=NORMAL")
        self.me = me
        self._left: set[int] = set()
        """Readers that left while the file could not be written."""

    def enter(self) -> None:
        """Makes this member known, and forgets members that are gone."""
        with self.use() as db, transaction(db):
            now = monotonic()
            for member in _members(db):
                if self._gone(member, now):
                    db.execute("DELETE FROM members WHERE id = ?", (member.id,))
            db.execute(ENTER, astuple(replace(self.me, beat=now)))

    def beat(self) -> None:
        """A sign of life; makes this member known again where others took it for gone."""
        with self.use() as db:
            db.execute(ENTER, astuple(replace(self.me, beat=monotonic())))
            for reader in sorted(self._left):
                db.execute(RELEASE, (self.me.id, reader))
                self._left.discard(reader)

    def leave(self) -> None:
        """Gives up every lease of this member. Where the file cannot be written, the end of this process does the same."""
        with suppress(NotAvailable), self.use() as db, transaction(db):
            db.execute("UPDATE groups SET holder = NULL, reader = NULL WHERE holder = ?", (self.me.id,))
            db.execute("DELETE FROM members WHERE id = ?", (self.me.id,))

    def join(self, topic: str, group: str, first: int) -> None:
        """A group that is new starts at the record `first`."""
        with self.use() as db:
            db.execute("INSERT OR IGNORE INTO groups (topic, name, next) VALUES (?, ?, ?)", (topic, group, first))

    def claimable(self, topic: str, group: str) -> bool:
        """Whether nobody who is alive reads for the group."""
        with self.use() as db:
            return self._claimable(db, topic, group, None)

    def claim(self, topic: str, group: str, reader: int) -> Progress | None:
        """Takes the lease, and says where to go on; None while another holds it."""
        with self.use() as db:
            if not self._claimable(db, topic, group, reader):
                return None
            with transaction(db):
                if not self._claimable(db, topic, group, reader):
                    return None
                db.execute("UPDATE groups SET holder = ?, reader = ? WHERE topic = ? AND name = ?", (self.me.id, reader, topic, group))
                row = db.execute("SELECT next, evicted FROM groups WHERE topic = ? AND name = ?", (topic, group)).fetchone()
            return Progress(topic, group, *row)

    def commit(self, topic: str, group: str, reader: int, next: int, evicted: int) -> bool:
        """Everything before `next` is done, `evicted` more were never read; False where the lease was lost, and nothing is changed."""
        with self.use() as db:
            done = db.execute(
                "UPDATE groups SET next = ?, evicted = evicted + ? WHERE topic = ? AND name = ? AND holder = ? AND reader = ?",
                (next, evicted, topic, group, self.me.id, reader),
            )
            return done.rowcount == 1

    def release(self, reader: int) -> None:
        """Gives up what a reader holds; with the next sign of life, where the file cannot be written now."""
        self._left.add(reader)
        with suppress(NotAvailable), self.use() as db:
            db.execute(RELEASE, (self.me.id, reader))
            self._left.discard(reader)

    def progress(self) -> list[Progress]:
        """Every group of every topic."""
        with self.use() as db:
            return [Progress(*row) for row in db.execute("SELECT topic, name, next, evicted FROM groups ORDER BY topic, name")]

    def unreported(self, topic: str, seqs: Sequence[int]) -> set[int]:
        """Which of these undecodable records are not in `dead.letters` yet."""
        with self.use() as db:
            known = {s for (s,) in db.execute("SELECT seq FROM reported WHERE topic = ? AND seq >= ?", (topic, min(seqs)))}
            return set(seqs) - known

    def report(self, topic: str, seqs: Sequence[int], first: int) -> None:
        """They are in `dead.letters` now; what stood before `first` has left the topic and is forgotten."""
        with self.use() as db, transaction(db):
            db.executemany("INSERT OR IGNORE INTO reported VALUES (?, ?)", [(topic, s) for s in seqs])
            db.execute("DELETE FROM reported WHERE topic = ? AND seq < ?", (topic, first))

    def _claimable(self, db: sqlite3.Connection, topic: str, group: str, reader: int | None) -> bool:
        row = db.execute("SELECT holder, reader FROM groups WHERE topic = ? AND name = ?", (topic, group)).fetchone()
        if row is None or row[0] is None:
            return True
        if row[0] == self.me.id:
            return bool(row[1] == reader or row[1] in self._left)
        holder = next(iter(_members(db, row[0])), None)
        return holder is None or self._gone(holder, monotonic())

    def _gone(self, member: Member, now: float) -> bool:
        return gone(member, self.me, now, process_started(member.pid))


def _members(db: sqlite3.Connection, id: str | None = None) -> list[Member]:
    return [Member(*row) for row in db.execute("SELECT * FROM members WHERE ?1 IS NULL OR id = ?1", (id,)).fetchall()]
