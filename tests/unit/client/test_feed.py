"""Live values over as many connections as it takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import numpy as np
import pytest
from mla_client.errors import BadRequest, ServerFault, UnknownPoint
from mla_client.feed import LONGEST_WAIT, Feed
from mla_client.readings import LiveBatch, newest

T0 = 1_795_500_000_000_000
NAMES = ["a.x", "a.y", "a.z"]


def packed(message: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb(message))


def subscribed(kinds: list[str]) -> bytes:
    return packed({"op": "subscribed", "id": 1, "points": 3, "units": ["m", "°", ""], "kinds": kinds})


def data(rows: list[int], values: list[float], seq: int = 0, now: int = T0, q: Any = None, text: Any = None, dropped: int = 0) -> bytes:
    quality = np.array(q or [0] * len(rows), np.uint8)
    return packed(
        {
            "op": "data", "id": 1, "seq": seq, "time": now, "dropped": dropped,
            "i": np.array(rows, "<u4").tobytes(), "t": np.array([float(now)] * len(rows), "<f8").tobytes(),
            "v": np.array(values, "<f8").tobytes(), "q": quality.tobytes(), "text": text or {},
        }
    )  # fmt: skip


def opened(kinds: list[str] | None = None, **options: Any) -> Feed:
    feed = Feed(NAMES, **options)
    feed.opening("t")
    assert feed.receive(subscribed(kinds or ["DOUBLE", "LONG", "TEXT"])) is None
    return feed


def batch(feed: Feed, raw: bytes) -> LiveBatch:
    found = feed.receive(raw)
    assert found is not None
    return found


def test_it_says_who_it_is_and_what_it_wants() -> None:
    auth, subscribe = map(json.loads, Feed(NAMES, "batch", 10).opening("secret"))
    assert auth == {"op": "auth", "token": "secret"}
    assert subscribe == {"op": "subscribe", "id": 1, "points": NAMES, "mode": "BATCH", "maxHz": 10}


def test_batches_are_columns_with_units() -> None:
    feed = opened()
    assert feed.receive(packed({"op": "hello", "user": "x", "role": "VIEWER", "time": T0})) is None
    first = batch(feed, data([0, 1, 2], [1.5, np.nan, np.nan], q=[0, 255, 1], text={2: "v4"}))
    assert (first.seq, first.snapshot, first.gap, first.dropped) == (0, True, None, 0)
    assert str(first) == "a.x = 1.5 m\na.y = never received\na.z = v4 (uncertain)"
    assert first["a.x"].time == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert np.isnat(first.time[1])
    second = batch(feed, data([1], [7.0], seq=1, now=T0 + 5, dropped=2))
    assert (second.points, second.units, second.snapshot, second.dropped) == (("a.y",), ("°",), False, 2)
    assert second.value.dtype == np.float64
    assert list(second) == ["a.y"]


def test_enumerations_are_told_by_name() -> None:
    feed = opened(["ENUM"] * 3, labels={"a.y": {1: "ON"}})
    found = batch(feed, data([0, 1], [1.0, 1.0]))
    assert [s.label for s in found.samples] == [None, "ON"]
    assert str(found["a.y"]) == "a.y = ON °"


def test_points_that_count_stay_whole() -> None:
    feed = opened(["LONG", "ENUM", "BOOL"])
    assert batch(feed, data([0, 1], [7.0, 1.0])).value.dtype == np.int64
    assert batch(feed, data([0, 1], [7.0, np.nan], q=[0, 255])).value.dtype == np.float64


def test_a_point_that_comes_several_times_is_its_last_by_name() -> None:
    found = batch(opened(mode="batch"), data([0, 0, 0], [1.0, 2.0, 3.0]))
    assert found["a.x"].value == 3.0
    assert [s.value for s in found.samples] == [1.0, 2.0, 3.0]


def test_a_lost_connection_is_told_with_the_next_snapshot() -> None:
    feed = opened()
    batch(feed, data([0], [1.0], now=T0))
    assert feed.lost("closed by the server (1001)", 10.0) == 0.25
    assert feed.lost("refused", 10.3) == 0.5
    feed.opening("t")
    feed.receive(subscribed(["DOUBLE"] * 3))
    found = batch(feed, data([0, 1, 2], [1.0, 2.0, 3.0], now=T0 + 9_000_000))
    assert found.snapshot
    assert found.gap is not None
    assert found.gap.end is not None
    assert found.gap.end - found.gap.start == timedelta(seconds=9)
    assert (found.gap.cause, found.gap.detail) == ("DISCONNECTED", "refused")
    after = batch(feed, data([0], [2.0], seq=1))
    assert (after.gap, after.snapshot) == (None, False)
    assert feed.lost("again", 100.0) == 0.25


def test_a_connection_that_never_was_leaves_no_gap() -> None:
    feed = Feed(NAMES)
    feed.lost("refused", 0.0)
    feed.opening("t")
    feed.receive(subscribed(["DOUBLE"] * 3))
    assert batch(feed, data([0], [1.0])).gap is None


def test_waits_grow_to_a_limit_and_end_where_told() -> None:
    patient, waits = Feed(NAMES), []
    for i in range(40):
        waits.append(patient.lost("x", i * 10.0))
    assert waits[:3] == [0.25, 0.5, 1.0]
    assert waits[-1] == LONGEST_WAIT
    hasty = Feed(NAMES, give_up_after=1.0)
    assert hasty.lost("x", 50.0) == 0.25
    assert hasty.lost("x", 50.3) == 0.5
    assert hasty.lost("x", 50.9) is None


def test_what_waited_is_one_batch_with_the_newest_of_each_point() -> None:
    feed = opened()
    first = batch(feed, data([0, 1], [1.0, 2.0], now=T0))
    later = batch(feed, data([0, 2], [3.0, np.nan], seq=1, now=T0 + 9, text={1: "v5"}, dropped=1))
    found = newest([first, later])
    assert [(s.point, s.value) for s in found.samples] == [("a.x", 3.0), ("a.y", 2.0), ("a.z", "v5")]
    assert (found.seq, found.snapshot, found.dropped, found.units) == (1, True, 1, ("m", "°", ""))
    assert found.server_time == later.server_time
    assert newest([later]) is later


def test_what_may_wait_is_bounded() -> None:
    assert Feed(NAMES).room == 2048
    assert Feed(["x"] * 20_000).room * 20_000 * 25 <= 64_000_000


def test_refusals_are_typed() -> None:
    refused = {"op": "error", "id": 1, "code": "UNKNOWN_POINT", "message": "no point", "points": [{"name": "a.x", "didYouMean": []}]}
    with pytest.raises(UnknownPoint) as raised:
        Feed(NAMES).receive(packed(refused))
    assert raised.value.points[0].name == "a.x"
    for nonsense in (b"\xc1", b"\x05", packed({"x": 1}), "text"):
        with pytest.raises(ServerFault, match="does not understand"):
            Feed(NAMES).receive(nonsense)


@pytest.mark.parametrize("options", [{"mode": "LOSSLESS"}, {"points": []}, {"max_hz": 0}, {"max_hz": 1000}])
def test_what_makes_no_sense_is_refused_before_anything_is_sent(options: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        Feed(**{"points": NAMES} | options)
