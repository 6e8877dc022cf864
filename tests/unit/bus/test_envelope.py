"""Records to bytes and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bus.envelope import LARGEST, Undecodable, letters, pack, unpack
from kernel.errors import BadUsage
from schemas.codec import codec
from schemas.records import AUDIT_ACTIONS, DEAD_LETTERS, AuditAction

RECORD = AuditAction(time=5, user="u", role="", action="", target="", ok=True)


def test_there_and_back() -> None:
    records = [replace(RECORD, time=n) for n in range(5)]
    packed = pack(AUDIT_ACTIONS, records)
    assert [time for time, _ in packed] == [0, 1, 2, 3, 4]
    assert unpack(AUDIT_ACTIONS, list(enumerate(data for _, data in packed))).records == records


def test_bad_bytes_are_set_aside_in_place() -> None:
    good = pack(AUDIT_ACTIONS, [RECORD])[0][1]
    found = unpack(AUDIT_ACTIONS, [(7, good), (8, b"nonsense"), (9, good), (10, b""), (11, good[:-1])])
    assert found.records == [RECORD, RECORD]
    assert [(b.seq, b.data) for b in found.bad] == [(8, b"nonsense"), (10, b""), (11, good[:-1])]
    assert all("not a AuditAction" in b.reason for b in found.bad)


def test_a_record_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadUsage, match=r"too large for topic audit\.actions: split it"):
        pack(AUDIT_ACTIONS, [RECORD, replace(RECORD, detail="x" * LARGEST)])


@pytest.mark.parametrize("time", [1 << 63, -(1 << 63) - 1])
def test_a_time_that_does_not_fit_is_refused(time: int) -> None:
    topic = replace(AUDIT_ACTIONS, time=lambda _: time)
    with pytest.raises(BadUsage, match="microseconds UTC"):
        pack(topic, [RECORD])


def test_a_time_from_numpy_is_a_plain_integer() -> None:
    ((time, _),) = pack(replace(AUDIT_ACTIONS, time=lambda _: np.int64(7)), [RECORD])
    assert type(time) is int


def test_a_letter_says_where_and_why_and_is_always_small_enough() -> None:
    (short, long) = letters("a.topic", [Undecodable(3, b"abc", "why"), Undecodable(4, b"x" * LARGEST, "why")], 99)
    assert (short.time, short.origin, short.reason, short.data) == (99, "a.topic", "record 3: why", b"abc")
    assert len(codec(DEAD_LETTERS.record).encode(long)) <= LARGEST
    assert pack(DEAD_LETTERS, [short, long])
