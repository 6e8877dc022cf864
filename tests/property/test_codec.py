"""The codec keeps every value, writes plain Avro, and refuses what is not Avro."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kernel.batches import NO_DOUBLES, NO_LONGS, NO_TEXTS, Column, build
from kernel.samples import Kind
from schemas import varints
from schemas.codec import NotDecodable, codec, from_plain, to_plain
from schemas.records import DoubleColumns, Heartbeat, Hop, LongColumns, PointBatch, ServiceState, TextColumns
from schemas.registry import current, marker, parsed

longs = st.integers(-(2**63), 2**63 - 1)
ints = st.integers(-(2**31), 2**31 - 1)
texts = st.text(max_size=20)


def array(dtype: type, elements: st.SearchStrategy[object]) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(dtype, st.integers(0, 40), elements=elements)


long_columns = array(np.int64, st.one_of(st.integers(-3, 3), longs))
int_columns = array(np.int64, st.one_of(st.integers(0, 70), ints))
doubles = array(np.float64, st.floats(allow_nan=True, allow_infinity=True))


@st.composite
def batches(draw: st.DrawFn) -> PointBatch:
    def part(cls: type, value: object) -> object:
        return cls(
            index=draw(int_columns), base=draw(longs), time=draw(long_columns), server=draw(long_columns), value=value,
            quality=draw(int_columns), status=draw(long_columns),
        )  # fmt: skip

    return PointBatch(
        source=draw(texts), epoch=draw(longs), seq=draw(longs), received=draw(longs), published=draw(longs),
        covered_from=draw(longs), covered_to=draw(longs), names=tuple(draw(st.lists(texts, max_size=8))),
        doubles=part(DoubleColumns, draw(doubles)), longs=part(LongColumns, draw(long_columns)),
        texts=part(TextColumns, tuple(draw(st.lists(texts, max_size=8)))),
    )  # fmt: skip


def same(a: object, b: object) -> bool:
    """Equal, with NaN equal to itself, bit for bit."""
    return repr(to_plain(a)) == repr(to_plain(b))


@given(batches())
def test_a_batch_keeps_every_value(batch: PointBatch) -> None:
    assert same(codec(PointBatch).decode(codec(PointBatch).encode(batch)), batch)


@given(batches())
def test_an_independent_avro_library_reads_and_writes_the_same(batch: PointBatch) -> None:
    schema = parsed(current("PointBatch"))
    wire = codec(PointBatch).encode(batch)
    plain = schemaless_reader(io.BytesIO(wire[10:]), schema, None)
    assert repr(plain) == repr(to_plain(batch))
    theirs = io.BytesIO()
    schemaless_writer(theirs, schema, plain)
    assert same(codec(PointBatch).decode(wire[:10] + theirs.getvalue()), batch)


@given(batches(), st.data())
def test_damaged_bytes_are_refused_never_misread_into_a_crash(batch: PointBatch, data: st.DataObject) -> None:
    wire = codec(PointBatch).encode(batch)
    cut = wire[: data.draw(st.integers(0, len(wire) - 1))]
    with pytest.raises(NotDecodable):
        codec(PointBatch).decode(cut)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(noise: bytes) -> None:
    for data in (noise, marker(current("PointBatch")) + b"\x02s" + noise):
        try:
            decoded = codec(PointBatch).decode(data)
        except NotDecodable:
            continue
        assert codec(PointBatch).decode(codec(PointBatch).encode(decoded)).source == decoded.source


@given(array(np.int64, st.one_of(longs, st.integers(-64, 63), st.integers(-8192, 8191), st.integers(-8193, 8192))))
def test_varints_by_column_equal_varints_one_by_one(values: np.ndarray) -> None:
    raw = varints.encode(values)
    assert raw == b"".join(varints.encode_one(int(v)) for v in values)
    decoded, end = varints.decode(raw + b"\x80", 0, len(values))
    assert end == len(raw)
    assert (decoded == values).all()


@given(
    st.sampled_from([0, 6, 13]).flatmap(
        lambda bits: hnp.arrays(np.int64, st.integers(1, 40), elements=st.integers(-(1 << bits), (1 << bits) - 1))
    )
)
def test_columns_of_narrow_integers_equal_varints_one_by_one(values: np.ndarray) -> None:
    raw = varints.encode(values)
    assert raw == b"".join(varints.encode_one(int(v)) for v in values)
    decoded, end = varints.decode(b"\x80" + raw + b"\x01", 1, len(values))
    assert end == len(raw) + 1
    assert (decoded == values).all()
    with pytest.raises(ValueError, match="end too early"):
        varints.decode(raw[:-1], 0, len(values))


@given(st.dictionaries(texts, st.integers(0, 2**40)), st.floats(0, 1e9), st.sampled_from(ServiceState))
def test_records_without_columns_keep_maps_enums_and_nested_records(lost: dict[str, int], cpu: float, state: ServiceState) -> None:
    hop = Hop(name="collector.receive", source="ast1.opcua", entered=5, left=3, lost=lost)
    beat = Heartbeat(
        instance="i",
        service="s",
        system="m",
        host="h",
        pid=1,
        time=2,
        started=3,
        state=state,
        cpu_s=cpu,
        rss_bytes=4,
        gauges={"x_s": cpu},
        hops=(hop,),
    )
    assert codec(Heartbeat).decode(codec(Heartbeat).encode(beat)) == beat


def test_one_type_is_not_taken_for_another() -> None:
    empty = PointBatch(
        source="",
        epoch=0,
        seq=0,
        received=0,
        published=0,
        covered_from=0,
        covered_to=0,
        names=(),
        doubles=NO_DOUBLES,
        longs=NO_LONGS,
        texts=NO_TEXTS,
    )
    with pytest.raises(NotDecodable, match="no schema ever released"):
        codec(Heartbeat).decode(codec(PointBatch).encode(empty))


def test_plain_values_round_trip() -> None:
    schema = current("PointBatch")
    empty = PointBatch(
        source="x",
        epoch=0,
        seq=0,
        received=0,
        published=0,
        covered_from=0,
        covered_to=0,
        names=("a",),
        doubles=NO_DOUBLES,
        longs=NO_LONGS,
        texts=NO_TEXTS,
    )
    assert same(from_plain(to_plain(empty), schema, True), empty)


def scan(index: np.ndarray) -> PointBatch:
    n = len(index)
    column = Column(Kind.DOUBLE, index, *(np.zeros(n, np.int64),) * 2, np.zeros(n), np.zeros(n, np.uint8), np.zeros(n, np.uint32))
    return build(source="a", epoch=0, seq=0, received=0, published=0, names=("x", "y"), columns=[column])


def test_columns_that_come_again_are_shared_and_cannot_be_written_to() -> None:
    wire = codec(PointBatch).encode(scan(np.array([0, 1, 99])))
    first, second = (codec(PointBatch).decode(bytes(bytearray(wire))).doubles.index for _ in range(2))
    assert first is second
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


@pytest.mark.parametrize("length", [1, 3, 5])
def test_a_block_of_integers_that_lies_about_its_size_is_refused(length: int) -> None:
    wire = codec(PointBatch).encode(scan(np.array([0, 1, 99])))
    true = varints.encode_one(-3) + varints.encode_one(4) + varints.encode(np.array([0, 1, 99]))
    assert true in wire
    for _ in range(2):  # the second time its bytes may be remembered
        with pytest.raises(NotDecodable):
            codec(PointBatch).decode(wire.replace(true, varints.encode_one(-3) + varints.encode_one(length) + true[2:]))
