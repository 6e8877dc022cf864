"""The fast decoder against asyncua's own, on any mixture of items, and on damaged bytes."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from collector.columns import total
from collector.opcua.decode import Decoded, decode_data_change
from collector.opcua.sequence import LAST, after, follow
from collector.opcua.variants import column_value
from collector.opcua.wire import Undecodable, parse_publish

V = ua.VariantType
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

variants = st.one_of(
    st.floats(width=64, allow_nan=False).map(lambda v: ua.Variant(v, V.Double)),
    st.floats(width=32, allow_nan=False).map(lambda v: ua.Variant(v, V.Float)),
    st.booleans().map(lambda v: ua.Variant(v, V.Boolean)),
    st.integers(-(2**31), 2**31 - 1).map(lambda v: ua.Variant(v, V.Int32)),
    st.integers(0, 2**16 - 1).map(lambda v: ua.Variant(v, V.UInt16)),
    st.integers(-128, 127).map(lambda v: ua.Variant(v, V.SByte)),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: ua.Variant(v, V.Int64)),
    st.integers(0, 2**64 - 1).map(lambda v: ua.Variant(v, V.UInt64)),
    st.text(max_size=12).map(lambda v: ua.Variant(v, V.String)),
    st.text(max_size=8).map(lambda v: ua.Variant(ua.LocalizedText(v), V.LocalizedText)),
    st.lists(st.integers(0, 9), max_size=4).map(lambda v: ua.Variant(v, V.Int16, is_array=True)),
    st.just(ua.Variant(None, V.Null)),
)
times = st.one_of(st.none(), st.datetimes(datetime(1999, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)))
statuses = st.sampled_from([0, 0, 0, 0x80340000, 0x40000000, 0x00000480, 0x80000000])


@st.composite
def items(draw: st.DrawFn) -> ua.MonitoredItemNotification:
    value = ua.DataValue(
        Value=draw(variants),
        StatusCode=ua.StatusCode(ua.UInt32(draw(statuses))),
        SourceTimestamp=draw(times),
        ServerTimestamp=draw(times),
    )
    return ua.MonitoredItemNotification(ClientHandle=draw(st.integers(0, 1000)), Value=value)


def body_of(found: list[ua.MonitoredItemNotification]) -> bytes:
    return bytes(struct_to_binary(ua.DataChangeNotification(MonitoredItems=found)))


def micros(time: datetime | None) -> int:
    return 0 if time is None else (time - EPOCH) // timedelta(microseconds=1)


def expected(item: ua.MonitoredItemNotification) -> tuple[Any, ...]:
    value, kind = column_value(item.Value.Value.Value if item.Value.Value is not None else None)
    status = item.Value.StatusCode.value if item.Value.StatusCode is not None else 0
    return (
        item.ClientHandle, kind.name, repr(value), micros(item.Value.SourceTimestamp), micros(item.Value.ServerTimestamp), status,
        min(status >> 30, 2),
    )  # fmt: skip


def found(decoded: Decoded) -> list[tuple[Any, ...]]:
    out = []
    for c in decoded.columns:
        for i in range(len(c.time)):
            value = c.value[i].item() if hasattr(c.value[i], "item") else c.value[i]
            out.append((int(c.index[i]), c.kind.name, repr(value), int(c.time[i]), int(c.server[i]), int(c.status[i]), int(c.quality[i])))
    return out


@given(st.lists(items(), max_size=40), st.integers(0, 40))
def test_any_mixture_is_decoded_as_asyncua_does(mixture: list[ua.MonitoredItemNotification], copies: int) -> None:
    mixture = [*mixture, *mixture[:1] * copies]  # runs of equal layout too
    decoded = decode_data_change(body_of(mixture))
    assert decoded.count == len(mixture)
    assert (decoded.lost, decoded.reason) == (0, "")
    want = [expected(m) for m in mixture]
    assert sorted(found(decoded)) == sorted(want)
    for kind in ("DOUBLE", "LONG", "TEXT"):  # and the order of one point's samples of one kind is kept
        mine, theirs = ([r for r in rows if r[1] == kind] for rows in (found(decoded), want))
        for handle in {r[0] for r in theirs}:
            assert [r for r in mine if r[0] == handle] == [r for r in theirs if r[0] == handle]


@given(st.lists(items(), min_size=1, max_size=30), st.data())
def test_damaged_bytes_never_raise_and_are_accounted_for(mixture: list[ua.MonitoredItemNotification], data: st.DataObject) -> None:
    body = bytearray(body_of(mixture))
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    else:
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    decoded = decode_data_change(bytes(body))
    assert total(decoded.columns) == decoded.count
    assert bool(decoded.reason) == (decoded.lost > 0 or len(body) < 4)
    for column in decoded.columns:
        assert len({len(column.index), len(column.time), len(column.server), len(column.value), len(column.status)}) == 1


@given(
    st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**32 - 1), max_size=3), st.booleans(), st.lists(st.binary(max_size=30), max_size=3)
)
def test_publish_responses_are_parsed_as_asyncua_writes_them(sub: int, available: list[int], more: bool, bodies: list[bytes]) -> None:
    response = ua.PublishResponse()
    response.TypeId = ua.FourByteNodeId(ua.ObjectIds.PublishResponse_Encoding_DefaultBinary)
    response.Parameters.SubscriptionId = ua.UInt32(sub)
    response.Parameters.AvailableSequenceNumbers = [ua.UInt32(n) for n in available]
    response.Parameters.MoreNotifications = more
    response.Parameters.NotificationMessage.SequenceNumber = ua.UInt32(17)
    response.Parameters.NotificationMessage.NotificationData = [ua.ExtensionObject(TypeId=ua.FourByteNodeId(811), Body=b) for b in bodies]
    parsed = parse_publish(bytes(struct_to_binary(response)))
    assert (parsed.subscription, parsed.more, list(parsed.available), parsed.message.number) == (sub, more, available, 17)
    assert [(n.type_id, n.body) for n in parsed.message.notifications] == [(811, b) for b in bodies]


@given(st.binary(max_size=80))
def test_random_bytes_are_no_publish_response(data: bytes) -> None:
    try:
        parse_publish(b"\x01\x00\x3d\x03" + data)
    except (Undecodable, ua.UaError, ValueError):
        return
    assert len(data) >= 24


@given(st.integers(1, LAST), st.integers(1, 50))
def test_missing_numbers_are_told_each_once(first: int, ahead: int) -> None:
    number = first
    skipped = []
    for _ in range(ahead):
        skipped.append(number)
        number = after(number)
    missing, following = follow(first, number, True)
    assert missing == skipped
    assert following == after(number)
    assert follow(first, number, False) == (skipped, number)
    assert 0 not in missing


@given(st.integers(1, LAST))
def test_a_repeated_message_is_not_a_loss(number: int) -> None:
    assert follow(after(number), number, True) == ([], after(number))
    assert follow(0, number, True) == ([], after(number))


def test_picoseconds_stand_after_their_times() -> None:
    """OPC 10000-6, table 17: value, status, source time, its picoseconds, server time, its picoseconds."""
    ticks = 10 * (11_644_473_600_000_000 + 5_000_000)
    item = struct.pack("<IBBdqHqH", 7, 1 | 4 | 8 | 16 | 32, 11, 2.5, ticks, 1234, ticks + 10, 99)
    (column,) = decode_data_change(struct.pack("<i", 20) + item * 20).columns
    assert set(zip(column.index.tolist(), column.value.tolist(), column.time.tolist(), column.server.tolist(), strict=True)) == {
        (7, 2.5, 5_000_000, 5_000_001)
    }
    mixed = struct.pack("<i", 2) + item + struct.pack("<IBBi", 8, 1, 6, -3)
    assert found(decode_data_change(mixed)) == [(7, "DOUBLE", "2.5", 5_000_000, 5_000_001, 0, 0), (8, "LONG", "-3", 0, 0, 0, 0)]


def test_a_long_run_is_one_column() -> None:
    many = [
        ua.MonitoredItemNotification(ClientHandle=ua.UInt32(i), Value=ua.DataValue(ua.Variant(float(i), V.Double), SourceTimestamp=EPOCH))
        for i in range(500)
    ]
    (column,) = decode_data_change(body_of(many)).columns
    assert np.array_equal(column.index, np.arange(500))
    assert np.array_equal(np.asarray(column.value), np.arange(500.0))


def test_texts_that_are_no_utf_8_cost_no_other_item() -> None:
    """Many devices write Latin-1. The bytes stay readable, the sample is uncertain, and what comes after it is decoded."""

    def text(handle: int, value: bytes) -> bytes:
        return struct.pack("<IBBi", handle, 1, 12, len(value)) + value

    localised = struct.pack("<IBBBi", 3, 1, 21, 2, 3) + b"\xb0C!"
    array = struct.pack("<IBBii", 4, 1, 12 | 0x80, 2, 2) + b"\xe9t" + struct.pack("<i", 1) + b"x"
    number = struct.pack("<IBBd", 5, 1, 11, 2.5)
    items = [text(1, "é".encode()), text(2, b"caf\xe9"), localised, array, number, text(6, b"")]
    decoded = decode_data_change(struct.pack("<i", len(items)) + b"".join(items))
    assert (decoded.count, decoded.lost) == (6, 0)
    assert {(handle, value, quality) for handle, _, value, _, _, _, quality in found(decoded)} == {
        (1, "'é'", 0), (2, r"'caf\\xe9'", 1), (3, r"'\\xb0C!'", 1), (4, r"""'["\\xe9t", "x"]'""", 1), (5, "2.5", 0), (6, "''", 0),
    }  # fmt: skip
    for column in decoded.columns:
        if column.kind.name == "TEXT":
            assert all(v.encode() for v in column.value if v)
