"""Values that meet the kind their point is configured to have."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from collector.feed import Feed
from collector.health import Health
from collector.typed import typed
from kernel.array import PointKind
from kernel.batches import Column
from kernel.clock import ManualClock
from kernel.meter import Meter
from kernel.samples import Kind
from tests.support.points import column

NAN = float("nan")
Rows = list[tuple[Kind, list[int], list[object], list[int]]]


def told(columns: list[Column]) -> Rows:
    return [(c.kind, c.index.tolist(), c.value.tolist(), c.quality.tolist()) for c in columns]


def wanted(*kinds: Kind) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.array(kinds, np.uint8)


@pytest.mark.parametrize("kind", [Kind.DOUBLE, Kind.LONG, Kind.TEXT])
def test_matching_kinds_come_back_as_they_are(kind: Kind) -> None:
    given = column(kind, [0, 1], [1, 2], ["1", "2"] if kind is Kind.TEXT else [1, 2])
    found, strange = typed(given, wanted(kind, kind))
    assert found == [given]
    assert found[0] is given
    assert strange is None


def test_what_converts_without_loss_is_converted() -> None:
    longs = column(Kind.LONG, [0, 1, 2], [1, 2, 3], [7, 8, 9], [0, 1, 2])
    found, strange = typed(longs, wanted(Kind.DOUBLE, Kind.LONG, Kind.TEXT))
    assert told(found) == [(Kind.DOUBLE, [0], [7.0], [0]), (Kind.TEXT, [2], ["9"], [2]), (Kind.LONG, [1], [8], [1])]
    assert strange is None
    found, strange = typed(column(Kind.DOUBLE, [0, 1, 2], [1, 2, 3], [-3.0, 2.5, 0.5]), wanted(Kind.LONG, Kind.DOUBLE, Kind.TEXT))
    assert told(found) == [(Kind.LONG, [0], [-3], [0]), (Kind.TEXT, [2], ["0.5"], [0]), (Kind.DOUBLE, [1], [2.5], [0])]
    assert strange is None


def test_what_does_not_fit_keeps_its_kind_and_is_not_good() -> None:
    values = [1.5, float("inf"), 2.0**63, 4.0, 2.5]
    found, strange = typed(column(Kind.DOUBLE, [0, 1, 2, 3, 4], [1] * 5, values, [0, 0, 0, 0, 2]), wanted(*[Kind.LONG] * 5))
    assert told(found) == [(Kind.LONG, [3], [4], [0])]
    assert strange is not None
    assert told([strange]) == [(Kind.DOUBLE, [0, 1, 2, 4], [1.5, float("inf"), 2.0**63, 2.5], [1, 1, 1, 2])]
    found, strange = typed(column(Kind.TEXT, [0, 1, 2], [1] * 3, ["[1.0]", "on", "x"]), wanted(Kind.DOUBLE, Kind.LONG, Kind.TEXT))
    assert told(found) == [(Kind.TEXT, [2], ["x"], [0])]
    assert strange is not None
    assert told([strange]) == [(Kind.TEXT, [0, 1], ["[1.0]", "on"], [1, 1])]


def test_no_value_is_no_value_of_a_wrong_kind() -> None:
    given = column(Kind.DOUBLE, [0, 1, 2], [1] * 3, [NAN] * 3, [2, 2, 0])
    found, strange = typed(given, wanted(Kind.LONG, Kind.TEXT, Kind.DOUBLE))
    assert found[0] is given
    assert strange is None


def test_a_wrong_kind_is_counted_and_logged_once_for_each_point(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter("c")
    feed = Feed("s", ManualClock(), meter, Health(meter))
    feed.table.slots([("d", PointKind.DOUBLE), ("b", PointKind.BOOL)])
    with caplog.at_level(logging.WARNING):
        feed.take([column(Kind.TEXT, [0, 0], [1, 2], ["moving", "still"]), column(Kind.DOUBLE, [1, 1], [1, 2], [0.5, 1.0])], 10)
        feed.take([column(Kind.TEXT, [0], [3], ["moving"])], 10)
    assert meter.gauges["s.type_mismatch_count"] == 4
    assert [r.getMessage() for r in caplog.records] == [
        "source s: d is configured as double, but the device says moving",
        "source s: b is configured as long, but the device says 0.5",
    ]
    assert feed.queued == meter.hop("collector.receive", "s").entered == 5
