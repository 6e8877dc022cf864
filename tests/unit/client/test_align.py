"""One time axis for several points, and frames of other packages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mla_client.errors import BadRequest
from mla_client.series import Gap, Series
from mla_client.series_set import SeriesSet

T0 = datetime(2026, 11, 24, 6, tzinfo=UTC)
ZERO = np.datetime64("2026-11-24T06:00", "us")


def at(*seconds: float) -> Any:
    return ZERO + (np.array(seconds) * 1e6).astype("timedelta64[us]")


def made(name: str, times: Any, values: Any, quality: Any = None, gaps: Any = (), method: str = "RAW") -> Series:
    value = np.array(values, dtype=object if any(isinstance(v, str) for v in values) else None)
    q = np.array(quality if quality is not None else [0] * len(values), dtype=np.uint8)
    return Series(name, "m", "DOUBLE", method, ZERO, at(100)[0], at(*times), value, q, tuple(gaps), True)


def gap(start: float, end: float | None) -> Gap:
    return Gap(T0 + timedelta(seconds=start), None if end is None else T0 + timedelta(seconds=end), "DISCONNECTED", None, "")


def test_a_common_grid_is_joined_exactly() -> None:
    frame = SeriesSet([made("a", [0, 10, 20], [1.0, 2.0, 3.0], method="MEAN"), made("b", [10, 20], [5, 6], method="MAX")]).frame()
    assert frame.time.tolist() == at(0, 10, 20).tolist()
    assert frame["a"].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(frame["b"], [np.nan, 5, 6])
    assert frame.units == {"a": "m", "b": "m"}


def test_raw_samples_hold_until_the_next_but_not_across_a_gap() -> None:
    a = made("a", [0, 10, 40], [1.0, 2.0, 3.0], gaps=[gap(15, 40)])
    b = made("b", [5, 20, 30, 45], [1, 2, 3, 4])
    frame = SeriesSet([a, b]).frame()
    np.testing.assert_array_equal(frame["a"], [1, 1, 2, np.nan, np.nan, 3, 3])
    np.testing.assert_array_equal(frame["b"], [np.nan, 1, 1, 2, 3, 3, 4])


def test_a_refusal_is_a_moment_and_no_gap() -> None:
    a = made("a", [0, 10], [0.0, 10.0], gaps=[gap(4, 4)])
    for how in ("previous", "linear"):
        assert not np.isnan(SeriesSet([a]).frame(at(0, 3, 5, 9), how=how)["a"]).any()


def test_bad_samples_are_missing_ones() -> None:
    s = SeriesSet([made("a", [0, 10, 20], [1.0, 99.0, 3.0], quality=[0, 2, 1])])
    for how in ("previous", "exact"):
        np.testing.assert_array_equal(s.frame(how=how)["a"], [1, np.nan, 3])


def test_linear_between_good_neighbours_only() -> None:
    a = made("a", [0, 10, 20, 30], [0.0, 99.0, 20.0, 30.0], quality=[0, 2, 0, 0], gaps=[gap(25, 30)])
    found = SeriesSet([a]).frame(at(0, 5, 20, 24, 28, 30, 31), how="linear")["a"]
    np.testing.assert_allclose(found, [0, 5, 20, np.nan, np.nan, 30, np.nan])
    assert np.isnan(SeriesSet([made("e", [], [])]).frame(at(1), how="linear")["e"]).all()


def test_texts_hold_too_but_cannot_be_interpolated() -> None:
    s = SeriesSet([made("a", [0, 10], ["up", "down"])])
    assert s.frame(at(-1, 5, 10))["a"].tolist() == [None, "up", "down"]
    with pytest.raises(BadRequest, match="previous"):
        s.frame(how="linear")
    with pytest.raises(BadRequest, match="exact, previous, linear"):
        s.frame(how="nearest")


def test_nothing_gives_an_empty_frame() -> None:
    frame = SeriesSet([made("a", [], [])]).frame()
    assert len(frame) == 0
    assert len(SeriesSet([]).frame()) == 0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-5, 5)), max_size=30, unique_by=lambda p: p[0]), st.lists(st.integers(-5, 60)))
def test_previous_is_what_a_search_by_hand_finds(samples: list[tuple[int, int]], asked: list[int]) -> None:
    samples.sort()
    s = made("a", [t for t, _ in samples], [v for _, v in samples])
    found = SeriesSet([s]).frame(at(*asked), how="previous")["a"]
    for moment, got in zip(asked, found.tolist(), strict=True):
        before = [v for t, v in samples if t <= moment]
        assert got == before[-1] if before else np.isnan(got)


def test_only_good_samples() -> None:
    s = made("a", [0, 1, 2], [1.0, 2.0, 3.0], quality=[0, 1, 2])
    assert s.good.value.tolist() == [1.0]
    assert s.where(s.value > 1).time.tolist() == at(1, 2).tolist()


def test_pandas() -> None:
    s = made("a", [0, 1], [1.0, np.nan], quality=[0, 2])
    frame = s.to_pandas()
    assert list(frame.columns) == ["value", "quality"]
    assert frame.attrs == {"point": "a", "unit": "m", "method": "RAW"}
    assert frame.index[0] == pd.Timestamp("2026-11-24T06:00Z")
    wide = SeriesSet([s, made("b", [0], ["x"])]).to_pandas()
    assert wide.attrs["units"] == {"a": "m", "b": "m"}
    assert list(wide.columns) == ["a", "b"]
    assert wide["a"].isna().tolist() == [False, True]


def test_polars_and_arrow_have_nulls_and_utc() -> None:
    s = made("a", [0, 1], [1.0, np.nan], quality=[0, 2])
    frame = s.to_polars()
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
    assert frame["value"].to_list() == [1.0, None]
    assert frame["time"][0] == T0
    assert SeriesSet([s, made("b", [0], ["x"])]).to_polars()["b"].to_list() == ["x", "x"]
    table = s.to_arrow()
    assert table.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert table.schema.metadata[b"unit"] == b"m"
    assert table.column("value").to_pylist() == [1.0, None]
    assert SeriesSet([s]).to_arrow().schema.metadata == {b"a": b"m"}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(BadRequest, match=r"pip install 'mla-client\[polars\]'"):
        made("a", [0], [1.0]).to_polars()
