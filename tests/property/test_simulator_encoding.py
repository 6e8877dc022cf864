"""Bulk encoding against asyncua's own decoder: whatever is published is read back as it was."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary
from hypothesis import given
from hypothesis import strategies as st

from simulator.blocks import DTYPE, Wire
from simulator.opcua.encoding import Chunk, Published, encode_chunk, join, notification_message

VALUES: dict[Wire, st.SearchStrategy[Any]] = {
    Wire.DOUBLE: st.floats(allow_nan=False),
    Wire.INT64: st.integers(-(2**63), 2**63 - 1),
    Wire.UINT32: st.integers(0, 2**32 - 1),
    Wire.BOOLEAN: st.booleans(),
    Wire.STRING: st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
}
STATUS = st.sampled_from([0, 0, 0, 0x480, 0x40930000, 0x808C0000])
TIMES = st.integers(0, 4_000_000_000_000_000)


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    wire = draw(st.sampled_from(list(Wire)))
    rows = draw(st.lists(st.tuples(st.integers(0, 2**32 - 1), VALUES[wire], STATUS, TIMES, TIMES), min_size=1, max_size=30))
    handle, value, status, time, server = zip(*rows, strict=True)
    column = np.empty(len(rows), dtype=DTYPE[wire])
    column[:] = value
    return Chunk(
        wire,
        np.arange(len(rows), dtype=np.int64),
        np.array(handle, np.uint32),
        column,
        np.array(status, np.uint32),
        np.array(time, np.int64),
        np.array(server, np.int64),
    )


def moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


@given(st.lists(chunks(), min_size=1, max_size=4), st.integers(1, 2**32 - 1))
def test_notifications_read_back(found: list[Chunk], sequence: int) -> None:
    count = sum(map(len, found))
    raw = notification_message(sequence, 1_800_000_000_000_000, count, [encode_chunk(c) for c in found])
    message: Any = struct_from_binary(ua.NotificationMessage, Buffer(raw))
    assert message.SequenceNumber == sequence
    (data,) = message.NotificationData
    assert len(data.MonitoredItems) == count
    expected = [(c, i) for c in found for i in range(len(c))]
    for note, (c, i) in zip(data.MonitoredItems, expected, strict=True):
        assert note.ClientHandle == c.handle[i]
        assert note.Value.StatusCode.value == c.status[i]
        assert note.Value.SourceTimestamp == moment(int(c.time[i]))
        assert note.Value.ServerTimestamp == moment(int(c.server[i]))
        if c.status[i] >= 0x80000000:
            assert note.Value.Value.Value is None
        else:
            assert note.Value.Value.VariantType == ua.VariantType(int(c.wire))
            assert note.Value.Value.Value == c.value[i]


@given(st.lists(st.integers(1, 2**32 - 1), max_size=5), st.booleans(), st.lists(STATUS, max_size=4), st.integers(0, 2**32 - 1))
def test_responses_read_back(available: list[int], more: bool, results: list[int], handle: int) -> None:
    keep_alive = notification_message(7, 1_800_000_000_000_000, 0, [])
    raw = Buffer(Published(42, tuple(available), more, keep_alive).response(handle, results, 1_800_000_000_500_000))
    assert nodeid_from_binary(raw) == ua.NodeId(ua.ObjectIds.PublishResponse_Encoding_DefaultBinary)
    header: Any = struct_from_binary(ua.ResponseHeader, raw)
    assert (header.RequestHandle, header.ServiceResult.value, header.Timestamp) == (handle, 0, moment(1_800_000_000_500_000))
    result: Any = struct_from_binary(ua.PublishResult, raw)
    assert (result.SubscriptionId, result.AvailableSequenceNumbers, result.MoreNotifications) == (42, available, more)
    assert result.NotificationMessage.SequenceNumber == 7
    assert not result.NotificationMessage.NotificationData
    assert [r.value for r in result.Results or []] == results
    assert len(raw) == 0


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_joining_keeps_the_order(values: list[float]) -> None:
    n = len(values)
    one = Chunk(
        Wire.DOUBLE,
        np.arange(n, dtype=np.int64),
        np.arange(n, dtype=np.uint32),
        np.array(values),
        np.zeros(n, np.uint32),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    )
    parts = [one.take(slice(i, i + 3)) for i in range(0, n, 3)]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(join(parts).value.tolist(), values, strict=True))
