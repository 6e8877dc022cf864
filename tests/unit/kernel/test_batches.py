from __future__ import annotations

import numpy as np

from kernel.batches import build, columns, size
from kernel.samples import Kind
from schemas.codec import codec
from schemas.records import PointBatch
from tests.support.points import T0, column


def test_what_is_all_zero_is_omitted_and_comes_back() -> None:
    batch = build(
        source="s", epoch=1, seq=0, received=T0, published=T0, names=["a", "b"],
        columns=[column(Kind.DOUBLE, [0, 1], [T0, T0 + 5], [1.5, 2.5])],
    )  # fmt: skip
    assert [len(c) for c in (batch.doubles.index, batch.doubles.server, batch.doubles.quality, batch.doubles.status)] == [0, 0, 0, 0]
    [back] = columns(codec(PointBatch).decode(codec(PointBatch).encode(batch)))
    assert back.index.tolist() == [0, 1]
    assert back.time.tolist() == back.server.tolist() == [T0, T0 + 5]
    assert back.quality.tolist() == back.status.tolist() == [0, 0]


def test_kinds_qualities_and_order_survive() -> None:
    batch = build(
        source="s", epoch=1, seq=0, received=T0, published=T0, names=["a", "b", "c"],
        columns=[
            column(Kind.TEXT, [2], [T0], ["ready"]),
            column(Kind.LONG, [1, 1], [T0 + 3, T0], [7, -(2**63)], [0, 2]),
            column(Kind.DOUBLE, [0], [T0], [np.nan], [1]),
        ],
    )  # fmt: skip
    assert size(batch) == 4
    found = {c.kind: c for c in columns(codec(PointBatch).decode(codec(PointBatch).encode(batch)))}
    assert found[Kind.LONG].value.tolist() == [7, -(2**63)]
    assert found[Kind.LONG].quality.tolist() == [0, 2]
    assert found[Kind.LONG].index.tolist() == [1, 1]
    assert found[Kind.TEXT].value.tolist() == ["ready"]
    assert np.isnan(found[Kind.DOUBLE].value[0])
