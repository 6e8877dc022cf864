"""Whatever comes from outside is understood or refused, never a crash."""

from __future__ import annotations

import json
from contextlib import suppress

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi_backend.errors import BadRequest
from hmi_backend.paging import cursor, key_of
from hmi_backend.times import EARLIEST, LATEST, parse_duration, parse_time
from hmi_backend.ws_live import message_of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(ANYTHING | st.from_regex(r"now[+-]?\d*[a-z]*|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)?", fullmatch=True))
def test_a_time_is_a_time_or_refused(value: object) -> None:
    try:
        found = parse_time(value, 1_800_000_000_000_000)
    except BadRequest:
        return
    assert EARLIEST <= found < LATEST


@given(ANYTHING | st.from_regex(r"\d+(us|ms|s|m|h|d|w)+", fullmatch=True))
def test_a_duration_is_positive_or_refused(value: object) -> None:
    try:
        found = parse_duration(value)
    except BadRequest:
        return
    assert 1 <= found < LATEST


@given(
    st.binary() | ANYTHING.map(lambda x: json.dumps(x).encode()) | st.dictionaries(st.text(), st.text() | st.binary()).map(msgpack.packb)
)
def test_a_message_is_understood_or_refused(data: bytes) -> None:
    for raw in ({"bytes": data}, {"text": data.decode(errors="replace")}):
        try:
            found = message_of(raw)
        except BadRequest:
            continue
        assert isinstance(found["op"], str)


@given(st.text())
def test_a_cursor_is_read_again_and_nonsense_is_refused(text: str) -> None:
    assert key_of(cursor(text)) == text
    with suppress(BadRequest):
        assert isinstance(key_of(text), str)


def test_deep_nesting_is_refused() -> None:
    for raw in ({"text": "[" * 100_000}, {"bytes": b"\x91" * 100_000}, {}):
        with pytest.raises(BadRequest):
            message_of(raw)
