"""When what is sealed and merged, and where it belongs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
import pytest

from archive import open_archive
from archive.classes import ClassBook
from archive.embedded.head import Names
from archive.embedded.sealer import DAY_QUIET, GRACE, QUIET, WAIT, Due, due, folder, scattered
from archive.embedded.store import SCHEMA
from archive.fold import windows
from archive.table import Table
from kernel.array import ArchiveClass, ArrayConfig, Point, PointType, Site
from kernel.clock import DAY, SECOND, ManualClock
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from kernel.samples import Kind

HOUR = 3600 * SECOND
START = 20_000 * DAY


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(SCHEMA)
    yield db
    db.close()


def section(db: sqlite3.Connection, made: int, *, window: int = START, n: int = 200_000, chunk: int = HOUR) -> None:
    db.execute(
        "INSERT INTO section (source, class, window, chunk, kind, first, last, low, high, n, bytes, made)"
        " VALUES (1, 'c', ?, ?, 1, 0, 0, 1, 1, ?, 1, ?)",
        (window, chunk, n, made),
    )


def segment(db: sqlite3.Connection, size: int, made: int = START) -> None:
    db.execute("INSERT INTO segment (class, day, file, first, last, n, bytes, made) VALUES ('c',?,'f',0,0,1,?,?)", (START, size, made))


def test_a_window_is_due_some_time_after_its_end(db: sqlite3.Connection) -> None:
    section(db, START + HOUR)
    assert due(db, START + HOUR + GRACE - 1) == []
    assert due(db, START + HOUR + GRACE) == [Due("c", START, ((START, HOUR),))]


def test_little_or_late_data_and_short_windows_wait_for_more(db: sqlite3.Connection) -> None:
    section(db, START + 9 * HOUR, n=10)
    assert due(db, START + 9 * HOUR + WAIT - 1) == []
    section(db, START + 9 * HOUR, window=START + HOUR, n=200_000, chunk=60 * SECOND)
    (found,) = due(db, START + 9 * HOUR + WAIT)
    assert found.windows == ((START, HOUR), (START + HOUR, 60 * SECOND))


def test_an_import_is_left_to_end_but_not_for_ever(db: sqlite3.Connection) -> None:
    section(db, START + 99 * HOUR, n=6_000_000)
    assert due(db, START + 99 * HOUR + QUIET - 1) == []
    assert len(due(db, START + 99 * HOUR + QUIET)) == 1
    section(db, START + 99 * HOUR, n=20_000_000)
    assert len(due(db, START + 99 * HOUR)) == 1


def test_each_day_has_a_file_of_its_own(db: sqlite3.Connection) -> None:
    for window in (START, START + 23 * HOUR, START + DAY):
        section(db, START, window=window)
    assert [(d.day, len(d.windows)) for d in due(db, START + 3 * DAY)] == [(START, 2), (START + DAY, 1)]


@pytest.mark.parametrize(
    ("sizes", "merged"), [([100], False), ([100, 100], True), ([1000, 10], False), ([1000, *([1] * 7)], True), ([1000, 200], True)]
)
def test_a_day_is_merged_when_that_is_worth_it(db: sqlite3.Connection, sizes: list[int], merged: bool) -> None:
    for size in sizes:
        segment(db, size)
    assert bool(scattered(db, START + DAY + DAY_QUIET)) is merged
    assert scattered(db, START + DAY + DAY_QUIET - 1) == []


def test_a_day_is_not_merged_while_it_changes(db: sqlite3.Connection) -> None:
    segment(db, 100)
    segment(db, 100, START + 2 * DAY)
    assert scattered(db, START + 2 * DAY + 1) == []
    section(db, START)
    assert scattered(db, START + 3 * DAY) == []


def test_folders_are_safe_for_any_class_name() -> None:
    assert folder("standard") == "standard"
    assert folder("../a b/ü") == "%2E%2E%2Fa%20b%2F%C3%BC"


def test_windows_are_aligned_on_utc_and_keep_the_order() -> None:
    time = np.array([HOUR - 1, HOUR, 3 * HOUR, 10, HOUR + 5])
    table = Table(Kind.LONG, np.array([1, 1, 1, 2, 2]), time, np.arange(5))
    found = [(w, t.point.tolist(), t.value.tolist()) for w, t in windows(table, HOUR)]
    assert found == [(0, [1, 2], [0, 3]), (HOUR, [1, 2], [1, 4]), (3 * HOUR, [1], [2])]


def test_points_follow_the_configuration_into_their_class() -> None:
    names = Names()
    for i, name in enumerate(("a", "b", "c"), 1):
        names.point(name, i)
    live = LiveConfig()
    book = ClassBook(names, live)
    assert [book.name(k) for k in book.of(np.array([1, 2, 3])).tolist()] == ["standard"] * 3
    points = {n: Point(n, PointType(archive_class=c), "x") for n, c in (("a", "fast"), ("b", "gone"))}
    classes = {"fast": ArchiveClass("fast", 1.0, 86_400.0), "standard": ArchiveClass("standard", 1e9)}
    live.replace(ArrayConfig(2, Site(), {}, {}, points, classes))
    numbers = book.of(np.array([1, 2, 3])).tolist()
    assert [book.name(k) for k in numbers] == ["fast", "standard", "standard"]
    assert [book.chunk(k) for k in numbers] == [60 * SECOND, DAY, DAY]
    assert (book.retention("fast"), book.retention("standard"), book.retention("gone")) == (DAY, None, None)


@pytest.mark.parametrize(
    ("url", "text"),
    [("mysql://x/y", "sqlite://"), ("sqlite://relative", "absolute"), ("sqlite:///", "absolute"), ("nonsense", "unknown scheme")],
)
def test_an_archive_url_must_be_one(url: str, text: str) -> None:
    with pytest.raises(BadUsage, match=text):
        open_archive(url, clock=ManualClock(), config=LiveConfig())
