"""What the commands share: settings, output, times."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from kernel.clock import SECOND, SystemClock
from kernel.errors import BadUsage
from mla.settings import Settings, load

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
UNITS = {"us": 1, "ms": 1000, "s": SECOND, "m": 60 * SECOND, "min": 60 * SECOND, "h": 3600 * SECOND, "d": 86_400 * SECOND}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|min|m|h|d)")
FARTHEST = 36_525 * UNITS["d"]
"""A hundred years from 1970: times and durations beyond are mistakes."""


def settings_of(ctx: click.Context, **overrides: Any) -> Settings:
    """The settings of this call."""
    given = {k: v for k, v in {"data": ctx.obj["data"], **overrides}.items() if v is not None}
    return load(Path(ctx.obj["config"]) if ctx.obj["config"] else None, overrides=given)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end."""
    return asyncio.run(work)


def json_option(command: F) -> F:
    """The --json of every reading command."""
    decorated: F = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(command)
    return decorated


def emit_json(value: Any) -> None:
    """One JSON document."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode())


def emit_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns aligned by width; figures to the right."""
    texts = [[str(c) for c in row] for row in rows]
    widths = [max([len(h), *(len(r[i]) for r in texts)]) for i, h in enumerate(heads)]
    right = [bool(texts) and all(re.fullmatch(r"-?[\d.,]*( ?[a-zA-Z%/]+)?|–", r[i]) for r in texts) for i in range(len(heads))]
    for row in [list(heads), *texts]:
        cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        click.echo("  ".join(cells).rstrip())


def parse_duration(text: str) -> int:
    """`10s`, `5m`, `1h30m`, `7d` as microseconds. Raises BadUsage."""
    parts = _DURATION.findall(text.strip())
    length = round(sum(float(n) * UNITS[unit] for n, unit in parts))
    if not parts or "".join(n + unit for n, unit in parts) != text.strip() or length > FARTHEST:
        raise BadUsage(f"{text!r} is not a duration; write for example 10s, 5m, 1h30m or 7d")
    return length


def parse_time(text: str) -> int:
    """Microseconds UTC of `now`, `now-10m`, ISO 8601 (UTC where no zone is given) or integer microseconds. Raises BadUsage."""
    text = text.strip()
    if text == "now":
        return SystemClock().now()
    if text.startswith(("now-", "now+")):
        return SystemClock().now() + (-1 if text[3] == "-" else 1) * parse_duration(text[4:])
    if re.fullmatch(r"-?\d{12,}", text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadUsage(f"{text!r} is not a time; write for example 2026-11-24T02:00:00Z, now-1h or microseconds UTC") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * SECOND)


def parse_range(start: str, end: str) -> tuple[int, int]:
    """Both ends of a range, microseconds UTC. One that ends where it begins is empty. Raises
    BadUsage where it ends before it begins or lies before 1970."""
    lo, hi = parse_time(start), parse_time(end)
    if lo < 0 or hi > FARTHEST:
        raise BadUsage(f"the range {start!r} to {end!r} leaves the years 1970 to 2069")
    if hi < lo:
        raise BadUsage(f"the range ends at {show_time(hi)}, before it begins at {show_time(lo)}")
    return lo, hi


def show_time(moment: int | None, digits: int = 3) -> str:
    """ISO 8601 UTC; a dash for none."""
    if not moment:
        return "–"
    text = datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return (f"{text}.{moment % SECOND:06d}"[: 20 + digits] if digits else text) + "Z"


def show_age(seconds: float) -> str:
    """A short age; of what lies ahead, that its clock does."""
    if seconds < -1:
        return f"clock {show_age(-seconds)} ahead"
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"


def show_bytes(n: float) -> str:
    """A size with its unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n) < 1000:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"
