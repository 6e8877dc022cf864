"""Who is the odd one out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi_backend.fleet import ODD, odd_states, spread


def test_the_modified_z_score_of_iglewicz_and_hoaglin() -> None:
    found = spread([10.0, 10.1, 10.2, 10.0, 10.1, 10.2, 10.1, 10.0, 50.0])
    assert (found.count, found.median) == (9, 10.1)
    assert found.mad == pytest.approx(0.1)
    assert found.z[8] == pytest.approx(0.6745 * 39.9 / 0.1)
    assert (abs(found.z) > ODD).tolist() == [False] * 8 + [True]


def test_where_most_are_equal_the_mean_deviation_takes_the_place_of_mad() -> None:
    found = spread([5.0] * 8 + [6.0])
    assert found.mad == 0
    assert found.z[0] == 0
    assert found.z[8] == pytest.approx(1 / (1.253314 / 9))


def test_equals_have_no_odd_one_and_two_are_too_few() -> None:
    assert spread([3.0] * 9).z.tolist() == [0.0] * 9
    assert np.isnan(spread([1.0, 100.0]).z).all()
    assert np.isnan(spread([]).mean)
    assert np.isnan(spread([None, None, math.nan, math.inf]).median)


def test_what_has_no_value_has_no_score_and_does_not_count() -> None:
    with_none, without = spread([1.0, None, 2.0, math.nan, 4.0]), spread([1.0, 2.0, 4.0])
    assert with_none.count == 3
    assert with_none.z[[0, 2, 4]].tolist() == without.z.tolist()
    assert np.isnan(with_none.z[[1, 3]]).all()


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=3, max_size=30), st.floats(-1e6, 1e6), st.floats(0.5, 1000))
def test_the_score_does_not_depend_on_unit_or_offset(values: list[float], offset: float, scale: float) -> None:
    a, b = spread(values), spread([v * scale + offset for v in values])
    if a.mad > 1e-2:
        assert np.allclose(a.z, b.z, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("states", "odd"),
    [
        ([1, 1, 1, 2], [False, False, False, True]),
        ([1, 1, 2, 2], [False] * 4),
        ([1, 1, None, 2], [False, False, False, True]),
        ([1, 2], [False, False]),
        ([None, None, None], [False] * 3),
        (["up", "up", "down"], [False, False, True]),
    ],
)
def test_a_state_is_odd_where_more_than_half_agree_on_another(states: list[object | None], odd: list[bool]) -> None:
    assert odd_states(states) == odd
