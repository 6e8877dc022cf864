"""Records decoded once for several readers of a process."""

from __future__ import annotations

from bus.envelope import pack, unpack
from bus.memo import Memo
from schemas.records import MONITORING_POINTS, PointBatch
from tests.support.points import batch


def wires(count: int) -> list[tuple[int, bytes]]:
    return [(i, data) for i, (_, data) in enumerate(pack(MONITORING_POINTS, [batch(["a", "b"], [1.0, 2.0], seq=i) for i in range(count)]))]


def test_a_second_reader_gets_the_very_records_of_the_first() -> None:
    memo: Memo[PointBatch] = Memo()
    with memo.reading(), memo.reading():
        first = unpack(MONITORING_POINTS, wires(3), memo).records
        again = unpack(MONITORING_POINTS, wires(3), memo).records
    assert [r.seq for r in again] == [0, 1, 2]
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_one_reader_alone_leaves_nothing_behind() -> None:
    memo: Memo[PointBatch] = Memo()
    with memo.reading():
        first = unpack(MONITORING_POINTS, wires(1), memo).records
        assert unpack(MONITORING_POINTS, wires(1), memo).records[0] is not first[0]
    with memo.reading():
        with memo.reading():
            kept = unpack(MONITORING_POINTS, wires(1), memo).records
        assert unpack(MONITORING_POINTS, wires(1), memo).records[0] is not kept[0], "forgotten once one reader left"


def test_other_bytes_in_the_same_place_are_decoded_anew() -> None:
    memo: Memo[PointBatch] = Memo()
    with memo.reading(), memo.reading():
        unpack(MONITORING_POINTS, wires(1), memo)
        _, other = pack(MONITORING_POINTS, [batch(["a", "b"], [3.0, 4.0], seq=9)])[0]
        assert unpack(MONITORING_POINTS, [(0, other)], memo).records[0].seq == 9
        assert unpack(MONITORING_POINTS, wires(1), memo, partition=1).records[0].seq == 0


def test_what_it_holds_is_bounded() -> None:
    rows = wires(10)
    memo: Memo[PointBatch] = Memo(size=3 * len(rows[0][1]))
    with memo.reading(), memo.reading():
        first = unpack(MONITORING_POINTS, rows, memo).records
        held = [memo.find((0, seq), data) for seq, data in rows]
    assert [h is not None for h in held] == [False] * 7 + [True] * 3
    assert held[-1] is first[-1]


def test_what_every_reader_had_is_forgotten() -> None:
    ((_, data),) = wires(1)
    memo: Memo[PointBatch] = Memo()
    with memo.reading(), memo.reading(), memo.reading():
        first, second, third = (unpack(MONITORING_POINTS, wires(1), memo).records[0] for _ in range(3))
        assert first is second is third
        assert memo.find((0, 0), data) is None
        memo.keep((0, 1), data, first)
        memo.keep((0, 1), data, first)  # who decoded the same at the same moment has it as well
        assert memo.find((0, 1), data) is first
        assert memo.find((0, 1), data) is None
