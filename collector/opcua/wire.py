"""The outer parts of publish and republish responses, parsed in place; notification bodies stay bytes (OPC 10000-6, binary encoding).

What a server may send in unusual form (diagnostics, string tables) is skipped by asyncua's own decoder.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary

DATA_CHANGE = 811
STATUS_CHANGE = 820
EVENTS = 916

_HEADER = struct.Struct("<BBHqIIBi3B")  # type id (four bytes), time, handle, result, no diagnostics, string table, no extra header
_U4 = struct.Struct("<I")
_I4 = struct.Struct("<i")
_MESSAGE = struct.Struct("<Iqi")


class Undecodable(ValueError):
    """Bytes that are no message of the expected form."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One extension object of a notification message: its type id and undecoded body."""

    type_id: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A notification message. A keep-alive has no notifications, and its number is the one the next message will have."""

    number: int
    published: int
    """The server's time: 100 ns since 1601."""
    notifications: tuple[Notification, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A publish response."""

    subscription: int
    available: tuple[int, ...]
    """Numbers of the messages the server still keeps for republishing."""
    more: bool
    message: Message


def parse_publish(data: bytes) -> Published:
    """Reads a PublishResponse; raises Undecodable, or asyncua's error of a bad service result."""
    try:
        pos = _skip_header(data)
        (subscription,) = _U4.unpack_from(data, pos)
        (count,) = _I4.unpack_from(data, pos + 4)
        pos += 8
        available: tuple[int, ...] = ()
        if count > 0:
            available = struct.unpack_from(f"<{count}I", data, pos)
            pos += 4 * count
        more = data[pos] != 0
        message, _ = _message(data, pos + 1)
    except (struct.error, IndexError) as error:
        raise Undecodable(f"a publish response of {len(data)} bytes ends too early: {error}") from error
    return Published(subscription, available, more, message)


def parse_republish(data: bytes) -> Message:
    """Reads a RepublishResponse; errors as parse_publish."""
    try:
        message, _ = _message(data, _skip_header(data))
    except (struct.error, IndexError) as error:
        raise Undecodable(f"a republish response of {len(data)} bytes ends too early: {error}") from error
    return message


def _skip_header(data: bytes) -> int:
    first, _, _, _, _, result, diagnostics, table, extra, extra_id, extra_body = _HEADER.unpack_from(data, 0)
    if first == 1 and result == 0 and diagnostics == 0 and table <= 0 and not (extra or extra_id or extra_body):
        return _HEADER.size
    buffer = Buffer(data)
    nodeid_from_binary(buffer)
    header = struct_from_binary(ua.ResponseHeader, buffer)
    header.ServiceResult.check()
    return len(data) - len(buffer)


def _message(data: bytes, pos: int) -> tuple[Message, int]:
    number, published, count = _MESSAGE.unpack_from(data, pos)
    pos += _MESSAGE.size
    found = []
    for _ in range(max(count, 0)):
        type_id, pos = _type_id(data, pos)
        encoding = data[pos]
        pos += 1
        length = 0
        if encoding:
            (length,) = _I4.unpack_from(data, pos)
            pos += 4
        length = max(length, 0)
        if pos + length > len(data):
            raise Undecodable(f"a notification of {length} bytes at byte {pos} does not fit into {len(data)} bytes")
        found.append(Notification(type_id, data[pos : pos + length]))
        pos += length
    return Message(number, published, tuple(found)), pos


def _type_id(data: bytes, pos: int) -> tuple[int, int]:
    """A numeric node id of namespace 0 (others give -1) and the position after it."""
    if data[pos] == 1:
        (number,) = struct.unpack_from("<H", data, pos + 2)
        return (number if data[pos + 1] == 0 else -1), pos + 4
    buffer = Buffer(data, pos)
    node = nodeid_from_binary(buffer)
    number = node.Identifier if isinstance(node.Identifier, int) and node.NamespaceIndex == 0 else -1
    return number, len(data) - len(buffer)
