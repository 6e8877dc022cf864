"""Moments and durations in every form."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mla_client.errors import BadRequest
from mla_client.times import datetime_of, datetime_us, is_relative, moment_us, numpy_of, span_us

NOW = 1_795_500_000_000_000
SIX = 1_795_500_000_000_000  # 2026-11-24T06:00:00Z


@pytest.mark.parametrize(
    ("when", "us"),
    [
        ("now", NOW),
        ("now-10m", NOW - 600_000_000),
        ("now - 1h30m", NOW - 5_400_000_000),
        ("now+250ms", NOW + 250_000),
        ("2026-11-24T06:00:00Z", SIX),
        ("2026-11-24T06:00", SIX),
        ("2026-11-24 07:00+01:00", SIX),
        ("2026-11-24", SIX - 6 * 3_600_000_000),
        (datetime(2026, 11, 24, 6), SIX),
        (datetime(2026, 11, 24, 7, tzinfo=timezone(timedelta(hours=1))), SIX),
        (date(2026, 11, 24), SIX - 6 * 3_600_000_000),
        (np.datetime64("2026-11-24T06:00"), SIX),
        (np.datetime64(SIX * 1000, "ns"), SIX),
        (SIX, SIX),
        (np.int64(SIX), SIX),
    ],
)
def test_moments(when: Any, us: int) -> None:
    assert moment_us(when, NOW) == us


@pytest.mark.parametrize("when", ["yesterday", "now-", "now-5 parsecs", "", True, 1.5, None, np.datetime64("NaT")])
def test_what_is_no_moment_is_refused_with_the_forms(when: Any) -> None:
    with pytest.raises(BadRequest, match="ISO 8601"):
        moment_us(when, NOW)


@pytest.mark.parametrize(
    ("span", "us"),
    [
        ("10s", 10_000_000),
        ("1h30m", 5_400_000_000),
        ("250ms", 250_000),
        ("1.5d", 129_600_000_000),
        (0.25, 250_000),
        (timedelta(minutes=5), 300_000_000),
        (np.timedelta64(2, "s"), 2_000_000),
    ],
)
def test_durations(span: Any, us: int) -> None:
    assert span_us(span) == us


@pytest.mark.parametrize("span", ["", "10", "s", "-10s", 0, -1.0, float("nan"), timedelta(0), np.timedelta64("NaT")])
def test_what_is_no_duration_is_refused(span: Any) -> None:
    with pytest.raises(BadRequest, match="duration"):
        span_us(span)


def test_only_now_is_relative() -> None:
    assert is_relative("now-1h")
    assert is_relative(" now ")
    assert not is_relative("2026-11-24")
    assert not is_relative(datetime(2026, 1, 1, tzinfo=UTC))


@given(st.integers(-60_000_000_000_000_000, 250_000_000_000_000_000))
def test_microseconds_come_back_exactly(us: int) -> None:
    assert datetime_us(datetime_of(us)) == us
    assert moment_us(numpy_of(us), 0) == us
    assert moment_us(datetime_of(us).isoformat(), 0) == us
