"""Moments and durations as people write them. Pure: now is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hmi_backend.errors import BadRequest
from kernel.clock import DAY, SECOND

UNITS = {"us": 1, "ms": 1000, "s": SECOND, "min": 60 * SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": DAY, "w": 7 * DAY}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|min|s|m|h|d|w)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_RELATIVE = re.compile(r"now\s*(?:([+-])\s*(\S+))?")
EARLIEST, LATEST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND


def parse_duration(value: object) -> int:
    """Microseconds of `10s`, `1h30m`, `250ms`, or a number of seconds. Raises BadRequest naming the forms."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < LATEST / SECOND:
        return max(1, round(value * SECOND))
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        total = sum(float(number) * UNITS[unit] for number, unit in _PART.findall(value))
        if 1 <= total < LATEST:
            return round(total)
    raise BadRequest(f"{value!r} is no duration: write for example 250ms, 10s, 5m, 1h30m or 7d")


def format_duration(us: int) -> str:
    """The shortest exact form: `90s`, `1500ms`, `2h`."""
    for unit in ("d", "h", "m", "s", "ms"):
        if us % UNITS[unit] == 0 and us:
            return f"{us // UNITS[unit]}{unit}"
    return f"{us}us"


def parse_time(value: object, now: int) -> int:
    """Microseconds UTC of an integer (microseconds), an ISO 8601 text, `now`, or `now-10m`. Raises BadRequest naming the forms.

    ISO texts without an offset are UTC.
    """
    found: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    elif isinstance(value, str):
        text = value.strip()
        relative = _RELATIVE.fullmatch(text)
        if relative:
            found = _relative(now, *relative.groups())
        elif re.fullmatch(r"-?\d{9,17}", text):
            found = int(text)
        else:
            found = _iso(text)
    if found is None or not EARLIEST <= found < LATEST:
        raise BadRequest(f"{value!r} is no time: write microseconds since 1970 UTC, ISO 8601 such as 2026-11-24T06:00:00Z, now, or now-10m")
    return found


def _relative(now: int, sign: str | None, amount: str | None) -> int | None:
    if sign is None:
        return now
    try:
        return now + (1 if sign == "+" else -1) * parse_duration(amount)
    except BadRequest:
        return None  # the caller names the forms of times


def _iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
