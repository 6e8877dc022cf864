"""Files of any size: what to ask for, and how the file appears."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from typing import Final, TypeAlias

from mla_client.errors import BadRequest
from mla_client.protocol import Request, Step, checked
from mla_client.read_points import Names, is_pattern, named
from mla_client.read_series import grid_of, interval
from mla_client.times import Span, When

FORMATS: Final = ("csv", "parquet", "arrow", "jsonl")
LONGEST_LIST: Final = 50_000

Progress: TypeAlias = Callable[[int], None]
"""Called with the bytes written so far."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished file."""

    path: Path
    bytes: int
    format: str


def format_of(path: str | os.PathLike[str], form: str | None) -> str:
    """The format given, or that of the file's suffix. Raises BadRequest."""
    found = (form or Path(path).suffix.lstrip(".")).lower()
    if found not in FORMATS:
        raise BadRequest(f"{found or Path(path).name!r} is no format of export: {', '.join(FORMATS)}", "BAD_REQUEST")
    return found


def export(
    points: Names,
    start: When,
    end: When = "now",
    *,
    path: str | os.PathLike[str],
    format: str | None = None,
    resample: str | None = None,
    every: Span | None = None,
    buckets: int | None = None,
    fill: str | None = None,
    progress: Progress | None = None,
) -> Step[Exported]:
    """Writes samples, however many, to a file: csv, parquet, arrow or jsonl, by default what the path ends in.

    Columns: point, time, value, quality, status, unit. resample, every, buckets, fill: as in series(). progress is called with the bytes
    written so far. The file appears under its name only when it is whole.
    """
    form, target = format_of(path, format), Path(path)
    grid = grid_of(resample, every, buckets, fill)
    chosen = yield from _chosen(points)
    names = chosen.get("points", "")
    if len(names) > LONGEST_LIST:
        raise BadRequest(f"these names have {len(names)} letters together, {LONGEST_LIST} is the most: give a pattern", "TOO_LARGE")
    since, until = yield from interval(start, end)
    params = {**chosen, "from": str(since), "to": str(until)}
    if grid is not None:
        params |= {k: str(v) for k, v in grid.wire.items()}
        params["resample"] = params.pop("method")
    with sink(target, progress) as file:
        checked((yield Request("GET", f"/export/series.{form}", params=params, sink=file.write)))
    return Exported(target, file.bytes, form)


def _chosen(points: Names) -> Step[dict[str, str]]:
    """Names, and at most one pattern, which the server looks up itself, so that it may stand for any number of points."""
    given = [points] if isinstance(points, str) else list(points)
    patterns = [p for p in given if is_pattern(p)]
    if len(patterns) != 1:
        return {"points": ",".join((yield from named(given)))}
    names = ",".join(dict.fromkeys(n for n in given if not is_pattern(n)))
    return {"glob": patterns[0]} | ({"points": names} if names else {})


class Sink:
    """A file being written."""

    def __init__(self, file: BufferedWriter, progress: Progress | None) -> None:
        self._file, self._progress = file, progress
        self.bytes = 0

    def write(self, piece: bytes) -> None:
        """Appends."""
        self._file.write(piece)
        self.bytes += len(piece)
        if self._progress is not None:
            self._progress(self.bytes)


@contextmanager
def sink(path: Path, progress: Progress | None) -> Iterator[Sink]:
    """The file appears under its name only when it is whole; an earlier one stays until then."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield Sink(file, progress)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
