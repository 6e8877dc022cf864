"""Relay paging by keyset: a cursor says what came last, not how many were passed, so pages stay whole while the list changes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hmi_backend.errors import BadRequest

MOST = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, each with the key it can be continued after."""

    rows: Sequence[tuple[str, T]]
    more: bool
    continued: bool


def cursor(key: str) -> str:
    """The opaque form of a key."""
    return base64.urlsafe_b64encode(b"k:" + key.encode()).decode().rstrip("=")


def key_of(opaque: str | None) -> str | None:
    """The key in a cursor. Raises BadRequest when it is not one of ours."""
    if opaque is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(opaque + "=" * (-len(opaque) % 4))
        if raw.startswith(b"k:"):
            return raw[2:].decode()
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise BadRequest(f"after: {opaque[:80]!r} is no cursor: give pageInfo.endCursor of an earlier answer, or leave it out")


def number_of(opaque: str | None) -> int | None:
    """The number in a cursor."""
    key = key_of(opaque)
    if key is None:
        return None
    if not key.lstrip("-").isdigit() or len(key) > 18:
        raise BadRequest("after: this cursor belongs to another list")
    return int(key)


def check_first(first: int) -> int:
    """Raises BadRequest naming the range."""
    if not 1 <= first <= MOST:
        raise BadRequest(f"first: {first} is not between 1 and {MOST}: ask for a page and go on with after: endCursor")
    return first
