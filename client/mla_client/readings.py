"""Samples of several points at one moment: newest values, values then, and live batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mla_client.columns import NEVER, Labels, Qualities, Times, Values, join
from mla_client.model import Quality
from mla_client.series import Gap
from mla_client.tables import pandas_of, polars_of
from mla_client.times import datetime_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


SHOWN: Final = 20
"""Samples in a repr."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value, with what is needed to trust it."""

    point: str
    unit: str
    value: float | int | str | None
    """None: not a number, or never received."""
    quality: Quality
    time: datetime | None
    """When the source measured it; None: never received."""
    label: str | None = None
    """The name of an enumeration's value."""

    def __str__(self) -> str:
        shown = "never received" if self.time is None else f"{self.value if self.label is None else self.label} {self.unit}".rstrip()
        mark = "" if self.quality in (Quality.GOOD, Quality.NEVER) else f" ({self.quality.name.lower()})"
        return f"{self.point} = {shown}{mark}"


@dataclass(frozen=True, slots=True, eq=False)
class Readings(Mapping[str, Sample]):
    """Columns aligned with `points`; also a mapping from point to Sample."""

    points: tuple[str, ...]
    units: tuple[str, ...]
    time: Times
    """datetime64[us], UTC; NaT: never received"""
    value: Values
    """float64 (NaN: nothing there), int64 where all points count, object where texts are among them"""
    quality: Qualities
    """0 good, 1 uncertain, 2 bad, 255 never received"""
    server_time: datetime
    labels: Labels
    """Of enumerations: point to value to name."""

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[str]:
        return iter(self.points)

    def __getitem__(self, point: str) -> Sample:
        try:
            row = len(self.points) - 1 - self.points[::-1].index(point)
        except ValueError:
            raise KeyError(point) from None
        return self.sample(row)

    def sample(self, row: int) -> Sample:
        """The sample of a row."""
        never = self.quality[row] == NEVER
        time = None if never else datetime_of(int(self.time[row].astype(np.int64)))
        name, value = self.points[row], plain(self.value[row])
        label = self.labels.get(name, {}).get(int(value)) if isinstance(value, (int, float)) and value == int(value) else None
        return Sample(name, self.units[row], value, Quality(int(self.quality[row])), time, label)

    @property
    def samples(self) -> list[Sample]:
        """One by one, in order."""
        return [self.sample(i) for i in range(len(self))]

    def __str__(self) -> str:
        return "\n".join(map(str, self.samples))

    def __repr__(self) -> str:
        shown = [str(self.sample(i)) for i in range(min(len(self), SHOWN))]
        more = [f"… and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return "\n".join([f"<{type(self).__name__}: {len(self)} samples at {self.server_time:%Y-%m-%d %H:%M:%S} UTC>", *shown, *more])

    def to_pandas(self) -> pd.DataFrame:
        """Columns point, value, unit, quality over a UTC index. Needs pandas."""
        return pandas_of(self._columns(), self.time)

    def to_polars(self) -> pl.DataFrame:
        """Columns time, point, value, unit, quality; values as floats unless there are texts. Needs polars."""
        columns = self._columns()
        if self.value.dtype.kind == "O" and not any(isinstance(v, str) for v in self.value):
            columns["value"] = self.value.astype(np.float64)
        elif self.value.dtype.kind == "O":
            columns["value"] = np.array([None if v is None else str(v) for v in self.value], dtype=object)
        return polars_of(columns, self.time)

    def _columns(self) -> dict[str, Any]:
        names, units = np.array(self.points, dtype=object), np.array(self.units, dtype=object)
        return {"point": names, "value": self.value, "unit": units, "quality": self.quality}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LiveBatch(Readings):
    """What changed. In mode `batch` a point may occur several times, in order; by name you get its last."""

    seq: int
    """0, 1, 2 … on one connection"""
    snapshot: bool
    """The first batch of a connection: the newest sample of every point."""
    dropped: int
    """Samples this reader was too slow for (mode `batch`)."""
    gap: Gap | None
    """The connection was lost before this batch: from when to when nothing was heard, and why. The archive may have what you missed."""


def plain(value: Any) -> float | int | str | None:
    """A Python value; None for NaN."""
    found = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(found, float) and not np.isfinite(found) else found


def merged(parts: Sequence[Readings]) -> Readings:
    """Several answers as one; the server time of the first."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return Readings(
        points=sum((p.points for p in parts), ()),
        units=sum((p.units for p in parts), ()),
        time=np.concatenate([p.time for p in parts]),
        value=join([p.value for p in parts]),
        quality=np.concatenate([p.quality for p in parts]),
        server_time=first.server_time,
        labels={name: known for p in parts for name, known in p.labels.items()},
    )


def newest(batches: Sequence[LiveBatch]) -> LiveBatch:
    """Batches that waited together as one: of each point its last sample; nothing that had to be told is lost."""
    last = batches[-1]
    if len(batches) == 1:
        return last
    whole = merged(batches)
    row = {name: i for i, name in enumerate(whole.points)}
    kept = np.array(list(row.values()), dtype=np.intp)
    return LiveBatch(
        points=tuple(row),
        units=tuple(whole.units[i] for i in row.values()),
        time=whole.time[kept],
        value=whole.value[kept],
        quality=whole.quality[kept],
        server_time=last.server_time,
        labels=last.labels,
        seq=last.seq,
        snapshot=any(b.snapshot for b in batches),
        dropped=sum(b.dropped for b in batches),
        gap=next((b.gap for b in batches if b.gap is not None), None),
    )
