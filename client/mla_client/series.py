"""Samples of points over time: numpy columns, with unit, quality and the reasons for what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mla_client.columns import Qualities, Times, Values, objects
from mla_client.tables import arrow_of, pandas_of, polars_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples are missing from start to end (None: it lasts), and this is why."""

    start: datetime
    end: datetime | None
    cause: str
    """DISCONNECTED OVERFLOW DECODE_ERROR FILTERED EVICTED LATE_REJECTED STALE UNKNOWN"""
    count: int | None
    """Samples lost, where it is known."""
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One point over start <= time < end."""

    point: str
    unit: str
    kind: str
    """DOUBLE LONG BOOL ENUM TEXT; empty where the point is no longer configured"""
    method: str
    """The resampling used: RAW where there were fewer samples than buckets."""
    start: np.datetime64
    end: np.datetime64
    time: Times
    """datetime64[us], UTC, ascending"""
    value: Values
    quality: Qualities
    """0 good, 1 uncertain, 2 bad"""
    gaps: tuple[Gap, ...]
    complete: bool
    """False: samples of the range may still arrive."""
    labels: Mapping[int, str] = field(default_factory=dict)
    """Of an enumeration: value to name."""

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        missing = f", {len(self.gaps)} gaps" if self.gaps else ""
        more = "" if self.complete else ", more may arrive"
        return f"<Series {self.point} [{self.unit or '1'}]: {len(self)} {self.method}, {self.start} … {self.end}{missing}{more}>"

    @property
    def good(self) -> Series:
        """Only the samples of good quality."""
        return self.where(self.quality == 0)

    def where(self, mask: NDArray[np.bool_]) -> Series:
        """Only the samples chosen."""
        return replace(self, time=self.time[mask], value=self.value[mask], quality=self.quality[mask])

    @property
    def text(self) -> Values:
        """The values in words: names of an enumeration's values, texts as they are, None where there is none."""
        return objects([self.labels.get(v, v if isinstance(v, str) else None) for v in self.value.tolist()])

    def to_pandas(self) -> pd.DataFrame:
        """Columns value and quality over a UTC index; `.attrs` has point, unit and method. Needs pandas."""
        found = pandas_of({"value": self.value, "quality": self.quality}, self.time)
        found.attrs.update(point=self.point, unit=self.unit, method=self.method)
        return found

    def to_polars(self) -> pl.DataFrame:
        """Columns time (UTC), value, quality. Needs polars."""
        return polars_of({"value": self.value, "quality": self.quality}, self.time)

    def to_arrow(self) -> pa.Table:
        """Columns time (UTC), value, quality; the schema's metadata has point, unit and method. Needs pyarrow."""
        table = arrow_of({"value": self.value, "quality": self.quality}, self.time)
        return table.replace_schema_metadata({"point": self.point, "unit": self.unit, "method": self.method})
