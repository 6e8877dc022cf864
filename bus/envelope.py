"""Records to bytes and back, whatever carries them, and what becomes of bytes that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bus.memo import Memo
from kernel.errors import BadUsage
from schemas.codec import Codec, NotDecodable
from schemas.records import DeadLetter
from schemas.topic import Topic

R = TypeVar("R")

LARGEST = 32 << 20
"""Bytes of the largest record accepted."""

LATEST = 1 << 63
"""Times need to fit in 64 bits."""
_FRAME = 1 << 16

Packed = tuple[int, bytes]
"""A record as it travels: its time in microseconds UTC, and its bytes."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that are no record of their topic: where they stand, and why."""

    seq: int
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Unpacked(Generic[R]):
    """What a stretch of a topic turned out to hold."""

    records: list[R]
    bad: list[Undecodable]


def pack(topic: Topic[R], records: Sequence[R]) -> list[Packed]:
    """The records as they travel. Raises BadUsage for a record that is not the topic's or is too large: none of them was accepted."""
    encode, time = Codec(topic.record).encode, topic.time
    packed = []
    for record in records:
        if not isinstance(record, topic.record):
            raise BadUsage(f"topic {topic.name} takes {topic.record.__name__} records, not {type(record).__name__}")
        data = encode(record)
        if len(data) > LARGEST:
            raise BadUsage(f"a record of {len(data)} bytes is too large for topic {topic.name}: split it below {LARGEST} bytes")
        moment = int(time(record))
        if not -LATEST <= moment < LATEST:
            raise BadUsage(f"a record of topic {topic.name} has the time {moment}: write microseconds UTC")
        packed.append((moment, data))
    return packed


def unpack(
    topic: Topic[R],
    rows: Sequence[tuple[int, bytes]],
    memo: Memo[R] | None = None,
    partition: int = 0,
    decode: Callable[[bytes], R] | None = None,
) -> Unpacked[R]:
    """The records in a stretch of (sequence number, bytes), in order; what cannot be read is set aside with its reason.

    `decode` raises NotDecodable; without it the bytes are taken to be single-object encoded.
    """
    decode = decode or Codec(topic.record).decode
    records: list[R] = []
    bad: list[Undecodable] = []
    for seq, data in rows:
        record = None if memo is None else memo.find((partition, seq), data)
        if record is None:
            try:
                record = decode(data)
            except NotDecodable as error:
                bad.append(Undecodable(seq, data, str(error)))
                continue
            if memo is not None:
                memo.keep((partition, seq), data, record)
        records.append(record)
    return Unpacked(records, bad)


def letters(topic: str, bad: Sequence[Undecodable], now: int) -> list[DeadLetter]:
    """What goes to `dead.letters` for them; the largest are cut, so that the letter itself is accepted."""
    return [DeadLetter(time=now, origin=topic, reason=f"record {b.seq}: {b.reason}", data=b.data[: LARGEST - _FRAME]) for b in bad]
