"""The Confluent wire format: a zero byte, the number that a schema registry gave to the schema (four bytes, big endian), the Avro body.

It differs from single-object encoding in the head only, so a record goes from one to the other without being decoded.
"""

from __future__ import annotations

from typing import Final

from schemas.registry import MARKER

HEAD: Final = 5


def head(number: int) -> bytes:
    """What stands before the body of a record that is written with this schema."""
    return b"\0" + number.to_bytes(HEAD - 1, "big")


def number_of(data: bytes) -> int | None:
    """The number of the schema that the bytes were written with; None where they are not in this format."""
    return int.from_bytes(data[1:HEAD], "big") if len(data) >= HEAD and data[0] == 0 else None


def from_single_object(head: bytes, data: bytes) -> bytes:
    """A single-object encoded record with this head instead of its marker."""
    return b"".join((head, memoryview(data)[MARKER:]))


def to_single_object(marker: bytes, data: bytes) -> bytes:
    """A record in this format with a single-object marker instead of its head."""
    return b"".join((marker, memoryview(data)[HEAD:]))
