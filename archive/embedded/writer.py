"""The one writer: appends batches to the journal, durably, and folds the head into slabs of the open tier."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from archive.classes import ClassBook
from archive.embedded.head import Part
from archive.embedded.state import State
from archive.embedded.store import connect, transaction, translated
from archive.fold import Folded, fold_source
from archive.intake import Checked, check
from archive.ledger import pack_batches
from archive.wire import names_span
from kernel.archive import AppendReport
from kernel.batches import size
from kernel.errors import NotAvailable
from kernel.live_config import LiveConfig
from schemas.codec import codec
from schemas.records import PointBatch, StateEvent, StateKind

RESERVE = 64 << 20
"""Bytes (or 2 % of a small disk) that appends leave free, so that folding, sealing and retention can go on and make room."""
FEW_NAMES = 16
"""So few names are not worth a list of their own."""


@dataclass(slots=True)
class _Plan:
    """What one append will do, worked out before anything is written."""

    checked: list[Checked] = field(default_factory=list)
    duplicate: int = 0
    offered: int = 0
    points: list[tuple[int, str]] = field(default_factory=list)
    sources: list[tuple[int, str]] = field(default_factory=list)
    origins: list[tuple[int, int]] = field(default_factory=list)
    planned: set[tuple[int, int]] = field(default_factory=set)
    seen: set[tuple[str, int, int]] = field(default_factory=set)
    lists: dict[int, int] = field(default_factory=dict)
    new_lists: list[tuple[tuple[str, ...], int, bytes]] = field(default_factory=list)


class Writer:
    """Synchronous; call it from worker threads. `lock` is held while open.db is written."""

    def __init__(self, directory: Path, config: LiveConfig) -> None:
        self.directory = directory
        self.lock = threading.Lock()
        self.state = State()
        self.classes = ClassBook(self.state.names, config)
        self.db = connect(directory)
        try:
            with translated(directory), transaction(self.db, "DEFERRED"):
                self.state.sync(self.db)
        except BaseException:
            self.db.close()
            raise

    def close(self) -> None:
        """Folds nothing: the journal is replayed at the next start."""
        self.db.close()

    def append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent], now: int) -> AppendReport:
        """Durable when it returns; all or nothing."""
        with self.lock, translated(self.directory):
            self._check_room()
            plan = self._plan(batches, now)
            rows = self._commit(plan, events, now)
            return self._publish(plan, rows, now)

    def _check_room(self) -> None:
        usage = shutil.disk_usage(self.directory)
        if usage.free < min(RESERVE, usage.total // 50):
            raise NotAvailable(f"the archive in {self.directory} has no room ({usage.free >> 20} MB are free): make room on the disk")

    def _plan(self, batches: Sequence[PointBatch], now: int) -> _Plan:
        plan = _Plan()
        new_points: dict[str, int] = {}
        new_sources: dict[str, int] = {}
        for batch in batches:
            count = size(batch)
            plan.offered += count
            key = (batch.source, batch.epoch, batch.seq)
            if key in self.state.marks or key in plan.seen:
                plan.duplicate += count
                continue
            plan.seen.add(key)
            checked = check(batch, now)
            plan.checked.append(checked)
            self._plan_names(plan, checked.batch, new_points, new_sources)
        return plan

    def _plan_names(self, plan: _Plan, batch: PointBatch, new_points: dict[str, int], new_sources: dict[str, int]) -> None:
        names = self.state.names
        source = names.sources.get(batch.source) or new_sources.get(batch.source)
        if source is None:
            source = new_sources[batch.source] = len(names.source_names) + len(new_sources)
            plan.sources.append((source, batch.source))
        if names.ids(batch.source, batch.names) is not None:
            return
        for name in batch.names:
            point = names.points.get(name) or new_points.get(name)
            if point is None:
                point = new_points[name] = len(names.names) + len(new_points)
                plan.points.append((point, name))
            if source not in names.origins.get(point, ()) and (point, source) not in plan.planned:
                plan.planned.add((point, source))
                plan.origins.append((point, source))

    def _commit(self, plan: _Plan, events: Sequence[StateEvent], now: int) -> list[int]:
        refusals = [event for checked in plan.checked for event in checked.events]
        with transaction(self.db):
            self.db.executemany("INSERT INTO point VALUES (?, ?)", plan.points)
            self.db.executemany("INSERT INTO source VALUES (?, ?)", plan.sources)
            first = self.state.names.last_origin + 1
            self.db.executemany("INSERT INTO origin VALUES (?, ?, ?)", [(first + i, p, s) for i, (p, s) in enumerate(plan.origins)])
            self.db.executemany(
                "INSERT OR IGNORE INTO event (source, kind, cause, start, end, time, points, count, detail) VALUES (?,?,?,?,?,?,?,?,?)",
                [_event_row(e) for e in (*events, *refusals)],
            )
            self.db.executemany(_FORGET_OPEN, [_open_key(e) for e in events if e.kind is StateKind.GAP and e.end is not None])
            rows = []
            for checked in plan.checked:
                row = (now, *self._written(checked.batch, plan))
                rows.append(self.db.execute("INSERT INTO journal (stored, names, at, data) VALUES (?, ?, ?, ?)", row).lastrowid or 0)
            return rows

    def _written(self, batch: PointBatch, plan: _Plan) -> tuple[int | None, int | None, bytes]:
        """A batch for the journal; its names only where it has not had them before. Names seen a second time get a list of their own."""
        wire = codec(PointBatch).encode(batch)
        names = self.state.names
        if len(batch.names) < FEW_NAMES or names.ids(batch.source, batch.names) is None:
            return None, None, wire
        number = names.number(batch.names)
        if number is not None and (at := wire.find(names.lists[number])) >= 0:  # wherever the very bytes stand, they can be put back
            return number, at, wire[:at] + wire[at + len(names.lists[number]) :]
        span = names_span(wire)
        if span is None:
            return None, None, wire
        a, b = span
        number = plan.lists.get(id(batch.names))
        if number is None and names.full:
            return None, None, wire
        if number is None:
            number = self.db.execute("INSERT INTO names (data) VALUES (?)", (wire[a:b],)).lastrowid or 0
            plan.lists[id(batch.names)] = number
            plan.new_lists.append((batch.names, number, wire[a:b]))
        return number, a, wire[:a] + wire[b:]

    def _publish(self, plan: _Plan, rows: Sequence[int], now: int) -> AppendReport:
        state = self.state
        for number, name in plan.sources:
            state.names.source(name, number)
        for number, name in plan.points:
            state.names.point(name, number)
        for point, source in plan.origins:
            state.names.origin(state.names.last_origin + 1, point, source)
        for names, number, data in plan.new_lists:
            state.names.list(names, number, data)
        stored = late = 0
        refused: dict[str, int] = {}
        parts: list[Part] = []
        with state.lock:
            for checked, row in zip(plan.checked, rows, strict=True):
                part, older = state.take(checked.batch, checked.tables, row, now)
                late += older
                state.journal = row
                stored += part.n
                if part.n:
                    parts.append(part)
                for cause, count in checked.refused.items():
                    refused[cause] = refused.get(cause, 0) + count
            state.head.add(parts)
        return AppendReport(plan.offered, stored, plan.duplicate, refused, late)

    def fold(self, now: int) -> int:
        """Turns the head into slabs of the open tier; returns how many samples it took."""
        with self.lock:
            upto = self.state.journal
            heads = self.state.head.all()
            if upto == self.state.folded:
                return 0
        folded = [f for source, parts in heads.items() for f in fold_source(source, [t for p in parts for t in p.tables], self.classes)]
        with self.lock, translated(self.directory):
            with transaction(self.db):
                for piece in folded:
                    _write_section(self.db, piece, now)
                _write_ledger(self.db, heads)
                self.state.snapshot(self.db, upto)
                if full := self.state.names.full and upto == self.state.journal:
                    self.db.execute("DELETE FROM names")
            if full:
                self.state.names.forget_lists()
            self.state.folded = upto
            self.state.head.drop(upto)
            self.state.marks.changed.clear()
            self.state.coverage.changed.clear()
        return sum(f.n for f in folded)


def _event_row(event: StateEvent) -> tuple[object, ...]:
    points = json.dumps(event.points)
    return (
        event.source,
        event.kind.value,
        event.cause.value,
        event.start,
        event.end,
        event.time,
        points,
        event.count,
        event.detail,
    )


_FORGET_OPEN = "DELETE FROM event WHERE source = ? AND kind = 'GAP' AND cause = ? AND start = ? AND points = ? AND end IS NULL"
"""A gap that was told without an end, once it is told with one."""


def _open_key(event: StateEvent) -> tuple[object, ...]:
    return event.source, event.cause.value, event.start, json.dumps(event.points)


def _write_section(db: sqlite3.Connection, piece: Folded, now: int) -> None:
    low, high = piece.slabs[0][0], piece.high
    section = db.execute(
        "INSERT INTO section (source, class, window, chunk, kind, first, last, low, high, n, bytes, made) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            piece.source,
            piece.archive_class,
            piece.window,
            piece.chunk,
            int(piece.kind),
            piece.first,
            piece.last,
            low,
            high,
            piece.n,
            sum(len(d) for _, d in piece.slabs),
            now,
        ),
    ).lastrowid
    assert section is not None
    db.executemany("INSERT INTO slab VALUES (?, ?)", [(section << 32 | point, data) for point, data in piece.slabs])


def _write_ledger(db: sqlite3.Connection, heads: dict[int, list[Part]]) -> None:
    """When each batch was received and published, by the times it carries: what `received` of an old sample is found from."""
    for source, parts in heads.items():
        first = [min(int(t.time.min()) for t in p.tables) for p in parts]
        last = [max(int(t.time.max()) for t in p.tables) for p in parts]
        data = np.array([first, last, [p.received for p in parts], [p.published for p in parts]], dtype=np.int64)
        db.execute(
            "INSERT INTO ledger (source, first, last, data) VALUES (?, ?, ?, ?)",
            (source, min(first), max(last), pack_batches(data)),
        )
