"""Moments and durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi_backend.errors import BadRequest
from hmi_backend.times import format_duration, parse_duration, parse_time
from kernel.clock import DAY, SECOND

NOW = 1_800_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("10s", 10 * SECOND),
        ("250ms", 250_000),
        ("5m", 300 * SECOND),
        ("5min", 300 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("7d", 7 * DAY),
        ("2w", 14 * DAY),
        ("40us", 40),
        ("1.5s", 1_500_000),
        (10, 10 * SECOND),
        (0.5, 500_000),
    ],
)
def test_durations(text: object, us: int) -> None:
    assert parse_duration(text) == us


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-5s", "ten seconds", "1y", "5 s x", 0, -1, True, None, float("nan"), "9" * 40 + "d", [], {}]
)
def test_what_is_no_duration_is_refused_with_the_forms(text: object) -> None:
    with pytest.raises(BadRequest, match="10s"):
        parse_duration(text)


@given(st.integers(1, 10**15))
def test_a_duration_written_is_read_again(us: int) -> None:
    assert parse_duration(format_duration(us)) == us


@pytest.mark.parametrize(
    ("value", "us"),
    [
        (123, 123),
        ("now", NOW),
        ("now-10m", NOW - 600 * SECOND),
        ("now + 1h", NOW + 3600 * SECOND),
        ("now-1h30m", NOW - 5400 * SECOND),
        ("1800000000000000", NOW),
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T09:00:00+01:00", NOW),
        ("2027-01-15T08:00:00", NOW),
        ("2027-01-15", NOW - 8 * 3600 * SECOND),
        ("2027-01-15T08:00:00.000001Z", NOW + 1),
        ("1969-12-31T23:59:59Z", -SECOND),
    ],
)
def test_times(value: object, us: int) -> None:
    assert parse_time(value, NOW) == us


@pytest.mark.parametrize("value", ["yesterday", "now-", "now-10", "12:00", "", None, True, 1.5, 10**18, "2027-13-01", [], float("inf")])
def test_what_is_no_time_is_refused_with_the_forms(value: object) -> None:
    with pytest.raises(BadRequest, match="now-10m"):
        parse_time(value, NOW)
