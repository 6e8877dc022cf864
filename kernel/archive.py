"""The port of data at rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from kernel.samples import Samples, Series
from schemas.records import GapCause, PointBatch, StateEvent


class ResampleMethod(Enum):
    """How an irregular series becomes a regular one. MINMAX keeps both extremes of each bucket at their own times."""

    RAW = "RAW"
    MINMAX = "MINMAX"
    MEAN = "MEAN"
    MEDIAN = "MEDIAN"
    MIN = "MIN"
    MAX = "MAX"
    FIRST = "FIRST"
    LAST = "LAST"
    COUNT = "COUNT"
    STD = "STD"
    SUM = "SUM"
    LTTB = "LTTB"
    INTERPOLATE = "INTERPOLATE"


class Fill(Enum):
    """What stands in a bucket without samples. A gap with a cause stays a gap, whatever is chosen."""

    NONE = "NONE"
    PREVIOUS = "PREVIOUS"
    LINEAR = "LINEAR"


@dataclass(frozen=True, slots=True)
class Resample:
    """A grid: either `every` microseconds or a number of `buckets` over the range."""

    method: ResampleMethod
    every: int | None = None
    buckets: int | None = None
    fill: Fill = Fill.NONE


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Which samples: start <= time < end, microseconds UTC."""

    points: tuple[str, ...]
    start: int
    end: int
    resample: Resample | None = None
    limit: int = 1_000_000
    """Samples per point in one answer; more follow with the cursor."""
    cursor: str | None = None
    """From an earlier answer's next_cursor; for one point only."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An explained absence: samples are missing from start to end (None: it lasts)."""

    start: int
    end: int | None
    cause: GapCause
    count: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBlock:
    """One point's answer. With MINMAX, samples are the extremes in time order, at most two per bucket."""

    series: Series
    method: ResampleMethod
    """The method used: RAW where there were fewer samples than buckets."""
    gaps: tuple[Gap, ...]
    complete: bool
    """False when a limit cut the answer, or data of the range may still arrive from a connected source that is behind."""
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class AppendReport:
    """What became of the samples of one append: offered = stored + duplicate + sum(refused)."""

    offered: int
    stored: int
    duplicate: int
    refused: Mapping[str, int]
    """cause to count; each refusal is also kept as a StateEvent"""
    late: int = 0
    """Of the stored ones: older than what was already there."""


@dataclass(frozen=True, slots=True)
class ArchiveStats:
    """Size and health of the archive."""

    samples: int
    """In sealed chunks and in the open tier."""
    bytes: int
    open_samples: int
    oldest: int
    """Microseconds UTC; 0 when empty."""
    newest: int
    disk_free_bytes: int
    days_left: float | None
    """At the present rate of growth; None while unknown."""
    classes: Mapping[str, tuple[int, int]]
    """archive class to (samples, bytes)"""
    last_error: str = ""
    """Of the work beside storing (sealing, compaction, retention): what could not be done at the last try; it is tried again."""


class Archive(Protocol):
    """Samples and explained gaps, for years. Readable while it is written: a sample is visible to `series` when append returns."""

    async def append(self, batches: Sequence[PointBatch], events: Sequence[StateEvent] = ()) -> AppendReport:
        """Durable when it returns. A batch (source, epoch, seq) that comes again is stored once; late and out-of-order samples are
        accepted; one point and time holds one sample, the one written last. Raises NotAvailable on a full disk: nothing was stored."""
        ...

    async def series(self, query: SeriesQuery) -> list[SeriesBlock]:
        """One block per point asked for, in that order; a point never seen gives an empty block."""
        ...

    async def at(self, points: Sequence[str], moment: int) -> Samples:
        """The sample of each point in force at a moment: the last with time <= moment; kind NONE where there is none."""
        ...

    async def stats(self) -> ArchiveStats:
        """Cheap enough to ask every few seconds."""
        ...


class Exporter(Protocol):
    """Bulk export of any size in bounded memory."""

    def stream(self, query: SeriesQuery, form: str) -> AsyncIterator[bytes]:
        """The pieces of one file. `form` is csv, parquet, arrow or jsonl; another raises BadUsage naming these. Columns: point, time
        (microseconds UTC), value, quality, status, unit. query.limit and cursor are ignored: everything is exported."""
        ...
