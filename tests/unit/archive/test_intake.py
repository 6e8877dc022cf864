"""What is stored and what is refused, with its cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archive.intake import FUTURE_LIMIT, check
from archive.wire import names_span
from kernel.batches import size
from kernel.clock import SECOND
from kernel.samples import Kind
from schemas.codec import codec
from schemas.records import GapCause, PointBatch, StateKind
from tests.support.archive_data import NOW, batch, column, one


def test_a_sound_batch_is_taken_as_it_is() -> None:
    given = batch(0, ("a", "b"), column([1, 2], [1.0, np.inf], quality=[0, 2], status=[0, 5]), column([3], ["x"], kind=Kind.TEXT))
    checked = check(given, NOW)
    assert checked.batch is given
    assert [t.kind for t in checked.tables] == [Kind.DOUBLE, Kind.TEXT]
    assert checked.tables[0].quality is not None
    assert checked.tables[1].quality is None
    assert checked.events == ()


def test_times_are_refused_sample_by_sample() -> None:
    given = one(7, "p", [-1, 0, NOW + FUTURE_LIMIT, NOW + FUTURE_LIMIT + 1], [1.0, 2.0, 3.0, 4.0], covered=(5, 9))
    checked = check(given, NOW)
    assert dict(checked.refused) == {"past": 1, "future": 1}
    assert checked.tables[0].time.tolist() == [0, NOW + FUTURE_LIMIT]
    assert (checked.batch.seq, checked.batch.covered_from, checked.batch.covered_to) == (7, 5, 9)
    assert [(e.kind, e.cause, e.points, e.count) for e in checked.events] == [
        (StateKind.REFUSED, GapCause.LATE_REJECTED, ("p",), 1),
        (StateKind.REFUSED, GapCause.LATE_REJECTED, ("p",), 1),
    ]
    assert [(e.time, e.start, e.end) for e in checked.events] == [(NOW, NOW, NOW)] * 2
    past, future = (e.detail for e in checked.events)
    assert past.startswith("past: 1 samples have times before 1970; is the clock")
    assert future.startswith("future: 1 samples have times in the future; is the clock")


def test_times_beyond_64_bits_are_in_the_future_too() -> None:
    given = one(0, "p", [0, 1], [1.0, 2.0])
    given = replace(given, doubles=replace(given.doubles, base=(1 << 63) - 10, time=np.array([5, 100])))
    checked = check(given, NOW)
    assert dict(checked.refused) == {"future": 2}
    assert checked.tables == ()


@pytest.mark.parametrize(
    "change",
    [
        {"value": np.array([1.0])},
        {"index": np.array([0, 2])},
        {"index": np.array([-1, 0])},
        {"quality": np.array([1])},
        {"index": np.array([], np.int64), "time": np.arange(3), "value": np.arange(3.0)},
    ],
)
def test_columns_that_do_not_fit_together_are_refused_whole(change: dict[str, object]) -> None:
    given = batch(3, ("a", "b"), column([1, 2], [1.0, 2.0], index=[1, 0]))
    broken = replace(given, doubles=replace(given.doubles, **change))
    checked = check(broken, NOW)
    assert dict(checked.refused) == {"malformed": size(broken)}
    assert size(checked.batch) == 0
    assert checked.batch.seq == 3
    assert checked.events[0].cause is GapCause.DECODE_ERROR


def test_an_unknown_quality_is_bad() -> None:
    given = batch(0, ("a",), column([1], [1.0], quality=1))
    strange = replace(given, doubles=replace(given.doubles, quality=np.array([77])))
    (table,) = check(strange, NOW).tables
    assert table.quality is not None
    assert table.quality.tolist() == [2]


def test_the_names_of_a_batch_are_found_in_its_bytes() -> None:
    given = batch(0, [f"ast1.mount.p{i}" for i in range(200)], column([NOW + i * SECOND for i in range(200)], np.arange(200)))
    other = batch(0, [f"p{i}" for i in range(200)], column([NOW + i * SECOND for i in range(200)], np.arange(200)))
    wire, swapped = codec(PointBatch).encode(given), codec(PointBatch).encode(other)
    span, there = names_span(wire), names_span(swapped)
    assert span is not None
    assert there is not None
    assert wire[: span[0]] + swapped[there[0] : there[1]] + wire[span[1] :] == swapped
    assert names_span(b"other" + wire) is None
