"""What the archive on Cassandra decides without a server: roots, bucket lengths, what is due, torn rows."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.distributed.buckets import LONGEST, WANTED, length_for
from archive.distributed.journal import assembled
from archive.distributed.root import Root, Section, Total, decode
from archive.distributed.sealer import GRACE, LATE_WAIT, MUCH, QUIET, due
from archive.distributed.tables import chunk_table
from archive.ledger import Spans
from kernel.clock import DAY, SECOND
from kernel.samples import Kind

HOUR = 3600 * SECOND
W = 1_800_000_000 * SECOND // DAY * DAY
BASE = UUID(int=7)


def section(window: int = W, made: int = W + HOUR, n: int = 1000, number: int = 0, chunk: int = HOUR, **more: int) -> Section:
    first, last = more.get("first", window), more.get("last", window + chunk - 1)
    return Section(BASE, number, "standard", window, chunk, Kind.DOUBLE, first, last, 1, 9, n, 100, made)


def test_a_root_is_read_as_it_was_written() -> None:
    root = Root(
        version=5,
        marks={1: Spans([(0, 7), (9, 9)]), 2: Spans([(0, 0)])},
        covered=Spans([(1, 5), (8, 9)]),
        folded={"ab": 3},
        sections=[section()],
        garbage=[(BASE, 4, W)],
        sealed={"standard/60": W},
        totals={("standard", 3): Total(5, 100, 1, 9)},
        newest={70_000: W, 3: 12},
    )
    again = decode(5, root.encode())
    assert again.encode() == root.encode()
    assert (again.sections, again.garbage, again.newest, again.folded) == (root.sections, root.garbage, root.newest, root.folded)
    assert {e: s.all() for e, s in again.marks.items()} == {1: [(0, 7), (9, 9)], 2: [(0, 0)]}
    with pytest.raises(ValueError, match="newer version"):
        decode(1, b"\x63" + root.encode()[1:])


@given(st.integers(1, 100 << 20), st.sampled_from([60 * SECOND, HOUR, DAY]))
def test_buckets_are_as_large_as_wanted_and_no_longer_than_allowed(size: int, chunk: int) -> None:
    length = length_for(size, chunk)
    chunks = length // chunk
    assert length % chunk == 0
    assert chunks & (chunks - 1) == 0
    assert chunks == 1 or chunks * size <= WANTED
    assert length <= max(LONGEST, chunk)
    assert 2 * chunks * size > WANTED or 2 * length > LONGEST or 2 * chunks > 20_000


def test_a_window_is_sealed_when_it_is_over_and_quiet() -> None:
    root = Root(sections=[section(made=W + HOUR - SECOND)])
    assert due(root, W + HOUR + GRACE - 1) == []
    (one,) = due(root, W + HOUR + GRACE)
    assert (one.window, one.chunk, one.again, one.waits) == (W, HOUR, False, False)
    busy = Root(sections=[section(), section(made=W + 2 * HOUR, number=1)])
    assert due(busy, W + 2 * HOUR + QUIET - 1) == []
    assert len(due(busy, W + 2 * HOUR + QUIET)[0].sections) == 2
    assert due(root, W + HOUR - 1, everything=True) == []
    assert len(due(root, W + HOUR, everything=True)) == 1


def test_late_data_of_a_sealed_window_is_collected_unless_it_is_much() -> None:
    late = Root(sections=[section(made=W + 5 * HOUR)], sealed={"standard/3600000000": W + HOUR})
    assert due(late, W + 5 * HOUR + QUIET) == []
    assert due(late, W + 5 * HOUR + LATE_WAIT)[0].again
    late.sections = [section(made=W + 5 * HOUR, n=MUCH)]
    assert due(late, W + 5 * HOUR + QUIET)[0].again


def test_what_follows_something_that_waits_for_the_days_end_waits_too() -> None:
    day = section(chunk=DAY, number=1, first=W + 10, last=W + 20)
    (one,) = due(Root(sections=[section(), day]), W + HOUR + GRACE)
    assert one.waits
    (other,) = due(Root(sections=[section(window=W + HOUR, made=W + 2 * HOUR), day]), W + 2 * HOUR + GRACE)
    assert not other.waits


def test_the_order_of_windows_does_not_matter_for_what_is_due() -> None:
    lines = [section(window=W + i * HOUR, made=W + 9 * HOUR, number=i) for i in range(4)]
    whole = due(Root(sections=lines), W + 30 * HOUR)
    assert [d.window for d in whole] == [W + i * HOUR for i in range(4)]
    assert whole == due(Root(sections=lines[::-1]), W + 30 * HOUR)


def test_torn_rows_are_passed_over() -> None:
    def row(number: int, piece: int, pieces: int, data: bytes, names: bytes | None = None) -> tuple[object, ...]:
        return number, piece, pieces, 100 + number, names, 1, data

    rows = [
        row(0, 0, 1, b"a"),
        row(1, 0, 2, b"b1"),
        row(2, 1, 2, b"c2"),
        row(3, 0, 2, b"d1"),
        row(3, 1, 2, b"d2"),
        row(4, 0, 3, b"e1"),
        row(4, 2, 3, b"e3"),
        row(5, 0, 1, b"xy", b"list"),
        row(6, 0, 2, b"f1"),
    ]
    assert list(assembled(rows, lambda key: key.upper())) == [(100, 0, b"a"), (103, 3, b"d1d2"), (105, 5, b"xLISTy")]


@pytest.mark.parametrize("name", ["standard", "science_1"])
def test_plain_classes_name_their_table(name: str) -> None:
    assert chunk_table(name) == f"archive_chunks_{name}"


def test_other_classes_have_tables_of_their_own() -> None:
    names = {chunk_table(n) for n in ("Fast", "fast", "f-ast", "f_ast", "é" * 80)}
    assert len(names) == 5
    assert all(len(n) <= 48 and n.isascii() for n in names)


def test_empty_roots_are_small() -> None:
    assert len(Root().encode()) < 200
    assert decode(0, Root().encode()).newest == {}
    assert decode(0, Root(newest={2: 5}).encode()).newest == {2: 5}
