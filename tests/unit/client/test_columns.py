"""JSON columns to numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mla_client.columns import join, qualities_of, times_of, values_of

BIG = 2**53 + 1


def test_times_are_microseconds_utc_and_nat_where_nothing_was_received() -> None:
    found = times_of([1_795_500_000_000_001, None])
    assert found.dtype == "datetime64[us]"
    assert found[0] == np.datetime64("2026-11-24T06:00:00.000001")
    assert np.isnat(found[1])


def test_quality_of_nothing_is_255() -> None:
    assert qualities_of([0, 2, None]).tolist() == [0, 2, 255]


@pytest.mark.parametrize(
    ("column", "kind", "dtype"),
    [
        ([1.0, None], "DOUBLE", "float64"),
        ([1, 2], "DOUBLE", "float64"),
        ([1, BIG], "LONG", "int64"),
        ([1, None], "LONG", "float64"),
        ([1, 1.5], "LONG", "float64"),
        ([BIG, None], "LONG", "object"),
        (["a", None], "TEXT", "object"),
        (["a", 1, None], None, "object"),
        ([], None, "float64"),
        ([], "TEXT", "object"),
    ],
)
def test_the_type_keeps_every_digit(column: list[Any], kind: str | None, dtype: str) -> None:
    found = values_of(column, kind)
    assert found.dtype == dtype
    for got, want in zip(found.tolist(), column, strict=True):
        assert got == want or (want is None and (got is None or np.isnan(got)))


def test_pages_join_without_losing_digits() -> None:
    whole = join([values_of([1, BIG], "LONG"), values_of([2, None], "LONG")])
    assert whole.dtype == object
    assert whole[1] == BIG
    assert join([values_of([1], "LONG"), values_of([], "LONG")]).dtype == np.int64
    assert join([values_of([1], "LONG"), values_of([2.5], "LONG")]).tolist() == [1.0, 2.5]
    assert len(join([values_of([])])) == 0
