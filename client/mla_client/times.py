"""Moments and durations, in every form a scientist has at hand. Pure: now is given. Without an offset, everything is UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

import numpy as np

from mla_client.errors import BadRequest

When: TypeAlias = datetime | date | np.datetime64 | str | int
"""A moment: datetime, date, np.datetime64, ISO 8601 text, `now`, `now-1h`, or integer microseconds since 1970 UTC."""

Span: TypeAlias = str | timedelta | np.timedelta64 | float
"""A duration: `250ms`, `10s`, `1h30m`, timedelta, np.timedelta64, or a number of seconds."""

SECOND = 1_000_000
UNITS = {
    "us": 1,
    "ms": 1000,
    "s": SECOND,
    "min": 60 * SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 604_800 * SECOND,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|min|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_RELATIVE = re.compile(r"now\s*(?:([+-])\s*(\S+))?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def span_us(span: Span) -> int:
    """Microseconds of a duration, at least 1. Raises BadRequest naming the forms."""
    if isinstance(span, timedelta):
        found = span // timedelta(microseconds=1)
    elif isinstance(span, np.timedelta64):
        found = 0 if np.isnat(span) else int(span.astype("timedelta64[us]").astype(np.int64))
    elif isinstance(span, str):
        text = span.strip()
        found = round(sum(float(n) * UNITS[u] for n, u in _PART.findall(text))) if _DURATION.fullmatch(text) else 0
    else:
        found = round(span * SECOND) if np.isfinite(span) else 0
    if found < 1:
        raise BadRequest(f"{span!r} is no duration: write for example 250ms, 10s, 5m, 1h30m, 7d, or a timedelta", "BAD_REQUEST")
    return found


def is_relative(when: When) -> bool:
    """Whether the moment depends on now."""
    return isinstance(when, str) and _RELATIVE.fullmatch(when.strip()) is not None


def moment_us(when: When, now: int) -> int:
    """Microseconds since 1970 UTC. Raises BadRequest naming the forms."""
    if isinstance(when, datetime):
        return datetime_us(when)
    if isinstance(when, date):
        return datetime_us(datetime(when.year, when.month, when.day, tzinfo=UTC))
    if isinstance(when, np.datetime64) and not np.isnat(when):
        return int(when.astype("datetime64[us]").astype(np.int64))
    if isinstance(when, str):
        found = _text_us(when.strip(), now)
        if found is not None:
            return found
    elif isinstance(when, (int, np.integer)) and not isinstance(when, bool):
        return int(when)
    raise BadRequest(f"{when!r} is no moment: give a datetime, an ISO 8601 text such as 2026-11-24T06:00, now, or now-1h", "BAD_REQUEST")


def datetime_us(moment: datetime) -> int:
    """Exact microseconds; a datetime without a zone is UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)


def datetime_of(us: int) -> datetime:
    """The moment, in UTC."""
    return EPOCH + timedelta(microseconds=us)


def numpy_of(us: int) -> np.datetime64:
    """The moment as numpy writes it (UTC)."""
    return np.datetime64(us, "us")


def _text_us(text: str, now: int) -> int | None:
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        sign, amount = relative.groups()
        return now if sign is None else now + (1 if sign == "+" else -1) * span_us(amount)
    try:
        return datetime_us(datetime.fromisoformat(text))
    except ValueError:
        return None
