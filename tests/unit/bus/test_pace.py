"""How often a writer commits."""

from __future__ import annotations

import pytest

from bus.pace import Pace


def commits(pace: Pace, start: float, seconds: float) -> int:
    """How many commits fit, each as early as allowed."""
    now, count = start, 0
    while (now := now + pace.wait(now)) < start + seconds:
        pace.spend(now)
        count += 1
    return count


def test_after_a_rest_a_few_commits_go_at_once() -> None:
    pace = Pace(rate=40, burst=8, last=100.0)
    for _ in range(8):
        assert pace.wait(100.0) == 0
        pace.spend(100.0)
    assert pace.wait(100.0) == pytest.approx(1 / 40)


def test_under_load_the_rate_is_steady() -> None:
    assert commits(Pace(rate=40, burst=8, last=0.0), 0.0, 10.0) == pytest.approx(408, abs=1)


def test_the_burst_comes_back_with_rest() -> None:
    pace = Pace(rate=40, burst=8, last=0.0)
    commits(pace, 0.0, 1.0)
    assert commits(pace, 1.5, 0.001) == 8
    assert commits(pace, 2.0, 0.001) == 8


def test_a_clock_that_goes_back_is_no_credit() -> None:
    pace = Pace(rate=40, burst=8, last=100.0)
    for _ in range(8):
        pace.spend(100.0)
    assert pace.wait(50.0) > 0
