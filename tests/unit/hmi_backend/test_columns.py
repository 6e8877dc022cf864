"""Samples as JSON columns."""

from __future__ import annotations

import dataclasses

import numpy as np
import orjson

from hmi_backend.columns import dumps, live_columns, series_columns
from hmi_backend.ws_live import data_message
from kernel.samples import Changes, Kind, Samples, Series, no_samples


def mixed() -> Samples:
    samples = no_samples(5)
    samples.kind[:] = [Kind.DOUBLE, Kind.LONG, Kind.TEXT, Kind.NONE, Kind.DOUBLE]
    samples.time[:] = [1, 2, 3, 0, 5]
    samples.number[:] = [1.5, np.nan, np.nan, np.nan, np.inf]
    samples.integer[1] = 2**60
    samples.text[2] = 'a"b'
    samples.quality[4] = 2
    return samples


def test_each_kind_has_its_value_and_nothing_is_null() -> None:
    told = orjson.loads(dumps(live_columns(mixed())))
    assert told == {"t": [1, 2, 3, None, 5], "v": [1.5, 2**60, 'a"b', None, None], "q": [0, 0, 0, None, 2]}


def test_columns_of_numbers_alone_are_written_without_becoming_lists() -> None:
    samples = dataclasses.replace(no_samples(2), kind=np.full(2, Kind.DOUBLE, np.uint8), number=np.array([1.0, -np.inf]))
    columns = live_columns(samples)
    assert columns["v"] is samples.number
    assert orjson.loads(dumps(columns)) == {"t": [0, 0], "v": [1.0, None], "q": [0, 0]}


def test_a_series_of_each_kind() -> None:
    time = np.arange(3, dtype=np.int64) + 1_800_000_000_000_000
    q, s = np.zeros(3, np.uint8), np.zeros(3, np.uint32)
    for value, told in (
        (np.array([1.25, np.nan, 1e300]), [1.25, None, 1e300]),
        (np.array([1, -(2**62), 3]), [1, -(2**62), 3]),
        (np.array(["a", "", "ü"], dtype=object), ["a", "", "ü"]),
        (np.arange(6.0)[::2], [0.0, 2.0, 4.0]),
    ):
        columns = orjson.loads(dumps(series_columns(Series("x", time, value, q, s))))
        assert columns == {"t": time.tolist(), "v": told, "q": [0, 0, 0]}


def test_the_binary_message_has_columns_of_equal_length() -> None:
    message = data_message(3, 99, Changes(5, mixed(), 2))
    assert (message["id"], message["seq"], message["time"], message["dropped"]) == (3, 5, 99, 2)
    assert np.frombuffer(message["i"], "<u4").tolist() == [0, 1, 2, 3, 4]
    assert np.frombuffer(message["t"], "<f8").tolist() == [1, 2, 3, 0, 5]
    np.testing.assert_array_equal(np.frombuffer(message["v"], "<f8"), [1.5, 2.0**60, np.nan, np.nan, np.inf])
    assert np.frombuffer(message["q"], "u1").tolist() == [0, 0, 0, 255, 2]
    assert message["text"] == {2: 'a"b'}
