from __future__ import annotations

import uuid

from archive.distributed.lease import SURE, Known, Silence

A, B = uuid.uuid4(), uuid.uuid4()


def known(writer: uuid.UUID, *, alive: bool = False, left: bool = False) -> Known:
    return Known(writer, alive, alive, left, 0)


def test_a_writer_whose_row_is_gone_may_still_append_for_a_while() -> None:
    silence, row = Silence(), known(A)
    assert silence.gone([row, known(B, alive=True)], 100.0) == []
    assert silence.gone([row, known(B, alive=True)], 100.0 + SURE) == []
    assert silence.gone([row, known(B, alive=True)], 100.1 + SURE) == [row]


def test_a_writer_that_said_goodbye_is_gone_at_once() -> None:
    row = known(A, left=True)
    assert Silence().gone([row], 100.0) == [row]


def test_a_row_that_came_back_counts_from_the_beginning_when_it_goes_again() -> None:
    silence = Silence()
    silence.gone([known(A)], 100.0)
    silence.gone([known(A, alive=True)], 105.0)
    assert silence.gone([known(A)], 110.0) == []
    assert silence.gone([known(A)], 110.0 + SURE) == []
    assert len(silence.gone([known(A)], 110.1 + SURE)) == 1
